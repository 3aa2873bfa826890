// `PreciseClock`: the system's clock for one append after the other (SPEC.md section 8). To ask it
// takes more than half as long as all the rest of a short append; to look at the processor's
// counter, which tells whether the last answer still holds, a third of that.
#pragma once

#include <cstdint>

#include "tidemark/file_seam.h"

namespace tidemark {

// The processor's counter, where it runs at one rate whatever the processor does; else 0.
inline uint64_t processor_count() {
#if defined(__x86_64__)
  return __builtin_ia32_rdtsc();
#else
  return 0;
#endif
}
bool has_steady_processor_count();

// One thread at a time.
class PreciseClock {
 public:
  // Another clock than the system's, a test's, is asked each time.
  explicit PreciseClock(FileSeam& files)
      : files_(files), counts_(&files == &system_files() && has_steady_processor_count()) {}

  // ns since the Unix epoch, as they were no longer than a microsecond ago.
  uint64_t now_ns() {
    if (!counts_) return files_.now_ns();
    // Unsigned: a counter that is behind the last look, another processor's, counts as far beyond
    // it.
    const uint64_t count = processor_count();
    if (count - asked_at_ >= kHoldsFor) {
      asked_at_ = count;
      answer_ = files_.now_ns();
    }
    return answer_;
  }

 private:
  // Such counters make one step a nanosecond and more.
  static constexpr uint64_t kHoldsFor = 1000;

  FileSeam& files_;
  const bool counts_;
  uint64_t asked_at_ = 0;
  uint64_t answer_ = 0;
};

}  // namespace tidemark
