#include "tidemark/protocol.h"

#include <limits>
#include <map>
#include <random>

#include "support/catch.h"

using namespace tidemark;

namespace {

constexpr TimeShape kOne{};
constexpr TimeShape kTwo{.words = 2};
constexpr int64_t kMost = std::numeric_limits<int64_t>::max();

using Changes = std::vector<Change>;
using Counts = std::vector<std::pair<Time, int64_t>>;

Time pair(uint64_t a, uint64_t b) {
  const std::array<uint64_t, 2> words{a, b};
  return Time(kTwo, words);
}

// Refused with this code and rule, and nothing is changed by it.
void check_refused(Protocol& protocol, const Changes& changes, ErrorCode code,
                   std::string_view rule) {
  const Counts before = protocol.counts();
  const auto frontier = protocol.frontier();
  const auto result = protocol.progress(changes);
  REQUIRE_FALSE(result);
  CHECK(result.error().code == code);
  CHECK(result.error().rule == rule);
  CHECK(protocol.counts() == before);
  CHECK(protocol.frontier() == frontier);
}

}  // namespace

TEST_CASE("a stream begins with one capability at the minimum") {
  const Protocol protocol(kTwo);
  CHECK(protocol.counts() == Counts{{pair(0, 0), 1}});
  CHECK_FALSE(protocol.finished());
  CHECK(protocol.messages(pair(7, 7)));
}

TEST_CASE("P1: a count is not raised where nothing is at or before it") {
  Protocol protocol(kOne);
  REQUIRE(protocol.progress(Changes{{0, -1}, {5, 1}}));
  check_refused(protocol, {{4, 1}}, ErrorCode::ProtocolViolation, "P1");
  check_refused(protocol, {{5, -1}, {4, 1}}, ErrorCode::ProtocolViolation, "P1");
  CHECK(protocol.progress(Changes{{5, 1}}));

  Protocol partial(kTwo);
  REQUIRE(partial.progress(Changes{{pair(0, 0), -1}, {pair(3, 1), 1}, {pair(1, 3), 1}}));
  check_refused(partial, {{pair(2, 2), 1}}, ErrorCode::ProtocolViolation, "P1");
  CHECK(partial.progress(Changes{{pair(3, 3), 1}}));
}

TEST_CASE("P1: what the same event raises does not allow it more") {
  Protocol protocol(kOne);
  REQUIRE(protocol.progress(Changes{{0, -1}, {5, 1}}));
  check_refused(protocol, {{3, 1}, {4, 1}}, ErrorCode::ProtocolViolation, "P1");
  check_refused(protocol, {{5, 1}, {3, 1}, {3, -1}, {4, 1}}, ErrorCode::ProtocolViolation, "P1");
}

TEST_CASE("P1: a capability may be given up in the event that uses it") {
  Protocol protocol(kOne);
  CHECK(protocol.progress(Changes{{9, 1}, {0, -1}}));
  CHECK(protocol.counts() == Counts{{9, 1}});
}

TEST_CASE("P2: no count falls below zero") {
  Protocol protocol(kOne);
  check_refused(protocol, {{0, -2}}, ErrorCode::ProtocolViolation, "P2");
  check_refused(protocol, {{0, -1}, {3, -1}}, ErrorCode::ProtocolViolation, "P2");
}

TEST_CASE("P2: an event is judged as a whole, in whatever order it names its changes") {
  Protocol protocol(kOne);
  CHECK(protocol.progress(Changes{{0, -2}, {7, 1}, {0, 1}}));
  CHECK(protocol.counts() == Counts{{7, 1}});
}

TEST_CASE("P3: messages need a capability at or before their time") {
  Protocol protocol(kTwo);
  REQUIRE(protocol.progress(Changes{{pair(0, 0), -1}, {pair(3, 1), 1}, {pair(1, 3), 1}}));
  CHECK(protocol.messages(pair(3, 1)));
  CHECK(protocol.messages(pair(1, 9)));
  const auto refused = protocol.messages(pair(2, 2));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::ProtocolViolation);
  CHECK(refused.error().rule == "P3");
}

TEST_CASE("P4: counts do not overflow") {
  Protocol protocol(kOne);
  REQUIRE(protocol.progress(Changes{{0, kMost - 1}}));
  check_refused(protocol, {{0, 1}}, ErrorCode::ProtocolViolation, "P4");
  check_refused(protocol, {{4, kMost}, {4, 1}}, ErrorCode::ProtocolViolation, "P4");
  check_refused(protocol, {{4, std::numeric_limits<int64_t>::min()}, {4, -1}},
                ErrorCode::ProtocolViolation, "P4");
  CHECK(protocol.progress(Changes{{0, -kMost}}));
  CHECK(protocol.finished());
}

