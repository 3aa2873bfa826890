// `ResumePoints`: from where an input has to be read again to meet every record that may not be
// complete (tools/README.md, resuming).
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>

#include "input_file.h"

namespace tidemark::tools {

// Keeps the records that bear a greater time than all before them: the first record at or after a
// frontier is always one of these. For instance, of times 5 9 6 12 those at 5, 9 and 12; for the
// frontier 6 the input is read again from the second on. One thread.
class ResumePoints {
 public:
  // A record at `time` stands at `place`. Places increase.
  void note(uint64_t time, const InputPlace& place);
  // A place at or before the first noted record at or after `frontier`, nullptr where there is
  // none. Frontiers never decrease from call to call. Valid until the next call.
  const InputPlace* first_from(uint64_t frontier);

  // So many are kept at most: beyond, pairs become one, whose place is the earlier one's.
  static constexpr size_t kMaxPoints = 4096;

 private:
  struct Point {
    uint64_t time;
    InputPlace place;
  };
  std::deque<Point> points_;  // times and places increase
};

}  // namespace tidemark::tools
