#include "tidemark/frame_key.h"

#include "xxh3.h"

namespace tidemark {

static_assert(FrameKey::kSecretBytes == XXH_SECRET_DEFAULT_SIZE);

FrameKey::FrameKey(uint64_t salt) : salt_(salt) {
  XXH3_generateSecret_fromSeed(secret_.data(), salt);
}

}  // namespace tidemark
