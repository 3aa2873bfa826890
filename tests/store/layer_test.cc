#include "support/catch.h"
#include "tidemark/version.h"

TEST_CASE("a layer is linked with the layers below it") {
  CHECK_FALSE(tidemark::library_version().empty());
}
