#include <algorithm>
#include <chrono>

#include "bare_loop_functions.h"
#include "bare_loops.h"
#include "tidemark/frame.h"

namespace tidemark::measure {

const std::vector<BareLoops>& all_bare_loops() {
  static const std::vector<BareLoops> loops = [] {
    std::vector<BareLoops> result;
    const auto add = [&](std::string_view name, const BareLoopFunctions& functions) {
      result.push_back({name, functions.append, functions.scan});
    };
    add("baseline", kBareLoopsBaseline);
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2")) add("AVX2", kBareLoopsAvx2);
    if (__builtin_cpu_supports("avx512f")) add("AVX-512", kBareLoopsAvx512);
#endif
    return result;
  }();
  return loops;
}

const BareLoops& bare_loops() {
  // Judged by 4 KiB at a time, of memory that stays in the first cache: that is XXH3 alone. The
  // best of some runs, because others may run on this machine.
  static const BareLoops* const quickest = [] {
    constexpr uint64_t kBytes = 4096;
    const std::vector<std::byte> memory(kBytes);
    const BareLoops* best = nullptr;
    auto least = std::chrono::steady_clock::duration::max();
    uint64_t sum = 0;
    for (int run = 0; run < 20; ++run) {
      for (const BareLoops& loops : all_bare_loops()) {
        const auto start = std::chrono::steady_clock::now();
        for (int i = 0; i < 50; ++i) sum += loops.scan(memory.data(), 1, kBytes, 0, kBytes);
        const auto taken = std::chrono::steady_clock::now() - start;
        if (taken < least && sum != 1) {
          least = taken;
          best = &loops;
        }
      }
    }
    return best == nullptr ? &all_bare_loops().front() : best;
  }();
  return *quickest;
}

uint64_t walk_frames(const std::byte* at, uint64_t bytes) {
  uint64_t walked = 0;
  while (walked < bytes) {
    const uint64_t frame = align_up(load_commit_word(at + walked) & kLengthMask, kFrameAlignment);
    if (frame == 0) break;
    walked += frame;
  }
  return walked;
}

}  // namespace tidemark::measure
