// Limits of time, as C gives them.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace tidemark::c {

// No limit is as long as clocks can be added to: some 146 years.
inline std::chrono::nanoseconds limit_of(int64_t limit_ns) {
  constexpr int64_t kLongest = INT64_MAX / 2;
  return std::chrono::nanoseconds(limit_ns < 0 ? kLongest : std::min(limit_ns, kLongest));
}

}  // namespace tidemark::c
