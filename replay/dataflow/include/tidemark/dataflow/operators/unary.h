// `unary`, `unary_frontier`, `sink`: operators of one's own.
//
// Progress: `unary` sends only because of messages, at their times while it runs, or later with a
// capability retained from one. `unary_frontier` begins with a capability at the minimum besides;
// until it gives that up, nothing downstream completes. A `sink` sends nothing.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "tidemark/dataflow/operator_builder.h"
#include "tidemark/dataflow/stream.h"

namespace tidemark::dataflow {

// `make(context)` returns the operator: `logic(InputPort<T, C>&, OutputPort<T, D>&)`, called
// whenever a message arrives, the input's frontier moves, or the operator was activated. It should
// read all that waits. `pact` says which worker gets a record: `Pipeline{}` or `Exchange{hash}`.
template <PartiallyOrdered T, Container C>
template <Container D, typename Pact, typename Make>
Stream<T, D> Stream<T, C>::unary(Pact pact, std::string name, Make make) const {
  OperatorBuilder<T> builder(scope_, std::move(name));
  auto input = builder.add_input(*this, std::move(pact));
  auto output = builder.template add_output<D>();
  builder.build(
      [input, output, logic = make(builder.context())]() mutable { logic(*input, *output); });
  return {scope_, std::move(output)};
}

// The same with `make(capability, context)`. The input's frontier is `input.frontier()`; see
// `Notificator` for the usual thing to do with it.
template <PartiallyOrdered T, Container C>
template <Container D, typename Pact, typename Make>
Stream<T, D> Stream<T, C>::unary_frontier(Pact pact, std::string name, Make make) const {
  OperatorBuilder<T> builder(scope_, std::move(name));
  auto input = builder.add_input(*this, std::move(pact));
  auto [output, capability] = builder.template add_output_with_capability<D>();
  builder.build(
      [input, output = output, logic = make(std::move(capability), builder.context())]() mutable {
        logic(*input, *output);
      });
  return {scope_, output};
}

// `make(context)` returns `logic(InputPort<T, C>&)`.
template <PartiallyOrdered T, Container C>
template <typename Pact, typename Make>
void Stream<T, C>::sink(Pact pact, std::string name, Make make) const {
  OperatorBuilder<T> builder(scope_, std::move(name));
  auto input = builder.add_input(*this, std::move(pact));
  builder.build([input, logic = make(builder.context())]() mutable { logic(*input); });
}

}  // namespace tidemark::dataflow
