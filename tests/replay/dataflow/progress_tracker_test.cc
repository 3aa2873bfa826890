#include "tidemark/dataflow/progress_tracker.h"

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

#include "support/catch.h"
#include "support/seed.h"
#include "tidemark/dataflow/timestamp.h"

namespace tidemark::dataflow {
namespace {

using Pair = Product<uint64_t, uint64_t>;

// Two inputs of the dataflow, joined, and an operator behind: 0 -> 2, 1 -> 2, 2 -> 3.
Graph joined() {
  Graph graph;
  graph.operators = {
      {"left", {}, {0}}, {"right", {}, {1}}, {"join", {0, 1}, {2}}, {"end", {2}, {}}};
  graph.outputs = {{0, true, {0}}, {1, true, {1}}, {2, false, {2}}};
  graph.inputs = {{2, 0}, {2, 1}, {3, 2}};
  return graph;
}

template <typename T>
PendingProgress<T> pending_for(const Graph& graph) {
  PendingProgress<T> pending;
  for (size_t i = 0; i < graph.inputs.size(); ++i) pending.add_input();
  for (size_t i = 0; i < graph.outputs.size(); ++i) pending.add_output();
  return pending;
}

// What each input's frontier is, pulled one after the other.
template <typename T>
struct Seen {
  explicit Seen(size_t inputs) : frontiers(inputs) {}
  void pull(const ProgressTracker<T>& tracker) {
    tracker.pull(version,
                 [&](size_t input, const Antichain<T>& frontier) { frontiers[input] = frontier; });
  }
  uint64_t version = 0;
  std::vector<Antichain<T>> frontiers;
};

TEST_CASE("A frontier waits for the slowest of all workers and of all inputs") {
  ProgressTracker<uint64_t> tracker(joined(), 0, 2);
  auto pending = pending_for<uint64_t>(tracker.graph());
  Seen<uint64_t> seen(3);
  seen.pull(tracker);
  REQUIRE(seen.frontiers[2] == Antichain<uint64_t>(0));

  const auto advance = [&](size_t output, uint64_t from, uint64_t to) {
    pending.capabilities(output, from, -1);
    pending.capabilities(output, to, 1);
    const bool moved = tracker.apply(pending);
    seen.pull(tracker);
    return moved;
  };
  REQUIRE_FALSE(advance(0, 0, 5));
  REQUIRE_FALSE(advance(1, 0, 7));
  REQUIRE(advance(0, 0, 6));  // the left input of both workers has left 0
  REQUIRE(seen.frontiers[0] == Antichain<uint64_t>(5));
  REQUIRE(seen.frontiers[2] == Antichain<uint64_t>(0));
  REQUIRE(advance(1, 0, 8));
  REQUIRE(seen.frontiers[1] == Antichain<uint64_t>(7));
  REQUIRE(seen.frontiers[2] == Antichain<uint64_t>(5));
}

TEST_CASE("A message that waits holds the frontier where it waits and behind") {
  ProgressTracker<uint64_t> tracker(joined(), 0, 1);
  auto pending = pending_for<uint64_t>(tracker.graph());
  Seen<uint64_t> seen(3);
  pending.messages(1, 3, 1);
  pending.capabilities(0, 0, -1);
  pending.capabilities(1, 0, -1);
  REQUIRE(tracker.apply(pending));
  seen.pull(tracker);
  REQUIRE(seen.frontiers[0].empty());
  REQUIRE(seen.frontiers[1] == Antichain<uint64_t>(3));
  REQUIRE(seen.frontiers[2] == Antichain<uint64_t>(3));
  REQUIRE(tracker.messages_in_flight() == 1);
  REQUIRE_FALSE(tracker.complete());

  // Consumed, and something made of it: the end moves on, the join does not hold it any more.
  pending.messages(1, 3, -1);
  pending.messages(2, 4, 1);
  REQUIRE(tracker.apply(pending));
  seen.pull(tracker);
  REQUIRE(seen.frontiers[1].empty());
  REQUIRE(seen.frontiers[2] == Antichain<uint64_t>(4));
  pending.messages(2, 4, -1);
  REQUIRE(tracker.apply(pending));
  REQUIRE(tracker.complete());
}

TEST_CASE("A failure keeps its first reason and leaves the frontiers where they are") {
  ProgressTracker<uint64_t> tracker(joined(), 0, 1);
  Seen<uint64_t> seen(3);
  seen.pull(tracker);
  tracker.fail("the disk is full");
  tracker.fail("and the cable is out");
  REQUIRE(tracker.failed());
  REQUIRE(tracker.reason() == "the disk is full");
  REQUIRE(tracker.version() != seen.version);
  seen.pull(tracker);
  REQUIRE(seen.frontiers[2] == Antichain<uint64_t>(0));
}

// The definition: a time can appear at a port exactly if some positive count upstream is at or
// before it. Random graphs, random batches as workers make them, two-dimensional times.
TEST_CASE("The frontiers are those of the definition, after every batch") {
  const uint64_t seed = test::seed_or(2);
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  const int rounds = test::rounds_or(200);
  for (int round = 0; round < rounds; ++round) {
    Graph graph;
    const size_t operators = 2 + random() % 6;
    for (size_t i = 0; i < operators; ++i) {
      graph.operators.push_back({"", {}, {i}});
      graph.outputs.push_back({i, true, {}});
      for (size_t from = 0; from < i; ++from) {
        if (random() % 3 == 0) continue;
        graph.operators[i].inputs.push_back(graph.inputs.size());
        graph.outputs[from].targets.push_back(graph.inputs.size());
        graph.inputs.push_back({i, from});
      }
    }
    ProgressTracker<Pair> tracker(graph, {0, 0}, 1);
    auto pending = pending_for<Pair>(graph);
    Seen<Pair> seen(graph.inputs.size());
    std::vector<MutableAntichain<Pair>> messages(graph.inputs.size());
    std::vector<MutableAntichain<Pair>> capabilities(operators);
    for (auto& held : capabilities) held.update({0, 0}, 1);

    const auto frontier_of = [&](auto&& self, size_t input) -> Antichain<Pair> {
      Antichain<Pair> frontier;
      for (const auto& [time, count] : messages[input].counts()) frontier.insert(time);
      const size_t source = graph.inputs[input].source;
      for (const auto& [time, count] : capabilities[source].counts()) frontier.insert(time);
      for (const size_t above : graph.operators[graph.outputs[source].owner].inputs) {
        const Antichain<Pair> arriving = self(self, above);
        for (const Pair& time : arriving.elements()) frontier.insert(time);
      }
      return frontier;
    };
    const auto later = [&](const Pair& time) {
      return Pair{time.outer + random() % 3, time.inner + random() % 3};
    };

    for (int batch = 0; batch < 30; ++batch) {
      for (int step = 0; step < 4; ++step) {
        const size_t i = random() % operators;
        const auto held = capabilities[i].counts();
        if (held.empty()) continue;
        const Pair time = held[random() % held.size()].first;
        const auto capability = [&](const Pair& at, int64_t diff) {
          capabilities[i].update(at, diff);
          pending.capabilities(i, at, diff);
        };
        switch (random() % 3) {
          case 0:
            capability(later(time), 1);
            break;
          case 1:
            capability(time, -1);
            break;
          default:
            for (const size_t target : graph.outputs[i].targets) {
              const Pair at = later(time);
              messages[target].update(at, 1);
              pending.messages(target, at, 1);
            }
        }
      }
      for (size_t input = 0; input < messages.size(); ++input) {
        const auto waiting = messages[input].counts();
        if (waiting.empty() || random() % 2 == 0) continue;
        messages[input].update(waiting.front().first, -1);
        pending.messages(input, waiting.front().first, -1);
      }
      tracker.apply(pending);
      seen.pull(tracker);
      for (size_t input = 0; input < messages.size(); ++input) {
        REQUIRE(seen.frontiers[input] == frontier_of(frontier_of, input));
      }
    }
  }
}

}  // namespace
}  // namespace tidemark::dataflow
