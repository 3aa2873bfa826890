#include "tidemark/logged_stream.h"

#include <optional>
#include <utility>

#include "stream_source.h"
#include "tidemark/check.h"

namespace tidemark {

class LoggedStream::Implementation {
 public:
  explicit Implementation(StreamSource opened) : source(std::move(opened)) {}
  // Void messages, if any, are among those that were read where their times reach that far.
  Result<void> check_void() const {
    if (!greatest || !source.void_frontier().less_equal(*greatest)) return {};
    auto error = fail(ErrorCode::Voided,
                      "messages that were read at times that were not complete are void: their "
                      "producer was restarted, and offers them again");
    error.value().stream = source.stream();
    return error;
  }
  void note_time(const Time& time) { greatest = greatest ? join(*greatest, time) : time; }

  StreamSource source;
  std::optional<Time> greatest;  // at or after all message times that were read
};

Result<LoggedStream> LoggedStream::open(const Log& log, uint32_t stream,
                                        const LogReaderOptions& options) {
  std::optional<StartPoint> start;
  TIDEMARK_ASSIGN(reader, open_reader(log, stream, options.start, Slice(), options.reader, start));
  StreamSource source(stream_of(log, std::move(reader)), Slice(), options.end, options.follow);
  if (start) source.start_at(*start);
  if (const auto end =
          end_of_replay(log, stream, options.end, options.follow, options.reader.access)) {
    source.stop_at(*end);
  }
  return LoggedStream(std::make_unique<Implementation>(std::move(source)));
}

LoggedStream::LoggedStream(std::unique_ptr<Implementation> implementation)
    : implementation_(std::move(implementation)) {}
LoggedStream::LoggedStream(LoggedStream&&) noexcept = default;
LoggedStream& LoggedStream::operator=(LoggedStream&&) noexcept = default;
LoggedStream::~LoggedStream() = default;

Result<LoggedStream::Step> LoggedStream::step() {
  for (;;) {
    TIDEMARK_ASSIGN(step, implementation_->source.step());
    switch (step) {
      case StreamSource::Step::Opened:
        return Step::Opened;
      case StreamSource::Step::Messages:
        implementation_->note_time(event().messages()->time());
        return Step::Messages;
      case StreamSource::Step::Voided:
        TIDEMARK_TRY(implementation_->check_void());
        break;
      case StreamSource::Step::Progress:
        return Step::Progress;
      case StreamSource::Step::Pending:
        return Step::Pending;
      case StreamSource::Step::Over:
        return Step::Over;
      case StreamSource::Step::Nothing:
      case StreamSource::Step::Passed:
        break;  // only slices leave anything out
    }
  }
}

const EventView& LoggedStream::event() const { return implementation_->source.event(); }
std::span<const Change> LoggedStream::opening() const { return implementation_->source.changes(); }

uint64_t LoggedStream::position() const { return implementation_->source.taken_upto(); }
uint64_t LoggedStream::sequence() const {
  return position() < reader().position() ? event().sequence : reader().sequence();
}
const MutableAntichain<Time>& LoggedStream::capabilities() const {
  return implementation_->source.capabilities();
}

EventReader& LoggedStream::reader() {
  EventReader* const reader = implementation_->source.events().reader();
  TIDEMARK_CHECK(reader != nullptr);
  return *reader;
}
const EventReader& LoggedStream::reader() const {
  return const_cast<LoggedStream*>(this)->reader();
}

}  // namespace tidemark