TEST_CASE("P5: nothing follows the last capability") {
  Protocol protocol(kOne);
  REQUIRE(protocol.progress(Changes{{0, -1}}));
  CHECK(protocol.finished());
  CHECK(protocol.frontier().empty());
  check_refused(protocol, {{1, 1}}, ErrorCode::Finished, "P5");
  check_refused(protocol, {}, ErrorCode::Finished, "P5");
  const auto refused = protocol.messages(1);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::Finished);
  CHECK(refused.error().rule == "P5");
}

TEST_CASE("a stream holds so many capabilities and no more") {
  for (const TimeShape shape : {kOne, kTwo}) {
    Protocol protocol(shape);
    const auto time = [&](size_t i) { return shape == kOne ? Time(i) : pair(i, 1000 - i % 1000); };
    Changes changes;
    for (size_t i = 1; i < max_capabilities(shape); ++i) changes.push_back({time(i), 1});
    REQUIRE(protocol.progress(changes));
    CHECK(protocol.counts().size() == max_capabilities(shape));
    check_refused(protocol, {{time(5000), 1}}, ErrorCode::TooLarge, "");
    CHECK(protocol.progress(Changes{{time(5000), 1}, {time(1), -1}}));
  }
}

TEST_CASE("a checkpoint restores the counts it names") {
  const auto restored = Protocol::restore(kOne, Changes{{9, 2}, {4, 1}});
  REQUIRE(restored);
  CHECK(restored->counts() == Counts{{4, 1}, {9, 2}});
  CHECK(restored->frontier().elements() == std::vector<Time>{4});
  CHECK(Protocol::restore(kOne, {})->finished());

  CHECK(Protocol::restore(kOne, Changes{{4, 0}}).error().code == ErrorCode::ProtocolViolation);
  CHECK(Protocol::restore(kOne, Changes{{4, -1}}).error().code == ErrorCode::ProtocolViolation);
  CHECK(Protocol::restore(kOne, Changes{{4, 1}, {4, 1}}).error().code ==
        ErrorCode::ProtocolViolation);
  Changes many;
  for (uint64_t i = 0; i <= max_capabilities(kOne); ++i) many.push_back({i, 1});
  CHECK(Protocol::restore(kOne, many).error().code == ErrorCode::TooLarge);
}

TEST_CASE("the difference of two states leads from one to the other") {
  const auto from = Protocol::restore(kOne, Changes{{1, 2}, {4, 1}});
  const auto to = Protocol::restore(kOne, Changes{{4, 3}, {6, 1}});
  REQUIRE((from && to));
  CHECK(difference(*from, *to) == Changes{{1, -2}, {4, 2}, {6, 1}});
  CHECK(difference(*from, *from).empty());
  auto followed = *from;
  REQUIRE(followed.progress(difference(*from, *to)));
  CHECK(followed.counts() == to->counts());
}

TEST_CASE("random events are judged as a naive model judges them") {
  for (const uint64_t seed : {1ULL, 2ULL, 3ULL, 4ULL}) {
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    const bool two = seed % 2 == 0;
    const TimeShape shape = two ? kTwo : kOne;
    uint64_t base = 0;
    const auto any = [&] {
      const uint64_t a = base + random() % 6;
      return two ? pair(a, base + random() % 6) : Time(a);
    };
    int accepted = 0;
    int refused = 0;
    Protocol protocol(shape);
    std::map<Time, int64_t> model{{Time::minimum(shape), 1}};
    for (int step = 0; step < 10'000; ++step) {
      if (step % 50 == 0) ++base;
      Changes changes;
      for (auto left = random() % 4; left > 0; --left) {
        // About half of the changes take from what is there, so that many events are valid.
        if (random() % 2 == 0 && !model.empty()) {
          const auto at = std::next(model.begin(), static_cast<long>(random() % model.size()));
          changes.push_back({at->first, -static_cast<int64_t>(random() % 2) - 1});
        } else {
          changes.push_back({any(), static_cast<int64_t>(random() % 3)});
        }
      }

      std::map<Time, int64_t> sums;
      for (const auto& [time, diff] : changes) sums[time] += diff;
      const auto covered = [&](const Time& time) {
        return std::any_of(model.begin(), model.end(),
                           [&](const auto& entry) { return less_equal(entry.first, time); });
      };
      bool valid = true;
      std::map<Time, int64_t> after = model;
      for (const auto& [time, diff] : sums) {
        if (diff > 0 && !covered(time)) valid = false;
        after[time] += diff;
        if (after[time] < 0) valid = false;
        if (after[time] == 0) after.erase(time);
      }

      const auto result = protocol.progress(changes);
      REQUIRE(result.has_value() == valid);
      if (valid) model = after;
      ++(valid ? accepted : refused);
      REQUIRE(protocol.counts() == Counts(model.begin(), model.end()));
      REQUIRE(protocol.finished() == model.empty());
      const Time probe = any();
      REQUIRE(protocol.messages(probe).has_value() == covered(probe));
      if (model.empty()) {
        protocol = Protocol(shape);
        model = {{Time::minimum(shape), 1}};
      }
    }
    CHECK(accepted > 1000);
    CHECK(refused > 1000);
  }
}
