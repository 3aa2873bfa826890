// An in-process channel of events: one sender, one receiver, each in its own thread if need be. An
// event has one owner at any moment, and is handed over, not copied.
//
// Where `EventLink` shares events among readers and grows with the slowest one, this has one reader
// and a bound.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "tidemark/captured_event.h"
#include "tidemark/check.h"
#include "tidemark/deadline.h"
#include "tidemark/result.h"

namespace tidemark {

struct EventChannelOptions {
  // The most events that wait to be received, at least 1.
  size_t capacity_events = std::numeric_limits<size_t>::max();
  // How long push() waits for room in a full channel.
  std::chrono::nanoseconds push_limit{0};
};

template <typename T, typename C>
class EventChannel {
  // What the two ends share; the mutex guards all of it.
  struct Shared {
    explicit Shared(const EventChannelOptions& chosen) : options(chosen) {}

    const EventChannelOptions options;
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<Event<T, C>> events;
    bool sender_gone = false;
    bool receiver_gone = false;

    // Whether `holds` within `limit`; asks at once and once only where that is nothing.
    template <typename Condition>
    bool wait(std::unique_lock<std::mutex>& lock, std::chrono::nanoseconds limit, Condition holds) {
      if (limit.count() <= 0) return holds();
      return changed.wait_until(lock, deadline_after(limit), holds);
    }
  };

 public:
  // An EventPusher. Its destruction is its finish(). One thread at a time.
  class Sender {
   public:
    Sender(Sender&&) noexcept = default;
    Sender& operator=(Sender&& other) noexcept {
      std::swap(shared_, other.shared_);
      return *this;
    }
    ~Sender() { end(); }

    // Waits for room no longer than `push_limit`. Errors, which leave `event` as it was: NoSpace,
    // the channel is full, and a retry may succeed; Closed after finish(), or the receiver is gone.
    Result<void> push(Event<T, C>&& event) {
      if (!shared_) return fail(ErrorCode::Closed, "the channel was finished");
      std::unique_lock lock(shared_->mutex);
      const auto has_room = [&] {
        return shared_->receiver_gone || shared_->events.size() < shared_->options.capacity_events;
      };
      if (!shared_->wait(lock, shared_->options.push_limit, has_room)) {
        return fail(ErrorCode::NoSpace,
                    "the channel is full: " + std::to_string(shared_->events.size()) +
                        " events wait to be received");
      }
      if (shared_->receiver_gone) {
        return fail(ErrorCode::Closed, "the channel's receiver is gone");
      }
      shared_->events.push_back(std::move(event));
      lock.unlock();
      shared_->changed.notify_one();
      return {};
    }

    // From now on the receiver answers Ended once it has received everything. Succeeds again.
    Result<void> finish() {
      end();
      return {};
    }

   private:
    friend class EventChannel;
    explicit Sender(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}

    void end() {
      if (!shared_) return;
      {
        const std::lock_guard lock(shared_->mutex);
        shared_->sender_gone = true;
      }
      shared_->changed.notify_one();
      shared_.reset();
    }

    std::shared_ptr<Shared> shared_;
  };

  // An EventIterator. Events that nobody will receive any more are destroyed with it. One thread at
  // a time.
  class Receiver {
   public:
    Receiver(Receiver&&) noexcept = default;
    Receiver& operator=(Receiver&& other) noexcept {
      std::swap(shared_, other.shared_);
      std::swap(event_, other.event_);
      return *this;
    }
    ~Receiver() {
      if (!shared_) return;
      std::deque<Event<T, C>> unreceived;
      {
        const std::lock_guard lock(shared_->mutex);
        shared_->receiver_gone = true;
        unreceived.swap(shared_->events);
      }
      shared_->changed.notify_one();
    }

    // Never fails.
    Result<Polled> poll() { return next(std::chrono::nanoseconds(0)); }

    // poll() that waits up to `limit` while there is nothing: Pending then. Never fails.
    Result<Polled> next(std::chrono::nanoseconds limit) {
      TIDEMARK_CHECK(shared_ != nullptr);
      event_.reset();
      std::unique_lock lock(shared_->mutex);
      const auto has_news = [&] { return shared_->sender_gone || !shared_->events.empty(); };
      if (!shared_->wait(lock, limit, has_news)) return Polled::Pending;
      if (shared_->events.empty()) return Polled::Ended;
      event_ = std::move(shared_->events.front());
      shared_->events.pop_front();
      lock.unlock();
      shared_->changed.notify_one();
      return Polled::Event;
    }

    // This receiver's own, until the next poll().
    const Event<T, C>& event() const {
      TIDEMARK_CHECK(event_.has_value());
      return *event_;
    }
    Event<T, C> take() {
      TIDEMARK_CHECK(event_.has_value());
      return *std::move(event_);
    }

   private:
    friend class EventChannel;
    explicit Receiver(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}

    std::shared_ptr<Shared> shared_;
    std::optional<Event<T, C>> event_;
  };

  struct Ends {
    Sender sender;
    Receiver receiver;
  };

  // An empty channel. `auto [sender, receiver] = EventChannel<T, C>::make();`
  static Ends make(const EventChannelOptions& options = {}) {
    TIDEMARK_CHECK(options.capacity_events > 0);
    auto shared = std::make_shared<Shared>(options);
    return {Sender(shared), Receiver(shared)};
  }
};

}  // namespace tidemark
