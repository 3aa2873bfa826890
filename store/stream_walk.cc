#include "stream_walk.h"

#include <algorithm>

namespace tidemark {

Result<uint64_t> StreamWalk::enter(Segment& segment) {
  TIDEMARK_ASSIGN(after_checkpoint, enter_by_checkpoint(segment));
  return take_schema(segment, after_checkpoint);
}

Result<uint64_t> StreamWalk::take_schema(Segment& segment, uint64_t offset) {
  if (!segment.header().has_schema()) return offset;
  TIDEMARK_ASSIGN(frame, schema_frame(segment, offset));
  // Every segment repeats it; one copy serves whoever asks.
  if (!schema_ ||
      !std::equal(schema_->begin(), schema_->end(), frame.payload.begin(), frame.payload.end())) {
    schema_ =
        std::make_shared<const std::vector<std::byte>>(frame.payload.begin(), frame.payload.end());
  }
  captured_at_ns_ = std::max(captured_at_ns_, frame.captured_at_ns);
  return frame.end_position() - segment.first_position();
}

Result<uint64_t> StreamWalk::enter_by_checkpoint(Segment& segment) {
  const SegmentHeader& header = segment.header();
  const uint64_t offset = kSegmentHeaderBytes;
  TIDEMARK_ASSIGN(frame, segment.frame(offset));
  if (!frame || frame->kind != FrameKind::Checkpoint) {
    return segment.fail_at(offset, ErrorCode::Corrupt,
                           "the segment does not open with a checkpoint");
  }
  auto decoded = decode_checkpoint(frame->payload, header.time_shape());
  if (!decoded) return segment.fail_at(offset, std::move(decoded).error());
  const Checkpoint& checkpoint = *decoded;
  const Totals by_header{header.first_sequence, header.records_before, header.data_bytes_before};
  if (!segment.identity_only() && checkpoint.totals != by_header) {
    return segment.fail_at(offset, ErrorCode::Corrupt,
                           "the checkpoint's totals are not those of the header");
  }
  auto restored = Protocol::restore(header.time_shape(), checkpoint.counts);
  if (!restored) return segment.fail_at(offset, std::move(restored).error());
  if (!protocol_) {
    opening_ = checkpoint.counts;
  } else if (restored->counts() != protocol_->counts() || checkpoint.totals != totals_) {
    return segment.fail_at(offset, ErrorCode::Corrupt,
                           "the checkpoint contradicts the events before it");
  }
  protocol_ = *std::move(restored);
  totals_ = checkpoint.totals;
  captured_at_ns_ = std::max(captured_at_ns_, frame->captured_at_ns);
  return frame->end_position() - segment.first_position();
}

Result<EventView> StreamWalk::apply(const Segment& segment, uint64_t offset,
                                    const FrameView& frame) {
  const TimeShape shape = segment.header().time_shape();
  EventView event;
  event.position = frame.position;
  event.end_position = frame.end_position();
  event.sequence = totals_.events;
  event.captured_at_ns = frame.captured_at_ns;
  if (frame.captured_at_ns < captured_at_ns_) {
    return segment.fail_at(offset, ErrorCode::Corrupt, "the capture clock goes backward");
  }
  if (frame.kind == FrameKind::Messages) {
    auto messages = decode_messages(frame.payload, shape);
    if (!messages) return segment.fail_at(offset, std::move(messages).error());
    const auto encoding = static_cast<RecordEncoding>(segment.header().record_encoding);
    if (messages->fixed() != (encoding == RecordEncoding::Fixed)) {
      return segment.fail_at(offset, ErrorCode::Corrupt,
                             "the records are not laid out as the segment's header says");
    }
    if (auto judged = protocol_->messages(messages->time()); !judged) {
      return segment.fail_at(offset, std::move(judged).error());
    }
    ++totals_.events;
    totals_.records += messages->size();
    totals_.data_bytes += messages->data().size();
    event.content = *messages;
  } else if (frame.kind == FrameKind::Progress) {
    auto progress = decode_progress(frame.payload, shape);
    if (!progress) return segment.fail_at(offset, std::move(progress).error());
    scratch_.clear();
    for (size_t i = 0; i < progress->size(); ++i) scratch_.push_back(progress->change(i));
    if (auto judged = protocol_->progress(scratch_); !judged) {
      return segment.fail_at(offset, std::move(judged).error());
    }
    ++totals_.events;
    event.content = *progress;
  } else if (frame.kind == FrameKind::Checkpoint) {
    return segment.fail_at(offset, ErrorCode::Corrupt, "a checkpoint stands within a segment");
  } else if (frame.kind == FrameKind::Schema) {
    return fail_schema(segment, offset, "S2", "a schema stands where none belongs");
  }
  captured_at_ns_ = frame.captured_at_ns;
  return event;
}

}  // namespace tidemark
