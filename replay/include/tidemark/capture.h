// `capture`: what passes a place of a dataflow, as events of a channel. For tests, and for what
// other threads do with it; `extract` sums it up.
#pragma once

#include <utility>

#include "tidemark/capture_into.h"
#include "tidemark/event_channel.h"

namespace tidemark::dataflow {

// Returns the channel's receiver, which may go to any thread. The channel is as large as what waits
// in it: whoever cannot promise to keep up captures into a bounded one. Where the receiver is
// dropped, the dataflow goes on.
template <PartiallyOrdered T, Container C>
template <typename... Options>
auto Stream<T, C>::capture(Options... options) const {
  auto [sender, receiver] = EventChannel<T, C>::make(std::move(options)...);
  tidemark::capture_into(*this, std::move(sender), OnFailure::GoOn);
  return std::move(receiver);
}

}  // namespace tidemark::dataflow
