#include "replay_workers.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <tuple>
#include <utility>

#include "human.h"
#include "interrupt.h"
#include "tidemark/replay_into.h"

namespace tidemark::tools {
namespace {

using namespace std::chrono_literals;
using dataflow::Config;
using dataflow::Worker;

// What travels: an event's records, or, without any, that a stream has ended and holds its time
// still.
using Batch = std::vector<RenderedEvent>;
bool is_still_held(const RenderedEvent& event) { return event.ends.empty(); }

// Workers render what they read, and it travels to the one that puts it out: what waits there for
// the frontier is the text itself. A replay without workers holds positions instead.
constexpr uint64_t kMostWaitingBytes = uint64_t{1} << 30;

// What all workers share: whether to go on, and the first thing that went wrong.
class Course {
 public:
  void stop() { stopped_.store(true, std::memory_order_relaxed); }
  // Read between events; nothing else depends on when it is seen.
  bool stopped() const { return stopped_.load(std::memory_order_relaxed) || interrupted(); }
  void fail(Failure failure) {
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = std::move(failure);
  }
  // Only once no worker runs.
  const std::optional<Failure>& failure() const { return failure_; }

 private:
  std::atomic<bool> stopped_{false};
  std::mutex mutex_;
  std::optional<Failure> failure_;
};

// One stream of the log, rendered: an EventIterator. It does not fail, but ends where the stream is
// damaged, and says so to the course.
class RenderedStream {
 public:
  using Event = tidemark::Event<Time, Batch>;

  RenderedStream(Replay replay, uint32_t stream, const std::string& log,
                 const ReplayOptions& options, const RecordSink& sink, Course& course)
      : replay_(std::move(replay)),
        stream_(stream),
        log_(&log),
        follow_(options.follow),
        complete_(options.delivery == Delivery::Complete),
        sink_(&sink),
        course_(&course) {}

  Result<Polled> poll() {
    if (!still_held_) {
      if (const auto polled = next(); polled != Polled::Ended) return polled;
      still_held_.emplace();
      if (complete_ || failed_) *still_held_ = replay_.capabilities();
    }
    // The end: each time is named once that is held and must not pass for passed, before the
    // dataflow lets it go.
    if (still_held_->empty() || course_->stopped()) return Polled::Ended;
    const Time time = still_held_->back().first;
    still_held_->pop_back();
    RenderedEvent held;
    held.time = time;
    event_ = Messages<Time, Batch>{time, {}};
    std::get<Messages<Time, Batch>>(event_.content).data.push_back(std::move(held));
    return Polled::Event;
  }
  const Event& event() const { return event_; }
  Event take() { return std::move(event_); }

 private:
  Polled next() {
    if (course_->stopped()) return Polled::Ended;
    const auto status = replay_.poll();
    if (!status) {
      fail(failure_of(status.error(), *log_));
      return Polled::Ended;
    }
    if (*status == Replay::Status::Finished) return Polled::Ended;
    if (*status == Replay::Status::Pending) return Polled::Pending;
    if (*status == Replay::Status::Voided) {
      fail(failure_of(tidemark::fail(ErrorCode::Voided,
                                     "the stream's producer was restarted, and records that were "
                                     "replayed are void: replay it anew")
                          .value(),
                      *log_));
      return Polled::Ended;
    }
    const ReplayedEvent& replayed = replay_.event();
    const MessagesView* messages = replayed.messages();
    if (messages == nullptr) {
      Progress<Time> progress;
      for (const auto& [time, diff] : replayed.changes) progress.changes.emplace_back(time, diff);
      event_ = std::move(progress);
      return Polled::Event;
    }
    RenderedEvent rendered;
    if (auto done = render(rendered, *sink_, stream_, replayed.event, *messages); !done) {
      fail(std::move(done).error());
      return Polled::Ended;
    }
    event_ = Messages<Time, Batch>{rendered.time, {}};
    std::get<Messages<Time, Batch>>(event_.content).data.push_back(std::move(rendered));
    return Polled::Event;
  }

  // Where the other streams have an end, they are replayed up to it.
  void fail(Failure failure) {
    failed_ = true;
    course_->fail(std::move(failure));
    if (follow_) course_->stop();
  }

