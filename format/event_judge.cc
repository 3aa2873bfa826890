#include "tidemark/event_judge.h"

namespace tidemark {

Result<EventView> EventJudge::apply(const FrameView& frame, RecordEncoding encoding) {
  EventView event;
  event.position = frame.position;
  event.end_position = frame.end_position();
  event.sequence = totals_.events;
  event.captured_at_ns = frame.captured_at_ns;
  if (frame.captured_at_ns < captured_at_ns_) {
    return fail(ErrorCode::Corrupt, "the capture clock goes backward");
  }
  if (frame.kind == FrameKind::Messages) {
    TIDEMARK_ASSIGN(messages, decode_messages(frame.payload, protocol_.shape()));
    if (messages.fixed() != (encoding == RecordEncoding::Fixed)) {
      return fail(ErrorCode::Corrupt, "the records are not laid out as the stream's header says");
    }
    TIDEMARK_TRY(protocol_.messages(messages.time()));
    ++totals_.events;
    totals_.records += messages.size();
    totals_.data_bytes += messages.data().size();
    event.content = messages;
  } else if (frame.kind == FrameKind::Progress) {
    TIDEMARK_ASSIGN(progress, decode_progress(frame.payload, protocol_.shape()));
    scratch_.clear();
    for (size_t i = 0; i < progress.size(); ++i) scratch_.push_back(progress.change(i));
    TIDEMARK_TRY(protocol_.progress(scratch_));
    ++totals_.events;
    event.content = progress;
  } else if (frame.kind == FrameKind::Checkpoint) {
    return fail(ErrorCode::Corrupt, "a checkpoint stands among the events");
  } else if (frame.kind == FrameKind::Schema) {
    return fail(ErrorCode::Corrupt, "a schema stands among the events");
  } else if (frame.kind == FrameKind::Waypoint) {
    TIDEMARK_TRY(check_waypoint(frame));
  }
  captured_at_ns_ = frame.captured_at_ns;
  return event;
}

// Whoever goes on from a waypoint believes it.
Result<void> EventJudge::check_waypoint(const FrameView& frame) const {
  TIDEMARK_ASSIGN(waypoint, decode_checkpoint(frame.payload, protocol_.shape()));
  if (!same_counts(waypoint.counts, protocol_) || waypoint.totals != totals_) {
    return fail(ErrorCode::Corrupt, "the waypoint contradicts the events before it");
  }
  return {};
}

bool EventJudge::apply_written_progress(const FrameView& frame, EventView& event) {
  auto& progress = event.content.emplace<ProgressView>();
  if (!decode_written_progress(frame.payload, protocol_.shape(), progress)) return false;
  scratch_.clear();
  for (size_t i = 0; i < progress.size(); ++i) scratch_.push_back(progress.change(i));
  if (!protocol_.progress(scratch_)) return false;
  event.sequence = totals_.events++;
  return true;
}

}  // namespace tidemark
