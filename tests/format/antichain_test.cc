#include "tidemark/antichain.h"

#include <map>
#include <random>
#include <set>

#include "support/catch.h"
#include "tidemark/time.h"

using namespace tidemark;

namespace {

Time pair(uint64_t a, uint64_t b) {
  const std::array<uint64_t, 2> words{a, b};
  return Time({.words = 2}, words);
}

bool before(const Time& a, const Time& b) { return a != b && less_equal(a, b); }

// The minimal ones of `times`, by looking at all pairs; in the total order.
std::vector<Time> minimal(const std::set<Time>& times) {
  std::vector<Time> result;
  for (const Time& t : times) {
    if (std::none_of(times.begin(), times.end(), [&](const Time& s) { return before(s, t); })) {
      result.push_back(t);
    }
  }
  return result;
}

}  // namespace

TEST_CASE("an antichain keeps the minimal times only") {
  Antichain<int> antichain;
  CHECK(antichain.empty());
  CHECK(antichain.insert(5));
  CHECK_FALSE(antichain.insert(5));
  CHECK_FALSE(antichain.insert(7));
  CHECK(antichain.insert(3));
  CHECK(antichain.elements() == std::vector{3});
  CHECK(antichain.less_equal(3));
  CHECK_FALSE(antichain.less_equal(2));
  CHECK(antichain.less_than(4));
  CHECK_FALSE(antichain.less_than(3));
}

TEST_CASE("an antichain holds incomparable times beside each other") {
  Antichain<Time> antichain(pair(2, 1));
  CHECK(antichain.insert(pair(1, 2)));
  CHECK(antichain.elements() == std::vector{pair(1, 2), pair(2, 1)});
  CHECK_FALSE(antichain.insert(pair(2, 2)));
  CHECK(antichain.insert(pair(1, 1)));
  CHECK(antichain.elements() == std::vector{pair(1, 1)});
}

TEST_CASE("a random antichain is what a search through all pairs finds") {
  constexpr uint64_t kSeed = 7;
  INFO("seed " << kSeed);
  std::mt19937_64 random(kSeed);
  for (int round = 0; round < 300; ++round) {
    Antichain<Time> antichain;
    std::set<Time> model;
    for (int i = 0; i < 20; ++i) {
      const Time time = pair(random() % 12, random() % 12);
      const bool dominated = std::any_of(model.begin(), model.end(),
                                         [&](const Time& s) { return less_equal(s, time); });
      REQUIRE(antichain.insert(time) == !dominated);
      model.insert(time);
      REQUIRE(antichain.elements() == minimal(model));
      const Time probe = pair(random() % 12, random() % 12);
      REQUIRE(antichain.less_equal(probe) ==
              std::any_of(model.begin(), model.end(),
                          [&](const Time& s) { return less_equal(s, probe); }));
      REQUIRE(
          antichain.less_than(probe) ==
          std::any_of(model.begin(), model.end(), [&](const Time& s) { return before(s, probe); }));
    }
  }
}

TEST_CASE("counts below zero are kept and hold no frontier") {
  MutableAntichain<int> counts;
  counts.update(3, -1);
  CHECK(counts.empty());
  CHECK(counts.count_of(3) == -1);
  counts.update(3, 1);
  CHECK(counts.counts().empty());
  counts.update(3, 2);
  CHECK(counts.frontier().elements() == std::vector{3});
  counts.update(3, -3);
  CHECK(counts.empty());
  CHECK(counts.count_of(3) == -1);
}

TEST_CASE("a batch of updates tells what became of the frontier, and nothing in between") {
  MutableAntichain<int> counts;
  using Updates = std::vector<std::pair<int, int64_t>>;
  CHECK(counts.update_all(Updates{{1, 1}}) == Updates{{1, 1}});
  CHECK(counts.update_all(Updates{{1, -1}, {4, 1}, {2, 1}}) == Updates{{1, -1}, {2, 1}});
  CHECK(counts.update_all(Updates{{2, -1}, {2, 1}}) == Updates{});
  CHECK(counts.update_all(Updates{{6, 3}}) == Updates{});
  CHECK(counts.update_all(Updates{{2, -1}}) == Updates{{2, -1}, {4, 1}});
  CHECK(counts.update_all(Updates{{4, -1}, {6, -3}}) == Updates{{4, -1}});
  CHECK(counts.empty());
}

TEST_CASE("random counts give the frontier of those that are positive") {
  constexpr uint64_t kSeed = 99;
  INFO("seed " << kSeed);
  std::mt19937_64 random(kSeed);
  MutableAntichain<Time> counts;
  std::map<Time, int64_t> model;
  std::vector<Time> frontier;
  for (int step = 0; step < 20'000; ++step) {
    std::vector<std::pair<Time, int64_t>> updates;
    for (auto left = random() % 4; left > 0; --left) {
      const Time time = pair(random() % 6, random() % 6);
      // Counts hover about zero, where the frontier changes.
      const int64_t diff = (model[time] > 0 ? -1 : 1) * static_cast<int64_t>(random() % 3);
      updates.emplace_back(time, diff);
      if ((model[time] += diff) == 0) model.erase(time);
    }
    const auto changes = counts.update_all(updates);

    std::set<Time> positive;
    for (const auto& [time, count] : model) {
      if (count > 0) positive.insert(time);
    }
    const auto now = minimal(positive);
    REQUIRE(counts.frontier().elements() == now);
    REQUIRE(counts.counts() == std::vector<std::pair<Time, int64_t>>(model.begin(), model.end()));
    std::set<Time> followed(frontier.begin(), frontier.end());
    for (const auto& [time, diff] : changes) {
      REQUIRE(diff == (followed.contains(time) ? -1 : 1));
      if (diff < 0) {
        followed.erase(time);
      } else {
        followed.insert(time);
      }
    }
    REQUIRE(std::vector<Time>(followed.begin(), followed.end()) == now);
    frontier = now;
  }
}
