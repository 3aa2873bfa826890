// `resume_writer<T, C>`: captures an operator's events into a stream exactly once, over any number
// of kills (SPEC.md sections 5.8 and 10).
//
//   const auto resume = log.resume_frontier();               // from where to offer the input again
//   auto writer = resume_writer<uint64_t, std::vector<Trade>>(log, worker.index());
//   ... input.advance_to(...), then everything from there on, as in the first run
//   trades.capture_into(*std::move(writer));
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "tidemark/captured_event.h"
#include "tidemark/log_writer.h"

namespace tidemark {

// Models `EventPusher<T, C>`. What the stream holds at times that were not complete when it was
// opened is void; what is offered at complete times is left out; a stream that is finished has
// everything, and takes nothing. So a program that offers all of its input from the meet of the
// streams' frontiers on leaves each record in the log once. One thread at a time.
template <Timestamp T, Encodable C>
requires LoggedTime<T>
class ResumedWriter {
 public:
  // None: the stream is finished.
  explicit ResumedWriter(std::optional<LogWriter<T, C>> writer) : writer_(std::move(writer)) {}

  // Errors: those of LogWriter::push, but for messages behind the frontier.
  Result<void> push(const Event<T, C>& event) {
    return writer_ ? writer_->push(event) : Result<void>();
  }
  // Errors: those of LogWriter::finish.
  Result<void> finish() { return writer_ ? writer_->finish() : Result<void>(); }

  bool was_finished() const { return !writer_; }
  // Not where was_finished().
  LogWriter<T, C>& writer() { return *writer_; }

 private:
  std::optional<LogWriter<T, C>> writer_;
};

// Opens a stream to resume its capture, or to begin it. Errors: those of open_writer, but for
// Finished.
template <Timestamp T, Encodable C>
Result<ResumedWriter<T, C>> resume_writer(const Log& log, uint32_t stream,
                                          WriterOptions options = {}) {
  options.resume = Resume::DiscardIncomplete;
  auto writer = open_writer<T, C>(log, stream, options, Behind::Drop);
  if (!writer && writer.error().code == ErrorCode::Finished) {
    return ResumedWriter<T, C>(std::nullopt);
  }
  if (!writer) return tl::make_unexpected(std::move(writer).error());
  return ResumedWriter<T, C>(*std::move(writer));
}

}  // namespace tidemark
