#include "long_hash.h"

#include <atomic>

#include "xxh3.h"

namespace tidemark {
namespace {

using HashLong = uint64_t (*)(const std::byte*, size_t, const std::byte*);

// What every processor of the architecture has: SSE2 on x86-64.
uint64_t hash_long_everywhere(const std::byte* bytes, size_t length, const std::byte* secret) {
  return XXH3_64bits_withSecret(bytes, length, secret, XXH_SECRET_DEFAULT_SIZE);
}

uint64_t choose(const std::byte* bytes, size_t length, const std::byte* secret);

// Whoever comes first chooses; two that come at once choose alike.
std::atomic<HashLong> chosen{&choose};

uint64_t choose(const std::byte* bytes, size_t length, const std::byte* secret) {
  HashLong best = &hash_long_everywhere;
#ifdef TIDEMARK_X86_64
  if (__builtin_cpu_supports("avx2")) best = &hash_long_avx2;
  if (__builtin_cpu_supports("avx512f")) best = &hash_long_avx512;
#endif
  chosen.store(best, std::memory_order_relaxed);
  return best(bytes, length, secret);
}

}  // namespace

uint64_t hash_long(const std::byte* bytes, size_t length, const std::byte* secret) {
  return chosen.load(std::memory_order_relaxed)(bytes, length, secret);
}

}  // namespace tidemark
