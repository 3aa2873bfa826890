// One include for Catch2 2.13 (Debian 12) and Catch2 3 (newer systems): the macros are the same in
// both.

#pragma once

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>  // IWYU pragma: export
#else
#include <catch2/catch.hpp>  // IWYU pragma: export
#endif
