// `StreamCapture`: one operator's events on their way into a stream (SPEC.md sections 8 and 10).
// What `LogWriter` writes with; it knows nothing of an application's types.
//
// An operator that was restarted counts its capabilities from {minimum: 1} again, the stream does
// not. So the operator's own counts are kept beside the stream's until its frontier has reached
// the one that the stream stood at when it was opened (the recovered frontier); then the
// difference is written as one progress event, and the two are the same from there on. Example: a
// stream stands at {5: 1}. The operator's {0: -1, 3: +1} is only kept, its {3: -1, 7: +1} is
// written as {5: -1, 7: +1}. Meanwhile its messages at 4 are behind the stream, those at 6 are not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "tidemark/event_writer.h"
#include "tidemark/protocol.h"
#include "tidemark/result.h"
#include "tidemark/time.h"

namespace tidemark {

// What becomes of messages behind the recovered frontier: the stream has told its readers that
// there are no more of them.
enum class Behind : uint8_t {
  Refuse,  // ProtocolViolation (P3)
  Drop,    // left out, and counted: the operator repeats what the stream has already
};

// Judges the operator's sequence by the protocol, from a count of 1 at the minimum, and keeps the
// stream's. After an error every call answers with it. One thread at a time.
class StreamCapture {
 public:
  StreamCapture(EventWriter writer, Behind behind);

  // Errors: those of EventWriter::append_progress, for the operator's counts and the stream's.
  Result<void> progress(std::span<const Change> changes);
  // Records that do not fit into one event become several at the same time; none are not written.
  // Errors: those of EventWriter::append_messages; TooLarge where a single record is (nothing was
  // written then); ProtocolViolation where the time is behind.
  Result<void> messages(const Time& time, std::span<const std::string_view> records);
  // `records` of `stride` bytes each, one after the other in `data`.
  Result<void> messages(const Time& time, size_t records, size_t stride,
                        std::span<const std::byte> data);
  // Closes the writer. Errors: the one that pushing ended with, or that of EventWriter::close.
  Result<void> finish();

  // Whether the stream's counts are the operator's.
  bool caught_up() const { return !own_; }
  // Records left out by Behind::Drop.
  uint64_t dropped_records() const { return dropped_records_; }
  EventWriter& writer() { return writer_; }
  const EventWriter& writer() const { return writer_; }

 private:
  Result<void> apply(std::span<const Change> changes);
  Result<void> write(const Time& time, std::span<const std::string_view> records);
  Result<void> write(const Time& time, size_t records, size_t stride,
                     std::span<const std::byte> data);
  // Judges a messages event; whether there is anything to write.
  Result<bool> admit(const Time& time, size_t records);
  bool reached() const;
  size_t fitting(std::span<const std::string_view> records) const;
  Result<void> too_large(size_t record_bytes) const;
  bool is_one_event(std::span<const std::string_view> records) const;
  Result<void> ended(Result<uint64_t> appended);
  Result<void> keep(Result<void> result);

  EventWriter writer_;
  Behind behind_;
  std::optional<Protocol> own_;  // the operator's counts while they are not the stream's
  uint64_t dropped_records_ = 0;
  std::optional<Error> error_;
};

}  // namespace tidemark
