// `WakeThread`: waits at some streams so that a dataflow's worker need not.
//
// A worker sleeps where other workers can wake it, a log's readers where their writers can; no
// thread can do both without spinning. So a thread of its own sleeps at the readers, and activates
// the operator that wants them.
#pragma once

#include <atomic>
#include <chrono>
#include <concepts>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "tidemark/dataflow/activations.h"
#include "tidemark/result.h"

namespace tidemark {

// An EventIterator that can be waited for: returns true where one of the streams may have something
// new, false when `limit` is over.
template <typename I>
concept WaitableIterator = requires(std::span<I* const> streams, std::chrono::nanoseconds limit) {
  { I::wait_any(streams, limit) } -> std::same_as<Result<bool>>;
};

// Belongs to one operator, whose thread calls all of it.
template <WaitableIterator Iterator>
class WakeThread {
 public:
  explicit WakeThread(dataflow::Activator activator) : activator_(std::move(activator)) {}
  WakeThread(const WakeThread&) = delete;
  WakeThread& operator=(const WakeThread&) = delete;
  // Waits for the thread, at most kLongestWait.
  ~WakeThread() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    asked_.notify_one();
    if (thread_.joinable()) thread_.join();
  }

  // Hands the streams over: nobody else may touch them while waiting(). The operator is activated
  // when one of them may have something new, or after kLongestWait, since the death of a writer
  // wakes nobody.
  void wait_at(std::vector<Iterator*> streams) {
    waiting_.store(true, std::memory_order_relaxed);
    {
      const std::lock_guard lock(mutex_);
      streams_ = std::move(streams);
    }
    asked_.notify_one();
    if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  }
  // Set by wait_at(), cleared by the thread when it has let go of the streams; the acquire here
  // pairs with that release, so that what it did to them is seen.
  bool waiting() const { return waiting_.load(std::memory_order_acquire); }
  // Why the last wait failed, if it did.
  const std::optional<Error>& error() const { return error_; }

 private:
  static constexpr std::chrono::milliseconds kLongestWait{50};

  void run() {
    std::unique_lock lock(mutex_);
    for (;;) {
      asked_.wait(lock, [this] { return stopping_ || !streams_.empty(); });
      if (stopping_) return;
      const auto streams = std::exchange(streams_, {});
      lock.unlock();
      const auto woken = Iterator::wait_any(streams, kLongestWait);
      if (!woken) error_ = woken.error();
      waiting_.store(false, std::memory_order_release);
      activator_.activate();
      lock.lock();
    }
  }

  dataflow::Activator activator_;
  std::mutex mutex_;
  std::condition_variable asked_;
  std::vector<Iterator*> streams_;  // to wait at next
  bool stopping_ = false;
  std::optional<Error> error_;  // written before waiting_ is cleared, read after
  std::atomic<bool> waiting_{false};
  std::thread thread_;
};

}  // namespace tidemark
