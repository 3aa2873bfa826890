// `capture_into`: what passes a place of a dataflow, as events. One worker captures what it sees;
// the captures of all workers together are the stream.
//
// The order of events, which is timely's (`operators::capture`):
//
// 1. A captured stream begins with a count of 1 at the minimum time; nothing says so.
// 2. When the operator runs, the moves of its frontier come first, as one progress event, then the
//    messages that wait. That is valid: the frontier is that of all workers' messages and of those
//    that wait here, so that none of these is behind it.
// 3. When the frontier is empty, the capture is finished, and so is its pusher.
//
// Where a push fails, nothing more is pushed: what was captured is the beginning of a stream, and
// its last frontier tells how far it is complete.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tidemark/captured_event.h"
#include "tidemark/dataflow.h"
#include "tidemark/on_failure.h"
#include "tidemark/result.h"

namespace tidemark {

// How a capture goes. Copies see the same; thread-safe, also after the dataflow has ended.
class CaptureHandle {
 public:
  // Why it stopped, if it did.
  std::optional<Error> error() const {
    const std::lock_guard lock(state_->mutex);
    return state_->error;
  }
  // Everything was captured to the end, and the pusher finished.
  bool finished() const {
    const std::lock_guard lock(state_->mutex);
    return state_->finished;
  }
  // Pushed so far.
  uint64_t events() const {
    const std::lock_guard lock(state_->mutex);
    return state_->events;
  }

 private:
  template <typename T, typename C, typename Pusher>
  friend class CaptureOperator;

  struct State {
    mutable std::mutex mutex;
    std::optional<Error> error;
    bool finished = false;
    uint64_t events = 0;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

// What runs in the dataflow.
template <typename T, typename C, typename Pusher>
class CaptureOperator {
 public:
  CaptureOperator(Pusher pusher, CaptureHandle handle, OnFailure on_failure,
                  dataflow::OperatorContext<T> context)
      : pusher_(std::move(pusher)),
        handle_(std::move(handle)),
        on_failure_(on_failure),
        context_(std::move(context)),
        frontier_(context_.minimum()) {}

  void operator()(dataflow::InputPort<T, C>& input) {
    uint64_t events = 0;
    if (open_) {
      if (auto captured = capture(input, events); !captured) fail(std::move(captured).error());
    }
    if (!open_) {
      while (input.next()) {
        // Nobody wants it any more, but it must not hold the dataflow.
      }
    }
    if (events > 0) {
      const std::lock_guard lock(handle_.state_->mutex);
      handle_.state_->events += events;
    }
  }

 private:
  Result<void> capture(dataflow::InputPort<T, C>& input, uint64_t& events) {
    if (!(input.frontier() == frontier_)) {
      Progress<T> progress;
      for (const T& time : frontier_.elements()) progress.changes.emplace_back(time, -1);
      for (const T& time : input.frontier().elements()) progress.changes.emplace_back(time, 1);
      cancel_out(progress.changes);
      frontier_ = input.frontier();
      TIDEMARK_TRY(pusher_.push(std::move(progress)));
      ++events;
    }
    while (auto message = input.next()) {
      TIDEMARK_TRY(pusher_.push(Messages<T, C>{message->time(), std::move(message->data)}));
      ++events;
    }
    if (!frontier_.empty()) return {};
    TIDEMARK_TRY(pusher_.finish());
    open_ = false;
    const std::lock_guard lock(handle_.state_->mutex);
    handle_.state_->finished = true;
    return {};
  }

  // Elements that both frontiers have changed nothing.
  static void cancel_out(std::vector<std::pair<T, int64_t>>& changes) {
    ChangeBatch<T> batch;
    batch.extend(changes);
    changes = batch.take();
  }

  void fail(Error error) {
    open_ = false;
    if (on_failure_ == OnFailure::EndDataflow) context_.fail("capture: " + error.text());
    const std::lock_guard lock(handle_.state_->mutex);
    handle_.state_->error = std::move(error);
  }

  Pusher pusher_;
  CaptureHandle handle_;
  OnFailure on_failure_;
  dataflow::OperatorContext<T> context_;
  Antichain<T> frontier_;  // as the events pushed so far tell it
  bool open_ = true;
};

// Captures what this worker sees of `stream` into `pusher`, an EventPusher of its times and
// containers.
template <PartiallyOrdered T, dataflow::Container C, EventPusher<T, C> Pusher>
CaptureHandle capture_into(const dataflow::Stream<T, C>& stream, Pusher pusher,
                           OnFailure on_failure = OnFailure::EndDataflow) {
  CaptureHandle handle;
  stream.sink(dataflow::Pipeline{}, "capture", [&](const dataflow::OperatorContext<T>& context) {
    return CaptureOperator<T, C, Pusher>(std::move(pusher), handle, on_failure, context);
  });
  return handle;
}

namespace dataflow {

template <PartiallyOrdered T, Container C>
template <typename Pusher, typename... Options>
auto Stream<T, C>::capture_into(Pusher pusher, Options... options) const {
  return tidemark::capture_into(*this, std::move(pusher), std::move(options)...);
}

}  // namespace dataflow
}  // namespace tidemark
