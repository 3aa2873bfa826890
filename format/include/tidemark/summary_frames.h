// Checkpoint and seal: the frames that open and end a segment (SPEC.md section 5). They are written
// once a segment, so they go through FlatBuffers' builder, and are decoded into owned values.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tidemark/protocol.h"
#include "tidemark/result.h"
#include "tidemark/time.h"

namespace tidemark {

// What a stream holds from its beginning up to some position.
struct Totals {
  uint64_t events = 0;
  uint64_t records = 0;
  uint64_t data_bytes = 0;

  friend bool operator==(const Totals&, const Totals&) = default;
};

struct Checkpoint {
  Totals totals;
  std::vector<Change> counts;  // capabilities, in the total order of times
};

// The least and greatest message times of a segment, componentwise: no message lies outside.
struct TimeBounds {
  Time meet;
  Time join;

  void include(const Time& time) {
    if (time.shape().words == 1) [[likely]] {
      if (time.word(0) < meet.word(0)) meet = time;
      if (join.word(0) < time.word(0)) join = time;
    } else {
      include_of_any_shape(time);
    }
  }
  void include_of_any_shape(const Time& time);
};

struct IndexEntry {
  Time time;
  uint64_t position = 0;
};
// The entries that a seal has at most: one for each 64th of a segment.
inline constexpr size_t kMaxIndexEntries = 64;

struct Seal {
  uint64_t end = 0;
  Totals totals;
  std::vector<Change> counts;
  std::optional<TimeBounds> bounds;  // none: the segment has no messages
  std::vector<IndexEntry> index;
  uint64_t digest = 0;
  bool closed = false;
};

// The digest of a segment's frames, folded over their checksums from 0 in stream order.
constexpr uint64_t fold_digest(uint64_t digest, uint64_t checksum) {
  return (digest ^ checksum) * 0x9FB2'1C65'1E98'DF25;
}

std::vector<std::byte> encode_checkpoint(TimeShape shape, const Checkpoint& checkpoint);
std::vector<std::byte> encode_seal(TimeShape shape, const Seal& seal);
// Above what root, vtable, scalar fields and vector lengths of either table take together.
inline constexpr uint64_t kMaxSummaryTableBytes = 256;

// No checkpoint with this many capabilities takes more payload bytes.
constexpr uint64_t max_checkpoint_payload_bytes(TimeShape shape, size_t capabilities) {
  return kMaxSummaryTableBytes + 8 * (uint64_t{shape.words} + 1) * capabilities;
}
// The same for a seal, which has its bounds and its index too; what a writer keeps free.
constexpr uint64_t max_seal_payload_bytes(TimeShape shape, size_t capabilities) {
  return max_checkpoint_payload_bytes(shape, capabilities) +
         8 * (shape.words * (2 + uint64_t{kMaxIndexEntries}) + kMaxIndexEntries);
}

// Errors: Corrupt where the payload is no such table, or contradicts itself or the shape.
Result<Checkpoint> decode_checkpoint(std::span<const std::byte> payload, TimeShape shape);
Result<Seal> decode_seal(std::span<const std::byte> payload, TimeShape shape);

}  // namespace tidemark
