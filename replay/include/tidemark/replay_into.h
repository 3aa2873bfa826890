// `replay_into`: captured streams as a stream of a dataflow.
//
// Progress, which is timely's (`operators::capture::replay`): a replay of n streams begins with n
// capabilities at the minimum; each progress event changes them by its changes, each messages event
// is sent at its time. Any interleaving of valid streams is valid, so any streams can be replayed
// on any workers. Every event is judged by the rules P1 to P5 of its stream first; one that breaks
// a rule is an error, and sends nothing.
//
// Beyond timely's: errors come to whoever holds the handle; a stream that stops before it is
// finished is released, held or waited for; and replaying a log larger than memory takes constant
// memory, since the operator stops for a while where the dataflow, or a probe, lags behind.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "tidemark/captured_event.h"
#include "tidemark/dataflow.h"
#include "tidemark/end_mode.h"
#include "tidemark/on_failure.h"
#include "tidemark/protocol_rules.h"
#include "tidemark/result.h"
#include "tidemark/wake_thread.h"

namespace tidemark {

// How a replay goes: given to the operators of several workers, that of all of them together.
// Copies see the same; thread-safe, also after the dataflow has ended.
class ReplayHandle {
 public:
  // Why it stopped, if it did: what went wrong first.
  std::optional<Error> error() const {
    const std::lock_guard lock(state_->mutex);
    return state_->error;
  }
  // Every stream came to its end, and all capabilities were given up.
  bool finished() const {
    const std::lock_guard lock(state_->mutex);
    return !state_->error && !state_->activators.empty() && state_->running == 0;
  }
  // Replayed so far.
  uint64_t events() const {
    const std::lock_guard lock(state_->mutex);
    return state_->events;
  }

  // Ends the replay where it stands: its capabilities are given up when its operators run next.
  // What was replayed until then is taken for complete downstream.
  void release() const {
    const std::lock_guard lock(state_->mutex);
    state_->released.store(true, std::memory_order_relaxed);
    for (const auto& activator : state_->activators) activator.activate();
  }

 private:
  template <typename T, typename Iterator>
  friend class ReplayOperator;

  struct State {
    mutable std::mutex mutex;
    std::optional<Error> error;
    size_t running = 0;  // operators that may still hold capabilities
    uint64_t events = 0;
    std::vector<dataflow::Activator> activators;
    std::atomic<bool> released{false};  // set by release(), read by operators that it activates
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

// How far a replay runs ahead of `probe`, which stands downstream of it: it pauses while so many
// distinct times that it has let go, on all workers, are still on their way to the probe. Under a
// partial order of times, two replays of one dataflow must not wait for one probe: each could wait
// for times that the other one holds.
template <typename T>
struct RunAhead {
  dataflow::ProbeHandle<T> probe;
  size_t times = 1;
};

template <typename T>
struct ReplayIntoOptions {
  // Events that one activation replays at most, all streams together. At least 1. Few, so that what
  // is brought in is still in the cache when the operators downstream look at it.
  size_t budget = 32;
  // What becomes of a stream whose iterator says `Ended` before it is finished. Hold: until
  // ReplayHandle::release(). Wait: it is asked again.
  EndMode end = EndMode::Release;
  // How long until streams that have nothing are asked again, where they cannot wake the operator.
  std::chrono::nanoseconds period = std::chrono::milliseconds(1);
  // The replay pauses while so many messages wait in the whole dataflow, on all workers. Unset: it
  // never does, as it must be for an operator that leaves its input unread until a frontier moves.
  std::optional<size_t> in_flight_limit = 128;
  std::optional<RunAhead<T>> ahead = std::nullopt;
  // GoOn: after an error the capabilities are held until ReplayHandle::release(), since no time is
  // complete whose records could not be read.
  OnFailure on_failure = OnFailure::EndDataflow;
  ReplayHandle handle = {};
};

namespace replay_detail {

template <typename E>
struct DataOf;
template <typename T, typename C>
struct DataOf<Event<T, C>> {
  using type = C;
};

// Nothing to wake with where the streams cannot be waited for.
template <typename Iterator>
struct WakerOf {
  explicit WakerOf(const dataflow::Activator&) {}
};
template <WaitableIterator Iterator>
struct WakerOf<Iterator> : WakeThread<Iterator> {
  using WakeThread<Iterator>::WakeThread;
};

}  // namespace replay_detail

// The containers that an iterator's events carry.
template <typename Iterator>
using ReplayedData = typename replay_detail::DataOf<
    std::remove_cvref_t<decltype(std::declval<Iterator&>().event())>>::type;

// What runs in the dataflow.
template <typename T, typename Iterator>
class ReplayOperator {
 public:
  using Port = dataflow::OutputPort<T, ReplayedData<Iterator>>;

