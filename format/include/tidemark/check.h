// Assertions that stay on in release builds: a broken invariant stops the process before it can
// write or hand out something wrong. Never used on bytes from a file: those get an `Error`.
#pragma once

#include <cstdio>
#include <cstdlib>

#define TIDEMARK_CHECK(condition)                                                           \
  do {                                                                                      \
    if (!(condition)) [[unlikely]] {                                                        \
      std::fprintf(stderr, "tidemark: broken invariant at %s:%d: %s\n", __FILE__, __LINE__, \
                   #condition);                                                             \
      std::abort();                                                                         \
    }                                                                                       \
  } while (false)
