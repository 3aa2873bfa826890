// `new_input`: records and times from outside of the dataflow.
//
// Progress: the handle holds one capability, at its time; advance_to() moves it, close() drops it.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

#include "tidemark/antichain.h"
#include "tidemark/check.h"
#include "tidemark/dataflow/operator_builder.h"
#include "tidemark/dataflow/stream.h"

namespace tidemark::dataflow {

// Feeds one worker's input, in the worker's thread, between steps. Its destruction closes it.
template <PartiallyOrdered T, GrowingContainer C>
class InputHandle {
 public:
  InputHandle(std::shared_ptr<OutputPort<T, C>> port, Capability<T> capability)
      : port_(std::move(port)), capability_(std::move(capability)) {}
  // What was moved from is closed.
  InputHandle(InputHandle&& other) noexcept
      : port_(std::move(other.port_)),
        capability_(std::exchange(other.capability_, std::nullopt)) {}
  InputHandle& operator=(InputHandle&& other) noexcept {
    close();
    port_ = std::move(other.port_);
    capability_ = std::exchange(other.capability_, std::nullopt);
    return *this;
  }
  ~InputHandle() { close(); }

  // Sends at the current time; some records are gathered before they go on their way. The input
  // must not be closed.
  void send(typename C::value_type record) {
    TIDEMARK_CHECK(capability_.has_value());
    port_->session(*capability_).give(std::move(record));
  }
  void send_container(C data) {
    TIDEMARK_CHECK(capability_.has_value());
    port_->session(*capability_).give_container(std::move(data));
  }

  // Goes on at `time`, which must not be before the current one; what was sent is on its way.
  void advance_to(const T& time) {
    TIDEMARK_CHECK(capability_.has_value());
    flush();
    capability_->downgrade(time);
  }
  // What was sent is on its way.
  void flush() {
    if (capability_) port_->flush();
  }
  // Nothing more will be sent. A second call does nothing.
  void close() {
    flush();
    capability_.reset();
  }

  // The current time; the input must not be closed.
  const T& time() const {
    TIDEMARK_CHECK(capability_.has_value());
    return capability_->time();
  }
  bool closed() const { return !capability_.has_value(); }

 private:
  std::shared_ptr<OutputPort<T, C>> port_;
  std::optional<Capability<T>> capability_;
};

template <GrowingContainer C, PartiallyOrdered T>
std::pair<InputHandle<T, C>, Stream<T, C>> new_input(const Scope<T>& scope) {
  OperatorBuilder<T> builder(scope, "input");
  auto [output, capability] = builder.template add_output_with_capability<C>();
  builder.build([] {});
  return {InputHandle<T, C>(output, std::move(capability)), Stream<T, C>(scope, output)};
}

}  // namespace tidemark::dataflow
