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

  // Decodes and applies a verified frame. Skippable frames of unknown kind and seals give an event
  // without content. The event's views belong to the frame's bytes. Errors, without a place:
  // Corrupt, ProtocolViolation, Finished, TooLarge; the state is then as before.
  Result<EventView> apply(const FrameView& frame, RecordEncoding encoding);

  // A frame that is no event of this judge's was captured then.
  void advance_clock(uint64_t captured_at_ns) {
    captured_at_ns_ = std::max(captured_at_ns_, captured_at_ns);
  }

  const Protocol& protocol() const { return protocol_; }
  const Totals& totals() const { return totals_; }
  uint64_t captured_at_ns() const { return captured_at_ns_; }

 private:
  Protocol protocol_;
  Totals totals_;
  uint64_t captured_at_ns_;
  std::vector<Change> scratch_;
};

}  // namespace tidemark
