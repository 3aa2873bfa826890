// Checkpoint, waypoint and seal: the frames that open, divide and end a segment (SPEC.md section
// 5). They are decoded into owned values. Checkpoint and seal are written once a segment, so they
// go through FlatBuffers' builder; a waypoint comes in the midst of appends: encode.h writes it.
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

// Of checkpoints and waypoints.
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

// Of all sections together.
std::optional<TimeBounds> bounds_of(std::span<const std::optional<TimeBounds>> sections);

// Waypoints of a segment begin at least so far from its beginning and from each other.
inline constexpr uint64_t kWaypointBytes = uint64_t{1} << 20;
// So many a segment at most, however large it is.
inline constexpr size_t kMaxWaypoints = 128;
constexpr uint64_t waypoint_distance(uint64_t segment_bytes) {
  return segment_bytes / kMaxWaypoints > kWaypointBytes ? segment_bytes / kMaxWaypoints
                                                        : kWaypointBytes;
}

struct Seal {
  uint64_t end = 0;
  Totals totals;
  std::vector<Change> counts;
  std::optional<TimeBounds> bounds;  // none: the segment has no messages
  std::vector<uint64_t> waypoints;   // their positions
  // Of what precedes each waypoint, back to the one before it or the segment's beginning, and of
  // what follows the last; nothing where that holds no messages. Empty where there are no
  // waypoints.
  std::vector<std::optional<TimeBounds>> sections;
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
// The same for a seal, which has its bounds, waypoints and sections too; what a writer keeps free.
constexpr uint64_t max_seal_payload_bytes(TimeShape shape, size_t capabilities, size_t waypoints) {
  const uint64_t sections = waypoints == 0 ? 0 : uint64_t{waypoints} + 1;
  return max_checkpoint_payload_bytes(shape, capabilities) +
         8 * (2 * uint64_t{shape.words} * (1 + sections) + waypoints);
}
// A waypoint takes less than a 16th of the distance to the next, with as many capabilities as may
// be.
static_assert(16 * (64 + max_checkpoint_payload_bytes({4, 0, 0}, max_capabilities({4, 0, 0}))) <=
              kWaypointBytes);

// Errors: Corrupt where the payload is no such table, or contradicts itself or the shape.
Result<Checkpoint> decode_checkpoint(std::span<const std::byte> payload, TimeShape shape);
Result<Seal> decode_seal(std::span<const std::byte> payload, TimeShape shape);

}  // namespace tidemark
