// The frontier of an input by event time: which times may still appear (tools/README.md).
#pragma once

#include <algorithm>
#include <cstdint>

namespace tidemark::tools {

// What becomes of a record that lies behind the frontier.
enum class Late : uint8_t { Clamp, Drop, Error };

// Before input record i the frontier is max(start, max(times of records 0..i-1) - lateness), never
// below zero. It depends on nothing but the input: not on batches, waiting or the number of
// streams. For instance with start 0 and lateness 2, times 5 9 6 8 meet frontiers 0 3 7 7: the
// third record is late and moves to 7.
class InputFrontier {
 public:
  InputFrontier(uint64_t start, uint64_t lateness) : frontier_(start), lateness_(lateness) {}

  uint64_t frontier() const { return frontier_; }
  bool is_late(uint64_t time) const { return time < frontier_; }

  // The frontier after a record of this time.
  void advance(uint64_t time) {
    if (time > lateness_) frontier_ = std::max(frontier_, time - lateness_);
  }

 private:
  uint64_t frontier_;
  uint64_t lateness_;
};

}  // namespace tidemark::tools