  ReplayOperator(std::vector<Iterator> streams, ReplayIntoOptions<T> options,
                 dataflow::OperatorContext<T> context)
      : options_(std::move(options)),
        context_(std::move(context)),
        waker_(std::make_unique<replay_detail::WakerOf<Iterator>>(context_.activator())) {
    for (Iterator& stream : streams) {
      streams_.push_back({std::move(stream), ProtocolRules<T>(context_.minimum())});
    }
    const std::lock_guard lock(state().mutex);
    state().activators.push_back(context_.activator());
    ++state().running;
  }

  void operator()(Port& output) {
    if (over_) return;
    if (!begun_) {
      begun_ = true;
      output.count_capability(context_.minimum(), static_cast<int64_t>(streams_.size()) - 1);
    }
    if constexpr (WaitableIterator<Iterator>) {
      if (waker_->waiting()) return;  // the streams are the thread's until it has let go of them
    }
    if (state().released.load(std::memory_order_relaxed)) {
      for (Stream& stream : streams_) give_up(stream, output);
    } else if (must_pause(output)) {
      context_.activate_after(kPause);
    } else {
      replay(output);
    }
    over_ = std::all_of(streams_.begin(), streams_.end(),
                        [](const Stream& stream) { return stream.state == Stream::State::Done; });
    if (over_) {
      const std::lock_guard lock(state().mutex);
      --state().running;
    }
  }

 private:
  // Short, since it is for how long a dataflow that has caught up may stand still.
  static constexpr std::chrono::microseconds kPause{50};

  struct Stream {
    // Open: it may have events. Held: it has none, and keeps its capabilities. Done: it has
    // neither.
    enum class State : uint8_t { Open, Held, Done };

    Iterator iterator;
    ProtocolRules<T> rules;
    State state = State::Open;
  };

  ReplayHandle::State& state() { return *options_.handle.state_; }

  // One activation's worth, the streams in turns.
  void replay(Port& output) {
    const auto open = static_cast<size_t>(
        std::count_if(streams_.begin(), streams_.end(),
                      [](const Stream& stream) { return stream.state == Stream::State::Open; }));
    if (open == 0) return;
    if constexpr (WaitableIterator<Iterator>) {
      if (waker_->error()) return fail(*waker_->error());
    }
    const size_t budget = this->budget();
    uint64_t events = 0;
    bool more = false;
    for (Stream& stream : streams_) {
      if (stream.state != Stream::State::Open) continue;
      const auto turn = replay_one(stream, std::max<size_t>(1, budget / open), events, output);
      if (!turn) {
        fail(turn.error());
        break;
      }
      more |= *turn;
    }
    if (events > 0) {
      const std::lock_guard lock(state().mutex);
      state().events += events;
    }
    if (more) {
      context_.activate();
    } else {
      wait();
    }
  }

  // At most `left` events of one stream. Returns whether it may have more at once.
  Result<bool> replay_one(Stream& stream, size_t left, uint64_t& events, Port& output) {
    for (; left > 0; --left) {
      TIDEMARK_ASSIGN(polled, stream.iterator.poll());
      if (polled == Polled::Ended && !stream.rules.finished()) {
        if (options_.end == EndMode::Release) give_up(stream, output);
        if (options_.end == EndMode::Hold) stream.state = Stream::State::Held;
        return false;
      }
      if (polled != Polled::Event) {
        if (polled == Polled::Ended) stream.state = Stream::State::Done;
        return false;
      }
      ++events;
      if (const Progress<T>* progress = stream.iterator.event().progress()) {
        TIDEMARK_TRY(stream.rules.progress(progress->changes));
        for (const auto& [time, diff] : progress->changes) output.count_capability(time, diff);
        if (stream.rules.finished()) {
          stream.state = Stream::State::Done;
          return false;
        }
        if (options_.ahead && let_go_by_us() >= options_.ahead->times) return true;
        continue;
      }
      auto event = stream.iterator.take();
      auto& messages = std::get<Messages<T, ReplayedData<Iterator>>>(event.content);
      TIDEMARK_TRY(stream.rules.messages(messages.time));
      if (options_.ahead) sent_.insert(messages.time);
      output.session_at(messages.time).give_container(std::move(messages.data));
    }
    return true;
  }

