// How messages get from an output port to the input ports that it feeds: within a worker, and
// between workers.
#pragma once

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "tidemark/check.h"
#include "tidemark/dataflow/bookkeeping.h"
#include "tidemark/dataflow/container.h"

namespace tidemark::dataflow {

// What waits at an input port of one worker.
template <typename T, typename C>
class InputQueue {
 public:
  InputQueue(std::shared_ptr<Bookkeeping<T>> book, size_t input, size_t owner)
      : book_(std::move(book)), input_(input), owner_(owner) {}

  const std::shared_ptr<Bookkeeping<T>>& book() const { return book_; }
  size_t input() const { return input_; }
  bool empty() const { return next_ == messages_.size(); }

  // A message whose count was applied already: it came from another worker.
  void receive(const T& time, C&& data) {
    messages_.push_back({time, std::move(data)});
    book_->activations.activate(owner_);
  }
  // A message that this worker makes.
  void send(const T& time, C&& data) {
    book_->pending.messages(input_, time, 1);
    receive(time, std::move(data));
  }
  // The next message, which is consumed by that. There must be one.
  Message<T, C> take() {
    Message<T, C> message = std::move(messages_[next_++]);
    book_->pending.messages(input_, message.time, -1);
    // An operator reads all that waits, as a rule: the memory is then used from its beginning
    // again.
    if (empty()) {
      messages_.clear();
      next_ = 0;
    } else if (next_ >= kContainerRecords && next_ >= messages_.size() / 2) {
      messages_.erase(messages_.begin(), messages_.begin() + static_cast<std::ptrdiff_t>(next_));
      next_ = 0;
    }
    return message;
  }

 private:
  std::shared_ptr<Bookkeeping<T>> book_;
  size_t input_;  // the port
  size_t owner_;  // the operator
  std::vector<Message<T, C>> messages_;
  size_t next_ = 0;  // so many of them were taken
};

// The sending end of one channel, as an output port sees it.
template <typename T, typename C>
class Channel {
 public:
  virtual ~Channel() = default;
  virtual void send(const T& time, C&& data) = 0;
  // Everything given to send() is counted, if it was not yet. Called whenever the operator is done.
  virtual void flush() {}
};

// Within the worker.
template <typename T, typename C>
class PipelineChannel : public Channel<T, C> {
 public:
  explicit PipelineChannel(std::shared_ptr<InputQueue<T, C>> queue) : queue_(std::move(queue)) {}
  void send(const T& time, C&& data) override { queue_->send(time, std::move(data)); }

 private:
  std::shared_ptr<InputQueue<T, C>> queue_;
};

// The mailboxes of one input port, one a worker; any worker puts messages in. Thread-safe.
template <typename T, typename C>
class Mailboxes {
 public:
  explicit Mailboxes(size_t peers) : boxes_(peers) {}

  void put(size_t worker, std::vector<Message<T, C>>& messages) {
    Box& box = boxes_[worker];
    const std::lock_guard lock(box.mutex);
    for (auto& message : messages) box.messages.push_back(std::move(message));
    messages.clear();
    box.filled.store(true, std::memory_order_release);
  }
  // Only for a look: the lock orders what take() then gets.
  bool filled(size_t worker) const { return boxes_[worker].filled.load(std::memory_order_acquire); }
  std::vector<Message<T, C>> take(size_t worker) {
    Box& box = boxes_[worker];
    const std::lock_guard lock(box.mutex);
    box.filled.store(false, std::memory_order_relaxed);
    return std::exchange(box.messages, {});
  }

 private:
  struct Box {
    std::mutex mutex;
    std::vector<Message<T, C>> messages;
    std::atomic<bool> filled{false};
  };
  std::vector<Box> boxes_;
};

// A worker's hold on what other workers send it, and on what it sends them.
class Postman {
 public:
  virtual ~Postman() = default;
  // Moves what has arrived to the input's queue.
  virtual void collect() = 0;
  virtual bool has_mail() const = 0;
  // Hands over what was sent since the last time; called once its counts were applied. Adds the
  // workers that got something to `woken`.
  virtual void deliver(std::vector<char>& woken) = 0;
};

// Between workers: each record goes to the worker that its hash names.
template <typename T, GrowingContainer C, typename Hash>
class ExchangeChannel : public Channel<T, C>, public Postman {
 public:
  ExchangeChannel(std::shared_ptr<InputQueue<T, C>> queue,
                  std::shared_ptr<Mailboxes<T, C>> mailboxes, size_t worker, size_t peers,
                  Hash hash)
      : queue_(std::move(queue)),
        mailboxes_(std::move(mailboxes)),
        worker_(worker),
        gathered_(peers),
        outgoing_(peers),
        hash_(std::move(hash)) {}

  void send(const T& time, C&& data) override {
    if (gathered_.size() == 1) {
      post(0, time, std::move(data));
      return;
    }
    if (!time_ || !(*time_ == time)) {
      flush();
      time_ = time;
    }
    for (auto& record : data) {
      const auto target = static_cast<size_t>(hash_(std::as_const(record)) % gathered_.size());
      gathered_[target].push_back(std::move(record));
      if (gathered_[target].size() >= kContainerRecords) post_gathered(target);
    }
  }

  void flush() override {
    if (!time_) return;
    for (size_t target = 0; target < gathered_.size(); ++target) {
      if (gathered_[target].size() > 0) post_gathered(target);
    }
    time_.reset();
  }

  void collect() override {
    if (!has_mail()) return;
    for (auto& message : mailboxes_->take(worker_)) {
      queue_->receive(message.time, std::move(message.data));
    }
  }
  bool has_mail() const override { return mailboxes_->filled(worker_); }
  void deliver(std::vector<char>& woken) override {
    for (size_t target = 0; target < outgoing_.size(); ++target) {
      if (outgoing_[target].empty()) continue;
      mailboxes_->put(target, outgoing_[target]);
      woken[target] = 1;
    }
  }

 private:
  void post_gathered(size_t target) { post(target, *time_, std::exchange(gathered_[target], C{})); }
  void post(size_t target, const T& time, C&& data) {
    if (target == worker_) {
      queue_->send(time, std::move(data));
      return;
    }
    queue_->book()->pending.messages(queue_->input(), time, 1);
    outgoing_[target].push_back({time, std::move(data)});
  }

  std::shared_ptr<InputQueue<T, C>> queue_;
  std::shared_ptr<Mailboxes<T, C>> mailboxes_;
  size_t worker_;
  std::optional<T> time_;    // of what is gathered
  std::vector<C> gathered_;  // by worker
  std::vector<std::vector<Message<T, C>>> outgoing_;
  Hash hash_;
};

// All that an output port feeds: each gets everything.
template <typename T, typename C>
class Tee {
 public:
  void add(std::shared_ptr<Channel<T, C>> channel) { channels_.push_back(std::move(channel)); }

  void send(const T& time, C&& data) {
    if (channels_.empty()) return;
    for (size_t i = 0; i + 1 < channels_.size(); ++i) {
      if constexpr (std::copy_constructible<C>) {
        channels_[i]->send(time, C(data));
      } else {
        TIDEMARK_CHECK(channels_.size() == 1);  // what cannot be copied has one consumer
      }
    }
    channels_.back()->send(time, std::move(data));
  }
  void flush() {
    for (auto& channel : channels_) channel->flush();
  }

 private:
  std::vector<std::shared_ptr<Channel<T, C>>> channels_;
};

}  // namespace tidemark::dataflow
