// `probe`: tells which times may still pass a place.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "tidemark/antichain.h"
#include "tidemark/dataflow/operators/unary.h"

namespace tidemark::dataflow {

// The union of the frontiers at all places it is attached to; attached to none, it is done. It
// moves while its worker steps. A handle: copies see the same.
template <PartiallyOrdered T>
class ProbeHandle {
 public:
  // Whether a time before `time` may still pass.
  bool less_than(const T& time) const { return counts_->frontier().less_than(time); }
  // Whether `time` or one before it may still pass.
  bool less_equal(const T& time) const { return counts_->frontier().less_equal(time); }
  // Whether nothing can pass any more.
  bool done() const { return counts_->frontier().empty(); }
  const Antichain<T>& frontier() const { return counts_->frontier(); }

 private:
  template <PartiallyOrdered U, Container C>
  friend class Stream;

  std::shared_ptr<MutableAntichain<T>> counts_ = std::make_shared<MutableAntichain<T>>();
};

template <PartiallyOrdered T, Container C>
Stream<T, C> Stream<T, C>::probe_with(ProbeHandle<T>& handle) const {
  handle.counts_->update(scope_.minimum(), 1);
  return unary<C>(Pipeline{}, "probe", [&](const OperatorContext<T>& context) {
    return [counts = handle.counts_, seen = Antichain<T>(context.minimum())](
               InputPort<T, C>& input, OutputPort<T, C>& output) mutable {
      if (!(input.frontier() == seen)) {
        for (const T& time : input.frontier().elements()) counts->update(time, 1);
        for (const T& time : seen.elements()) counts->update(time, -1);
        seen = input.frontier();
      }
      input.for_each([&](auto& message) {
        output.session(message.capability).give_container(std::move(message.data));
      });
    };
  });
}

template <PartiallyOrdered T, Container C>
ProbeHandle<T> Stream<T, C>::probe() const {
  ProbeHandle<T> handle;
  probe_with(handle);
  return handle;
}

}  // namespace tidemark::dataflow
