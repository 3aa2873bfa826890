// How a type of time stands in a log: up to four unsigned words (SPEC.md section 3).
//
// The encoding preserves the partial order: a <= b exactly where the words of a are at most those
// of b, so that what judges words judges times. One's own type specialises `TimeCodec` in the same
// way.
#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <type_traits>

#include "tidemark/dataflow/timestamp.h"
#include "tidemark/time.h"

namespace tidemark {

// Members: `shape`, `name()` (at most 31 bytes, the header's time_name), `encode`, `decode`.
// `words` has as many entries as the shape; decode is given only words of times of this shape.
template <typename T>
struct TimeCodec;

template <typename T>
concept LoggedTime = PartiallyOrdered<T> &&
    requires(const T& time, std::span<uint64_t> words, std::span<const uint64_t> constant_words) {
  { TimeCodec<T>::shape } -> std::convertible_to<TimeShape>;
  { TimeCodec<T>::name() } -> std::convertible_to<std::string>;
  {TimeCodec<T>::encode(time, words)};
  { TimeCodec<T>::decode(constant_words) } -> std::same_as<T>;
};

template <std::unsigned_integral T>
struct TimeCodec<T> {
  static constexpr TimeShape shape{.words = 1};
  static std::string name() { return "u" + std::to_string(sizeof(T) * 8); }
  static void encode(T time, std::span<uint64_t> words) { words[0] = time; }
  static T decode(std::span<const uint64_t> words) { return static_cast<T>(words[0]); }
};

// The sign bit is flipped, so that unsigned order is that of the signed integers. The least number
// of a type narrower than 64 bits stands as the least of all: a stream begins at the minimum, whose
// words are zero.
template <std::signed_integral T>
struct TimeCodec<T> {
  static constexpr uint64_t kSign = uint64_t{1} << 63;
  static constexpr T kMinimum = std::numeric_limits<T>::min();

  static constexpr TimeShape shape{.words = 1, .signed_mask = 1};
  static std::string name() { return "i" + std::to_string(sizeof(T) * 8); }
  static void encode(T time, std::span<uint64_t> words) {
    words[0] = time == kMinimum ? 0 : static_cast<uint64_t>(int64_t{time}) ^ kSign;
  }
  static T decode(std::span<const uint64_t> words) {
    return words[0] == 0 ? kMinimum : static_cast<T>(static_cast<int64_t>(words[0] ^ kSign));
  }
};

template <>
struct TimeCodec<UInt128> {
  static constexpr TimeShape shape{.words = 2, .wide_mask = 1};
  static std::string name() { return "u128"; }
  static void encode(UInt128 time, std::span<uint64_t> words) {
    words[0] = static_cast<uint64_t>(time >> 64);
    words[1] = static_cast<uint64_t>(time);
  }
  static UInt128 decode(std::span<const uint64_t> words) {
    return UInt128{words[0]} << 64 | words[1];
  }
};

template <>
struct TimeCodec<Int128> {
  static constexpr UInt128 kSign = UInt128{1} << 127;

  static constexpr TimeShape shape{.words = 2, .wide_mask = 1, .signed_mask = 1};
  static std::string name() { return "i128"; }
  static void encode(Int128 time, std::span<uint64_t> words) {
    TimeCodec<UInt128>::encode(static_cast<UInt128>(time) ^ kSign, words);
  }
  static Int128 decode(std::span<const uint64_t> words) {
    return static_cast<Int128>(TimeCodec<UInt128>::decode(words) ^ kSign);
  }
};

template <>
struct TimeCodec<Unit> {
  static constexpr TimeShape shape{.words = 0};
  static std::string name() { return "()"; }
  static void encode(Unit, std::span<uint64_t>) {}
  static Unit decode(std::span<const uint64_t>) { return {}; }
};

// The words of the one after those of the other.
template <LoggedTime A, LoggedTime B>
struct TimeCodec<Product<A, B>> {
  static constexpr size_t kOuterWords = TimeCodec<A>::shape.words;
  static_assert(kOuterWords + TimeCodec<B>::shape.words <= kMaxTimeWords,
                "a time has at most four words");

  static constexpr TimeShape shape{
      .words = static_cast<uint8_t>(kOuterWords + TimeCodec<B>::shape.words),
      .wide_mask = static_cast<uint8_t>(TimeCodec<A>::shape.wide_mask |
                                        TimeCodec<B>::shape.wide_mask << kOuterWords),
      .signed_mask = static_cast<uint8_t>(TimeCodec<A>::shape.signed_mask |
                                          TimeCodec<B>::shape.signed_mask << kOuterWords)};
  static std::string name() {
    return "(" + TimeCodec<A>::name() + "," + TimeCodec<B>::name() + ")";
  }
  static void encode(const Product<A, B>& time, std::span<uint64_t> words) {
    TimeCodec<A>::encode(time.outer, words.first(kOuterWords));
    TimeCodec<B>::encode(time.inner, words.subspan(kOuterWords));
  }
  static Product<A, B> decode(std::span<const uint64_t> words) {
    return {TimeCodec<A>::decode(words.first(kOuterWords)),
            TimeCodec<B>::decode(words.subspan(kOuterWords))};
  }
};

template <LoggedTime T>
Time to_time(const T& time) {
  uint64_t words[kMaxTimeWords] = {};
  const std::span used(words, TimeCodec<T>::shape.words);
  TimeCodec<T>::encode(time, used);
  return Time(TimeCodec<T>::shape, used);
}

template <LoggedTime T>
T from_time(const Time& time) {
  return TimeCodec<T>::decode(time.words());
}

}  // namespace tidemark
