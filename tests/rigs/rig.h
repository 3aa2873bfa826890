// What all rigs have in common: options, a seed, a line of progress on standard error, a summary in
// JSON on standard output, and on failure the one command that shows it again.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tidemark::rig {

// tidemark_rigs <rig> [--seed N] [--count N] [--seconds N] [--threads N] [--only N] [--bug NAME]
//               [--directory PATH]
struct Options {
  uint64_t seed = 1;
  uint64_t count = 0;    // how much to do, in the rig's own measure; 0: its default
  double seconds = 0;    // stop after so long, the rest undone and said so; 0: when all is done
  unsigned threads = 0;  // 0: one for each core
  std::optional<uint64_t> only;  // one case alone, as a failure's reproduction names it
  std::string bug;               // a planted bug to switch on; only in tidemark_rigs_planted
  std::string directory;         // where a failing case is left as files; "": nowhere
};

// One run of a rig. Counters and fail() may be used from any thread.
class Rig {
 public:
  Rig(std::string name, Options options);
  Rig(const Rig&) = delete;
  Rig& operator=(const Rig&) = delete;

  const Options& options() const { return options_; }
  // The number that the summary shows under this name. Lives as long as the rig.
  std::atomic<uint64_t>& counter(std::string_view name);

  // The first failure counts. `case_number` is what --only takes to see it again.
  void fail(const std::string& what, uint64_t case_number);
  bool failed() const { return failed_.load(std::memory_order_relaxed); }
  // Whether to stop: something failed, or the time is over.
  bool should_stop();
  // Says how far it is, at most once a second.
  void progress(uint64_t done, uint64_t total);
  double seconds() const;

  // In place of a run: why there is none on this system.
  int skip(const std::string& reason);
  // Prints the summary. The exit code: 0, or 1 after a failure.
  int finish();

  // What to say should the process die of a signal: this thread is at that case.
  void at_case(uint64_t case_number);
  std::string reproduction(uint64_t case_number) const;

 private:
  using Clock = std::chrono::steady_clock;
  const std::string name_;
  Options options_;
  const Clock::time_point begin_ = Clock::now();
  std::atomic<int64_t> next_line_ms_{1000};
  std::atomic<bool> failed_{false};
  std::atomic<bool> out_of_time_{false};
  mutable std::mutex mutex_;
  std::deque<std::pair<std::string, std::atomic<uint64_t>>> counters_;
  std::string failure_;
  uint64_t failed_case_ = 0;
};

// Runs `work(case)` for every case below `cases`, or for options.only, on all threads.
template <typename Work>
void for_each_case(Rig& rig, uint64_t cases, Work work);

// A small generator, seeded by as many numbers as say which case it is for: what one case does
// depends on no other, nor on threads.
class Random {
 public:
  template <typename... Words>
  explicit Random(Words... words) {
    (mix(static_cast<uint64_t>(words)), ...);
  }
  uint64_t operator()() {
    state_ += 0x9E37'79B9'7F4A'7C15;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58'476D'1CE4'E5B9;
    z = (z ^ (z >> 27)) * 0x94D0'49BB'1331'11EB;
    return z ^ (z >> 31);
  }
  uint64_t below(uint64_t limit) { return (*this)() % limit; }
  // Of three quarters of all bits, and of a quarter.
  uint64_t dense() {
    const uint64_t first = (*this)();
    return first | (*this)();
  }
  uint64_t sparse() {
    const uint64_t first = (*this)();
    return first & (*this)();
  }

 private:
  void mix(uint64_t word) {
    state_ ^= word;
    (void)(*this)();
    state_ = (*this)();
  }
  uint64_t state_ = 0x7469'6465'6d61'726b;
};

// The rigs, each in a file of its name.
int crash_images(Rig& rig);
int call_faults(Rig& rig);
int bit_flips(Rig& rig);
int kill_loop(Rig& rig);
int kill_steps(Rig& rig);
int many_processes(Rig& rig);
int catalog_bits(Rig& rig);
int real_disks(Rig& rig);
int races(Rig& rig);
int wakes(Rig& rig);
int waypoints(Rig& rig);

}  // namespace tidemark::rig

#include "rig_threads.h"
