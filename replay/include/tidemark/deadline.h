// A limit on a wait as a point in time, for any limit, `nanoseconds::max()` too.
#pragma once

#include <algorithm>
#include <chrono>

namespace tidemark {

// Limits beyond a year count as one: the clock's arithmetic would overflow, and nobody will notice.
inline std::chrono::steady_clock::time_point deadline_after(std::chrono::nanoseconds limit) {
  constexpr std::chrono::nanoseconds kForever = std::chrono::hours(24 * 365);
  return std::chrono::steady_clock::now() + std::min(limit, kForever);
}

// What is left until then; nothing once it is past.
inline std::chrono::nanoseconds time_until(std::chrono::steady_clock::time_point deadline) {
  const std::chrono::nanoseconds left = deadline - std::chrono::steady_clock::now();
  return std::max(left, std::chrono::nanoseconds(0));
}

}  // namespace tidemark
