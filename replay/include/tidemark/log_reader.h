// `LogReader<T, C>`: gives out what was captured into a stream of a log, as the operator's events
// (SPEC.md section 10).
//
//   auto reader = open_reader<uint64_t, std::vector<Trade>>(log, 0);
//   while (reader->poll().value() == Polled::Event) use(reader->event());
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "tidemark/captured_event.h"
#include "tidemark/codec.h"
#include "tidemark/event_reader.h"
#include "tidemark/log.h"
#include "tidemark/logged_stream.h"
#include "tidemark/result.h"
#include "tidemark/time_codec.h"

namespace tidemark {

// Whether a stream's headers say what a reader expects, else InvalidArgument naming both. A stream
// whose container has no name is anyone's.
Result<void> check_traits(const StreamTraits& traits, TimeShape time, const std::string& time_name,
                          RecordEncoding encoding, const std::string& container_name);
// The error for a time that the stream holds and the reader's type has no value for.
tl::unexpected<Error> fail_time(const Time& time, const std::string& time_name);

// Models `EventIterator<T, C>`. Its first event, where the stream is read from a later segment or
// was purged, is the progress from {minimum: 1} to what the stream holds there: so every reader's
// events obey P1 to P5 from {minimum: 1}. One thread at a time.
template <LoggedTime T, Encodable C>
class LogReader {
 public:
  // Errors: those of Log::reader; InvalidArgument where the stream holds other times or containers.
  static Result<LogReader> open(const Log& log, uint32_t stream,
                                const LogReaderOptions& options = {}) {
    TIDEMARK_ASSIGN(opened, LoggedStream::open(log, stream, options));
    LogReader reader(std::move(opened));
    TIDEMARK_TRY(reader.check());
    return reader;
  }

  // Looks once. Ended: the stream is finished, or its end was reached as the options say; what it
  // holds still is then for whoever reads to drop or to keep. Errors, which stay: those of
  // LoggedStream::step; Corrupt where records cannot be such a container; InvalidArgument where a
  // time is none of the type's, or where the stream's first segment came only now and holds
  // something else.
  Result<Polled> poll() {
    if (error_) return tl::make_unexpected(*error_);
    auto polled = look();
    if (!polled) error_ = polled.error();
    return polled;
  }

  // The event that poll() found, until the next call of it. Zero-copy containers hold on to the
  // segment they look into and may live longer.
  const Event<T, C>& event() const { return event_; }
  Event<T, C> take() { return std::move(event_); }

  // Sleeps until one of the streams may have something new or `limit` is over; false then. At least
  // one reader. Call poll() of each one afterwards.
  static Result<bool> wait_any(std::span<LogReader* const> readers,
                               std::chrono::nanoseconds limit) {
    std::vector<EventReader*> waited;
    waited.reserve(readers.size());
    for (LogReader* reader : readers) waited.push_back(&reader->reader());
    return tidemark::wait_any(std::span<EventReader* const>(waited), limit);
  }

  // What to wait on (wait_any), and where the stream stands. Polling it directly would skip events.
  EventReader& reader() { return stream_.reader(); }
  const EventReader& reader() const { return stream_.reader(); }

 private:
  explicit LogReader(LoggedStream stream) : stream_(std::move(stream)) {}

  Result<void> check() const {
    const auto& traits = stream_.reader().traits();
    if (!traits) return {};
    return check_traits(*traits, TimeCodec<T>::shape, TimeCodec<T>::name(), Codec<C>::encoding,
                        Codec<C>::name());
  }

  Result<Polled> look() {
    for (;;) {
      TIDEMARK_ASSIGN(step, stream_.step());
      switch (step) {
        case LoggedStream::Step::Opened:
          TIDEMARK_TRY(check());
          if (stream_.opening().empty()) break;
          TIDEMARK_TRY(take_changes(stream_.opening().size(),
                                    [&](size_t i) { return stream_.opening()[i]; }));
          return Polled::Event;
        case LoggedStream::Step::Progress: {
          const ProgressView& progress = *stream_.event().progress();
          TIDEMARK_TRY(take_changes(progress.size(), [&](size_t i) { return progress.change(i); }));
          return Polled::Event;
        }
        case LoggedStream::Step::Messages:
          TIDEMARK_TRY(take_messages(*stream_.event().messages()));
          return Polled::Event;
        case LoggedStream::Step::Pending:
          return Polled::Pending;
        case LoggedStream::Step::Over:
          return Polled::Ended;
      }
    }
  }

  template <typename ChangeAt>
  Result<void> take_changes(size_t count, ChangeAt change_at) {
    // The last progress event's memory is used again, unless it was taken.
    auto* progress = std::get_if<Progress<T>>(&event_.content);
    if (progress == nullptr) progress = &event_.content.template emplace<Progress<T>>();
    progress->changes.clear();
    for (size_t i = 0; i < count; ++i) {
      const Change change = change_at(i);
      TIDEMARK_ASSIGN(time, time_of(change.time));
      progress->changes.emplace_back(time, change.diff);
    }
    return {};
  }

  Result<void> take_messages(const MessagesView& messages) {
    TIDEMARK_ASSIGN(time, time_of(messages.time()));
    auto decoded = Codec<C>::decode(messages, stream_.reader().segment());
    if (!decoded) {
      Error error = std::move(decoded).error();
      if (!error.stream) error.stream = stream_.reader().stream();
      error.message += ", at position " + std::to_string(stream_.event().position);
      return tl::make_unexpected(std::move(error));
    }
    event_.content.template emplace<Messages<T, C>>(Messages<T, C>{time, *std::move(decoded)});
    return {};
  }

  // A narrower type than the stream was written with has no value for some of its times.
  static Result<T> time_of(const Time& words) {
    T time = from_time<T>(words);
    if (to_time(time) != words) return fail_time(words, TimeCodec<T>::name());
    return time;
  }

  LoggedStream stream_;
  Event<T, C> event_;
  std::optional<Error> error_;
};

template <LoggedTime T, Encodable C>
Result<LogReader<T, C>> open_reader(const Log& log, uint32_t stream,
                                    const LogReaderOptions& options = {}) {
  return LogReader<T, C>::open(log, stream, options);
}

// One reader for each of `streams`, in their order. Errors: as for one; InvalidArgument where the
// options name a segment to start at, which belongs to one stream.
template <LoggedTime T, Encodable C>
Result<std::vector<LogReader<T, C>>> open_readers(const Log& log, std::span<const uint32_t> streams,
                                                  const LogReaderOptions& options = {}) {
  if (options.reader.segment && streams.size() > 1) {
    return fail(ErrorCode::InvalidArgument, "a segment to start at belongs to one stream");
  }
  std::vector<LogReader<T, C>> readers;
  readers.reserve(streams.size());
  for (const uint32_t stream : streams) {
    TIDEMARK_ASSIGN(reader, (open_reader<T, C>(log, stream, options)));
    readers.push_back(std::move(reader));
  }
  return readers;
}

}  // namespace tidemark
