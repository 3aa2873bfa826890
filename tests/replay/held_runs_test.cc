#include "held_runs.h"

#include "replay_checks.h"
#include "support/catch.h"
#include "support/seed.h"

using namespace tidemark;
using namespace tidemark::test;

namespace {

struct Outcome {
  std::vector<Got> got;
  std::vector<std::pair<Time, int64_t>> capabilities;
  size_t most_runs = 0;
};

Outcome replayed(std::vector<Script> scripts, const ReplayOptions& options) {
  Watched watched(scripts, options);
  Outcome outcome;
  for (;;) {
    const auto status = watched.poll(7);
    outcome.most_runs = std::max(outcome.most_runs, watched.driver().held_runs());
    if (!status) FAIL(status.error().text());
    if (*status == Replay::Status::Finished) break;
  }
  outcome.got = watched.got();
  outcome.capabilities = watched.protocol().counts();
  CHECK(watched.driver().held_events() == 0);
  return outcome;
}

}  // namespace

TEST_CASE("what waits in runs comes out as what waits in memory does") {
  const uint64_t first_seed = seed_or(6200);
  const int rounds = rounds_or(200);
  size_t with_runs = 0;
  for (int round = 0; round < rounds; ++round) {
    const uint64_t seed = first_seed + static_cast<uint64_t>(round);
    RandomStreams shape;
    shape.words = 1 + seed % 2;
    shape.finished = seed % 3 != 0;
    shape.spread = 2 + seed % 30;
    shape.capabilities = 1 + seed % 4;
    const auto scripts = random_streams(seed, 1 + seed % 3, shape);
    for (const Order order : {Order::Stream, Order::Time}) {
      for (const Delivery delivery : {Delivery::Eager, Delivery::Complete}) {
        for (const EndMode end : {EndMode::Release, EndMode::Hold}) {
          INFO("seed " << seed << ", order " << static_cast<int>(order) << ", delivery "
                       << static_cast<int>(delivery) << ", end " << static_cast<int>(end));
          ReplayOptions options;
          options.order = order;
          options.delivery = delivery;
          options.end = end;
          if (seed % 5 == 0 && shape.words == 1) options.from = Time(5);
          if (seed % 7 == 0 && shape.words == 1) options.until = Time(40);
          const auto near = replayed(scripts, options);
          options.held_in_memory = 1 + seed % 6;
          const auto far = replayed(scripts, options);
          REQUIRE(near.most_runs == 0);
          with_runs += far.most_runs > 0;
          REQUIRE(far.capabilities == near.capabilities);
          if (order == Order::Time) {
            REQUIRE(far.got == near.got);
          } else {
            REQUIRE(sorted(far.got) == sorted(near.got));
          }
        }
      }
    }
  }
  CHECK(with_runs > static_cast<size_t>(rounds));
}

TEST_CASE("a span that stays incomplete to its end takes few runs") {
  for (const Order order : {Order::Stream, Order::Time}) {
    std::vector<Script> scripts(1);
    for (uint64_t i = 0; i < 20'000; ++i) scripts[0].messages(Time(1 + (i * 7919) % 500), i);
    scripts[0].finish();
    ReplayOptions options;
    options.order = order;
    options.delivery = Delivery::Complete;
    options.held_in_memory = 100;
    const auto outcome = replayed(scripts, options);
    REQUIRE(sorted(outcome.got) == sorted(messages_of(scripts[0])));
    if (order == Order::Time) REQUIRE(outcome.got == sorted(outcome.got));
    CHECK(outcome.most_runs <= 5);
  }
}

TEST_CASE("messages that go at once do not break a run") {
  std::vector<Script> scripts(1);
  for (uint64_t i = 0; i < 2'000; ++i) scripts[0].messages(i % 2 == 0 ? Time(0) : Time(9), i);
  scripts[0].finish();
  ReplayOptions options;
  options.order = Order::Time;
  options.held_in_memory = 10;
  const auto outcome = replayed(scripts, options);
  REQUIRE(outcome.got == sorted(messages_of(scripts[0])));
  CHECK(outcome.most_runs == 1);
}

TEST_CASE("the limit counts what waits in runs") {
  std::vector<Script> scripts(1);
  for (uint64_t i = 0; i < 100; ++i) scripts[0].messages(Time(9), i);
  ReplayOptions options;
  options.delivery = Delivery::Complete;
  options.held_in_memory = 10;
  options.held_events_limit = 50;
  Watched watched(scripts, options);
  const auto status = watched.run();
  REQUIRE_FALSE(status);
  CHECK(status.error().code == ErrorCode::TooLarge);
  CHECK(watched.most_held() == 50);
}

TEST_CASE("a run that went bad meanwhile is an error and not a wrong record") {
  for (const Order order : {Order::Stream, Order::Time}) {
    std::vector<Script> scripts(1);
    for (uint64_t i = 0; i < 100; ++i) scripts[0].messages(Time(9), i);
    scripts[0].finish();
    scripts[0].bad_position = kFirstPosition + 50 * kEventBytes;
    ReplayOptions options;
    options.order = order;
    options.delivery = Delivery::Complete;
    options.held_in_memory = 10;
    Watched watched(scripts, options);
    const auto status = watched.run();
    REQUIRE_FALSE(status);
    CHECK(status.error().code == ErrorCode::Corrupt);
    CHECK(watched.got().size() <= 50);
  }
}
