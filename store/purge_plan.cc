// Seals and headers tell what a segment holds; frames are walked only in segments without a seal,
// and where the durable position stands.

#include "purge_plan.h"

#include <algorithm>
#include <memory>

#include "control_page.h"
#include "header_facts.h"
#include "paths.h"
#include "segment.h"
#include "segment_tally.h"
#include "stream_directory.h"
#include "stream_walk.h"
#include "tidemark/antichain.h"

namespace tidemark {
namespace {

using SegmentHandle = std::shared_ptr<Segment>;

// What of one segment decides whether it may go.
struct SegmentFacts {
  std::optional<TimeBounds> bounds;
  uint64_t captured_at_ns = 0;  // of its last event, or a little later
};

class Planner {
 public:
  Planner(FileSeam& files, const std::string& directory, uint32_t stream,
          const RetentionPolicy& policy)
      : files_(files), directory_(directory), stream_(stream), policy_(policy) {}

  Result<PurgePlan> run(const std::optional<CursorNeed>& need,
                        const std::optional<uint64_t>& lease);

 private:
  Result<SegmentHandle> open(uint64_t first_position) const;
  Result<void> list();
  Result<void> find_last();
  Result<uint64_t> durable_evidence(Segment& last) const;
  Result<void> find_horizon();
  Result<void> check_link(const Segment& segment, const Segment& next, bool head) const;
  Result<SegmentFacts> facts_of(Segment& segment, const SegmentHeader& next) const;
  Result<SegmentFacts> walk(Segment& segment, uint64_t end) const;
  Result<bool> policy_allows(const SegmentFacts& facts, uint64_t bytes_after) const;
  Result<bool> is_complete(const SegmentFacts& facts);
  uint64_t disk_bytes_of(uint64_t first_position) const;

