// `LogWriter<T, C>`: captures an operator's events into a stream of a log (SPEC.md section 10).
//
//   auto writer = open_writer<uint64_t, std::vector<Trade>>(log, 0);
//   if (!writer) return ...;
//   writer->push(Messages<uint64_t, std::vector<Trade>>{7, trades});
//   writer->push(Progress<uint64_t>{{{0, -1}, {8, 1}}});
//   writer->finish();
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "tidemark/captured_event.h"
#include "tidemark/codec.h"
#include "tidemark/dataflow/timestamp.h"
#include "tidemark/event_writer.h"
#include "tidemark/log.h"
#include "tidemark/result.h"
#include "tidemark/stream_capture.h"
#include "tidemark/time_codec.h"

namespace tidemark {

// Models `EventPusher<T, C>`. The operator's events obey P1 to P5 from a count of 1 at the minimum,
// whatever the stream holds already: see `StreamCapture` for an operator that was restarted.
// Pushing allocates nothing once its scratch space has grown. One thread at a time.
template <Timestamp T, Encodable C>
requires LoggedTime<T>
class LogWriter {
 public:
  // `writer` was opened with what `writer_options_for<T, C>` gives.
  explicit LogWriter(EventWriter writer, Behind behind = Behind::Refuse)
      : capture_(std::move(writer), behind) {}

  // Takes in an event, which is visible to readers then. The event stays the caller's. A container
  // too large for one event is written as several at the same time, an empty one not at all.
  // Errors, which stay: ProtocolViolation (a rule is broken, or P3: the messages are behind the
  // frontier that the stream had reached when it was opened), Finished, TooLarge (a single record,
  // or too many capabilities), NoSpace, Io, Forked, Poisoned.
  Result<void> push(const Event<T, C>& event) {
    if (const Messages<T, C>* messages = event.messages()) return push(*messages);
    return push(*event.progress());
  }
  Result<void> push(const Progress<T>& progress) {
    changes_.clear();
    for (const auto& [time, diff] : progress.changes) changes_.push_back({to_time(time), diff});
    return capture_.progress(changes_);
  }
  Result<void> push(const Messages<T, C>& messages) {
    const Time time = to_time(messages.time);
    const C& container = messages.data;
    if constexpr (Codec<C>::encoding == RecordEncoding::Fixed) {
      static_assert(Codec<C>::stride > 0);
      return capture_.messages(time, Codec<C>::records(container), Codec<C>::stride,
                               Codec<C>::data(container));
    } else {
      records_.clear();
      const size_t count = Codec<C>::records(container);
      for (size_t i = 0; i < count; ++i) records_.push_back(Codec<C>::record(container, i));
      return capture_.messages(time, records_);
    }
  }

  // Syncs and closes the stream, which is not finished by it where capabilities are left. Errors:
  // the one that pushing ended with, or that of EventWriter::close.
  Result<void> finish() { return capture_.finish(); }

  // Whether the stream's counts are the operator's: not until an operator that was restarted has
  // come up to where the stream stood.
  bool caught_up() const { return capture_.caught_up(); }
  // Records that Behind::Drop left out.
  uint64_t dropped_records() const { return capture_.dropped_records(); }

  // For sync(), durable() and the like; what is appended to it directly is not the operator's.
  EventWriter& writer() { return capture_.writer(); }
  const EventWriter& writer() const { return capture_.writer(); }

 private:
  StreamCapture capture_;
  std::vector<Change> changes_;
  std::vector<std::string_view> records_;
};

// `options` with what the codecs say of the events.
template <LoggedTime T, Encodable C>
WriterOptions writer_options_for(WriterOptions options = {}) {
  options.time = TimeCodec<T>::shape;
  options.time_name = TimeCodec<T>::name();
  options.encoding = Codec<C>::encoding;
  options.container_name = Codec<C>::name();
  if constexpr (HasSchema<C>) {
    const std::span<const std::byte> schema = Codec<C>::schema();
    options.schema.assign(schema.begin(), schema.end());
  }
  return options;
}

// Opens a stream for an operator's events; of `options`, what says how they look is replaced by
// what the codecs say. Errors: those of Log::writer, among them Finished, and InvalidArgument where
// the stream holds other times or containers.
template <Timestamp T, Encodable C>
Result<LogWriter<T, C>> open_writer(const Log& log, uint32_t stream,
                                    const WriterOptions& options = {},
                                    Behind behind = Behind::Refuse) {
  TIDEMARK_ASSIGN(writer, log.writer(stream, writer_options_for<T, C>(options)));
  return LogWriter<T, C>(std::move(writer), behind);
}

}  // namespace tidemark
