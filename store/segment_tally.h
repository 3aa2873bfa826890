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
  explicit SegmentTally(const Segment& segment)
      : first_position_(segment.first_position()), segment_bytes_(segment.bytes()) {}

  // A frame that precedes the seal: the checkpoint first, then each event in order.
  void count(const FrameView& frame) { digest_ = fold_digest(digest_, frame.checksum); }
  void count(const FrameView& frame, const EventView& event);

  const std::optional<TimeBounds>& bounds() const { return bounds_; }

  // Judges the seal that stands at `offset`: `walk` is the stream's state there. Errors, with
  // their place: Corrupt, Io.
  Result<void> check_seal(Segment& segment, uint64_t offset, const Seal& seal,
                          const StreamWalk& walk) const;

 private:
  Result<void> check_index(Segment& segment, uint64_t offset, const Seal& seal) const;
  bool remembers(const IndexEntry& entry) const;

  uint64_t first_position_;
  uint64_t segment_bytes_;
  uint64_t digest_ = 0;
  std::optional<TimeBounds> bounds_;
  // The messages that a seal most likely names, so that most often none is read again: the first
  // in each 64th of the segment.
  std::vector<IndexEntry> remembered_;
  uint64_t next_remembered_offset_ = 0;
};

}  // namespace tidemark
