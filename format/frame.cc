#include "tidemark/frame.h"

#include <cstring>
#include <string>

#include "long_hash.h"
#include "tidemark/check.h"
#include "tidemark/planted.h"
#include "xxh3.h"

namespace tidemark {
namespace {

// Where the frame stands and what its first word says. Odd multipliers (the golden ratio's and a
// prime) keep apart what differs in few bits.
uint64_t place_of(uint64_t word, uint64_t position) {
  if (planted(Bug::LengthOutsideChecksum)) word = 0;
  if (planted(Bug::PositionOutsideChecksum)) position = 0;
  return (position * 0x9E37'79B9'7F4A'7C15) ^ (word * 0xC2B2'AE3D'27D4'EB4F);
}

// XXH3_64bits_withSeed(bytes, length, key.salt()). Where XXH3 adds the seed to its secret word by
// word as it goes, or derives a secret first, the one that was derived before gives the same; in
// between and for the shortest it does something else with the seed.
uint64_t hash_by(const FrameKey& key, const std::byte* bytes, uint64_t length) {
  if (length > 16 && length <= 128) {
    return XXH3_64bits_withSecret(bytes, length, key.secret(), FrameKey::kSecretBytes);
  }
  if (length <= 240) return XXH3_64bits_withSeed(bytes, length, key.salt());
  return hash_long(bytes, length, key.secret());
}

}  // namespace

std::string_view name_of(FrameKind kind) {
  switch (kind) {
    case FrameKind::Progress:
      return "progress";
    case FrameKind::Messages:
      return "messages";
    case FrameKind::Checkpoint:
      return "checkpoint";
    case FrameKind::Schema:
      return "schema";
    case FrameKind::Mark:
      return "mark";
    case FrameKind::Waypoint:
      return "waypoint";
    case FrameKind::Seal:
      return "seal";
  }
  return "unknown";
}

uint64_t frame_checksum(const std::byte* frame, uint64_t word, const FrameKey& key,
                        uint64_t position) {
  const std::byte* const bytes = frame + kChecksummedFrom;
  const uint64_t length = align_up(word & kLengthMask, kFrameAlignment) - kChecksummedFrom;
  return hash_by(key, bytes, length) ^ place_of(word, position);
}

Result<uint64_t> check_commit_word(uint64_t word, uint64_t room) {
  const uint64_t length = word & kLengthMask;
  const uint64_t padded = align_up(length, kFrameAlignment);
  if (length < sizeof(FrameHeader) || padded > room) {
    return fail(ErrorCode::Corrupt, "a frame's length of " + std::to_string(length) +
                                        " bytes does not fit: at least 32 and at most " +
                                        std::to_string(room) + " are possible here");
  }
  if ((word & kUnknownWordBits) != 0 || ((word >> 32) & 0xFF) == 0) {
    return fail(ErrorCode::Corrupt, "a frame's commit word has an impossible kind or flag");
  }
  return padded;
}

uint64_t sound_bytes(const std::byte* frame, uint64_t room, const FrameKey& key, uint64_t position,
                     uint64_t enough) {
  uint64_t at = 0;
  while (at < enough && room - at >= sizeof(FrameHeader)) {
    const std::byte* const bytes = frame + at;
    const uint64_t word = load_commit_word(bytes);
    const uint64_t length = word & kLengthMask;
    const uint64_t padded = align_up(length, kFrameAlignment);
    if (length < sizeof(FrameHeader) || padded > room - at || (word & kUnknownWordBits) != 0 ||
        !is_known(static_cast<FrameKind>((word & kKindMask) >> 32))) {
      break;
    }
    uint64_t checksum = 0;
    std::memcpy(&checksum, bytes + offsetof(FrameHeader, checksum), sizeof checksum);
    if (checksum != frame_checksum(bytes, word, key, position + at)) break;
    if (padded != length) {
      // Little-endian: the padding is the highest bytes of the last word.
      uint64_t last = 0;
      std::memcpy(&last, bytes + padded - sizeof last, sizeof last);
      if (last >> (8 * (sizeof last - (padded - length))) != 0) break;
    }
    at += padded;
  }
  return at;
}

Result<FrameView> check_frame(std::span<const std::byte> bytes, uint64_t word, const FrameKey& key,
                              uint64_t position) {
  TIDEMARK_ASSIGN(padded, check_commit_word(word, bytes.size()));
  FrameHeader header;
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.checksum != frame_checksum(bytes.data(), word, key, position)) {
    return fail(ErrorCode::Corrupt, "a committed frame does not match its checksum");
  }
  const uint64_t length = word & kLengthMask;
  for (uint64_t i = length; i < padded; ++i) {
    if (bytes[i] != std::byte{0}) return fail(ErrorCode::Corrupt, "a frame's padding is not zero");
  }
  FrameView frame;
  frame.kind = static_cast<FrameKind>((word >> 32) & 0xFF);
  frame.flags = static_cast<uint8_t>((word >> 40) & 0xFF);
  frame.position = position;
  frame.durable_upto = header.durable_upto;
  frame.captured_at_ns = header.captured_at_ns;
  frame.checksum = header.checksum;
  frame.payload = bytes.subspan(sizeof(FrameHeader), length - sizeof(FrameHeader));
  if (!frame.known() && !frame.skippable()) {
    return fail(ErrorCode::Unsupported, "a frame of kind " +
                                            std::to_string(static_cast<int>(frame.kind)) +
                                            " is unknown to this version and may not be skipped");
  }
  return frame;
}

}  // namespace tidemark
