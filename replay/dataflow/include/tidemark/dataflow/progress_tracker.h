// `ProgressTracker`: which times can still appear where, over all workers of a dataflow.
//
// It counts what could lead to a message: the messages that wait at each input port, and the
// capabilities held for each output port. Since operators only ever keep or delay times, a time can
// still appear at a port exactly if some count upstream of it is positive at a time less than or
// equal to it; the frontier of a port is the antichain of those times.
//
// What makes it exact: a worker applies what it did as one batch, under the lock, and hands the
// messages it made to other workers only after that. So no count is ever negative, and none is
// missing: a frontier never passes a time that can still appear, and passes it in the very batch
// after which it cannot. (Timely broadcasts such batches between workers, and lets counts be
// negative for a while; in one process a lock says the same with less.)
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "tidemark/antichain.h"
#include "tidemark/check.h"
#include "tidemark/dataflow/graph.h"
#include "tidemark/dataflow/pending_progress.h"

namespace tidemark::dataflow {

// One for all workers of a dataflow; thread-safe.
template <typename T>
class ProgressTracker {
 public:
  // Every worker counts from the beginning, also one that has not built its dataflow yet.
  ProgressTracker(Graph graph, const T& minimum, size_t peers)
      : graph_(std::move(graph)), inputs_(graph_.inputs.size()), outputs_(graph_.outputs.size()) {
    for (size_t output = 0; output < outputs_.size(); ++output) {
      if (!graph_.outputs[output].initial_capability) continue;
      outputs_[output].counts.update(minimum, static_cast<int64_t>(peers));
      outputs_[output].arriving.emplace_back(minimum, 1);
      total_ += static_cast<int64_t>(peers);
    }
    propagate(0);
    complete_.store(total_ == 0, std::memory_order_relaxed);
  }

  const Graph& graph() const { return graph_; }

  // Applies a worker's batch and clears it. Returns whether a frontier moved or the dataflow came
  // to its end, so that the other workers should look.
  bool apply(PendingProgress<T>& pending) {
    const std::lock_guard lock(mutex_);
    const uint64_t version = version_.load(std::memory_order_relaxed);
    size_t lowest = graph_.operators.size();
    int64_t messages = 0;
    for (size_t input = 0; input < inputs_.size(); ++input) {
      messages +=
          change(inputs_[input], pending.messages()[input], graph_.inputs[input].owner, lowest);
    }
    int64_t capabilities = 0;
    for (size_t output = 0; output < outputs_.size(); ++output) {
      capabilities += change(outputs_[output], pending.capabilities()[output],
                             graph_.outputs[output].owner, lowest);
    }
    pending.clear();
    total_ += messages + capabilities;
    messages_in_flight_.fetch_add(messages, std::memory_order_relaxed);
    propagate(lowest);
    if (total_ == 0 && !complete_.load(std::memory_order_relaxed)) {
      complete_.store(true, std::memory_order_release);
      bump();
    }
    return version_.load(std::memory_order_relaxed) != version;
  }

  // Counts the moves of frontiers. Written under the lock, read without it by workers that look
  // whether there is anything to pull; the lock orders what they then read.
  uint64_t version() const { return version_.load(std::memory_order_acquire); }

  // Calls `moved(input, frontier)` for each input port whose frontier moved since `seen`, and sets
  // `seen` to now.
  template <typename F>
  void pull(uint64_t& seen, F&& moved) const {
    const std::lock_guard lock(mutex_);
    for (size_t input = 0; input < inputs_.size(); ++input) {
      if (inputs_[input].moved_at > seen) moved(input, inputs_[input].implied.frontier());
    }
    seen = version_.load(std::memory_order_relaxed);
  }

  // The times that may still be sent from an output port, by any worker.
  Antichain<T> output_frontier(size_t output) const {
    const std::lock_guard lock(mutex_);
    return outputs_[output].implied.frontier();
  }

  // No message is on its way and no capability is held: nothing can happen any more. Written by the
  // worker whose batch was the last, read by the others.
  bool complete() const { return complete_.load(std::memory_order_acquire); }

  // Messages that wait anywhere. A hint: it may be old by the time it is read.
  int64_t messages_in_flight() const { return messages_in_flight_.load(std::memory_order_relaxed); }

  // Ends the dataflow for all workers: its frontiers stay where they are, for good. The first
  // reason is kept.
  void fail(std::string reason) {
    const std::lock_guard lock(mutex_);
    if (failed_.load(std::memory_order_relaxed)) return;
    reason_ = std::move(reason);
    failed_.store(true, std::memory_order_release);  // pairs with failed(): reason_ is there then
    bump();
  }
  bool failed() const { return failed_.load(std::memory_order_acquire); }
  // Only where failed().
  const std::string& reason() const { return reason_; }

 private:
  struct Port {
    MutableAntichain<T> counts;   // messages of an input, capabilities of an output
    MutableAntichain<T> implied;  // what may still appear here: from `counts` and from upstream
    std::vector<std::pair<T, int64_t>> arriving;  // changes to `implied` that are still to be made
    uint64_t moved_at = 1;                        // the version at which `implied` moved last
  };

  void bump() { version_.fetch_add(1, std::memory_order_release); }

  int64_t change(Port& port, ChangeBatch<T>& batch, size_t owner, size_t& lowest) {
    const auto& changes = batch.changes();
    if (changes.empty()) return 0;
    int64_t sum = 0;
    for (const auto& [time, diff] : changes) sum += diff;
    for (auto& moved : port.counts.update_all(changes)) port.arriving.push_back(std::move(moved));
    for (const auto& [time, diff] : changes) TIDEMARK_CHECK(port.counts.count_of(time) >= 0);
    if (!port.arriving.empty() && owner < lowest) lowest = owner;
    return sum;
  }

  // Passes on what moved, from operator `from` downstream. One pass is enough: an operator's inputs
  // are complete before it is looked at, so that a frontier moves once, and never to and fro.
  void propagate(size_t from) {
    bool moved = false;
    for (size_t index = from; index < graph_.operators.size(); ++index) {
      const Graph::Operator& node = graph_.operators[index];
      for (const size_t input : node.inputs) {
        for (const auto& change : settle(inputs_[input], moved)) {
          for (const size_t output : node.outputs) outputs_[output].arriving.push_back(change);
        }
      }
      for (const size_t output : node.outputs) {
        for (const auto& change : settle(outputs_[output], moved)) {
          for (const size_t target : graph_.outputs[output].targets) {
            inputs_[target].arriving.push_back(change);
          }
        }
      }
    }
    if (moved) bump();
  }

  std::vector<std::pair<T, int64_t>> settle(Port& port, bool& moved) {
    if (port.arriving.empty()) return {};
    auto changes = port.implied.update_all(port.arriving);
    port.arriving.clear();
    if (!changes.empty()) {
      // The version that bump() is going to make, under the same lock.
      port.moved_at = version_.load(std::memory_order_relaxed) + 1;
      moved = true;
    }
    return changes;
  }

  const Graph graph_;
  mutable std::mutex mutex_;
  std::vector<Port> inputs_;
  std::vector<Port> outputs_;
  int64_t total_ = 0;  // of all counts: none is negative, so 0 means that nothing is left
  std::string reason_;
  std::atomic<uint64_t> version_{1};  // so that a worker that has seen 0 pulls every frontier
  std::atomic<int64_t> messages_in_flight_{0};
  std::atomic<bool> complete_{false};
  std::atomic<bool> failed_{false};
};

}  // namespace tidemark::dataflow
