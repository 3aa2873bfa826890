// Times: up to four unsigned 64-bit words under the product partial order (SPEC.md section 3).
//
// One word is the common case. Signed integers are stored with their sign bit flipped, so that
// unsigned order is theirs; a 128-bit integer is a *wide* pair of words (high, low), compared as
// one number; the unit time has no words at all.
#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstdint>
#include <span>
#include <string>

#include "tidemark/check.h"
#include "tidemark/result.h"

namespace tidemark {

inline constexpr size_t kMaxTimeWords = 4;

// How many words a stream's times have, and how they are compared and printed.
struct TimeShape {
  uint8_t words = 1;
  uint8_t wide_mask = 0;    // bit i: words i and i+1 are the high and low half of one coordinate
  uint8_t signed_mask = 0;  // bit i: word i was a signed integer; its sign bit is stored flipped

  friend bool operator==(const TimeShape&, const TimeShape&) = default;

  // Refuses more than kMaxTimeWords words and masks that name words which are not there.
  Result<void> validate() const;
};

// One time. A plain value; safe to share between threads as any integer is.
class Time {
 public:
  constexpr Time() = default;
  // A time of one unsigned word.
  constexpr Time(uint64_t word) : words_{word} {}  // NOLINT(google-explicit-constructor)
  // `words` must have as many entries as `shape` says.
  Time(TimeShape shape, std::span<const uint64_t> words) : shape_(shape) {
    TIDEMARK_CHECK(words.size() == shape.words && words.size() <= kMaxTimeWords);
    if (words.size() == 1) [[likely]] {
      words_[0] = words[0];
    } else {
      std::copy(words.begin(), words.end(), words_.begin());
    }
  }

  // The same in place: a time that is made elsewhere and copied is loaded in other sizes than it
  // was just stored in, which a processor waits for longer than all else takes.
  void assign(TimeShape shape, std::span<const uint64_t> words) {
    TIDEMARK_CHECK(words.size() == shape.words && words.size() <= kMaxTimeWords);
    for (size_t i = 0; i < kMaxTimeWords; ++i) words_[i] = i < words.size() ? words[i] : 0;
    shape_ = shape;
  }

  // The least time of a shape: all words zero.
  static Time minimum(TimeShape shape);
  // The greatest time of a shape: all bits set.
  static Time maximum(TimeShape shape);

  std::span<const uint64_t> words() const { return {words_.data(), shape_.words}; }
  uint64_t word(size_t index) const { return words_[index]; }
  TimeShape shape() const { return shape_; }

  // The first word as decimal text where there is one word, else "(a, b)"; signed as signed.
  std::string text() const;

  friend bool operator==(const Time& a, const Time& b) { return a.words_ == b.words_; }
  // Lexicographic over the words: a linear extension of the partial order, not the order itself.
  friend std::strong_ordering operator<=>(const Time& a, const Time& b) {
    return a.words_ <=> b.words_;
  }

 private:
  std::array<uint64_t, kMaxTimeWords> words_{};  // words beyond shape_.words are zero
  TimeShape shape_;
  // So that a copy is of whole words: compilers copy 35 bytes one by one, which takes longer than
  // all else that is done with a time.
  [[maybe_unused]] std::array<uint8_t, 5> unused_{};
};
static_assert(sizeof(Time) == 40);

// The product partial order: every coordinate of `a` is at most that of `b`. Both of one shape.
bool less_equal_of_any_shape(const Time& a, const Time& b);
inline bool less_equal(const Time& a, const Time& b) {
  if (a.shape().words == 1) [[likely]]
    return a.word(0) <= b.word(0);
  return less_equal_of_any_shape(a, b);
}

// Componentwise lower and upper bound of two times of one shape.
Time meet(const Time& a, const Time& b);
Time join(const Time& a, const Time& b);

}  // namespace tidemark
