#include <cstdlib>

#include "support/catch.h"

TEST_CASE("the command says its version and succeeds") {
  CHECK(std::system(TIDEMARK_COMMAND " --version") == 0);
}
