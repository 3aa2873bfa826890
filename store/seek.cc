#include "tidemark/seek.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "control_page.h"
#include "header_facts.h"
#include "paths.h"
#include "segment_search.h"
#include "tidemark/check.h"

namespace tidemark {
namespace {

SegmentSearch search_of(const Log& log, uint32_t stream) {
  return {log.files(), stream_path(log.path(), stream), stream};
}

bool is_complete(std::span<const Change> counts, const Time& time) {
  return std::none_of(counts.begin(), counts.end(), [&](const Change& held) {
    return held.diff > 0 && less_equal(held.time, time);
  });
}

// Reads the last segment, for no header tells what is in it, unless it was closed.
Result<void> find_end(const Log& log, uint32_t stream, Access access, StreamStart& start) {
  SegmentSearch search = search_of(log, stream);
  TIDEMARK_ASSIGN(last, search.last());
  if (!last) return {};
  ReaderOptions options;
  options.access = access;
  if (last->header().previous_first_position != kNoPosition) {
    options.segment = last->first_position();
  }
  if (const auto seal = closing_seal(log.files(), stream_path(log.path(), stream), *last)) {
    start.end = seal->end;
    start.totals = seal->totals;
    return {};
  }
  // Where something cannot be read, what precedes it counts, and whoever reads on is told.
  start.end = kNoPosition;
  start.totals = totals_before(last->header());
  auto reader = log.reader(stream, options);
  if (!reader) return {};
  // A live writer may append as fast as this reads.
  const uint64_t enough = last->first_position() + last->bytes();
  auto status = Result<EventReader::Status>(EventReader::Status::Event);
  while (status && *status == EventReader::Status::Event && reader->position() < enough) {
    status = reader->poll();
  }
  start.totals = reader->totals();
  if (status) start.end = reader->position();
  return {};
}

}  // namespace

StartPoint StartPoint::complete(const Time& time) {
  StartPoint point(Kind::Complete, 0);
  point.time_ = time;
  return point;
}

bool StartPoint::stands_at(const EventReader& reader) const {
  switch (kind_) {
    case Kind::Sequence:
      return reader.sequence() >= number_;
    case Kind::Complete:
      return !reader.protocol().frontier().less_equal(time_);
    default:
      return false;
  }
}

bool StartPoint::begins_with(const EventReader& reader) const {
  switch (kind_) {
    case Kind::Sequence:
      return reader.event().sequence >= number_;
    case Kind::Captured:
      return reader.event().captured_at_ns >= number_;
    case Kind::AfterRecords:
      return reader.totals().records > number_;
    default:
      return false;
  }
}

Result<StreamStart> find_start(const Log& log, uint32_t stream, const StartPoint& point,
                               Access access) {
  using Kind = StartPoint::Kind;
  StreamStart start{std::nullopt, std::nullopt, point, 0, {}};
  if (point.kind_ == Kind::LastEvents || point.kind_ == Kind::LastRecords) {
    TIDEMARK_TRY(find_end(log, stream, access, start));
    const bool events = point.kind_ == Kind::LastEvents;
    const uint64_t all = events ? start.totals.events : start.totals.records;
    const uint64_t before = all - std::min(all, point.number_);
    start.point = {events ? Kind::Sequence : Kind::AfterRecords, before};
  }
  const StartPoint& wanted = start.point;
  // Whether what is wanted is not before this state, as told by one that was captured then.
  const auto precedes = [&](const StatedPoint& there) {
    switch (wanted.kind_) {
      case Kind::Sequence:
        return there.state.totals.events <= wanted.number_;
      case Kind::AfterRecords:
        return there.state.totals.records <= wanted.number_;
      case Kind::Captured:
        return there.captured_at_ns < wanted.number_;
      default:
        return !is_complete(there.state.counts, wanted.time_);
    }
  };
  SegmentSearch search = search_of(log, stream);
  // Of the segments of which each holds, the last is where the event stands, or the one before.
  TIDEMARK_ASSIGN(found, search.last_before([&](Segment& segment) -> Result<bool> {
    if (wanted.kind_ == Kind::Sequence || wanted.kind_ == Kind::AfterRecords) {
      return precedes({{totals_before(segment.header()), {}}, 0});
    }
    if (wanted.kind_ == Kind::Complete && wanted.time_.shape() != segment.header().time_shape()) {
      return fail(ErrorCode::InvalidArgument, "a time has another shape than those of the stream");
    }
    TIDEMARK_ASSIGN(there, stated_at(segment, kSegmentHeaderBytes, FrameKind::Checkpoint));
    return precedes(there);
  }));
  if (!found) return start;
  if (found->header().previous_first_position != kNoPosition) {
    start.segment = found->first_position();
  }
  TIDEMARK_ASSIGN(seal, search.seal_of(found->first_position()));
  if (!seal) return start;
  // The same of its waypoints.
  const auto& waypoints = seal->waypoints;
  size_t low = 0;
  size_t high = waypoints.size();
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (!found->holds(waypoints[middle]) || waypoints[middle] % kFrameAlignment != 0) break;
    const auto there =
        stated_at(*found, waypoints[middle] - found->first_position(), FrameKind::Waypoint);
    // Whoever comes past what is wrong here reports it.
    if (!there) break;
    if (precedes(*there)) {
      start.waypoint = waypoints[middle];
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return start;
}

Result<EventReader> reader_at(const Log& log, uint32_t stream, const StartPoint& point,
                              const ReaderOptions& options) {
  if (options.segment) {
    return fail(ErrorCode::InvalidArgument, "a reader begins at a point or at a segment");
  }
  TIDEMARK_ASSIGN(start, find_start(log, stream, point, options.access));
  ReaderOptions from = options;
  from.segment = start.segment;
  from.waypoint = start.waypoint;
  TIDEMARK_ASSIGN(scout, log.reader(stream, from));
  uint64_t begin = scout.position();
  while (!start.point.stands_at(scout)) {
    TIDEMARK_ASSIGN(status, scout.poll());
    if (status != EventReader::Status::Event || start.point.begins_with(scout)) break;
    begin = scout.position();
  }
  // The scout has read the first event already where only that one told.
  if (scout.position() == begin) return std::move(scout);
  TIDEMARK_ASSIGN(reader, log.reader(stream, from));
  while (reader.position() < begin) {
    TIDEMARK_ASSIGN(status, reader.poll());
    if (status != EventReader::Status::Event) break;
  }
  return std::move(reader);
}

Result<std::optional<uint64_t>> find_wanted(const Log& log, uint32_t stream,
                                            const SegmentFilter& filter,
                                            std::optional<uint64_t> from, Visibility visibility) {
  SegmentSearch search = search_of(log, stream);
  const std::optional<uint64_t> asked = from;
  if (!from) {
    TIDEMARK_ASSIGN(first, search.first());
    if (!first) return std::nullopt;
    from = first->first_position();
  }
  uint64_t upto = kNoPosition;
  if (visibility == Visibility::Durable) {
    const auto control =
        ControlPage::open_for_reading(log.files(), stream_path(log.path(), stream));
    if (control) upto = control->durable().value_or(kNoPosition);
  }
  TIDEMARK_ASSIGN(found, search.first_wanted(*from, filter, upto));
  if (!found.rest) return found.segment == *from ? asked : found.segment;
  // Nothing follows: the next checkpoint says so.
  TIDEMARK_ASSIGN(next, search.successor_of(found.segment));
  return next ? next->first_position() : asked;
}

Result<Surroundings> surroundings_of(const Log& log, std::span<const uint32_t> streams,
                                     const Time& time, uint64_t records) {
  Surroundings result;
  if (time.shape().words > 1 + std::popcount(time.shape().wide_mask)) return result;
  for (const uint32_t stream : streams) {
    SegmentSearch search = search_of(log, stream);
    TIDEMARK_ASSIGN(segment, search.first());
    while (segment) {
      TIDEMARK_ASSIGN(successor, search.successor_of(segment->first_position()));
      if (!successor) break;
      const auto seal = seal_before(*segment, successor->header());
      const uint64_t before = totals_before(segment->header()).records;
      if (seal && seal->bounds && seal->bounds->meet.shape() == time.shape() &&
          seal->totals.records - before >= records) {
        const TimeBounds& bounds = *seal->bounds;
        if (bounds.join < time && (!result.from || *result.from < bounds.meet)) {
          result.from = bounds.meet;
        }
        if (!(bounds.meet < time) && (!result.until || bounds.join < *result.until)) {
          result.until = bounds.join;
        }
      }
      segment = successor;
    }
  }
  if (!result.until) return result;
  // The bound is exclusive: the next time after the join, if there is one.
  std::vector<uint64_t> words(result.until->words().begin(), result.until->words().end());
  for (size_t i = words.size(); i-- > 0;) {
    if (++words[i] != 0) {
      result.until = Time(time.shape(), words);
      return result;
    }
  }
  result.until.reset();
  return result;
}

}  // namespace tidemark
