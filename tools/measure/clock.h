// Time in the runs: a clock that costs little beside what it measures, and is one for all cores.
#pragma once

#include <chrono>
#include <cstdint>

#ifdef __x86_64__
#include <x86intrin.h>
#endif

namespace tidemark::measure {

using Clock = std::chrono::steady_clock;

// Since some moment, in units of ns_per_tick(): the processor's own counter where it has one.
inline uint64_t ticks() {
#ifdef __x86_64__
  // Not before the loads that precede it: the counter would be read while they still wait.
  _mm_lfence();
  return __rdtsc();
#else
  return static_cast<uint64_t>(Clock::now().time_since_epoch().count());
#endif
}
// Found out at the first call, in 20 ms.
double ns_per_tick();
inline uint64_t ticks_of(std::chrono::nanoseconds time) {
  return static_cast<uint64_t>(static_cast<double>(time.count()) / ns_per_tick());
}

inline void pause_briefly() {
#ifdef __x86_64__
  _mm_pause();
#endif
}

inline double ns_since(Clock::time_point start) {
  return std::chrono::duration<double, std::nano>(Clock::now() - start).count();
}

}  // namespace tidemark::measure
