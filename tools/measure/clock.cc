#include "clock.h"

namespace tidemark::measure {

double ns_per_tick() {
  static const double found = [] {
    const auto start = Clock::now();
    const uint64_t from = ticks();
    while (Clock::now() - start < std::chrono::milliseconds(20)) pause_briefly();
    const double ns = ns_since(start);
    return ns / static_cast<double>(ticks() - from);
  }();
  return found;
}

}  // namespace tidemark::measure
