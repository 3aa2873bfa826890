// Frontiers across workers: never past a time that can still appear, and past it once it cannot.

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <random>
#include <utility>
#include <vector>

#include "support/catch.h"
#include "support/seed.h"
#include "tidemark/dataflow.h"

namespace tidemark::dataflow {
namespace {

using Pair = Product<uint64_t, uint64_t>;
using Pairs = std::vector<Pair>;

TEST_CASE("A probe passes a time only when every worker's input has, and then it does") {
  for (const size_t workers : std::vector<size_t>{1, 2, 4}) {
    CAPTURE(workers);
    std::atomic<size_t> past_round[20] = {};
    std::atomic<bool> early = false;
    const auto execution = execute(Config::process(workers), [&](Worker& worker) {
      auto made = worker.dataflow<uint64_t>([&](auto& scope) {
        auto [handle, numbers] = new_input<std::vector<uint64_t>>(scope);
        auto probed = numbers.exchange([](uint64_t n) { return n; }).probe();
        return std::pair(std::move(handle), probed);
      });
      // By name, for a lambda of C++20 takes a structured binding and one of clang 14 does not.
      auto& input = made.first;
      auto& probe = made.second;
      for (uint64_t round = 0; round < 20; ++round) {
        for (uint64_t n = 0; n < 50; ++n) input.send(n);
        ++past_round[round];
        input.advance_to(round + 1);
        worker.step_while([&] { return probe.less_than(round + 1); });
        if (past_round[round] != workers) early = true;
      }
    });
    REQUIRE(execution.ok());
    REQUIRE_FALSE(early);
  }
}

// Records carry the time they are sent at; what arrives behind the frontier that an operator has
// seen before, or is counted again at a time that was complete, is a fault.
TEST_CASE("Random programs never see a record behind a frontier, and complete every time") {
  const uint64_t seed = test::seed_or(3);
  INFO("seed " << seed);
  const auto rounds = static_cast<uint64_t>(test::rounds_or(30));
  for (uint64_t round = 0; round < rounds; ++round) {
    const size_t workers = 1 + (seed + round) % 4;
    CAPTURE(round, workers);
    std::atomic<int> faults = 0;
    std::mutex mutex;
    std::map<Pair, size_t> sent;
    std::map<Pair, size_t> counted;
    const auto execution = execute(Config::process(workers), [&](Worker& worker) {
      std::mt19937_64 random(seed * 1000 + round * 10 + worker.index());
      auto [input, probe] = worker.dataflow<Pair>([&](auto& scope) {
        auto [handle, pairs] = new_input<Pairs>(scope);
        const auto moved = pairs.exchange([](const Pair& p) { return p.outer * 7 + p.inner; });
        auto probed = moved.concat(pairs.filter([](const Pair& p) { return p.outer % 3 == 0; }))
                          .exchange([](const Pair& p) { return p.inner; })
                          .template unary_frontier<std::vector<std::pair<Pair, size_t>>>(
                              Pipeline{}, "count",
                              [&](auto, const auto& context) {
                                return [&, counts = std::map<Pair, size_t>(),
                                        notificator = Notificator<Pair>(),
                                        seen = Antichain<Pair>(context.minimum())](
                                           auto& port, auto& output) mutable {
                                  port.for_each([&](auto& message) {
                                    // Everything must still be allowed by the frontier before.
                                    if (!seen.less_equal(message.time())) ++faults;
                                    for (const Pair& pair : message.data) {
                                      if (!(pair == message.time())) ++faults;
                                    }
                                    counts[message.time()] += message.data.size();
                                    notificator.notify_at(output.retain(message.capability));
                                  });
                                  for (const Pair& time : port.frontier().elements()) {
                                    if (!seen.less_equal(time)) ++faults;
                                  }
                                  seen = port.frontier();
                                  notificator.for_each(seen, [&](const auto& capability) {
                                    const auto at = counts.find(capability.time());
                                    output.session(capability).give({at->first, at->second});
                                    counts.erase(at);
                                  });
                                };
                              })
                          .inspect([&](const auto& pair) {
                            const std::lock_guard lock(mutex);
                            counted[pair.first] += pair.second;
                          })
                          .probe();
        return std::pair(std::move(handle), probed);
      });
      Pair now = input.time();
      for (int step = 0; step < 60; ++step) {
        const size_t copies = random() % 40;
        for (size_t i = 0; i < copies; ++i) input.send(now);
        {
          const std::lock_guard lock(mutex);
          sent[now] += copies * (now.outer % 3 == 0 ? 2 : 1);
        }
        // Not behind the second coordinate: only the product order says so.
        now = {now.outer + random() % 2, now.inner + random() % 2};
        input.advance_to(now);
        for (size_t i = random() % 4; i > 0; --i) worker.step();
      }
    });
    REQUIRE(execution.ok());
    REQUIRE(faults == 0);
    std::erase_if(sent, [](const auto& entry) { return entry.second == 0; });
    REQUIRE(counted == sent);
  }
}

}  // namespace
}  // namespace tidemark::dataflow