  Replay replay_;
  uint32_t stream_;
  const std::string* log_;
  bool follow_;
  bool complete_;
  bool failed_ = false;
  const RecordSink* sink_;
  Course* course_;
  Event event_;
  std::optional<std::vector<std::pair<Time, int64_t>>> still_held_;  // once the stream has ended
};

// What waits for the frontier, in the total order of times and then by stream and position. A time
// that some stream still held where it ended is not passed, whatever the frontier says.
class Waiting {
 public:
  // `complete`: what goes was passed; else nothing may come any more that is before it.
  Waiting(bool complete, bool by_time) : complete_(complete), by_time_(by_time) {}

  // False where that would be more than may wait.
  bool add(RenderedEvent event) {
    if (is_still_held(event)) {
      still_held_.insert(event.time);
      return true;
    }
    bytes_ += event.text.size() + sizeof event;
    if (bytes_ > kMostWaitingBytes) return false;
    const auto key = std::tuple(by_time_ ? event.time : Time(), event.stream, event.position);
    events_.emplace(key, std::move(event));
    return true;
  }

  // Calls `put(event)` for what may go, until that is false.
  template <typename Put>
  void release(const Antichain<Time>& frontier, Put&& put) {
    for (auto at = events_.begin(); at != events_.end();) {
      const Time& time = at->second.time;
      if (blocks(frontier, time) || blocks(still_held_, time)) {
        ++at;
        continue;
      }
      const bool more = put(at->second);
      bytes_ -= at->second.text.size() + sizeof(RenderedEvent);
      at = events_.erase(at);
      if (!more) return;
    }
  }

 private:
  bool blocks(const Antichain<Time>& held, const Time& time) const {
    return complete_ ? held.less_equal(time) : held.less_than(time);
  }

  bool complete_;
  bool by_time_;
  std::map<std::tuple<Time, uint32_t, uint64_t>, RenderedEvent> events_;
  Antichain<Time> still_held_;
  uint64_t bytes_ = 0;
};

Failure too_much_waits() {
  return {Exit::Failed,
          fmt::format("TooLarge: the records that wait for the frontier take more than {}",
                      human_bytes(kMostWaitingBytes)),
          "without --workers they wait in the log"};
}

}  // namespace

ReplayOptions options_on_workers(ReplayOptions options) {
  options.order = Order::Stream;
  // What a stream still holds where it ends must be told, so that none of it counts as complete.
  if (options.delivery == Delivery::Complete && options.end == EndMode::Release) {
    options.end = EndMode::Hold;
  }
  return options;
}

Outcome<void> replay_on_workers(size_t workers, std::vector<Replay> replays,
                                const std::vector<uint32_t>& streams, const ReplayOptions& options,
                                TimeShape shape, const std::string& log, const RecordSink& sink,
                                ReplayOutput& output) {
  Course course;
  std::vector<std::vector<RenderedStream>> shares(workers);
  for (size_t i = 0; i < streams.size(); ++i) {
    shares[i % workers].emplace_back(std::move(replays[i]), streams[i], log, options, sink, course);
  }

  const bool complete = options.delivery == Delivery::Complete;
  const bool merged = options.order == Order::Time || complete;
  const auto put = [&](const RenderedEvent& event) {
    if (course.stopped()) return false;
    if (!output.put(event)) course.stop();
    return !course.stopped();
  };
  const auto execution = dataflow::execute(Config::process(workers), [&](Worker& worker) {
    worker.dataflow_from(Time::minimum(shape), [&](const dataflow::Scope<Time>& scope) {
      const auto replayed = replay_into(scope, std::move(shares[worker.index()]), {.period = 2ms});
      replayed.sink(dataflow::Exchange{[](const RenderedEvent&) { return uint64_t{0}; }}, "put out",
                    [&](const auto&) {
                      return [&, waiting = Waiting(complete, options.order == Order::Time)](
                                 auto& input) mutable {
                        input.for_each([&](auto& message) {
                          for (RenderedEvent& event : message.data) {
                            if (merged) {
                              if (!waiting.add(std::move(event))) {
                                course.fail(too_much_waits());
                                course.stop();
                              }
                            } else if (!is_still_held(event)) {
                              put(event);
                            }
                          }
                        });
                        if (merged) waiting.release(input.frontier(), put);
                      };
                    });
    });
    while (worker.has_dataflows()) {
      // Nothing is written for a while: what was written must be seen.
      if (worker.index() == 0 && !worker.has_work() && !output.flush()) course.stop();
      worker.step_or_park(100ms);
    }
  });
  if (interrupted()) return stopped_by_interrupt();
  if (course.failure()) return tl::make_unexpected(*course.failure());
  if (!execution.ok()) return failed(execution.failures.front());
  return {};
}

}  // namespace tidemark::tools
