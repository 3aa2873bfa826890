// What the ports, capabilities and handles of one worker's dataflow share: the counts they change,
// the frontiers they see, and the operators they wake.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tidemark/antichain.h"
#include "tidemark/dataflow/activations.h"
#include "tidemark/dataflow/pending_progress.h"
#include "tidemark/dataflow/progress_tracker.h"

namespace tidemark::dataflow {

// Held by everything that may outlive the dataflow itself, so that a capability or an input handle
// that is dropped late changes counts that nobody looks at, and no more. One worker's; not
// thread-safe.
template <typename T>
struct Bookkeeping {
  explicit Bookkeeping(T minimum_time) : minimum(std::move(minimum_time)) {}

  T minimum;
  PendingProgress<T> pending;
  std::vector<Antichain<T>> frontiers;  // by input port: as of the beginning of the step
  Activations activations;
  std::optional<std::string> failure;                 // an operator's reason to end the dataflow
  std::shared_ptr<const ProgressTracker<T>> tracker;  // once the dataflow is built
};

}  // namespace tidemark::dataflow
