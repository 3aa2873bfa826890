/* What the C tests share: a check that names itself and ends the test, and a directory of its own.
 */
#ifndef TIDEMARK_TESTS_CHECK_H
#define TIDEMARK_TESTS_CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tidemark.h"

#define CHECK(condition)                                                        \
  do {                                                                          \
    if (!(condition)) {                                                         \
      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);   \
      fprintf(stderr, "the last error was: %s\n", tidemark_last_error()->text); \
      exit(1);                                                                  \
    }                                                                           \
  } while (0)
#define CHECK_OK(call) CHECK((call) == TIDEMARK_OK)
/* The call fails with this status, and the thread's last error says so. */
#define CHECK_FAILS(call, status)                   \
  do {                                              \
    CHECK((call) == (status));                      \
    CHECK(tidemark_last_error()->code == (status)); \
    CHECK(tidemark_last_error()->text[0] != '\0');  \
  } while (0)

#endif
