// The oracle of a crash: whatever a power loss or a kill left, what was acknowledged is recovered,
// what is recovered is a contiguous beginning of what was written, it can be appended to, and a
// crash inside that recovery changes nothing of this.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "rig.h"
#include "simulated_disk.h"

namespace tidemark::rig {

// What is known of a stream at a moment.
struct Past {
  std::vector<uint64_t> written;  // by number, the one in flight included
  size_t acknowledged = 0;        // of them, durable as somebody was told
  size_t returned = 0;            // of them, committed: a mere kill may lose none
  uint64_t highest = 0;           // position: nothing new may stand below
  // How many of them, from the first on, must be purged, and how many may be.
  uint64_t purged_least = 0;
  uint64_t purged_most = 0;
  // A consumer's cursor: of the next event to be seen, its number and where it is looked for. The
  // catalog, which makes it durable, is a fake here; the rig of real file systems has the real one.
  struct Cursor {
    uint64_t index = 0;
    uint64_t position = 0;
  };
  std::optional<Cursor> cursor;
};

enum class Crash : uint8_t { PowerLoss, Kill };

struct CrashCounters {
  std::atomic<uint64_t>& images;
  std::atomic<uint64_t>& in_recovery;  // those of crashes inside the recovery of another image
};

// Checks one image. `nested`: how many crash images of its recovery to check as well, for each call
// that it makes; 0: none. Returns "" or what is wrong.
std::string check_crash(const NodePtr& root, const Past& past, Crash crash, unsigned nested,
                        Random& random, CrashCounters& counters);

}  // namespace tidemark::rig
