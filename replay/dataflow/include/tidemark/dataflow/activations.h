// Which operators of a worker's dataflow want to run, now or later; and how other threads say so.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <queue>
#include <utility>
#include <vector>

namespace tidemark::dataflow {

using SteadyClock = std::chrono::steady_clock;

// What wakes one worker's thread. Thread-safe.
class WorkerSignal {
 public:
  struct Activation {
    size_t dataflow;
    size_t operator_index;
  };

  // There may be something to do.
  void notify();
  // This operator wants to run.
  void activate(Activation activation);

  // The worker's side. What notify() announced before this call is seen after it: the worker calls
  // it first, and then looks for work.
  std::vector<Activation> begin_step();
  // Sleeps until notified, or until `deadline`.
  void wait(std::optional<SteadyClock::time_point> deadline);

 private:
  // Set by notify(), cleared by the worker's begin_step(). Both exchange it: whoever clears it sees
  // all that was done before it was set.
  std::atomic<bool> set_{false};
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Activation> activations_;
};

// Makes an operator run again, from any thread, also after its dataflow has ended.
class Activator {
 public:
  Activator(std::shared_ptr<WorkerSignal> signal, WorkerSignal::Activation activation)
      : signal_(std::move(signal)), activation_(activation) {}
  void activate() const { signal_->activate(activation_); }

 private:
  std::shared_ptr<WorkerSignal> signal_;
  WorkerSignal::Activation activation_;
};

// One worker's, for one dataflow; not thread-safe.
class Activations {
 public:
  void add_operator() { active_.push_back(true); }  // each runs once at the beginning
  size_t operators() const { return active_.size(); }

  void activate(size_t operator_index) { active_[operator_index] = true; }
  void activate_at(size_t operator_index, SteadyClock::time_point time) {
    timers_.push({time, operator_index});
  }

  // Activates what is due.
  void run_timers();
  std::optional<SteadyClock::time_point> next_timer() const;

  // Whether the operator wants to run; not any more, then.
  bool take(size_t operator_index) { return std::exchange(active_[operator_index], false); }
  bool any() const;

 private:
  struct Timer {
    SteadyClock::time_point time;
    size_t operator_index;
    friend bool operator>(const Timer& a, const Timer& b) { return a.time > b.time; }
  };

  std::vector<char> active_;
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_;
};

}  // namespace tidemark::dataflow
