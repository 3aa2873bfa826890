// `map`, `filter`, `flat_map`: record by record, at the record's own time. They hold nothing back.
#pragma once

#include <type_traits>
#include <utility>
#include <vector>

#include "tidemark/dataflow/operators/unary.h"

namespace tidemark::dataflow {

template <PartiallyOrdered T, Container C>
template <typename F>
auto Stream<T, C>::flat_map(F f) const {
  using Range = std::remove_cvref_t<std::invoke_result_t<F&, Record>>;
  using Made = std::vector<typename Range::value_type>;
  return unary<Made>(Pipeline{}, "flat_map", [f = std::move(f)](const OperatorContext<T>&) {
    return [f](InputPort<T, C>& input, OutputPort<T, Made>& output) mutable {
      input.for_each([&](auto& message) {
        auto session = output.session(message.capability);
        for (auto&& record : message.data) {
          for (auto&& made : f(std::move(record))) session.give(std::move(made));
        }
      });
    };
  });
}

template <PartiallyOrdered T, Container C>
template <typename F>
auto Stream<T, C>::map(F f) const {
  using Made = std::vector<std::remove_cvref_t<std::invoke_result_t<F&, Record>>>;
  return unary<Made>(Pipeline{}, "map", [f = std::move(f)](const OperatorContext<T>&) {
    return [f](InputPort<T, C>& input, OutputPort<T, Made>& output) mutable {
      input.for_each([&](auto& message) {
        Made made;
        made.reserve(message.data.size());
        for (auto&& record : message.data) made.push_back(f(std::move(record)));
        output.session(message.capability).give_container(std::move(made));
      });
    };
  });
}

template <PartiallyOrdered T, Container C>
template <typename F>
auto Stream<T, C>::filter(F f) const {
  using Made = Rebuilt<C>;
  return unary<Made>(Pipeline{}, "filter", [f = std::move(f)](const OperatorContext<T>&) {
    return [f](InputPort<T, C>& input, OutputPort<T, Made>& output) mutable {
      input.for_each([&](auto& message) {
        auto session = output.session(message.capability);
        for (auto&& record : message.data) {
          if (f(std::as_const(record))) session.give(std::move(record));
        }
      });
    };
  });
}

}  // namespace tidemark::dataflow
