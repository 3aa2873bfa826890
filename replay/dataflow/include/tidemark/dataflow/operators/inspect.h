// `inspect`, `inspect_batch`: look at what passes, and pass it on unchanged.
#pragma once

#include <type_traits>
#include <utility>

#include "tidemark/dataflow/operators/unary.h"

namespace tidemark::dataflow {

template <PartiallyOrdered T, Container C>
template <typename F>
Stream<T, C> Stream<T, C>::inspect_batch(F f) const {
  return unary<C>(Pipeline{}, "inspect", [f = std::move(f)](const OperatorContext<T>&) {
    return [f](InputPort<T, C>& input, OutputPort<T, C>& output) mutable {
      input.for_each([&](auto& message) {
        f(message.time(), std::as_const(message.data));
        output.session(message.capability).give_container(std::move(message.data));
      });
    };
  });
}

template <PartiallyOrdered T, Container C>
template <typename F>
Stream<T, C> Stream<T, C>::inspect(F f) const {
  return inspect_batch([f = std::move(f)](const T& time, const C& data) mutable {
    for (const auto& record : data) {
      if constexpr (std::is_invocable_v<F&, const T&, decltype(record)>) {
        f(time, record);
      } else {
        f(record);
      }
    }
  });
}

}  // namespace tidemark::dataflow
