#include "tidemark/version.h"

#include "support/catch.h"

TEST_CASE("the library names its version as three numbers") {
  CHECK(tidemark::library_version() == "0.1.0");
}
