#include "tidemark/replay_into.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/catch.h"
#include "support/stream_helpers.h"
#include "support/temporary_directory.h"
#include "tidemark/capture.h"
#include "tidemark/event_link.h"
#include "tidemark/extract.h"
#include "tidemark/log_reader.h"
#include "tidemark/log_writer.h"

namespace tidemark {
namespace {

using namespace std::chrono_literals;
using dataflow::Config;
using dataflow::ProbeHandle;
using dataflow::Worker;
using test::must;

using Numbers = std::vector<uint64_t>;
using Link = EventLink<uint64_t, Numbers>;
using NumberProgress = Progress<uint64_t>;
using NumberMessages = Messages<uint64_t, Numbers>;
using Extracted = std::vector<std::pair<uint64_t, Numbers>>;

Link::Reader link_of(std::vector<Event<uint64_t, Numbers>> events) {
  auto [pusher, reader] = Link::make();
  for (auto& event : events) must(pusher.push(std::move(event)));
  return reader;
}

TEST_CASE("A replay of no streams is over at once, one of n begins with n capabilities") {
  for (const size_t streams : std::vector<size_t>{0, 1, 3}) {
    CAPTURE(streams);
    ReplayHandle replay;
    const auto execution = execute(Config::thread(), [&](Worker& worker) {
      ProbeHandle<uint64_t> probe;
      worker.dataflow<uint64_t>([&](auto& scope) {
        std::vector<Link::Reader> readers;
        for (size_t i = 0; i < streams; ++i) readers.push_back(link_of({}));
        replay_into(scope, std::move(readers), {.end = EndMode::Hold, .handle = replay})
            .probe_with(probe);
      });
      for (int i = 0; i < 5; ++i) worker.step();
      REQUIRE(probe.less_equal(0) == (streams > 0));
      replay.release();
    });
    REQUIRE(execution.ok());
    REQUIRE(replay.finished());
  }
}

TEST_CASE("What one stream holds stays open while the other one is replayed to its end") {
  const auto execution = execute(Config::thread(), [&](Worker& worker) {
    ProbeHandle<uint64_t> probe;
    auto [pusher, slow] = Link::make();
    worker.dataflow<uint64_t>([&, &slow = slow](auto& scope) {
      std::vector readers{slow, link_of({NumberProgress{{{0, -1}, {7, 1}}}, NumberMessages{8, {1}},
                                         NumberProgress{{{7, -1}}}})};
      replay_into(scope, std::move(readers)).probe_with(probe);
    });
    for (int i = 0; i < 5; ++i) worker.step();
    REQUIRE(probe.frontier() == Antichain<uint64_t>(0));
    must(pusher.push(NumberProgress{{{0, -1}, {9, 1}}}));
    worker.step_while([&] { return probe.less_than(9); });
    REQUIRE(probe.frontier() == Antichain<uint64_t>(9));
    must(pusher.finish());
  });
  REQUIRE(execution.ok());
}

TEST_CASE("An event that breaks a rule ends the replay, and the error names the rule") {
  const std::vector<std::pair<std::string, std::vector<Event<uint64_t, Numbers>>>> cases = {
      {"P1", {NumberProgress{{{0, -1}, {5, 1}}}, NumberProgress{{{4, 1}}}}},
      {"P2", {NumberProgress{{{0, -2}}}}},
      {"P3", {NumberProgress{{{0, -1}, {5, 1}}}, NumberMessages{4, {1}}}},
      {"P4", {NumberProgress{{{0, INT64_MAX}}}}},
  };
  for (const auto& [rule, events] : cases) {
    CAPTURE(rule);
    ReplayHandle replay;
    size_t records = 0;
    const auto execution = execute(Config::thread(), [&, &events = events](Worker& worker) {
      worker.dataflow<uint64_t>([&](auto& scope) {
        replay_into(scope, std::vector{link_of(events)}, {.handle = replay}).inspect([&](uint64_t) {
          ++records;
        });
      });
    });
    REQUIRE_FALSE(execution.ok());
    REQUIRE_FALSE(replay.finished());
    REQUIRE(replay.error()->code == ErrorCode::ProtocolViolation);
    REQUIRE(replay.error()->rule == rule);
    REQUIRE(records == 0);
  }
}

TEST_CASE("After a failure that is gone on from, no time completes until it is released") {
  ReplayHandle replay;
  const auto execution = execute(Config::thread(), [&](Worker& worker) {
    ProbeHandle<uint64_t> probe;
    worker.dataflow<uint64_t>([&](auto& scope) {
      replay_into(scope, std::vector{link_of({NumberMessages{3, {1}}, NumberProgress{{{2, -1}}}})},
                  {.on_failure = OnFailure::GoOn, .handle = replay})
          .probe_with(probe);
    });
    for (int i = 0; i < 5; ++i) worker.step();
    REQUIRE(replay.error().has_value());
    REQUIRE(probe.less_equal(0));
    replay.release();
  });
  REQUIRE(execution.ok());
}

TEST_CASE("A stream that stops before it is finished is released, or held, or waited for") {
  const auto unfinished = [] {
    return link_of({NumberMessages{0, {4}}, NumberProgress{{{0, -1}, {2, 1}}}});
  };
  const auto frontier_after = [&](EndMode end) {
    Antichain<uint64_t> frontier;
    ReplayHandle replay;
    const auto execution = execute(Config::thread(), [&](Worker& worker) {
      ProbeHandle<uint64_t> probe;
      worker.dataflow<uint64_t>([&](auto& scope) {
        replay_into(scope, std::vector{unfinished()},
                    {.end = end, .period = 100us, .handle = replay})
            .probe_with(probe);
      });
      for (int i = 0; i < 10; ++i) worker.step();
      frontier = probe.frontier();
      replay.release();
    });
    REQUIRE(execution.ok());
    return frontier;
  };
  REQUIRE(frontier_after(EndMode::Release).empty());
  REQUIRE(frontier_after(EndMode::Hold) == Antichain<uint64_t>(2));
  REQUIRE(frontier_after(EndMode::Wait) == Antichain<uint64_t>(2));
}

TEST_CASE("An activation replays no more than its budget") {
  std::vector<Event<uint64_t, Numbers>> events;
  for (uint64_t i = 0; i < 100; ++i) events.emplace_back(NumberMessages{i, {i}});
  events.emplace_back(NumberProgress{{{0, -1}}});
  size_t most = 0;
  ReplayHandle replay;
  const auto execution = execute(Config::thread(), [&](Worker& worker) {
    worker.dataflow<uint64_t>([&](auto& scope) {
      replay_into(scope, std::vector{link_of(events)}, {.budget = 7, .handle = replay});
    });
    for (uint64_t before = 0; worker.step(); before = replay.events()) {
      most = std::max<size_t>(most, replay.events() - before);
    }
  });
  REQUIRE(execution.ok());
  REQUIRE(replay.events() == 101);
  REQUIRE(most == 7);
}

TEST_CASE("A replay waits for a worker that does not keep up") {
  // All records go to worker 1, which reads nothing until the other one has sent what it may.
  std::vector<Event<uint64_t, Numbers>> events;
  for (uint64_t i = 0; i < 2000; ++i) events.emplace_back(NumberMessages{i, {1}});
  events.emplace_back(NumberProgress{{{0, -1}}});
  ReplayHandle replay;
  std::atomic<uint64_t> read = 0;
  std::atomic<uint64_t> ahead_at_most = 0;
  const auto execution = execute(Config::process(2), [&](Worker& worker) {
    worker.dataflow<uint64_t>([&](auto& scope) {
      std::vector<Link::Reader> readers;
      if (scope.index() == 0) readers.push_back(link_of(events));
      replay_into(scope, std::move(readers), {.in_flight_limit = 10, .handle = replay})
          .exchange([](uint64_t n) { return n; })
          .inspect([&](uint64_t) {
            if (read % 50 == 0) std::this_thread::sleep_for(200us);
            ahead_at_most = std::max<uint64_t>(ahead_at_most, replay.events() - read);
            ++read;
          });
    });
  });
  REQUIRE(execution.ok());
  REQUIRE(read == 2000);
  // What is on its way to be exchanged and what is exchanged count, an activation's worth each.
  REQUIRE(ahead_at_most <= 40);
}

TEST_CASE("A replay runs ahead of a probe by so many times and no more, and always gets on") {
  for (const size_t times : std::vector<size_t>{1, 3}) {
    CAPTURE(times);
    std::vector<Event<uint64_t, Numbers>> events;
    for (uint64_t i = 0; i < 200; ++i) {
      // Every tenth time is held for ten more: it must not be waited for.
      events.emplace_back(NumberMessages{i, {i}});
      if (i % 10 == 9) events.emplace_back(NumberProgress{{{i - 9, -1}, {i + 1, 1}}});
    }
    events.emplace_back(NumberProgress{{{200, -1}}});
    uint64_t sent = 0;
    int64_t most_behind = 0;
    const auto execution = execute(Config::thread(), [&](Worker& worker) {
      ProbeHandle<uint64_t> probe;
      worker.dataflow<uint64_t>([&](auto& scope) {
        replay_into(scope, std::vector{link_of(events)},
                    {.ahead = RunAhead<uint64_t>{probe, times}})
            .inspect([&](uint64_t n) { sent = n; })
            .probe_with(probe);
      });
      while (worker.step()) {
        if (!probe.done())
          most_behind =
              std::max(most_behind, static_cast<int64_t>(sent - probe.frontier().elements()[0]));
      }
    });
    REQUIRE(execution.ok());
    REQUIRE(sent == 199);
    REQUIRE(most_behind <= 30);
  }
}

// A stream that has nothing, and cannot be waited for either.
class Unwaitable {
 public:
  Result<Polled> poll() { return Polled::Pending; }
  const Event<uint64_t, Numbers>& event() const { return event_; }
  Event<uint64_t, Numbers> take() { return event_; }
  static Result<bool> wait_any(std::span<Unwaitable* const>, std::chrono::nanoseconds) {
    return fail(ErrorCode::Io, "no futex today");
  }

