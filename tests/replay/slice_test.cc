#include "slice.h"

#include <limits>
#include <random>

#include "changes.h"
#include "hand_made_stream.h"
#include "support/catch.h"

using namespace tidemark;
using test::pair;

namespace {

using Changes = std::vector<Change>;

Changes restricted(const Slice& slice, Changes changes) {
  REQUIRE(slice.restrict(changes));
  return changes;
}

}  // namespace

TEST_CASE("a slice has the times at or after its beginning and not at or after its end") {
  const Slice slice(Time(10), Time(20));
  CHECK_FALSE(slice.contains(9));
  CHECK(slice.contains(10));
  CHECK(slice.contains(19));
  CHECK_FALSE(slice.contains(20));
  CHECK(Slice().contains(0));

  const Slice box(pair(1, 1), pair(3, 3));
  CHECK(box.contains(pair(1, 9)));
  CHECK(box.contains(pair(2, 2)));
  CHECK_FALSE(box.contains(pair(0, 9)));
  CHECK_FALSE(box.contains(pair(3, 3)));
}

TEST_CASE("a capability stands for the least time of the slice that it allows") {
  const Slice slice(Time(10), Time(20));
  CHECK(restricted(slice, {{3, -1}, {15, 1}}) == Changes{{10, -1}, {15, 1}});
  CHECK(restricted(slice, {{3, -1}, {8, 1}}).empty());
  CHECK(restricted(slice, {{15, -1}, {20, 1}}) == Changes{{15, -1}});
  CHECK(restricted(slice, {{25, -1}, {30, 1}}).empty());
  CHECK(restricted(Slice(), {{25, -1}, {30, 1}, {25, 1}}) == Changes{{30, 1}});
}

TEST_CASE("an empty slice leaves no capability") {
  CHECK_FALSE(Slice(Time(20), Time(20)).image(0));
  CHECK_FALSE(Slice(Time(20), Time(10)).image(15));
}

TEST_CASE("a bound of another shape is refused") {
  CHECK(Slice(Time(1), Time(2)).check({}));
  const auto refused = Slice(Time(1), std::nullopt).check({.words = 2});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::InvalidArgument);
  CHECK_FALSE(Slice(std::nullopt, pair(1, 2)).check({}));
}

TEST_CASE("counts that come together in a slice do not overflow") {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  Changes changes{{1, kMost}, {2, 1}};
  const auto refused = Slice(Time(10), std::nullopt).restrict(changes);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().rule == "P4");

  MutableAntichain<Time> counts;
  REQUIRE(add_to(counts, Changes{{1, kMost}}));
  CHECK_FALSE(add_to(counts, Changes{{0, 1}, {1, 1}}));
  CHECK(counts.count_of(0) == 0);
}

TEST_CASE("the image of a valid stream is valid, and allows exactly the messages of the slice") {
  for (const uint64_t seed : {21ULL, 22ULL, 23ULL, 24ULL, 25ULL, 26ULL}) {
    INFO("seed " << seed);
    const bool two = seed % 2 == 0;
    const auto scripts = test::random_streams(
        seed, 10, {.words = two ? size_t{2} : size_t{1}, .events = 100, .spread = 3});
    std::mt19937_64 random(seed);
    for (const auto& script : scripts) {
      const uint64_t low = random() % 60;
      const uint64_t high = low + random() % 60;
      const Slice slice(two ? pair(low, low / 2) : Time(low), two ? pair(high, low) : Time(high));

      Changes opening = restricted(slice, {{Time::minimum(script.shape), 1}});
      opening.push_back({Time::minimum(script.shape), -1});
      Protocol sliced(script.shape);
      REQUIRE(sliced.progress(opening));
      for (const auto& written : script.events) {
        if (written.kind == test::Written::Kind::Messages) {
          if (slice.contains(written.time)) REQUIRE(sliced.messages(written.time));
          continue;
        }
        const Changes changes = restricted(slice, written.changes);
        if (!changes.empty()) REQUIRE(sliced.progress(changes));
      }
      CHECK(sliced.finished());
    }
  }
}
