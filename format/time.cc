#include "tidemark/time.h"

#include <algorithm>
#include <tuple>

namespace tidemark {
namespace {

constexpr uint64_t kSignBit = uint64_t{1} << 63;

bool bit(uint8_t mask, size_t index) { return ((mask >> index) & 1) != 0; }

__extension__ using Wide = unsigned __int128;

std::string decimal(Wide value) {
  std::string digits;
  do {
    digits += static_cast<char>('0' + static_cast<int>(value % 10));
    value /= 10;
  } while (value != 0);
  std::reverse(digits.begin(), digits.end());
  return digits;
}

// Applies `choose_first(a is at most b)` to each coordinate and takes that side's words.
template <typename Choose>
Time combine(const Time& a, const Time& b, Choose choose_first) {
  const TimeShape shape = a.shape();
  std::array<uint64_t, kMaxTimeWords> words{};
  for (size_t i = 0; i < shape.words; ++i) {
    if (bit(shape.wide_mask, i)) {
      const bool at_most =
          std::tuple(a.word(i), a.word(i + 1)) <= std::tuple(b.word(i), b.word(i + 1));
      const Time& chosen = choose_first(at_most) ? a : b;
      words[i] = chosen.word(i);
      words[i + 1] = chosen.word(i + 1);
      ++i;
    } else {
      words[i] = choose_first(a.word(i) <= b.word(i)) ? a.word(i) : b.word(i);
    }
  }
  return Time(shape, std::span(words.data(), shape.words));
}

}  // namespace

Result<void> TimeShape::validate() const {
  if (words > kMaxTimeWords) {
    return fail(ErrorCode::Unsupported,
                "a time has at most 4 words, found " + std::to_string(words));
  }
  const unsigned present = (1U << words) - 1;
  if ((signed_mask & ~present) != 0 || (wide_mask & ~(present >> 1)) != 0 ||
      (wide_mask & (wide_mask << 1)) != 0) {
    return fail(ErrorCode::Corrupt, "a time's masks name words that it does not have");
  }
  return {};
}

Time Time::minimum(TimeShape shape) {
  const std::array<uint64_t, kMaxTimeWords> zeros{};
  return Time(shape, std::span(zeros.data(), shape.words));
}

Time Time::maximum(TimeShape shape) {
  std::array<uint64_t, kMaxTimeWords> ones;
  ones.fill(~uint64_t{0});
  return Time(shape, std::span(ones.data(), shape.words));
}

std::string Time::text() const {
  std::string joined;
  size_t coordinates = 0;
  for (size_t i = 0; i < shape_.words; ++i, ++coordinates) {
    if (coordinates > 0) joined += ", ";
    uint64_t word = words_[i];
    const bool is_signed = bit(shape_.signed_mask, i);
    if (is_signed) word ^= kSignBit;
    const bool negative = is_signed && (word & kSignBit) != 0;
    Wide value = word;
    if (bit(shape_.wide_mask, i)) {
      value = (value << 64) | words_[i + 1];
      if (negative) value = ~value + 1;
      ++i;
    } else if (negative) {
      value = uint64_t{0} - word;
    }
    if (negative) joined += '-';
    joined += decimal(value);
  }
  return coordinates == 1 ? joined : "(" + joined + ")";
}

bool less_equal_of_any_shape(const Time& a, const Time& b) {
  const TimeShape shape = a.shape();
  for (size_t i = 0; i < shape.words; ++i) {
    if (bit(shape.wide_mask, i)) {
      if (std::tuple(a.word(i), a.word(i + 1)) > std::tuple(b.word(i), b.word(i + 1))) return false;
      ++i;
    } else if (a.word(i) > b.word(i)) {
      return false;
    }
  }
  return true;
}

Time meet(const Time& a, const Time& b) {
  return combine(a, b, [](bool a_at_most_b) { return a_at_most_b; });
}

Time join(const Time& a, const Time& b) {
  return combine(a, b, [](bool a_at_most_b) { return !a_at_most_b; });
}

}  // namespace tidemark
