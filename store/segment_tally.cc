#include "segment_tally.h"

#include <algorithm>

namespace tidemark {

void SegmentTally::count(const FrameView& frame, const EventView& event) {
  count(frame);
  const MessagesView* messages = event.messages();
  if (messages == nullptr) return;
  const Time& time = messages->time();
  if (bounds_) {
    bounds_->include(time);
  } else {
    bounds_ = TimeBounds{time, time};
  }
  const uint64_t offset = frame.position - first_position_;
  if (offset >= next_remembered_offset_ && remembered_.size() < kMaxIndexEntries) {
    remembered_.push_back({time, frame.position});
    next_remembered_offset_ = offset + segment_bytes_ / kMaxIndexEntries;
  }
}

bool SegmentTally::remembers(const IndexEntry& entry) const {
  return std::any_of(remembered_.begin(), remembered_.end(), [&](const IndexEntry& known) {
    return known.position == entry.position && known.time == entry.time;
  });
}

Result<void> SegmentTally::check_index(Segment& segment, uint64_t offset, const Seal& seal) const {
  uint64_t previous = 0;
  for (const IndexEntry& entry : seal.index) {
    if (entry.position <= previous || !segment.holds(entry.position) ||
        entry.position >= seal.end || entry.position % kFrameAlignment != 0) {
      return segment.fail_at(offset, ErrorCode::Corrupt,
                             "the seal's index names a position that is not one of its events");
    }
    previous = entry.position;
    if (remembers(entry)) continue;
    const auto frame = segment.frame(entry.position - segment.first_position());
    if (!frame && frame.error().code == ErrorCode::Io) return tl::make_unexpected(frame.error());
    const bool are_messages = frame && *frame && (*frame)->kind == FrameKind::Messages;
    const auto messages =
        decode_messages(are_messages ? (*frame)->payload : std::span<const std::byte>(),
                        segment.header().time_shape());
    if (!messages || messages->time() != entry.time) {
      return segment.fail_at(offset, ErrorCode::Corrupt,
                             "the seal's index names messages that do not stand where it says");
    }
  }
  return {};
}

Result<void> SegmentTally::check_seal(Segment& segment, uint64_t offset, const Seal& seal,
                                      const StreamWalk& walk) const {
  const auto wrong = [&](std::string what) {
    return segment.fail_at(offset, ErrorCode::Corrupt,
                           "the seal's " + std::move(what) + " not what its segment holds");
  };
  if (seal.end != segment.first_position() + offset) return wrong("end is");
  if (seal.totals != walk.totals()) return wrong("totals are");
  const auto& counts = walk.protocol().counts();
  const bool same_counts = std::equal(
      seal.counts.begin(), seal.counts.end(), counts.begin(), counts.end(),
      [](const Change& a, const auto& b) { return a.time == b.first && a.diff == b.second; });
  if (!same_counts) return wrong("capability counts are");
  if (seal.bounds.has_value() != bounds_.has_value() ||
      (bounds_ && (seal.bounds->meet != bounds_->meet || seal.bounds->join != bounds_->join))) {
    return wrong("bounds of times are");
  }
  if (seal.digest != digest_) return wrong("digest is");
  return check_index(segment, offset, seal);
}

}  // namespace tidemark
