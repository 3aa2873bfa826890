// An operator's ends: where messages come in, and where they go out.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "tidemark/antichain.h"
#include "tidemark/check.h"
#include "tidemark/dataflow/bookkeeping.h"
#include "tidemark/dataflow/capability.h"
#include "tidemark/dataflow/channels.h"
#include "tidemark/dataflow/container.h"

namespace tidemark::dataflow {

// The right to send at a message's time while its operator runs. To send later, an operator keeps a
// capability: OutputPort::retain.
template <typename T>
class MessageCapability {
 public:
  explicit MessageCapability(T time) : time_(std::move(time)) {}
  MessageCapability(MessageCapability&&) noexcept = default;
  MessageCapability& operator=(MessageCapability&&) noexcept = default;
  const T& time() const { return time_; }

 private:
  T time_;
};

template <typename T, typename C>
struct ReceivedMessage {
  MessageCapability<T> capability;
  C data;
  const T& time() const { return capability.time(); }
};

// Where an operator reads. Used while the operator runs.
template <typename T, typename C>
class InputPort {
 public:
  explicit InputPort(std::shared_ptr<InputQueue<T, C>> queue) : queue_(std::move(queue)) {}

  // The next message. It is consumed: what shall still be sent because of it must be sent, or have
  // a capability retained, before the operator returns.
  std::optional<ReceivedMessage<T, C>> next() {
    if (queue_->empty()) return std::nullopt;
    Message<T, C> message = queue_->take();
    return ReceivedMessage<T, C>{MessageCapability<T>(std::move(message.time)),
                                 std::move(message.data)};
  }
  bool empty() const { return queue_->empty(); }

  // Calls `f(message)` for each message that waits.
  template <typename F>
  void for_each(F&& f) {
    while (auto message = next()) f(*message);
  }

  // What may still come: no message, among those not read yet neither, is before it or beside it.
  const Antichain<T>& frontier() const { return queue_->book()->frontiers[queue_->input()]; }

 private:
  std::shared_ptr<InputQueue<T, C>> queue_;
};

// Where an operator sends. Used while the operator runs.
template <typename T, typename C>
class OutputPort {
 public:
  OutputPort(std::shared_ptr<Bookkeeping<T>> book, size_t output)
      : book_(std::move(book)), output_(output) {}

  // Sends records at one time; what it gathers is sent when the operator returns at the latest.
  class Session {
   public:
    Session(OutputPort& port, const T& time) : port_(port), time_(time) {}

    void give(typename C::value_type record) requires GrowingContainer<C> {
      port_.gather(time_, std::move(record));
    }
    // A whole container as one message. Empty ones are not sent.
    void give_container(C&& data) {
      if (data.size() == 0) return;
      port_.flush_gathered();
      port_.tee_.send(time_, std::move(data));
    }

   private:
    OutputPort& port_;
    const T& time_;
  };

  // The capability must be one for this output, and outlive the session.
  Session session(const Capability<T>& capability) {
    TIDEMARK_CHECK(capability.output() == output_);
    return Session(*this, capability.time());
  }
  Session session(const MessageCapability<T>& capability) {
    return Session(*this, capability.time());
  }

  // For an operator that keeps counts of capabilities instead of capabilities, and answers itself
  // for holding one at or before each time that it raises or sends at.
  void count_capability(const T& time, int64_t diff) {
    book_->pending.capabilities(output_, time, diff);
  }
  Session session_at(const T& time) { return Session(*this, time); }

  // Keeps the right to send at a message's time, for later.
  Capability<T> retain(const MessageCapability<T>& capability) {
    return Capability<T>::claim(book_, output_, capability.time());
  }

  size_t number() const { return output_; }
  Tee<T, C>& tee() { return tee_; }

  // All that was given is on its way, and counted. The runtime calls it after each run.
  void flush() {
    flush_gathered();
    tee_.flush();
  }

 private:
  void gather(const T& time, typename C::value_type record) {
    if (!time_ || !(*time_ == time)) {
      flush_gathered();
      time_ = time;
    }
    gathered_.push_back(std::move(record));
    if (gathered_.size() >= kContainerRecords) flush_gathered();
  }
  void flush_gathered() {
    if constexpr (GrowingContainer<C>) {
      if (gathered_.size() == 0) return;
      tee_.send(*time_, std::exchange(gathered_, C{}));
    }
  }

  std::shared_ptr<Bookkeeping<T>> book_;
  size_t output_;
  Tee<T, C> tee_;
  std::optional<T> time_;  // of what is gathered
  // Nothing where the container cannot grow.
  std::conditional_t<GrowingContainer<C>, C, std::monostate> gathered_;
};

}  // namespace tidemark::dataflow
