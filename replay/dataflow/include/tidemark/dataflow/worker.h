// `Worker`: one thread's share of all dataflows.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "tidemark/dataflow/activations.h"
#include "tidemark/dataflow/process.h"
#include "tidemark/dataflow/timestamp.h"

namespace tidemark::dataflow {

template <PartiallyOrdered T>
class Scope;

// One worker's side of one dataflow, whatever its times are.
class Dataflow {
 public:
  virtual ~Dataflow() = default;
  virtual size_t number() const = 0;
  // Runs every operator that wants to run once, and tells the others what it did.
  virtual void step() = 0;
  virtual bool has_work() const = 0;
  // Nothing can happen any more: it came to its end, or failed.
  virtual bool ended() const = 0;
  virtual void activate(size_t operator_index) = 0;
  virtual std::optional<SteadyClock::time_point> next_timer() const = 0;
};

// Runs dataflows in its thread, which is the only one that may use it and all that belongs to it:
// scopes, streams, capabilities, input and probe handles. Only an `Activator` goes elsewhere.
class Worker {
 public:
  Worker(std::shared_ptr<Process> process, size_t index)
      : process_(std::move(process)), index_(index) {}
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  size_t index() const { return index_; }
  size_t peers() const { return process_->peers(); }

  // Builds a dataflow with `build(scope)`, and returns what that returns. All workers build the
  // same dataflows in the same order; one that does not is a broken program, and stopped. `build`
  // runs operators' constructors, not operators.
  template <Timestamp T, typename Build>
  auto dataflow(Build&& build) {
    return dataflow_from<T>(minimum_time<T>(), std::forward<Build>(build));
  }
  // The same for times whose type does not say what their minimum is.
  template <PartiallyOrdered T, typename Build>
  auto dataflow_from(T minimum, Build&& build);

  // Runs all operators that want to run once. Returns whether any dataflow is left.
  bool step();
  // The same, but sleeps first, until there is something to do or `limit` is over, unless there is
  // something to do already.
  bool step_or_park(std::optional<std::chrono::nanoseconds> limit);
  // Steps, sleeping in between, until `condition()` is false. Something must make it so.
  template <typename Condition>
  void step_while(Condition condition) {
    while (condition()) step_or_park(std::nullopt);
  }

  // Whether step_or_park() would not sleep.
  bool has_work() const;
  bool has_dataflows() const { return !dataflows_.empty(); }
  // Leaves all dataflows where they stand, without a word to the other workers: what this one holds
  // stays held for them, as if its process had died.
  void drop_dataflows() { dataflows_.clear(); }

 private:
  std::shared_ptr<Process> process_;
  size_t index_;
  size_t dataflows_built_ = 0;
  std::vector<std::unique_ptr<Dataflow>> dataflows_;
};

}  // namespace tidemark::dataflow
