// Seeking: where reading a stream has to begin, found by the headers, checkpoints and seals of its
// segments, of which a handful of pages is touched each (SPEC.md section 11).
//
// Damage in what is passed over is not noticed: verify_log() is for that. No catalog is opened.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tidemark/event_reader.h"
#include "tidemark/log.h"
#include "tidemark/protocol.h"
#include "tidemark/result.h"
#include "tidemark/summary_frames.h"
#include "tidemark/time.h"

namespace tidemark {

// What a reader has no use for, as the seals of segments tell.
class SegmentFilter {
 public:
  virtual ~SegmentFilter() = default;
  // Whether messages within these bounds may be wanted.
  virtual bool wants(const TimeBounds& bounds) const = 0;
  // Whether nothing that may follow these capabilities is wanted.
  virtual bool over(std::span<const Change> counts) const = 0;
};

// Where to begin reading a stream: before its first event of which something holds.
class StartPoint {
 public:
  // The event with this sequence, or the end where there are not so many.
  static StartPoint at_sequence(uint64_t sequence) { return {Kind::Sequence, sequence}; }
  // The first event captured at this time or later, in ns since the Unix epoch.
  static StartPoint captured_at(uint64_t ns) { return {Kind::Captured, ns}; }
  // The last `count` events; all of them where there are fewer.
  static StartPoint last_events(uint64_t count) { return {Kind::LastEvents, count}; }
  // The last events that have `count` records between them; one more event than that has records.
  static StartPoint last_records(uint64_t count) { return {Kind::LastRecords, count}; }
  // The state as of a complete time: right after the progress with which no message at `time` can
  // follow any more. The end where the stream has not come so far.
  static StartPoint complete(const Time& time);

  // Whether a reader that is about to poll stands there already.
  bool stands_at(const EventReader& reader) const;
  // Whether the event that it found is the first.
  bool begins_with(const EventReader& reader) const;

 private:
  friend Result<struct StreamStart> find_start(const Log&, uint32_t, const StartPoint&, Access);
  enum class Kind : uint8_t { Sequence, Captured, LastEvents, LastRecords, AfterRecords, Complete };
  StartPoint(Kind kind, uint64_t number) : kind_(kind), number_(number) {}

  Kind kind_;
  uint64_t number_ = 0;
  Time time_;
};

struct StreamStart {
  // For ReaderOptions::segment; nothing: the stream's beginning.
  std::optional<uint64_t> segment;
  // For ReaderOptions::waypoint; nothing: the segment's beginning.
  std::optional<uint64_t> waypoint;
  // The same point told without reference to the stream's end.
  StartPoint point;
  // For the last events or records: where the stream ended when it was looked at, and the totals
  // there. Where it cannot be read to its end, those where it cannot, and the greatest position.
  uint64_t end = 0;
  Totals totals;
};

// Looks at the headers of O(log segments) segments, at the seal of one and at O(log waypoints) of
// its waypoints; for the last events or records through the last segment too, unless it was closed.
// Errors: NotFound, Io; for the last events or records those of reading.
Result<StreamStart> find_start(const Log& log, uint32_t stream, const StartPoint& point,
                               Access access = Access::Map);

// A reader whose next event is the first at `point`. Of the segment that holds it, what precedes
// it is read and verified from the last waypoint before it on: about a MiB. `options.segment` must
// be unset. Errors: as EventReader's.
Result<EventReader> reader_at(const Log& log, uint32_t stream, const StartPoint& point,
                              const ReaderOptions& options = {});

// The first segment of a stream that has to be read for `filter`, for ReaderOptions::segment;
// nothing: the beginning. Looks at two or three pages of each segment from `from` on. For
// Visibility::Durable, segments that are not durable have to be read.
Result<std::optional<uint64_t>> find_wanted(const Log& log, uint32_t stream,
                                            const SegmentFilter& filter,
                                            std::optional<uint64_t> from = std::nullopt,
                                            Visibility visibility = Visibility::Committed);

// Bounds of time within which at least `records` records lie before `time`, and as many from it on,
// where sealed segments show that there are so many; unset where they do not, and where times are
// not totally ordered. Looks at two or three pages of each segment.
struct Surroundings {
  std::optional<Time> from;
  std::optional<Time> until;
};
Result<Surroundings> surroundings_of(const Log& log, std::span<const uint32_t> streams,
                                     const Time& time, uint64_t records);

}  // namespace tidemark
