// Runs of the scale suite: many streams, many readers, long logs.
#pragma once

#include <cstdint>
#include <string>

#include "measure/log_runs.h"
#include "tidemark/result.h"

namespace tidemark::bench {

// Threads that each append to a stream of their own, from an empty log on; ns an event, of all
// streams together.
Result<double> append_to_streams(const std::string& path, uint32_t streams,
                                 const measure::Shape& shape, uint64_t events);
// The limit: as many threads with a bare loop each, into files that were touched before.
Result<double> append_barely_in_threads(const std::string& directory, uint32_t threads,
                                        const measure::Shape& shape, uint64_t events);

struct TailedPlan {
  uint32_t tailers = 0;    // processes that read all of it
  bool spinning = false;   // where there is nothing to read; otherwise they sleep
  uint64_t events = 0;     // of one record of 1 KiB
  double ns_an_event = 0;  // the rate, in bursts of kBurst events; 0: flat out
  static constexpr uint64_t kBurst = 16;
};
// What the writer spends in its appends, ns an event; the waits for the next burst do not count.
// The tailers must have read everything in the end.
Result<double> append_while_tailed(const std::string& path, const TailedPlan& plan);

// Event i has time i: the times of the log are in order.
Result<double> append_in_order(const std::string& path, uint64_t events);
// Reads all of it; ns an event.
Result<double> read_in_order(const std::string& path, uint64_t events);
// Opens the log and finds the event with a time that is somewhere in it, the median of some such
// times; ns.
Result<double> seek_in_order(const std::string& path, uint64_t events);

// A writer of 1 KiB records, in a process of its own, under the default policy, which appends until
// the stream has `position` bytes and then kills itself. Returns its private memory's growth, MiB.
Result<double> write_until_killed(const std::string& path, uint64_t position);
// Opens the stream for writing after that, which recovers it; ns. It is closed again afterwards,
// outside the time.
Result<double> open_after_kill(const std::string& path);
// A replay of the whole log in a process of its own: the growth of its private memory, MiB.
Result<double> memory_of_replay(const std::string& path);

}  // namespace tidemark::bench
