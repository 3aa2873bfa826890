// The smallest program that proves that headers and library belong together.

#include <iostream>

#include "tidemark/version.h"

int main() { std::cout << tidemark::library_version() << '\n'; }
