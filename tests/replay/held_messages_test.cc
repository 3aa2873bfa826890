#include "held_messages.h"

#include <random>
#include <set>

#include "hand_made_stream.h"
#include "support/catch.h"

using namespace tidemark;
using test::pair;

TEST_CASE("messages are taken by time, then stream, then position") {
  HeldMessages held(10);
  REQUIRE(held.add({7, 0, 100}));
  REQUIRE(held.add({5, 1, 300}));
  REQUIRE(held.add({5, 1, 200}));
  REQUIRE(held.add({5, 0, 400}));
  CHECK(held.take_first() == HeldMessage{5, 0, 400});
  CHECK(held.take_first() == HeldMessage{5, 1, 200});
  CHECK(held.take_first() == HeldMessage{5, 1, 300});
  CHECK(held.take_first() == HeldMessage{7, 0, 100});
  CHECK(held.empty());
}

TEST_CASE("no more messages are held than the limit allows") {
  HeldMessages held(2);
  REQUIRE(held.add({1, 0, 0}));
  REQUIRE(held.add({2, 0, 8}));
  const auto refused = held.add({3, 0, 16});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::TooLarge);
  CHECK(held.size() == 2);
}

TEST_CASE("what a frontier has passed is taken in the order of the streams") {
  HeldMessages held(10);
  REQUIRE(held.add({3, 1, 100}));
  REQUIRE(held.add({1, 1, 200}));
  REQUIRE(held.add({2, 0, 900}));
  REQUIRE(held.add({4, 0, 100}));
  std::vector<HeldMessage> passed;
  held.take_passed(Antichain<Time>(4), passed);
  CHECK(passed == std::vector<HeldMessage>{{2, 0, 900}, {3, 1, 100}, {1, 1, 200}});
  CHECK(held.size() == 1);
}

TEST_CASE("random messages are taken, forgotten and counted as a search finds them") {
  for (const uint64_t seed : {11ULL, 12ULL, 13ULL, 14ULL}) {
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    const bool two = seed % 2 == 0;
    const auto any = [&](uint64_t base) {
      const uint64_t a = base + random() % 8;
      return two ? pair(a, base + random() % 8) : Time(a);
    };
    HeldMessages held(100'000);
    std::set<HeldMessage> model;
    uint64_t position = 0;
    for (uint64_t round = 0; round < 2000; ++round) {
      const uint64_t base = round / 10;
      for (auto left = random() % 6; left > 0; --left) {
        const HeldMessage message{any(base), static_cast<uint32_t>(random() % 3), ++position};
        REQUIRE(held.add(message));
        model.insert(message);
      }
      Antichain<Time> frontier;
      for (auto left = random() % 3; left > 0; --left) frontier.insert(any(base));

      Antichain<Time> passed_times;
      for (const auto& message : model) {
        if (!frontier.less_equal(message.time)) passed_times.insert(message.time);
      }
      REQUIRE(held.passed_times(frontier) == passed_times);

      switch (random() % 4) {
        case 0: {
          std::vector<HeldMessage> passed;
          held.take_passed(frontier, passed);
          std::vector<HeldMessage> expected;
          for (const auto& message : model) {
            if (!frontier.less_equal(message.time)) expected.push_back(message);
          }
          std::erase_if(model, [&](const auto& m) { return !frontier.less_equal(m.time); });
          std::sort(expected.begin(), expected.end(), [](const auto& a, const auto& b) {
            return std::pair(a.source, a.position) < std::pair(b.source, b.position);
          });
          REQUIRE(passed == expected);
          break;
        }
        case 1:
          held.forget_from(frontier);
          std::erase_if(model, [&](const auto& m) { return frontier.less_equal(m.time); });
          break;
        default:
          if (!model.empty()) {
            REQUIRE(held.first() == *model.begin());
            REQUIRE(held.take_first() == *model.begin());
            model.erase(model.begin());
          }
      }
      REQUIRE(held.size() == model.size());
    }
  }
}
