// Frames: the framing around one event, checkpoint, schema, mark, waypoint or seal in a segment
// (SPEC.md section 5).
//
// A frame is *committed* by the release store of its commit word, which is its first eight bytes;
// zero there means that nothing was written. The checksum covers everything after itself, the salt,
// the position and the commit word, so that a stale, moved or shortened frame fails.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

#include "tidemark/frame_key.h"
#include "tidemark/layout.h"
#include "tidemark/planted.h"
#include "tidemark/result.h"

namespace tidemark {

enum class FrameKind : uint8_t {
  Progress = 1,
  Messages = 2,
  Checkpoint = 3,
  Schema = 4,
  Mark = 5,
  Waypoint = 6,
  Seal = 7,
};
std::string_view name_of(FrameKind kind);
constexpr bool is_known(FrameKind kind) {
  return kind >= FrameKind::Progress && kind <= FrameKind::Seal;
}

// A reader that does not know the kind of a frame with this flag passes over it.
inline constexpr uint8_t kSkippable = 1;

struct FrameHeader {
  uint64_t word;  // length | kind << 32 | flags << 40; the highest 16 bits are zero
  uint64_t checksum;
  uint64_t durable_upto;    // the stream's durable position when this frame was written
  uint64_t captured_at_ns;  // since the Unix epoch; never decreasing in a stream
};
static_assert(sizeof(FrameHeader) == 32);
static_assert(offsetof(FrameHeader, durable_upto) == 16);

inline constexpr size_t kFrameAlignment = 8;
inline constexpr size_t kChecksummedFrom = offsetof(FrameHeader, durable_upto);

constexpr uint64_t align_up(uint64_t bytes, uint64_t alignment) {
  return (bytes + alignment - 1) & ~(alignment - 1);
}
static_assert(align_up(33, kFrameAlignment) == 40 && align_up(40, kFrameAlignment) == 40);

// The bytes that a frame with this payload takes in a segment, its padding included.
constexpr uint64_t frame_bytes(uint64_t payload_bytes) {
  return align_up(sizeof(FrameHeader) + payload_bytes, kFrameAlignment);
}

// `payload_bytes` without padding; the length in the word counts the frame's header too.
constexpr uint64_t commit_word(FrameKind kind, uint64_t payload_bytes, uint8_t flags = 0) {
  return (sizeof(FrameHeader) + payload_bytes) | uint64_t{static_cast<uint8_t>(kind)} << 32 |
         uint64_t{flags} << 40;
}

// The parts of a commit word.
inline constexpr uint64_t kLengthMask = 0xFFFF'FFFF;
// The reserved bits, and every flag but kSkippable: zero in every word that may be read.
inline constexpr uint64_t kUnknownWordBits = 0xFFFF'0000'0000'0000 | uint64_t{0xFE} << 40;
inline constexpr uint64_t kKindMask = uint64_t{0xFF} << 32;

// The checksum of a frame whose bytes up to its padded end stand at `frame`.
uint64_t frame_checksum(const std::byte* frame, uint64_t word, const FrameKey& key,
                        uint64_t position);

// Completes the frame at `frame`, whose payload stands there already: padding, stamps and checksum,
// all but the commit word. Returns the checksum.
inline uint64_t stamp_frame(std::byte* frame, uint64_t word, uint64_t durable_upto,
                            uint64_t captured_at_ns, const FrameKey& key, uint64_t position) {
  const uint64_t length = word & kLengthMask;
  // Padding first: where the payload ends within a word, the rest of that word is zero. Spelled
  // out, because memset of so few bytes, of a number that only shows here, is a call.
  if (length % kFrameAlignment != 0) {
    std::byte* padding = frame + length;
    const uint64_t missing = kFrameAlignment - length % kFrameAlignment;
    if (missing & 1) *padding++ = std::byte{0};
    if (missing & 2) std::memset(std::exchange(padding, padding + 2), 0, 2);
    if (missing & 4) std::memset(padding, 0, 4);
  }
  const std::array<uint64_t, 2> stamps = {durable_upto, captured_at_ns};
  std::memcpy(frame + kChecksummedFrom, stamps.data(), sizeof stamps);
  const uint64_t checksum = frame_checksum(frame, word, key, position);
  std::memcpy(frame + sizeof word, &checksum, sizeof checksum);
  return checksum;
}

// Readers: the commit word at `frame`, paired with the writer's `publish_frame`. After it returns
// a word that is not zero, all other bytes of the frame are as the writer left them.
inline uint64_t load_commit_word(const std::byte* frame) {
  auto* word = reinterpret_cast<uint64_t*>(const_cast<std::byte*>(frame));
  return std::atomic_ref<uint64_t>(*word).load(std::memory_order_acquire);
}
// The writer, last of all: makes the frame visible.
inline void publish_frame(std::byte* frame, uint64_t word) {
  std::atomic_ref<uint64_t>(*reinterpret_cast<uint64_t*>(frame))
      .store(word, planted(Bug::RelaxedCommitWord) ? std::memory_order_relaxed
                                                   : std::memory_order_release);
}

// A verified frame. Its payload belongs to the segment and lives as long as that is mapped.
struct FrameView {
  FrameKind kind{};
  uint8_t flags = 0;
  uint64_t position = 0;
  uint64_t durable_upto = 0;
  uint64_t captured_at_ns = 0;
  uint64_t checksum = 0;
  std::span<const std::byte> payload;

