#include "tidemark/frame.h"

#include <cstring>
#include <string>

#include "tidemark/check.h"
#include "tidemark/planted.h"
#include "xxh3.h"

namespace tidemark {
namespace {

uint64_t checksum_seed(uint64_t word, uint64_t salt, uint64_t position) {
  if (planted(Bug::LengthOutsideChecksum)) word = 0;
  if (planted(Bug::PositionOutsideSeed)) position = 0;
  // Odd multipliers (the golden ratio's and a prime) keep apart what differs in few bits.
  return salt ^ (position * 0x9E37'79B9'7F4A'7C15) ^ (word * 0xC2B2'AE3D'27D4'EB4F);
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
    case FrameKind::Seal:
      return "seal";
  }
  return "unknown";
}

uint64_t frame_checksum(const std::byte* frame, uint64_t word, uint64_t salt, uint64_t position) {
  const uint64_t padded = align_up(word & kLengthMask, kFrameAlignment);
  return XXH3_64bits_withSeed(frame + kChecksummedFrom, padded - kChecksummedFrom,
                              checksum_seed(word, salt, position));
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

Result<FrameView> check_frame(std::span<const std::byte> bytes, uint64_t word, uint64_t salt,
                              uint64_t position) {
  TIDEMARK_ASSIGN(padded, check_commit_word(word, bytes.size()));
  FrameHeader header;
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.checksum != frame_checksum(bytes.data(), word, salt, position)) {
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
