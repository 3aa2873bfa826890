// `EventJudge`: what a stream's events so far mean for the next one: counts, totals, clock (SPEC.md
// sections 5.3 and 10). One place for files and connections alike.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "tidemark/event.h"
#include "tidemark/frame.h"
#include "tidemark/layout.h"
#include "tidemark/protocol.h"
#include "tidemark/result.h"
#include "tidemark/summary_frames.h"

namespace tidemark {

// Not thread-safe.
class EventJudge {
 public:
  // The state after `totals`, in which no clock below `captured_at_ns` may follow.
  EventJudge(Protocol protocol, const Totals& totals, uint64_t captured_at_ns)
      : protocol_(std::move(protocol)), totals_(totals), captured_at_ns_(captured_at_ns) {}

  // Decodes and applies a verified frame. Marks, waypoints, skippable frames of unknown kind and
  // seals give an event without content. The event's views belong to the frame's bytes. Errors,
  // without a place: Corrupt, ProtocolViolation, Finished, TooLarge; the state is then as before.
  Result<EventView> apply(const FrameView& frame, RecordEncoding encoding);

  // apply() for events as this implementation writes them: false where apply() must be asked, be it
  // that it has an error; the state is then as before, and `event` is to be thrown away.
  bool apply_written(const FrameView& frame, RecordEncoding encoding, EventView& event);

  // A frame that is no event of this judge's was captured then.
  void advance_clock(uint64_t captured_at_ns) {
    captured_at_ns_ = std::max(captured_at_ns_, captured_at_ns);
  }

  const Protocol& protocol() const { return protocol_; }
  const Totals& totals() const { return totals_; }
  uint64_t captured_at_ns() const { return captured_at_ns_; }

 private:
  bool apply_written_progress(const FrameView& frame, EventView& event);
  Result<void> check_waypoint(const FrameView& frame) const;

  Protocol protocol_;
  Totals totals_;
  uint64_t captured_at_ns_;
  std::vector<Change> scratch_;
};

[[gnu::always_inline]] inline bool EventJudge::apply_written(const FrameView& frame,
                                                             RecordEncoding encoding,
                                                             EventView& event) {
  if (frame.captured_at_ns < captured_at_ns_) [[unlikely]]
    return false;
  if (frame.kind == FrameKind::Messages) [[likely]] {
    // Most events follow one of their kind, whose place is overwritten as it is.
    auto* const place = std::get_if<MessagesView>(&event.content);
    auto& messages = place != nullptr ? *place : event.content.emplace<MessagesView>();
    if (!decode_written_messages(frame.payload, protocol_.shape(), messages) ||
        messages.fixed() != (encoding == RecordEncoding::Fixed) ||
        !protocol_.allows_messages(messages.time())) [[unlikely]] {
      return false;
    }
    event.sequence = totals_.events++;
    totals_.records += messages.size();
    totals_.data_bytes += messages.data().size();
  } else if (frame.kind == FrameKind::Progress) {
    if (!apply_written_progress(frame, event)) [[unlikely]]
      return false;
  } else {
    return false;
  }
  event.position = frame.position;
  event.end_position = frame.end_position();
  event.captured_at_ns = frame.captured_at_ns;
  captured_at_ns_ = frame.captured_at_ns;
  return true;
}

}  // namespace tidemark
