#include "tidemark/dataflow/timestamp.h"

#include <cstdint>
#include <limits>

#include "support/catch.h"

namespace tidemark {
namespace {

// What a user brings along: a version vector of two writers.
struct Versions {
  uint32_t left = 0;
  uint32_t right = 0;
  static Versions minimum() { return {}; }
  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 takes the 0 of a comparison for a pointer.
  friend auto operator<=>(const Versions&, const Versions&) = default;
};
bool less_equal(const Versions& a, const Versions& b) {
  return a.left <= b.left && a.right <= b.right;
}

static_assert(Timestamp<uint8_t> && Timestamp<uint64_t> && Timestamp<int32_t>);
static_assert(Timestamp<UInt128> && Timestamp<Int128>);
static_assert(Timestamp<Unit> && Timestamp<Product<uint64_t, Product<int, Unit>>>);
static_assert(Timestamp<Versions> && Timestamp<Product<Versions, uint64_t>>);
static_assert(!Timestamp<std::string>);

TEST_CASE("The minimum of a type is before all of its times") {
  REQUIRE(minimum_time<uint64_t>() == 0);
  REQUIRE(minimum_time<int64_t>() == std::numeric_limits<int64_t>::min());
  REQUIRE(minimum_time<Int128>() < Int128{std::numeric_limits<int64_t>::min()});
  REQUIRE(minimum_time<Product<uint8_t, int8_t>>() == Product<uint8_t, int8_t>{0, -128});
}

TEST_CASE("Products are ordered in both of their coordinates, or not at all") {
  using Pair = Product<uint64_t, int64_t>;
  REQUIRE(less_equal(Pair{1, -1}, Pair{1, 0}));
  REQUIRE_FALSE(less_equal(Pair{1, 1}, Pair{2, 0}));
  REQUIRE_FALSE(less_equal(Pair{2, 0}, Pair{1, 1}));
  REQUIRE(Pair{1, 1} < Pair{2, 0});
}

TEST_CASE("An antichain of 128-bit and of one's own times keeps the minimal ones") {
  Antichain<UInt128> wide;
  wide.insert(UInt128{1} << 100);
  wide.insert(UInt128{1} << 90);
  REQUIRE(wide.elements().size() == 1);
  REQUIRE(wide.less_equal(UInt128{1} << 90));

  Antichain<Versions> versions;
  versions.insert({1, 3});
  versions.insert({3, 1});
  versions.insert({3, 3});
  REQUIRE(versions.elements() == std::vector<Versions>{{1, 3}, {3, 1}});
}

TEST_CASE("Times are named as people read them") {
  REQUIRE(time_text(UInt128{1} << 100) == "1267650600228229401496703205376");
  REQUIRE(time_text(minimum_time<Int128>()) == "-170141183460469231731687303715884105728");
  REQUIRE(time_text(Product<uint64_t, Product<int, Unit>>{3, {-4, {}}}) == "(3, (-4, ()))");
}

}  // namespace
}  // namespace tidemark
