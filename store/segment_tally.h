// `SegmentTally`: what the frames of one segment amount to, to be held against its seal (SPEC.md
// section 5).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "segment.h"
#include "stream_walk.h"
#include "tidemark/event.h"
#include "tidemark/summary_frames.h"

namespace tidemark {

class SegmentTally {
 public:
  explicit SegmentTally(const Segment& segment) : first_position_(segment.first_position()) {}

  // A frame that precedes the seal: the checkpoint first, then all others in order.
  void count(const FrameView& frame) { digest_ = fold_digest(digest_, frame.checksum); }
  void count(const FrameView& frame, const EventView& event);

  std::optional<TimeBounds> bounds() const { return bounds_of(sections_); }

  // Judges the seal that stands at `offset`: `walk` is the stream's state there. Errors, with
  // their place: Corrupt.
  Result<void> check_seal(const Segment& segment, uint64_t offset, const Seal& seal,
                          const StreamWalk& walk) const;

 private:
  uint64_t first_position_;
  uint64_t digest_ = 0;
  // One more than a seal can name is too many, and no more are remembered.
  std::vector<uint64_t> waypoints_;
  std::vector<std::optional<TimeBounds>> sections_ = {std::nullopt};
};

}  // namespace tidemark
