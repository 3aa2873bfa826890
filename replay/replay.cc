#include "tidemark/replay.h"

#include <algorithm>
#include <utility>

#include "replay_driver.h"
#include "slice.h"
#include "stream_events.h"
#include "stream_source.h"

namespace tidemark {

// The readers belong to the driver's streams.
class Replay::Implementation {
 public:
  Implementation(std::vector<std::unique_ptr<StreamEvents>> streams, const ReplayOptions& options)
      : readers_(readers_of(streams)), driver_(std::move(streams), options) {}

  ReplayDriver& driver() { return driver_; }
  const std::vector<const EventReader*>& readers() const { return readers_; }

 private:
  static std::vector<const EventReader*> readers_of(
      const std::vector<std::unique_ptr<StreamEvents>>& streams) {
    std::vector<const EventReader*> readers;
    readers.reserve(streams.size());
    for (const auto& stream : streams) readers.push_back(stream->reader());
    return readers;
  }

  std::vector<const EventReader*> readers_;
  ReplayDriver driver_;
};

Result<Replay> Replay::open(const Log& log, std::span<const uint32_t> streams,
                            const ReplayOptions& options) {
  std::vector<uint32_t> numbers(streams.begin(), streams.end());
  std::sort(numbers.begin(), numbers.end());
  if (std::adjacent_find(numbers.begin(), numbers.end()) != numbers.end()) {
    return fail(ErrorCode::InvalidArgument, "a stream is replayed once or not at all");
  }
  if ((options.reader.segment || options.reader.position) && numbers.size() > 1) {
    return fail(ErrorCode::InvalidArgument,
                "a segment or a position to start at belongs to one stream");
  }
  ReaderOptions reader_options = options.reader;
  reader_options.visibility = options.visibility.value_or(
      options.delivery == Delivery::Complete ? Visibility::Durable : options.reader.visibility);

  // What is held back is read again later, by its position.
  const bool holds_back = options.order == Order::Time || options.delivery == Delivery::Complete;
  if (holds_back && reader_options.leasing == Leasing::Automatic) {
    reader_options.leasing = Leasing::Manual;
  }

  const Slice slice(options.from, options.until);
  std::vector<std::unique_ptr<StreamEvents>> events;
  std::vector<std::optional<StartPoint>> starts;
  for (const uint32_t number : numbers) {
    reader_options.position = options.reader.position;
    for (const StreamPosition& start : options.positions) {
      if (start.stream == number) reader_options.position = start.position;
    }
    starts.emplace_back();
    TIDEMARK_ASSIGN(reader,
                    open_reader(log, number, options.start, slice, reader_options, starts.back()));
    events.push_back(stream_of(log, std::move(reader)));
  }
  auto implementation = std::make_unique<Implementation>(std::move(events), options);
  TIDEMARK_TRY(implementation->driver().check());

  for (size_t i = 0; i < numbers.size(); ++i) {
    if (starts[i]) implementation->driver().start_at(i, *starts[i]);
    const auto end =
        end_of_replay(log, numbers[i], options.end, options.follow, reader_options.access);
    if (end) implementation->driver().stop_at(i, *end);
  }
  return Replay(std::move(implementation));
}

Replay::Replay(std::unique_ptr<Implementation> implementation)
    : implementation_(std::move(implementation)) {}
Replay::Replay(Replay&&) noexcept = default;
Replay& Replay::operator=(Replay&&) noexcept = default;
Replay::~Replay() = default;

Result<Replay::Status> Replay::poll(size_t budget) {
  return implementation_->driver().poll(budget);
}
Result<Replay::Status> Replay::next(std::chrono::nanoseconds limit) {
  return implementation_->driver().next(limit);
}

const ReplayedEvent& Replay::event() const { return implementation_->driver().event(); }
const Antichain<Time>& Replay::frontier() const {
  return implementation_->driver().reported().frontier();
}
const std::vector<std::pair<Time, int64_t>>& Replay::capabilities() const {
  return implementation_->driver().reported().counts();
}
const Antichain<Time>& Replay::void_frontier() const {
  return implementation_->driver().void_frontier();
}
std::vector<StreamPosition> Replay::resume_positions() const {
  return implementation_->driver().resume_positions();
}
TimeShape Replay::time_shape() const { return implementation_->driver().time_shape(); }
std::vector<const EventReader*> Replay::readers() const { return implementation_->readers(); }
size_t Replay::held_events() const { return implementation_->driver().held_events(); }

}  // namespace tidemark
