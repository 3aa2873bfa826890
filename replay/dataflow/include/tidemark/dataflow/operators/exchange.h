// `exchange`: moves each record to the worker that its hash names, at its own time.
#pragma once

#include <utility>

#include "tidemark/dataflow/operators/unary.h"

namespace tidemark::dataflow {

// `hash(record)` is an unsigned integer, the same on every worker.
template <PartiallyOrdered T, Container C>
template <typename Hash>
Stream<T, C> Stream<T, C>::exchange(Hash hash) const {
  return unary<C>(dataflow::Exchange{std::move(hash)}, "exchange", [](const OperatorContext<T>&) {
    return [](InputPort<T, C>& input, OutputPort<T, C>& output) {
      input.for_each([&](auto& message) {
        output.session(message.capability).give_container(std::move(message.data));
      });
    };
  });
}

}  // namespace tidemark::dataflow
