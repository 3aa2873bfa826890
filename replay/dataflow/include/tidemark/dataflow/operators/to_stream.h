// `to_stream`: the records of a container at the minimum time, by each worker.
#pragma once

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "tidemark/dataflow/operators/source.h"

namespace tidemark::dataflow {

// A container's worth of records a step, and then the capability is dropped.
template <Container C, PartiallyOrdered T>
Stream<T, std::vector<typename C::value_type>> to_stream(const Scope<T>& scope, C records) {
  using Made = std::vector<typename C::value_type>;
  return source<Made>(
      scope, "to_stream", [&](Capability<T> capability, const OperatorContext<T>& context) {
        return [records = std::move(records), next = size_t{0}, context,
                held = std::optional(std::move(capability))](OutputPort<T, Made>& output) mutable {
          if (!held) return;
          const size_t end = std::min(next + kContainerRecords, size_t{records.size()});
          auto at = records.begin() + static_cast<std::ptrdiff_t>(next);
          auto session = output.session(*held);
          for (; next < end; ++next, ++at) session.give(std::move(*at));
          if (next == records.size()) {
            held.reset();
          } else {
            context.activate();
          }
        };
      });
}

}  // namespace tidemark::dataflow
