// Compiled once for each instruction set: TIDEMARK_BARE_LOOPS is the name of the result. Nothing of
// the library is inlined here, for the linker would be free to keep this file's copy of it.

#include <cstddef>
#include <cstdint>
#include <cstring>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "bare_loop_functions.h"

namespace tidemark::measure {

namespace {

void append(std::byte* at, const std::byte* data, uint64_t data_bytes, uint64_t events) {
  const uint64_t bytes = 16 + data_bytes;
  for (uint64_t i = 0; i < events; ++i, at += bytes) {
    std::memcpy(at + 16, data, data_bytes);
    const uint64_t hash = XXH3_64bits(at + 16, data_bytes);
    std::memcpy(at + 8, &hash, sizeof hash);
    // Read by nobody here; a reader's acquire load would pair with it.
    __atomic_store_n(reinterpret_cast<uint64_t*>(at), bytes, __ATOMIC_RELEASE);
  }
}

uint64_t scan(const std::byte* at, uint64_t events, uint64_t stride, uint64_t from, uint64_t upto) {
  uint64_t sum = 0;
  for (uint64_t i = 0; i < events; ++i, at += stride) sum += XXH3_64bits(at + from, upto - from);
  return sum;
}

}  // namespace

const BareLoopFunctions TIDEMARK_BARE_LOOPS = {append, scan};

}  // namespace tidemark::measure
