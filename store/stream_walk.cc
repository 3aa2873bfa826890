#include "stream_walk.h"

#include <algorithm>

namespace tidemark {

Result<uint64_t> StreamWalk::enter(Segment& segment) {
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
  } else if (restored->counts() != protocol().counts() || checkpoint.totals != totals()) {
    return segment.fail_at(offset, ErrorCode::Corrupt,
                           "the checkpoint contradicts the events before it");
  }
  judge_ = EventJudge(*std::move(restored), checkpoint.totals,
                      std::max(captured_at_ns(), frame->captured_at_ns));
  entered_ = true;
  return frame->end_position() - segment.first_position();
}

Result<EventView> StreamWalk::apply(const Segment& segment, uint64_t offset,
                                    const FrameView& frame) {
  auto event = judge_.apply(frame, static_cast<RecordEncoding>(segment.header().record_encoding));
  if (!event) [[unlikely]]
    event = segment.fail_at(offset, std::move(event).error());
  return event;
}

}  // namespace tidemark
