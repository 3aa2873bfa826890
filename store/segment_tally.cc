#include "segment_tally.h"

#include <algorithm>

namespace tidemark {

namespace {

bool same(const std::optional<TimeBounds>& a, const std::optional<TimeBounds>& b) {
  if (!a || !b) return a.has_value() == b.has_value();
  return a->meet == b->meet && a->join == b->join;
}

}  // namespace

void SegmentTally::count(const FrameView& frame, const EventView& event) {
  count(frame);
  if (frame.kind == FrameKind::Waypoint && waypoints_.size() <= kMaxWaypoints) {
    waypoints_.push_back(frame.position);
    sections_.emplace_back();
  }
  const MessagesView* messages = event.messages();
  if (messages == nullptr) return;
  const Time& time = messages->time();
  std::optional<TimeBounds>& section = sections_.back();
  if (section) {
    section->include(time);
  } else {
    section = TimeBounds{time, time};
  }
}

Result<void> SegmentTally::check_seal(const Segment& segment, uint64_t offset, const Seal& seal,
                                      const StreamWalk& walk) const {
  const auto wrong = [&](std::string what) {
    return segment.fail_at(offset, ErrorCode::Corrupt,
                           "the seal's " + std::move(what) + " not what its segment holds");
  };
  if (seal.end != segment.first_position() + offset) return wrong("end is");
  if (seal.totals != walk.totals()) return wrong("totals are");
  if (!same_counts(seal.counts, walk.protocol())) return wrong("capability counts are");
  if (!same(seal.bounds, bounds())) return wrong("bounds of times are");
  if (seal.waypoints != waypoints_) return wrong("waypoints are");
  // Bounds without words are always there.
  if (!seal.waypoints.empty() && walk.protocol().shape().words > 0 &&
      !std::equal(seal.sections.begin(), seal.sections.end(), sections_.begin(), sections_.end(),
                  same)) {
    return wrong("bounds of times between waypoints are");
  }
  if (seal.digest != digest_) return wrong("digest is");
  return {};
}

}  // namespace tidemark
