// One run of a tail: a process writes, another one reads what was just written. A delay reaches
// from before the write to when the reader has what was written, by the processor's counter.
#pragma once

#include <cstdint>
#include <string>

#include "samples.h"
#include "tidemark/result.h"

namespace tidemark::measure {

struct TailPlan {
  uint64_t events = 10'000;
  uint64_t events_a_second = 20'000;  // 0: flat out
  bool sleeping = false;              // otherwise the reader spins
};

// A log of 64 B records at `path`, unsynced. At a given rate, no event is appended before the
// reader has answered the one before it, which on a machine that has time for both is long before
// it is due. Flat out there are no answers, and a writer that is quicker than its reader leaves it
// behind: then the delay is that of the queue between them.
Result<Percentiles> tail_log(const std::string& path, const TailPlan& plan);

// The limits: the same by one cache line that holds the time, seen by a spinning reader, or one
// that sleeps on a futex beside it. The next one is not written before the reader has answered, for
// a line holds no queue.
Result<Percentiles> tail_line(const TailPlan& plan);

}  // namespace tidemark::measure
