// Compiled for AVX-512, and called where the processor has it. No inline function of external
// linkage may be used here: of its copies the linker may keep this one, for processors without
// AVX-512 too.
#include "long_hash.h"
#include "xxh3.h"

namespace tidemark {

uint64_t hash_long_avx512(const std::byte* bytes, size_t length, const std::byte* secret) {
  return XXH3_64bits_withSecret(bytes, length, secret, XXH_SECRET_DEFAULT_SIZE);
}

}  // namespace tidemark