  // Gives up what a stream still holds.
  void give_up(Stream& stream, Port& output) {
    if (stream.state == Stream::State::Done) return;
    for (const auto& [time, count] : stream.rules.counts()) output.count_capability(time, -count);
    stream.state = Stream::State::Done;
  }

  void wait() {
    if constexpr (WaitableIterator<Iterator>) {
      std::vector<Iterator*> open;
      for (Stream& stream : streams_) {
        if (stream.state == Stream::State::Open) open.push_back(&stream.iterator);
      }
      if (!open.empty()) waker_->wait_at(std::move(open));
    } else {
      context_.activate_after(options_.period);
    }
  }

  void fail(const Error& error) {
    for (Stream& stream : streams_) {
      if (stream.state == Stream::State::Open) stream.state = Stream::State::Held;
    }
    if (options_.on_failure == OnFailure::EndDataflow) context_.fail("replay: " + error.text());
    const std::lock_guard lock(state().mutex);
    if (!state().error) state().error = error;
  }

  // What may be sent now without exceeding what may be in flight.
  size_t budget() const {
    const size_t budget = std::max<size_t>(1, options_.budget);
    if (!options_.in_flight_limit) return budget;
    const auto limit = static_cast<int64_t>(*options_.in_flight_limit);
    const int64_t room = std::max<int64_t>(1, limit - context_.messages_in_flight());
    return std::min(budget, static_cast<size_t>(room));
  }

  // Both bounds end by the work of others alone: messages that wait are read, and times that no
  // replay holds any more pass the probe, whatever this operator does.
  bool must_pause(const Port& output) {
    if (options_.in_flight_limit &&
        context_.messages_in_flight() >= static_cast<int64_t>(*options_.in_flight_limit)) {
      return true;
    }
    if (!options_.ahead) return false;
    std::erase_if(sent_, [&](const T& time) { return !options_.ahead->probe.less_equal(time); });
    const Antichain<T> held = context_.output_frontier(output.number());
    return not_held_by(held) >= options_.ahead->times;
  }
  // The same as far as this operator's own streams go, which are ahead of what all workers know.
  size_t let_go_by_us() const {
    Antichain<T> held;
    for (const Stream& stream : streams_) {
      for (const T& time : stream.rules.frontier().elements()) held.insert(time);
    }
    return not_held_by(held);
  }
  size_t not_held_by(const Antichain<T>& held) const {
    return static_cast<size_t>(std::count_if(
        sent_.begin(), sent_.end(), [&](const T& time) { return !held.less_equal(time); }));
  }

  ReplayIntoOptions<T> options_;
  dataflow::OperatorContext<T> context_;
  std::vector<Stream> streams_;
  std::set<T> sent_;  // times sent that the probe may not have passed; only where there is one
  bool begun_ = false;
  bool over_ = false;  // nothing is held any more
  // The last member: its thread lets go of the streams before they go.
  std::unique_ptr<replay_detail::WakerOf<Iterator>> waker_;
};

// The events of `streams`, this worker's share of a replay, as a stream of the dataflow.
template <PartiallyOrdered T, typename Iterator>
requires EventIterator<Iterator, T, ReplayedData<Iterator>>
    dataflow::Stream<T, ReplayedData<Iterator>> replay_into(const dataflow::Scope<T>& scope,
                                                            std::vector<Iterator> streams,
                                                            ReplayIntoOptions<T> options = {}) {
  dataflow::OperatorBuilder<T> builder(scope, "replay");
  auto output = builder.template add_output_with_count<ReplayedData<Iterator>>();
  builder.build([output, replay = std::make_unique<ReplayOperator<T, Iterator>>(
                             std::move(streams), std::move(options), builder.context())] {
    (*replay)(*output);
  });
  return {scope, output};
}

}  // namespace tidemark