 private:
  Event<uint64_t, Numbers> event_;
};

TEST_CASE("Where waiting fails the replay does, instead of asking for ever") {
  ReplayHandle replay;
  const auto execution = execute(Config::thread(), [&](Worker& worker) {
    worker.dataflow<uint64_t>(
        [&](auto& scope) { replay_into(scope, std::vector<Unwaitable>(2), {.handle = replay}); });
  });
  REQUIRE_FALSE(execution.ok());
  REQUIRE(replay.error()->message == "no futex today");
}

TEST_CASE("A log is replayed while it is written, woken by its writer") {
  const test::TemporaryDirectory directory;
  const Log log = must(Log::open(directory.path() + "/log"));
  auto writer = must((open_writer<uint64_t, Numbers>(log, 0)));
  std::atomic<uint64_t> seen = 0;
  std::thread writing([&] {
    for (uint64_t i = 0; i < 50; ++i) {
      must(writer.push(NumberMessages{i, {i}}));
      must(writer.push(NumberProgress{{{i, -1}, {i + 1, 1}}}));
      while (seen <= i) std::this_thread::yield();
    }
    must(writer.push(NumberProgress{{{50, -1}}}));
    must(writer.finish());
  });
  const auto execution = execute(Config::thread(), [&](Worker& worker) {
    worker.dataflow<uint64_t>([&](auto& scope) {
      const std::vector<uint32_t> streams{0};
      replay_into(scope, must((open_readers<uint64_t, Numbers>(log, streams, {.follow = true}))))
          .inspect([&](uint64_t n) { seen = n + 1; });
    });
  });
  writing.join();
  REQUIRE(execution.ok());
  REQUIRE(seen == 50);
}

}  // namespace
}  // namespace tidemark