  uint64_t end_position() const { return position + frame_bytes(payload.size()); }
  // Whether this version knows what the frame means.
  bool known() const { return is_known(kind); }
  bool skippable() const { return (flags & kSkippable) != 0; }
};

// The bytes from `frame` on in which frames stand one after the other that check_frame() below has
// nothing against, all committed and of a known kind; 0 where the first one is none. `room` is the
// bytes that may be read at `frame`, which stands at `position`; no frame is looked at that begins
// `enough` or more bytes after it. Looking at several in a row costs less than half of looking at
// each when it is needed, for the processor hashes one while it still finishes another.
uint64_t sound_bytes(const std::byte* frame, uint64_t room, const FrameKey& key, uint64_t position,
                     uint64_t enough);

// A view of a frame that sound_bytes() found sound; `room` is the rest of those bytes. The length
// is judged anew: memory that another process maps too may have changed since, and must not lead
// beyond it.
[[gnu::always_inline]] inline bool view_sound_frame(const std::byte* bytes, uint64_t room,
                                                    uint64_t position, FrameView& frame) {
  const uint64_t word = load_commit_word(bytes);
  const uint64_t length = word & kLengthMask;
  if (length < sizeof(FrameHeader) || align_up(length, kFrameAlignment) > room) [[unlikely]]
    return false;
  // Field by field: a copy of the whole header would go through memory.
  const auto load = [bytes](uint64_t offset) {
    uint64_t value = 0;
    std::memcpy(&value, bytes + offset, sizeof value);
    return value;
  };
  frame.kind = static_cast<FrameKind>((word & kKindMask) >> 32);
  frame.flags = static_cast<uint8_t>(word >> 40);
  frame.position = position;
  frame.checksum = load(offsetof(FrameHeader, checksum));
  frame.durable_upto = load(offsetof(FrameHeader, durable_upto));
  frame.captured_at_ns = load(offsetof(FrameHeader, captured_at_ns));
  frame.payload = {bytes + sizeof(FrameHeader), length - sizeof(FrameHeader)};
  return true;
}

// Judges a commit word alone. `room` is the bytes from the frame to the segment's end. Returns the
// bytes that the frame takes. Errors: Corrupt.
Result<uint64_t> check_commit_word(uint64_t word, uint64_t room);

// Judges the frame at `bytes`, which reach at least to the frame's padded end, by the commit word
// that the caller loaded. Payloads are judged by decode_*(). Errors: Corrupt, and Unsupported for
// an unknown kind that is not skippable.
Result<FrameView> check_frame(std::span<const std::byte> bytes, uint64_t word, const FrameKey& key,
                              uint64_t position);

}  // namespace tidemark
