#include "tidemark/hash.h"

#include "xxh3.h"

namespace tidemark {

uint64_t hash_bytes(std::span<const std::byte> bytes, uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

}  // namespace tidemark
