// `concat`: several streams as one. A time can appear as long as it can in any of them.
#pragma once

#include <memory>
#include <vector>

#include "tidemark/dataflow/operator_builder.h"
#include "tidemark/dataflow/stream.h"

namespace tidemark::dataflow {

// `streams` are of one dataflow; at least one.
template <PartiallyOrdered T, Container C>
Stream<T, C> concatenate(const std::vector<Stream<T, C>>& streams) {
  TIDEMARK_CHECK(!streams.empty());
  const Scope<T> scope = streams.front().scope();
  OperatorBuilder<T> builder(scope, "concat");
  std::vector<std::shared_ptr<InputPort<T, C>>> inputs;
  inputs.reserve(streams.size());
  for (const auto& stream : streams) inputs.push_back(builder.add_input(stream, Pipeline{}));
  auto output = builder.template add_output<C>();
  builder.build([inputs, output] {
    for (const auto& input : inputs) {
      input->for_each([&](auto& message) {
        output->session(message.capability).give_container(std::move(message.data));
      });
    }
  });
  return {scope, std::move(output)};
}

template <PartiallyOrdered T, Container C>
Stream<T, C> Stream<T, C>::concat(const Stream& other) const {
  return concatenate(std::vector{*this, other});
}

}  // namespace tidemark::dataflow
