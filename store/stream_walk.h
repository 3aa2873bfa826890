// `StreamWalk`: the state of a stream while its frames are walked: counts, totals, clock. The one
// place that knows what each kind of frame means for what may follow it (SPEC.md section 10).
#pragma once

#include <cstdint>
#include <vector>

#include "segment.h"
#include "segment_schema.h"
#include "tidemark/event_judge.h"

namespace tidemark {

class StreamWalk {
 public:
  // Enters a segment by the frames that open it: both of the steps below.
  Result<uint64_t> enter(Segment& segment);
  // The checkpoint, the frame right after the header. The first segment that is entered gives the
  // state; in later ones it must be the state that was reached. Returns the offset after the
  // checkpoint. Errors: Corrupt, ProtocolViolation, Io.
  Result<uint64_t> enter_by_checkpoint(Segment& segment);
  // The schema at `offset`, right after the checkpoint, where the header says that there is one.
  // Returns the offset after it, or `offset` where there is none. Errors: Corrupt (S1, S3), Io.
  Result<uint64_t> take_schema(Segment& segment, uint64_t offset);

  // Goes to a waypoint further on in the segment entered last, of which a seal tells: the state is
  // what it says. False where it cannot be that, or the frame is no waypoint: nothing was changed.
  bool go_to_waypoint(const FrameView& frame);

  // What was walked so far was only to know the state: the walk begins here, with these counts.
  void begin_here();

  // Forgets counts and totals, but not the clock: the segment that is entered next gives them, as
  // the first one did. For those who go on after damage.
  void forget() { entered_ = false; }
  // The segment that is entered next is a later one, and gives counts and totals; opening() stays.
  void pass_over() { passing_over_ = true; }

  // Decodes and applies the frame that stands at `offset` of the segment entered last, behind the
  // frames that open it. Marks, waypoints, skippable frames of unknown kind and seals give an event
  // without content.
  // Errors: Corrupt, ProtocolViolation, with their place; the state is then as before.
  Result<EventView> apply(const Segment& segment, uint64_t offset, const FrameView& frame);

  // apply() where nothing but an ordinary event is found, else false: then the state is as before,
  // apply() knows more, and `event` is to be thrown away.
  [[gnu::always_inline]] bool apply_written(const Segment& segment, const FrameView& frame,
                                            EventView& event) {
    return judge_.apply_written(
        frame, static_cast<RecordEncoding>(segment.header().record_encoding), event);
  }

  const Protocol& protocol() const { return judge_.protocol(); }
  bool entered() const { return entered_; }
  const Totals& totals() const { return judge_.totals(); }
  uint64_t captured_at_ns() const { return judge_.captured_at_ns(); }
  const std::vector<Change>& opening() const { return opening_; }
  // The schema that was taken last.
  const SchemaBytes& schema() const { return schema_; }
  // The producer's restart token that was met last; empty: none.
  const std::vector<std::byte>& mark() const { return mark_; }

 private:
  bool entered_ = false;
  bool passing_over_ = false;
  EventJudge judge_{Protocol(TimeShape{}), {}, 0};  // of a stream once one was entered
  std::vector<Change> opening_;                     // counts with which the walk began
  SchemaBytes schema_;
  std::vector<std::byte> mark_;
};

}  // namespace tidemark
