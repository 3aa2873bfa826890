#include "stream_walk.h"

#include <algorithm>
#include <utility>

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
  judge_.advance_clock(frame.captured_at_ns);
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
  if (!entered_) {
    opening_ = checkpoint.counts;
  } else if (!passing_over_ &&
             (restored->counts() != protocol().counts() || checkpoint.totals != totals())) {
    return segment.fail_at(offset, ErrorCode::Corrupt,
                           "the checkpoint contradicts the events before it");
  }
  judge_ = EventJudge(*std::move(restored), checkpoint.totals,
                      std::max(captured_at_ns(), frame->captured_at_ns));
  entered_ = true;
  passing_over_ = false;
  return frame->end_position() - segment.first_position();
}

bool StreamWalk::go_to_waypoint(const FrameView& frame) {
  if (frame.kind != FrameKind::Waypoint || frame.captured_at_ns < captured_at_ns()) return false;
  const auto waypoint = decode_checkpoint(frame.payload, protocol().shape());
  if (!waypoint || waypoint->totals.events < totals().events ||
      waypoint->totals.records < totals().records ||
      waypoint->totals.data_bytes < totals().data_bytes) {
    return false;
  }
  auto restored = Protocol::restore(protocol().shape(), waypoint->counts);
  if (!restored || restored->finished()) return false;  // an event follows
  judge_ = EventJudge(*std::move(restored), waypoint->totals, frame.captured_at_ns);
  return true;
}

void StreamWalk::begin_here() {
  opening_.clear();
  for (const auto& [time, count] : protocol().counts()) opening_.push_back({time, count});
}

Result<EventView> StreamWalk::apply(const Segment& segment, uint64_t offset,
                                    const FrameView& frame) {
  if (frame.kind == FrameKind::Schema) {
    return fail_schema(segment, offset, "S2", "a schema stands where none belongs");
  }
  auto event = judge_.apply(frame, static_cast<RecordEncoding>(segment.header().record_encoding));
  if (!event) [[unlikely]]
    return segment.fail_at(offset, std::move(event).error());
  if (frame.kind == FrameKind::Mark) mark_.assign(frame.payload.begin(), frame.payload.end());
  return event;
}

}  // namespace tidemark
