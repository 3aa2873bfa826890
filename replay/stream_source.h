// One stream as a replay takes it: its events within the slice, what it opens with, and where it
// ends (SPEC.md section 10).
//
// Each source counts the capabilities of its stream as they are in the slice, from one at the
// minimum; the changes that it tells lead from there to every later state, so their sum over the
// streams is the replay's.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "slice.h"
#include "stream_events.h"
#include "tidemark/antichain.h"
#include "tidemark/replay.h"

namespace tidemark {

class StreamSource {
 public:
  enum class Step : uint8_t {
    Opened,    // the first segment was found: changes() lead to what the stream begins with
    Passed,    // segments were passed over: changes() lead to what the stream goes on with
    Messages,  // event() holds messages of the slice
    Progress,  // event() holds progress, changes() what it changes in the slice
    Voided,    // messages that step() told of at times at or after void_frontier() are void
    Nothing,   // an event was read that the slice does not have
    Pending,   // nothing yet; the stream may go on
    Over,      // nothing will come: the stream or the slice is finished, or this is its end
  };

  StreamSource(std::unique_ptr<StreamEvents> events, Slice slice, EndMode end, bool follow);

  // Where a replay that does not follow stops: the position after the stream's last event when the
  // replay was opened. Without it, such a replay stops where it first finds nothing more.
  void stop_at(uint64_t position) { stop_at_ = position; }
  // Where it begins to tell: what precedes is read, and sums up to what the stream opens with.
  void start_at(const StartPoint& start) { start_ = start; }
  // The shape of another stream's times, for as long as this one has no segment to tell it.
  void assume_shape(TimeShape shape);

  // Reads one event at most. Errors stay: the stream's, and ProtocolViolation (P4).
  Result<Step> step();

  const EventView& event() const { return events_->event(); }
  // Whether it stands right after the event that was read before it, in one segment.
  bool continues() const { return continues_; }
  const std::vector<Change>& changes() const { return changes_; }
  // After Voided: the frontier at which the stream's producer was restarted.
  const Antichain<Time>& void_frontier() const { return events_->frontier(); }
  // The stream's capabilities in the slice, as the steps up to now tell.
  const MutableAntichain<Time>& capabilities() const { return capabilities_; }

  // The position before which every event was taken: behind the last step's, but where the next one
  // was read already, to see the opening or the end before it.
  uint64_t taken_upto() const;

  uint32_t stream() const { return events_->stream(); }
  std::optional<TimeShape> shape() const { return events_->shape(); }
  StreamEvents& events() { return *events_; }
  const StreamEvents& events() const { return *events_; }

 private:
  Result<Step> begin();
  Result<Step> open();
  Result<Step> pass_over_to_start();
  Result<bool> pass_over_segments();
  Result<Step> take_event();
  bool may_end_here() const;

  std::unique_ptr<StreamEvents> events_;
  Slice slice_;
  EndMode end_;
  bool follow_;
  std::optional<uint64_t> stop_at_;

  std::optional<StartPoint> start_;

  bool begun_ = false;                    // counts_before_ is known
  MutableAntichain<Time> counts_before_;  // of what precedes the start, in the slice
  bool opened_ = false;
  bool loaded_ = false;  // event() was read, but the opening had to be told first
  bool beyond_ = false;  // event() was read, but it lies beyond stop_at_
  bool continues_ = false;
  uint64_t next_sequence_ = 0;
  uint64_t last_end_ = 0;
  MutableAntichain<Time> capabilities_;
  std::vector<Change> changes_;
};

// Opens a stream at the first segment that a replay of `slice` from `point` on has any use for, and
// says in `start`, where there is one, from where to tell. `options.position` goes before `point`.
// Errors: those of Log::reader and find_start; InvalidArgument for a segment and a point.
Result<EventReader> open_reader(const Log& log, uint32_t stream,
                                const std::optional<StartPoint>& point, const Slice& slice,
                                ReaderOptions options, std::optional<StartPoint>& start);

// The position for stop_at(): nothing where the replay goes on with what is written meanwhile.
// A live writer may append as fast as a replay reads, so the end is noted when it is opened and not
// found on the way. Nothing too where the end cannot be told: the stream is damaged then, and
// reading it will say where.
std::optional<uint64_t> end_of_replay(const Log& log, uint32_t stream, EndMode end, bool follow,
                                      Access access);

}  // namespace tidemark
