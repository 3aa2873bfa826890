// `WireEncoder`: events into the bytes of a stream that is sent (SPEC.md section 18). It knows
// neither where the bytes go nor what waits for them; `WireWriter` does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "tidemark/encode.h"
#include "tidemark/frame.h"
#include "tidemark/protocol.h"
#include "tidemark/result.h"
#include "tidemark/summary_frames.h"
#include "tidemark/wire_kind.h"

namespace tidemark {

// Not thread-safe. What an error refuses leaves no trace: neither bytes nor a changed count.
class WireEncoder {
 public:
  // Begins with the hello. `salt` is random, and new for each stream. No frame is longer than
  // `max_frame_bytes`. Errors: InvalidArgument.
  static Result<WireEncoder> begin(const WireKind& kind, uint64_t salt, uint64_t max_frame_bytes);

  // One event. A clock that goes backward stands still. Errors: ProtocolViolation with the rule,
  // Finished, TooLarge (a set of capabilities).
  Result<void> progress(std::span<const Change> changes, uint64_t captured_at_ns);
  // One event, or several where its records do not fit into one frame; each way for one of the
  // kind's encodings. Errors: ProtocolViolation, Finished, TooLarge (one record that fits into no
  // frame).
  Result<void> messages(const Time& time, std::span<const std::string_view> records,
                        uint64_t captured_at_ns);
  // `data` is `records` records of one length.
  Result<void> messages(const Time& time, size_t records, std::span<const std::byte> data,
                        uint64_t captured_at_ns);
  // The end frame; nothing may follow.
  void end(uint64_t captured_at_ns);

  // The bytes that were not sent, valid until the next call; and that so many of them were.
  std::span<const std::byte> unsent() const { return std::span(bytes_).subspan(sent_); }
  void sent(size_t bytes);

  TimeShape shape() const { return protocol_.shape(); }
  const Protocol& protocol() const { return protocol_; }
  const Totals& totals() const { return totals_; }
  // Bytes of the stream so far, sent or not.
  uint64_t position() const { return position_; }

 private:
  WireEncoder(const WireHello& hello, uint64_t max_frame_bytes);

  std::byte* begin_frame(uint64_t payload_bytes);
  void end_frame(FrameKind kind, uint64_t payload_bytes, uint64_t captured_at_ns);
  // What a frame of messages takes beside records and offsets, at most.
  uint64_t messages_overhead(bool variable) const;
  void put_messages(const Time& time, std::span<const std::string_view> records,
                    uint64_t data_bytes, uint64_t captured_at_ns);

  RecordEncoding encoding_;
  FrameKey key_;
  uint64_t max_frame_bytes_;
  Protocol protocol_;
  Totals totals_;
  uint64_t position_ = 0;
  uint64_t captured_at_ns_ = 0;
  uint64_t digest_ = 0;
  // Frames are encoded in place, so what stands here begins and ends at multiples of 8.
  std::vector<std::byte> bytes_;
  size_t sent_ = 0;
};

}  // namespace tidemark
