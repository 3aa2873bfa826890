#include "tidemark/dataflow/activations.h"

#include <algorithm>

namespace tidemark::dataflow {

void WorkerSignal::notify() {
  if (set_.exchange(true)) return;
  // Under the lock, so that the worker is either before its look at `set_` or asleep already.
  const std::lock_guard lock(mutex_);
  wake_.notify_one();
}

void WorkerSignal::activate(Activation activation) {
  {
    const std::lock_guard lock(mutex_);
    activations_.push_back(activation);
  }
  notify();
}

std::vector<WorkerSignal::Activation> WorkerSignal::begin_step() {
  if (!set_.exchange(false)) return {};
  const std::lock_guard lock(mutex_);
  return std::exchange(activations_, {});
}

void WorkerSignal::wait(std::optional<SteadyClock::time_point> deadline) {
  std::unique_lock lock(mutex_);
  const auto is_set = [this] { return set_.load(); };
  if (deadline) {
    wake_.wait_until(lock, *deadline, is_set);
  } else {
    wake_.wait(lock, is_set);
  }
}

void Activations::run_timers() {
  if (timers_.empty()) return;
  const auto now = SteadyClock::now();
  while (!timers_.empty() && timers_.top().time <= now) {
    activate(timers_.top().operator_index);
    timers_.pop();
  }
}

std::optional<SteadyClock::time_point> Activations::next_timer() const {
  if (timers_.empty()) return std::nullopt;
  return timers_.top().time;
}

bool Activations::any() const {
  return std::any_of(active_.begin(), active_.end(), [](char active) { return active != 0; });
}

}  // namespace tidemark::dataflow
