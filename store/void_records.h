// Which records of a stream are void (SPEC.md section 5.8): a producer that was restarted has said
// that it offers them again.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "segment.h"
#include "tidemark/antichain.h"
#include "tidemark/file_seam.h"
#include "tidemark/result.h"
#include "tidemark/time.h"

namespace tidemark {

class VoidRecords {
 public:
  // What the segments of a stream say at this moment, as far as it concerns records at or after
  // `from`, a segment's first position. Looks at the last published segment's header and at the
  // segments that void something, not at all of them. Where damage hides what one of them says,
  // reading the stream will meet it. Errors: Io.
  static Result<VoidRecords> find(FileSeam& files, const std::string& directory, uint32_t stream,
                                  uint64_t from, Access access);

  // Adds what this segment voids, if its checkpoint can be used.
  void add(Segment& segment);

  bool empty() const { return rules_.empty(); }
  // Whether the segment at `first_position` is one of those that were found.
  bool knows(uint64_t first_position) const;
  // A record of `time` whose event stands at `position`.
  bool covers(uint64_t position, const Time& time) const;
  // The reader is in the segment at `first_position`: what that one and those before it void, it
  // will not meet.
  void pass(uint64_t first_position);

 private:
  struct Rule {
    uint64_t segment = 0;      // what stands before it is concerned,
    Antichain<Time> frontier;  // at times at or after an element of this
  };
  std::vector<Rule> rules_;
};

}  // namespace tidemark
