// `FrameKey`: what the checksums of one segment's frames, or of one stream that is sent, have in
// common (SPEC.md section 5.1).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace tidemark {

// XXH3 with a seed hashes what is longer than 240 bytes by a secret that it derives from the seed.
// Deriving takes as long as hashing 200 bytes, so it is done once a segment. A value; any thread
// may read it.
class FrameKey {
 public:
  static constexpr size_t kSecretBytes = 192;

  FrameKey() : FrameKey(0) {}
  explicit FrameKey(uint64_t salt);

  uint64_t salt() const { return salt_; }
  const std::byte* secret() const { return secret_.data(); }

 private:
  uint64_t salt_;
  alignas(64) std::array<std::byte, kSecretBytes> secret_;
};

}  // namespace tidemark
