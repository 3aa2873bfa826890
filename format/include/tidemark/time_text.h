// A time as people read it, in messages. Standard library only.
#pragma once

#include <algorithm>
#include <concepts>
#include <string>

#include "tidemark/antichain.h"

namespace tidemark {

inline std::string time_text(UInt128 time) {
  std::string digits;
  do {
    digits += static_cast<char>('0' + static_cast<int>(time % 10));
    time /= 10;
  } while (time != 0);
  std::reverse(digits.begin(), digits.end());
  return digits;
}
inline std::string time_text(Int128 time) {
  if (time >= 0) return time_text(static_cast<UInt128>(time));
  return "-" + time_text(UInt128{0} - static_cast<UInt128>(time));
}
// Integers; times of one's own say it themselves, or are not named.
template <typename T>
std::string time_text(const T& time) {
  if constexpr (std::integral<T>) {
    return std::to_string(time);
  } else if constexpr (requires { time.text(); }) {
    return time.text();
  } else {
    return "?";
  }
}

}  // namespace tidemark
