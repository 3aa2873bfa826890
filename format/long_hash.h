// XXH3-64 of more than 240 bytes by a secret that was made before, with the widest registers that
// this processor has.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tidemark {

// `secret` has FrameKey::kSecretBytes. The same value on every processor. Any thread.
uint64_t hash_long(const std::byte* bytes, size_t length, const std::byte* secret);

// hash_long() for processors with AVX2, and with AVX-512 (its foundation), alone.
uint64_t hash_long_avx2(const std::byte* bytes, size_t length, const std::byte* secret);
uint64_t hash_long_avx512(const std::byte* bytes, size_t length, const std::byte* secret);

}  // namespace tidemark
