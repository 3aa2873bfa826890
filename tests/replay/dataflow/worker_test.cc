#include "tidemark/dataflow/worker.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "support/catch.h"
#include "tidemark/dataflow.h"

namespace tidemark::dataflow {
namespace {

using namespace std::chrono_literals;
using Numbers = std::vector<uint64_t>;

TEST_CASE("A worker that has nothing to do sleeps until another thread activates an operator") {
  std::optional<std::thread> other;
  int runs = 0;
  const auto execution = execute(Config::thread(), [&](Worker& worker) {
    worker.dataflow<uint64_t>([&](auto& scope) {
      source<Numbers>(scope, "woken", [&](auto capability, const auto& context) {
        return [&, held = std::optional(std::move(capability)), context](auto&) mutable {
          if (++runs == 1)
            other.emplace([activator = context.activator()] { activator.activate(); });
          if (runs == 2) held.reset();
        };
      });
    });
  });
  other->join();
  REQUIRE(execution.ok());
  REQUIRE(runs == 2);
}

TEST_CASE("An operator can ask to run again after a while") {
  int runs = 0;
  const auto start = SteadyClock::now();
  const auto execution = execute(Config::thread(), [&](Worker& worker) {
    worker.dataflow<uint64_t>([&](auto& scope) {
      source<Numbers>(scope, "timed", [&](auto capability, const auto& context) {
        return [&, held = std::optional(std::move(capability)), context](auto&) mutable {
          if (++runs == 3) {
            held.reset();
          } else {
            context.activate_after(2ms);
          }
        };
      });
    });
  });
  REQUIRE(execution.ok());
  REQUIRE(runs == 3);
  REQUIRE(SteadyClock::now() - start >= 4ms);
}

TEST_CASE("A failure of one worker's operator ends the dataflow on all of them, and is told") {
  std::atomic<int> completed = 0;
  const auto execution = execute(Config::process(3), [&](Worker& worker) {
    worker.dataflow<uint64_t>([&](auto& scope) {
      source<Numbers>(scope, "failing", [&](auto capability, const auto& context) {
        return [held = std::optional(std::move(capability)), context](auto&) mutable {
          if (context.worker() == 1) context.fail("worker 1 has had enough");
        };
      }).sink(Pipeline{}, "watch", [&](const auto&) {
        return [&](auto& input) {
          if (input.frontier().empty()) ++completed;
        };
      });
    });
  });
  REQUIRE(execution.failures == std::vector<std::string>{"worker 1 has had enough"});
  REQUIRE(completed == 0);
}

TEST_CASE("Several dataflows run side by side, and end each for itself") {
  Numbers first;
  Numbers second;
  const auto execution = execute(Config::thread(), [&](Worker& worker) {
    auto input = worker.dataflow<uint64_t>([&](auto& scope) {
      auto [handle, numbers] = new_input<Numbers>(scope);
      numbers.inspect([&](uint64_t n) { first.push_back(n); });
      return std::move(handle);
    });
    worker.dataflow<Unit>([&](auto& scope) {
      to_stream(scope, Numbers{1, 2}).inspect([&](uint64_t n) { second.push_back(n); });
    });
    while (second.size() < 2) worker.step();
    input.send(3);
  });
  REQUIRE(execution.ok());
  REQUIRE(first == Numbers{3});
  REQUIRE(second == Numbers{1, 2});
}

TEST_CASE("An input handle that outlives its dataflow does no harm") {
  std::optional<InputHandle<uint64_t, Numbers>> kept;
  const auto execution = execute(Config::thread(), [&](Worker& worker) {
    worker.dataflow<uint64_t>([&](auto& scope) {
      auto [handle, numbers] = new_input<Numbers>(scope);
      kept = std::move(handle);
      source<Numbers>(scope, "failing", [](auto capability, const auto& context) {
        return [held = std::move(capability), context](auto&) { context.fail("enough"); };
      });
    });
  });
  REQUIRE_FALSE(execution.ok());
  kept->send(1);
  kept->close();
}

TEST_CASE("Moving an input handle closes neither the new nor the old one's input twice") {
  Numbers seen;
  const auto execution = execute(Config::thread(), [&](Worker& worker) {
    auto input = worker.dataflow<uint64_t>([&](auto& scope) {
      auto [handle, numbers] = new_input<Numbers>(scope);
      numbers.inspect([&](uint64_t n) { seen.push_back(n); });
      return std::move(handle);
    });
    auto moved = std::move(input);
    REQUIRE(input.closed());  // NOLINT(bugprone-use-after-move): what this is about
    moved.send(4);
  });
  REQUIRE(execution.ok());
  REQUIRE(seen == Numbers{4});
}

}  // namespace
}  // namespace tidemark::dataflow
