// `Capability`: the right to send at a time, and at all times after it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "tidemark/antichain.h"
#include "tidemark/check.h"
#include "tidemark/dataflow/bookkeeping.h"

namespace tidemark::dataflow {

// As long as one is held at a time, no frontier downstream of its output passes that time. Counted:
// copying adds one, destruction gives one back. Belongs to its worker's thread.
template <typename T>
class Capability {
 public:
  // Takes over a capability that was counted before. Operators get theirs from the runtime.
  static Capability counted(std::shared_ptr<Bookkeeping<T>> book, size_t output, T time) {
    return Capability(std::move(book), output, std::move(time));
  }
  // Counts a new one; whoever calls it holds what allows it.
  static Capability claim(std::shared_ptr<Bookkeeping<T>> book, size_t output, T time) {
    book->pending.capabilities(output, time, 1);
    return Capability(std::move(book), output, std::move(time));
  }

  Capability(const Capability& other)
      : Capability(claim(other.book_, other.output_, other.time_)) {}
  Capability(Capability&& other) noexcept = default;
  Capability& operator=(Capability other) noexcept {
    std::swap(book_, other.book_);
    std::swap(output_, other.output_);
    std::swap(time_, other.time_);
    return *this;
  }
  ~Capability() {
    if (book_) book_->pending.capabilities(output_, time_, -1);
  }

  const T& time() const { return time_; }
  size_t output() const { return output_; }

  // One for `time`, which must not be before this one's.
  Capability delayed(const T& time) const {
    TIDEMARK_CHECK(order::precedes_or_equals(time_, time));
    return claim(book_, output_, time);
  }
  // Gives up all times that are not at or after `time`, which must not be before this one's.
  void downgrade(const T& time) { *this = delayed(time); }

 private:
  Capability(std::shared_ptr<Bookkeeping<T>> book, size_t output, T time)
      : book_(std::move(book)), output_(output), time_(std::move(time)) {}

  std::shared_ptr<Bookkeeping<T>> book_;  // null after a move
  size_t output_;
  T time_;
};

}  // namespace tidemark::dataflow
