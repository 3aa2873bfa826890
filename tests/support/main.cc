// The one main() of all Catch2 tests, for a Catch2 that does not bring a library with it.

#define CATCH_CONFIG_MAIN
#include "catch.h"
