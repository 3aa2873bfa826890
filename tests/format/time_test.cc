#include "tidemark/time.h"

#include <random>

#include "support/catch.h"

using namespace tidemark;

namespace {

constexpr uint64_t kSign = uint64_t{1} << 63;

Time time_of(TimeShape shape, std::initializer_list<uint64_t> words) {
  return Time(shape, std::span(words.begin(), words.size()));
}

// As `less_equal` is specified, with 128-bit arithmetic for wide pairs.
bool naive_less_equal(const Time& a, const Time& b) {
  __extension__ using Wide = unsigned __int128;
  const TimeShape shape = a.shape();
  for (size_t i = 0; i < shape.words; ++i) {
    if (((shape.wide_mask >> i) & 1) != 0) {
      const Wide x = Wide{a.word(i)} << 64 | a.word(i + 1);
      const Wide y = Wide{b.word(i)} << 64 | b.word(i + 1);
      if (x > y) return false;
      ++i;
    } else if (a.word(i) > b.word(i)) {
      return false;
    }
  }
  return true;
}

}  // namespace

TEST_CASE("times of one word are ordered as integers") {
  CHECK(less_equal(Time(3), Time(3)));
  CHECK(less_equal(Time(3), Time(4)));
  CHECK_FALSE(less_equal(Time(4), Time(3)));
  CHECK(Time(3) < Time(4));
}

TEST_CASE("times of two words are ordered by both of them") {
  const TimeShape shape{.words = 2};
  CHECK(less_equal(time_of(shape, {1, 5}), time_of(shape, {2, 5})));
  CHECK_FALSE(less_equal(time_of(shape, {1, 5}), time_of(shape, {2, 4})));
  CHECK_FALSE(less_equal(time_of(shape, {2, 4}), time_of(shape, {1, 5})));
  CHECK(meet(time_of(shape, {1, 5}), time_of(shape, {2, 4})) == time_of(shape, {1, 4}));
  CHECK(join(time_of(shape, {1, 5}), time_of(shape, {2, 4})) == time_of(shape, {2, 5}));
}

TEST_CASE("a wide pair of words is one number") {
  const TimeShape shape{.words = 2, .wide_mask = 1};
  CHECK(less_equal(time_of(shape, {1, 5}), time_of(shape, {2, 4})));
  CHECK(meet(time_of(shape, {1, 5}), time_of(shape, {2, 4})) == time_of(shape, {1, 5}));
  CHECK(join(time_of(shape, {1, 5}), time_of(shape, {2, 4})) == time_of(shape, {2, 4}));
}

TEST_CASE("there is one time of no words") {
  const TimeShape unit{.words = 0};
  CHECK(Time::minimum(unit) == Time::maximum(unit));
  CHECK(less_equal(Time::minimum(unit), Time::minimum(unit)));
  CHECK(Time::minimum(unit).text() == "()");
}

TEST_CASE("a time is printed as the numbers it stands for") {
  CHECK(Time(42).text() == "42");
  CHECK(Time(~uint64_t{0}).text() == "18446744073709551615");
  CHECK(time_of({.words = 2}, {1, 5}).text() == "(1, 5)");
  const TimeShape is_signed{.words = 1, .signed_mask = 1};
  CHECK(time_of(is_signed, {kSign + 7}).text() == "7");
  CHECK(time_of(is_signed, {kSign - 7}).text() == "-7");
  CHECK(time_of(is_signed, {0}).text() == "-9223372036854775808");
  const TimeShape wide{.words = 2, .wide_mask = 1};
  CHECK(time_of(wide, {1, 0}).text() == "18446744073709551616");
  CHECK(Time::maximum(wide).text() == "340282366920938463463374607431768211455");
  const TimeShape wide_signed{.words = 2, .wide_mask = 1, .signed_mask = 1};
  CHECK(time_of(wide_signed, {kSign, 3}).text() == "3");
  CHECK(time_of(wide_signed, {kSign - 1, ~uint64_t{0}}).text() == "-1");
  CHECK(Time::minimum(wide_signed).text() == "-170141183460469231731687303715884105728");
}

TEST_CASE("signed times keep their order when their sign bit is flipped") {
  const TimeShape is_signed{.words = 1, .signed_mask = 1};
  CHECK(less_equal(time_of(is_signed, {kSign - 7}), time_of(is_signed, {kSign + 7})));
  CHECK_FALSE(less_equal(time_of(is_signed, {kSign + 7}), time_of(is_signed, {kSign - 7})));
}

TEST_CASE("a shape that cannot be is refused") {
  CHECK(TimeShape{.words = 0}.validate());
  CHECK(TimeShape{.words = 4, .wide_mask = 0b101}.validate());
  CHECK_FALSE(TimeShape{.words = 5}.validate());
  CHECK_FALSE(TimeShape{.words = 1, .signed_mask = 2}.validate());
  CHECK_FALSE(TimeShape{.words = 2, .wide_mask = 2}.validate());
  CHECK_FALSE(TimeShape{.words = 3, .wide_mask = 0b011}.validate());
  CHECK_FALSE(TimeShape{.words = 0, .wide_mask = 1}.validate());
}

TEST_CASE("random times obey the laws of a lattice, and the total order extends it") {
  constexpr uint64_t kSeed = 20240611;
  INFO("seed " << kSeed);
  std::mt19937_64 random(kSeed);
  const TimeShape shapes[] = {{.words = 1},
                              {.words = 2},
                              {.words = 3},
                              {.words = 4},
                              {.words = 2, .wide_mask = 1},
                              {.words = 4, .wide_mask = 0b101},
                              {.words = 3, .wide_mask = 0b010, .signed_mask = 0b011}};
  for (const TimeShape shape : shapes) {
    REQUIRE(shape.validate());
    const auto any = [&] {
      std::array<uint64_t, kMaxTimeWords> words{};
      for (auto& word : words) word = random() % 4;
      return Time(shape, std::span(words).first(shape.words));
    };
    for (int i = 0; i < 3000; ++i) {
      const Time a = any();
      const Time b = any();
      const Time c = any();
      REQUIRE(less_equal(a, b) == naive_less_equal(a, b));
      REQUIRE(less_equal(a, a));
      REQUIRE(less_equal(Time::minimum(shape), a));
      REQUIRE(less_equal(a, Time::maximum(shape)));
      if (less_equal(a, b)) REQUIRE(a <= b);
      if (less_equal(a, b) && less_equal(b, a)) REQUIRE(a == b);
      if (less_equal(a, b) && less_equal(b, c)) REQUIRE(less_equal(a, c));
      REQUIRE(less_equal(c, meet(a, b)) == (less_equal(c, a) && less_equal(c, b)));
      REQUIRE(less_equal(join(a, b), c) == (less_equal(a, c) && less_equal(b, c)));
    }
  }
}