  FileSeam& files_;
  const std::string& directory_;
  uint32_t stream_;
  const RetentionPolicy& policy_;
  PurgePlan plan_;
  std::vector<uint64_t> live_;  // names from `purged` on, up to the last that is published
  SegmentHandle last_;
  uint64_t durable_ = 0;
  SegmentHandle horizon_;  // the last segment of which an event is durable; it stays
  std::optional<Antichain<Time>> frontier_at_horizon_;  // at its beginning
  std::optional<Antichain<Time>> durable_frontier_;     // at the durable position
};

// Nothing where the segment is not published.
Result<SegmentHandle> Planner::open(uint64_t first_position) const {
  auto opened =
      Segment::open(files_, segment_path(directory_, first_position), stream_, Access::Map);
  if (opened || opened.error().code != ErrorCode::NotFound) return opened;
  const auto examined = examine_segment(files_, directory_, stream_, first_position);
  if (examined && examined->damage) return tl::make_unexpected(*examined->damage);
  return SegmentHandle();
}

Result<void> Planner::list() {
  // In this order, for a dry run may look while a purge is at work.
  TIDEMARK_ASSIGN(names, list_segment_names(files_, directory_));
  TIDEMARK_ASSIGN(purged, read_purged(files_, directory_));
  plan_.purged = purged.value_or(0);
  plan_.keep_from = plan_.purged;
  plan_.names = names;
  std::copy_if(names.begin(), names.end(), std::back_inserter(live_),
               [&](uint64_t name) { return name >= plan_.purged; });
  return {};
}

Result<void> Planner::find_last() {
  while (!live_.empty() && !last_) {
    TIDEMARK_ASSIGN(opened, open(live_.back()));
    last_ = std::move(opened);
    if (!last_) live_.pop_back();
  }
  return {};
}

// The evidence by which a recovery judges what was durable: it never cuts a stream off below that,
// so that nothing a purge leaves by it can be set aside afterwards.
Result<uint64_t> Planner::durable_evidence(Segment& last) const {
  if (const auto control = ControlPage::open_for_reading(files_, directory_)) {
    if (const auto durable = control->durable()) return *durable;
  }
  uint64_t durable = 0;
  for (uint64_t offset = kSegmentHeaderBytes;;) {
    const auto frame = last.frame(offset);
    if (!frame && frame.error().code != ErrorCode::Corrupt) {
      return tl::make_unexpected(frame.error());
    }
    if (!frame || !*frame) return durable;
    durable = std::max(durable, (*frame)->durable_upto);
    offset = (*frame)->end_position() - last.first_position();
  }
}

// The last segment that begins before the durable position: an event of it is durable then, and so
// is its checkpoint, which is all that will be known of the stream's past.
Result<void> Planner::find_horizon() {
  TIDEMARK_ASSIGN(durable, durable_evidence(*last_));
  durable_ = durable;
  while (!live_.empty() && live_.back() >= durable_) live_.pop_back();
  if (live_.empty()) return {};
  if (live_.back() == last_->first_position()) {
    horizon_ = last_;
    return {};
  }
  TIDEMARK_ASSIGN(opened, open(live_.back()));
  horizon_ = std::move(opened);
  return {};
}

Result<void> Planner::check_link(const Segment& segment, const Segment& next, bool head) const {
  const uint64_t before = segment.header().previous_first_position;
  if (head && before != kNoPosition && segment.first_position() != plan_.purged) {
    return segment.fail_at(0, ErrorCode::Missing, "the segments before this one are missing");
  }
  if (next.header().previous_first_position != segment.first_position() ||
      next.header().previous_end > segment.header().end_position()) {
    return next.fail_at(0, ErrorCode::Missing,
                        "the segment does not follow the one before it in the directory");
  }
  return {};
}

Result<SegmentFacts> Planner::walk(Segment& segment, uint64_t end) const {
  StreamWalk walk;
  SegmentTally tally(segment);
  TIDEMARK_ASSIGN(offset, walk.enter(segment));
  while (segment.first_position() + offset < end) {
    TIDEMARK_ASSIGN(frame, segment.frame(offset));
    if (!frame) {
      return segment.fail_at(offset, ErrorCode::Corrupt,
                             "no frame stands here, but the next segment says that the events end "
                             "at position " +
                                 std::to_string(end));
    }
    TIDEMARK_ASSIGN(event, walk.apply(segment, offset, *frame));
    tally.count(*frame, event);
    offset = frame->end_position() - segment.first_position();
  }
  return SegmentFacts{tally.bounds(), walk.captured_at_ns()};
}

Result<SegmentFacts> Planner::facts_of(Segment& segment, const SegmentHeader& next) const {
  const uint64_t offset = next.previous_end - segment.first_position();
  const auto frame = segment.frame(offset);
  // What a recovery cut off may be anything.
  if (!frame && !recorded_a_drop(next)) return tl::make_unexpected(frame.error());
  if (!frame || !*frame || (*frame)->kind != FrameKind::Seal) {
    return walk(segment, next.previous_end);
  }
  auto seal = decode_seal((*frame)->payload, segment.header().time_shape());
  if (!seal) return segment.fail_at(offset, std::move(seal).error());
  if (seal->end != next.previous_end || seal->totals != totals_before(next)) {
    return segment.fail_at(offset, ErrorCode::Corrupt,
                           "the seal contradicts the next segment's header");
  }
  return SegmentFacts{seal->bounds, (*frame)->captured_at_ns};
}

Result<bool> Planner::policy_allows(const SegmentFacts& facts, uint64_t bytes_after) const {
  if (policy_.before && facts.bounds) {
    const Time& join = facts.bounds->join;
    if (!less_equal(join, *policy_.before) || join == *policy_.before) return false;
  }
  if (policy_.keep_bytes && bytes_after < *policy_.keep_bytes) return false;
  if (policy_.keep_time) {
    const auto age = static_cast<uint64_t>(policy_.keep_time->count());
    const uint64_t now = files_.now_ns();
    if (now < age || facts.captured_at_ns > now - age) return false;
  }
  return true;
}

// No message at or before the join can come any more, so none of the segment's times can. A
// frontier that is not durable may be another one after a power loss.
Result<bool> Planner::is_complete(const SegmentFacts& facts) {
  if (!facts.bounds) return true;
  const Time& join = facts.bounds->join;
  if (!frontier_at_horizon_) {
    StreamWalk walk;
    TIDEMARK_TRY(walk.enter(*horizon_));
    frontier_at_horizon_ = walk.protocol().frontier();
  }
  if (!frontier_at_horizon_->less_equal(join)) return true;
  if (!durable_frontier_) {
    StreamWalk walk;
    TIDEMARK_ASSIGN(offset, walk.enter(*horizon_));
    for (;;) {
      TIDEMARK_ASSIGN(frame, horizon_->frame(offset));
      if (!frame || frame->kind == FrameKind::Seal || frame->end_position() > durable_) break;
      TIDEMARK_TRY(walk.apply(*horizon_, offset, *frame));
      offset = frame->end_position() - horizon_->first_position();
    }
    durable_frontier_ = walk.protocol().frontier();
  }
  return !durable_frontier_->less_equal(join);
}

uint64_t Planner::disk_bytes_of(uint64_t first_position) const {
  FileStatus status;
  if (files_.status(segment_path(directory_, first_position), status) < 0) return 0;
  return status.disk_bytes;
}

Result<PurgePlan> Planner::run(const std::optional<CursorNeed>& need,
                               const std::optional<uint64_t>& lease) {
  TIDEMARK_TRY(list());
  TIDEMARK_TRY(find_last());
  if (!last_) return std::move(plan_);
  plan_.kept_for = KeptFor::Last;
  if (policy_.before && policy_.before->shape() != last_->header().time_shape()) {
    auto error = fail(ErrorCode::InvalidArgument,
                      "the time to purge before is not of the shape of the stream's times");
    error.value().stream = stream_;
    return error;
  }
  if (plan_.keep_from == 0) plan_.keep_from = live_.front();
  std::vector<uint64_t> disk_bytes;
  uint64_t bytes_after = 0;
  for (const uint64_t name : live_) {
    disk_bytes.push_back(disk_bytes_of(name));
    bytes_after += disk_bytes.back();
  }
  TIDEMARK_TRY(find_horizon());
  if (!horizon_) return std::move(plan_);

  SegmentHandle next;
  for (size_t i = 0; i + 1 < live_.size(); ++i) {
    SegmentHandle current = std::move(next);
    if (!current) {
      TIDEMARK_ASSIGN(opened, open(live_[i]));
      current = std::move(opened);
    }
    TIDEMARK_ASSIGN(following, open(live_[i + 1]));
    next = std::move(following);
    if (!current || !next) {
      auto error = fail(ErrorCode::Missing, "a segment below the last one is not published");
      error.value().stream = stream_;
      error.value().segment = current ? live_[i + 1] : live_[i];
      error.value().path = directory_;
      return error;
    }
    TIDEMARK_TRY(check_link(*current, *next, i == 0));
    bytes_after -= disk_bytes[i];
    const auto keep = [&](KeptFor reason) {
      plan_.kept_for = reason;
      return std::move(plan_);
    };
    if (plan_.segments >= policy_.max_segments) return keep(KeptFor::Bound);
    TIDEMARK_ASSIGN(facts, facts_of(*current, next->header()));
    TIDEMARK_ASSIGN(allowed, policy_allows(facts, bytes_after));
    if (!allowed || (policy_.to_cursors && !need)) return keep(KeptFor::Policy);
    TIDEMARK_ASSIGN(complete, is_complete(facts));
    if (!complete) return keep(KeptFor::Incomplete);
    // A cursor at the segment's logical end needs the next one; a reader there has yet to cross.
    const bool passed = !need || need->position >= next->header().previous_end;
    if (!passed && (!policy_.force || policy_.to_cursors)) return keep(KeptFor::Cursor);
    const bool left = !lease || *lease >= next->first_position();
    if (!left && !policy_.force) return keep(KeptFor::Lease);
    plan_.keep_from = next->first_position();
    ++plan_.segments;
    plan_.disk_bytes += disk_bytes[i];
    plan_.records += next->header().records_before - current->header().records_before;
  }
  return std::move(plan_);
}

}  // namespace

Result<PurgePlan> plan_purge(FileSeam& files, const std::string& directory, uint32_t stream,
                             const RetentionPolicy& policy, const std::optional<CursorNeed>& need,
                             const std::optional<uint64_t>& lease) {
  return Planner(files, directory, stream, policy).run(need, lease);
}

}  // namespace tidemark
