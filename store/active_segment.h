// `ActiveSegment`: the segment that a writer appends to (SPEC.md sections 5 and 8).
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <vector>

#include "segment_preparer.h"
#include "tidemark/frame.h"
#include "tidemark/layout.h"
#include "tidemark/summary_frames.h"

namespace tidemark {

// What a header says when its segment is published.
struct Succession {
  Totals before;
  uint64_t previous_first_position = kNoPosition;
  uint64_t previous_end = 0;
  uint64_t dropped_bytes = 0;
  uint64_t dropped_frames = 0;
  uint64_t dropped_segments = 0;
  uint64_t void_segment = 0;
};

// The frames that open a segment.
struct SegmentOpening {
  Checkpoint checkpoint;
  std::span<const std::byte> schema;  // empty: none
  std::span<const std::byte> mark;    // the stream's last; empty: none
};

// Knows places and frames, not policies. Does not own the mapping. One thread.
class ActiveSegment {
 public:
  explicit ActiveSegment(const PreparedSegment& prepared);

  // Stores the rest of the header and the frames that open the segment, and then the magic: from
  // then on readers see the segment.
  void publish(const Succession& succession, const SegmentOpening& opening, uint64_t durable_upto,
               uint64_t now_ns);

  uint64_t offset() const { return offset_; }  // where the next frame goes
  uint64_t position() const { return first_position_ + offset_; }
  uint64_t first_position() const { return first_position_; }
  uint64_t bytes() const { return bytes_; }
  std::byte* base() const { return base_; }
  // What the header says of void records, once published.
  uint64_t void_segment() const { return header_.void_segment; }

  // The payload's place of the next frame. Nothing is visible before commit(); what is abandoned
  // is overwritten by the next append.
  std::byte* payload() { return base_ + offset_ + sizeof(FrameHeader); }

  // Commits the frame whose payload was written. The caller has made sure that it fits, together
  // with the commit word after it. Returns the position after it.
  uint64_t commit(FrameKind kind, uint64_t payload_bytes, uint64_t durable_upto,
                  uint64_t captured_at_ns, uint8_t flags = 0) {
    return commit_run(1, commit_word(kind, payload_bytes, flags), durable_upto, captured_at_ns,
                      [](std::byte* /*payload*/, uint64_t /*index*/) {});
  }
  // The same for `frames` frames that differ in their payloads alone: fill(payload, i) stores that
  // of frame i.
  template <typename Fill>
  [[gnu::always_inline]] uint64_t commit_run(uint64_t frames, uint64_t word, uint64_t durable_upto,
                                             uint64_t captured_at_ns, Fill fill) {
    // Kept in registers: after a store to bytes, the compiler would load members again.
    std::byte* frame = base_ + offset_;
    uint64_t position = first_position_ + offset_;
    uint64_t digest = digest_;
    const uint64_t bytes = frame_bytes((word & kLengthMask) - sizeof(FrameHeader));
    for (uint64_t i = 0; i < frames; ++i) {
      prefetch_ahead(frame, bytes);
      fill(frame + sizeof(FrameHeader), i);
      // A killed writer's stale bytes must not be taken for the next frame's length.
      if (!planted(Bug::NextWordNotZeroed)) {
        auto& next = *reinterpret_cast<uint64_t*>(frame + bytes);
        std::atomic_ref<uint64_t>(next).store(0, std::memory_order_relaxed);
      }
      if (planted(Bug::CommitWordFirst)) publish_frame(frame, word);
      const uint64_t checksum =
          stamp_frame(frame, word, durable_upto, captured_at_ns, key_, position);
      publish_frame(frame, word);
      digest = fold_digest(digest, checksum);
      frame += bytes;
      position += bytes;
    }
    digest_ = digest;
    offset_ = position - first_position_;
    return position;
  }

  // For the seal: the messages frame that is committed next has this time. Needed once for each
  // time, and again after a waypoint.
  void note_messages(const Time& time) {
    if (section_) {
      section_->include(time);
    } else {
      section_ = TimeBounds{time, time};
    }
  }
  // An event that begins here or later has a waypoint before it, if there is room.
  uint64_t waypoint_due() const { return waypoint_due_; }
  size_t waypoints() const { return waypoints_.size(); }
  // The frame that is committed next is a waypoint.
  void note_waypoint();
  // There will be no more waypoints.
  void forgo_waypoints() { waypoint_due_ = ~uint64_t{0}; }
  // What the seal says of this segment; totals and counts are the stream's.
  Seal seal(const Totals& totals, std::vector<Change> counts, bool closed) const;

 private:
  uint64_t* word_at(uint64_t offset) { return reinterpret_cast<uint64_t*>(base_ + offset); }
  // A segment's memory is cold when it is written, and the processor's own prefetching stops at the
  // end of each page. Far enough ahead that it is there in time, and no more at once than what the
  // processor has buffers for. Addresses beyond the segment do no harm.
  [[gnu::always_inline]] static void prefetch_ahead(const std::byte* frame, uint64_t bytes) {
    constexpr uint64_t kLine = 64;
    constexpr uint64_t kAhead = 1024;
    constexpr uint64_t kMost = 2048;
    const uint64_t upto = kAhead + std::min(bytes, kMost);
    for (uint64_t at = kAhead; at < upto; at += kLine) __builtin_prefetch(frame + at, 1);
  }

  std::byte* base_;
  uint64_t bytes_;
  uint64_t first_position_;
  uint64_t offset_ = kSegmentHeaderBytes;
  uint64_t digest_ = 0;
  uint64_t waypoint_due_;
  FrameKey key_;
  SegmentHeader header_;               // as prepared; completed by publish()
  std::optional<TimeBounds> section_;  // of the messages since the last waypoint
  std::vector<uint64_t> waypoints_;
  std::vector<std::optional<TimeBounds>> sections_;  // one that ends at each of these
};

}  // namespace tidemark
