// What one worker did to a dataflow's counts since it last said so.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tidemark/dataflow/change_batch.h"

namespace tidemark::dataflow {

// Changes of the counts of messages at input ports and of capabilities at output ports. They are
// told to all workers as one: between what an operator consumed and what it made of it, there is no
// state that anybody could see. One worker's; not thread-safe.
template <typename T>
class PendingProgress {
 public:
  void add_input() { messages_.emplace_back(); }
  void add_output() { capabilities_.emplace_back(); }

  // `diff` more messages wait at an input.
  void messages(size_t input, const T& time, int64_t diff) {
    messages_[input].update(time, diff);
    any_ = true;
  }
  // `diff` more capabilities are held for an output.
  void capabilities(size_t output, const T& time, int64_t diff) {
    capabilities_[output].update(time, diff);
    any_ = true;
  }

  bool empty() const { return !any_; }
  std::vector<ChangeBatch<T>>& messages() { return messages_; }
  std::vector<ChangeBatch<T>>& capabilities() { return capabilities_; }
  void clear() {
    for (auto& batch : messages_) batch.clear();
    for (auto& batch : capabilities_) batch.clear();
    any_ = false;
  }

 private:
  std::vector<ChangeBatch<T>> messages_;      // by input port
  std::vector<ChangeBatch<T>> capabilities_;  // by output port
  bool any_ = false;
};

}  // namespace tidemark::dataflow
