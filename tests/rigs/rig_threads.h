// for_each_case(): the cases of a rig on all cores.
#pragma once

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "rig.h"

namespace tidemark::rig {

template <typename Work>
void for_each_case(Rig& rig, uint64_t cases, Work work) {
  if (rig.options().only) {
    rig.at_case(*rig.options().only);
    work(*rig.options().only);
    return;
  }
  std::atomic<uint64_t> next{0};
  std::atomic<uint64_t> done{0};
  const auto run = [&] {
    while (!rig.should_stop()) {
      const uint64_t number = next.fetch_add(1, std::memory_order_relaxed);
      if (number >= cases) return;
      rig.at_case(number);
      work(number);
      rig.progress(done.fetch_add(1, std::memory_order_relaxed) + 1, cases);
    }
  };
  const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
  const unsigned count = rig.options().threads > 0 ? rig.options().threads : cores;
  std::vector<std::thread> threads;
  for (unsigned i = 1; i < count; ++i) threads.emplace_back(run);
  run();
  for (std::thread& thread : threads) thread.join();
  rig.counter("cases").store(done.load());
}

}  // namespace tidemark::rig
