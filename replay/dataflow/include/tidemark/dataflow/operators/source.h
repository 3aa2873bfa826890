// `source`: an operator of one's own without inputs.
//
// Progress: it begins with a capability at the minimum, sends at the times of capabilities it
// holds, downgrades them as it goes, and has ended when it has dropped all of them.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "tidemark/dataflow/operator_builder.h"
#include "tidemark/dataflow/stream.h"

namespace tidemark::dataflow {

// `make(capability, context)` returns `logic(OutputPort<T, C>&)`. It runs once at the beginning and
// then when it was activated: `context.activate()`.
template <Container C, PartiallyOrdered T, typename Make>
Stream<T, C> source(const Scope<T>& scope, std::string name, Make make) {
  OperatorBuilder<T> builder(scope, std::move(name));
  auto [output, capability] = builder.template add_output_with_capability<C>();
  builder.build([output = output, logic = make(std::move(capability),
                                               builder.context())]() mutable { logic(*output); });
  return {scope, output};
}

}  // namespace tidemark::dataflow
