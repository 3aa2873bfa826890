/* The smallest program that proves that header and library belong together. */

#include <stdio.h>

#include "tidemark.h"

int main(void) {
  const uint32_t abi = tidemark_abi_version();
  puts(tidemark_library_version());
  return abi == (TIDEMARK_ABI_MAJOR << 16 | TIDEMARK_ABI_MINOR) ? 0 : 1;
}
