// What `capture --ack` prints: how many input records, from the first, survive power loss.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "output.h"

namespace tidemark::tools {

// An acknowledgement takes two steps. note() says that the first so many records are committed, and
// where each stream stood then; once every stream is durable up to there, settle() prints the
// count. A line is flushed at once, and never before what it claims.
class Acknowledgements {
 public:
  explicit Acknowledgements(Output& output) : output_(output) {}

  void note(uint64_t records, std::vector<uint64_t> committed);
  // Returns false where the line could not be written.
  bool settle(const std::vector<uint64_t>& durable);
  // The same for a sync of everything that was just done.
  bool settle_all(uint64_t records);

  bool waiting() const { return !notes_.empty(); }
  uint64_t acknowledged() const { return acknowledged_; }

 private:
  struct Note {
    uint64_t records;
    std::vector<uint64_t> committed;
  };

  bool print(uint64_t records);

  Output& output_;
  std::deque<Note> notes_;
  uint64_t acknowledged_ = 0;
};

}  // namespace tidemark::tools
