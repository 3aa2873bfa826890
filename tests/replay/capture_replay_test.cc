// Captured by some workers, replayed by others, all of it or any part, now or later: the same
// records at the same times, and the frontiers that they justify.

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "replayed_counts.h"
#include "support/catch.h"
#include "support/seed.h"
#include "support/stream_helpers.h"
#include "support/temporary_directory.h"
#include "tidemark/capture_into.h"
#include "tidemark/event_link.h"
#include "tidemark/extract.h"
#include "tidemark/log_reader.h"
#include "tidemark/log_writer.h"
#include "tidemark/protocol_rules.h"
#include "tidemark/replay_into.h"
#include "tidemark/resume_writer.h"
#include "tidemark/share.h"

namespace tidemark {
namespace {

using namespace std::chrono_literals;
using dataflow::Config;
using dataflow::new_input;
using dataflow::ProbeHandle;
using dataflow::Worker;
using test::must;

using Numbers = std::vector<uint64_t>;
using NumberWriter = LogWriter<uint64_t, Numbers>;
using Records = std::map<uint64_t, Numbers>;

constexpr uint64_t kTimes = 12;

// Each worker's input: some records at each time, exchanged, and captured into the worker's stream.
void capture_program(Worker& worker, NumberWriter writer, CaptureHandle& capture,
                     std::chrono::microseconds pause = 0us) {
  auto input = worker.dataflow<uint64_t>([&](auto& scope) {
    auto [handle, numbers] = new_input<Numbers>(scope);
    capture = numbers.exchange([](uint64_t n) { return n * 7; }).capture_into(std::move(writer));
    return std::move(handle);
  });
  for (uint64_t time = 0; time < kTimes; ++time) {
    for (uint64_t i = 0; i <= time % 4; ++i) input.send(time * 100 + worker.index() * 10 + i);
    input.advance_to(time + 1);
    worker.step();
    if (pause > 0us) std::this_thread::sleep_for(pause);
  }
}

Log capture_log(const std::string& path, uint32_t workers) {
  Log log = must(Log::open(path, {.peers = workers}));
  std::vector<NumberWriter> writers;
  for (uint32_t i = 0; i < workers; ++i) {
    writers.push_back(must((open_writer<uint64_t, Numbers>(log, i))));
  }
  std::vector<CaptureHandle> captures(workers);
  const auto execution = execute(Config::process(workers), [&](Worker& worker) {
    capture_program(worker, std::move(writers[worker.index()]), captures[worker.index()]);
  });
  REQUIRE(execution.ok());
  for (const auto& capture : captures) REQUIRE(capture.finished());
  return log;
}

// What a program that knows nothing of dataflows reads from some streams.
Records read_directly(const Log& log, const std::vector<uint32_t>& streams) {
  Records records;
  for (const uint32_t stream : streams) {
    auto reader = must((open_reader<uint64_t, Numbers>(log, stream)));
    for (auto& [time, found] : must(extract(reader))) {
      records[time].insert(records[time].end(), found.begin(), found.end());
    }
  }
  for (auto& [time, found] : records) std::sort(found.begin(), found.end());
  return records;
}

bool replays_exactly(const Log& log, const std::vector<uint32_t>& streams, size_t workers,
                     const Records& expected, const LogReaderOptions& options = {}) {
  test::ReplayedCounts<uint64_t> counts;
  ReplayHandle replay;
  const auto execution = execute(Config::process(workers), [&](Worker& worker) {
    auto readers = open_readers<uint64_t, Numbers>(log, share_of(streams, worker), options);
    worker.dataflow<uint64_t>([&](auto& scope) {
      counts.watch(replay_into(scope, *std::move(readers), {.handle = replay}));
    });
  });
  return execution.ok() && replay.finished() && counts.records() == expected &&
         counts.counted_exactly();
}

TEST_CASE("What k workers captured, j workers replay, through every subset of the streams") {
  for (const uint32_t captured_by : std::vector<uint32_t>{1, 2, 3, 5}) {
    const test::TemporaryDirectory directory;
    const Log log = capture_log(directory / "log", captured_by);
    for (uint32_t subset = 1; subset < 1u << captured_by; ++subset) {
      std::vector<uint32_t> streams;
      for (uint32_t i = 0; i < captured_by; ++i) {
        if ((subset >> i & 1) != 0) streams.push_back(i);
      }
      const Records expected = read_directly(log, streams);
      for (const size_t replayed_by : std::vector<size_t>{1, 2, 3, 8}) {
        CAPTURE(captured_by, subset, replayed_by);
        REQUIRE(replays_exactly(log, streams, replayed_by, expected));
      }
    }
  }
}

TEST_CASE("All streams together have every record that was sent, once") {
  const test::TemporaryDirectory directory;
  const Log log = capture_log(directory / "log", 3);
  Records sent;
  for (uint64_t time = 0; time < kTimes; ++time) {
    for (uint64_t worker = 0; worker < 3; ++worker) {
      for (uint64_t i = 0; i <= time % 4; ++i) sent[time].push_back(time * 100 + worker * 10 + i);
    }
  }
  REQUIRE(read_directly(log, {0, 1, 2}) == sent);
}

TEST_CASE("A log is captured by some threads and replayed by others at once, as it is later") {
  const test::TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log", {.peers = 2}));
  std::vector<NumberWriter> writers;
  for (uint32_t i = 0; i < 2; ++i) {
    writers.push_back(must((open_writer<uint64_t, Numbers>(log, i))));
  }
  std::thread capturing([&] {
    std::vector<CaptureHandle> captures(2);
    const auto execution = execute(Config::process(2), [&](Worker& worker) {
      capture_program(worker, std::move(writers[worker.index()]), captures[worker.index()], 200us);
    });
    static_cast<void>(execution);  // a failure shows as a replay that does not end as expected
  });
  Records sent;
  for (uint64_t time = 0; time < kTimes; ++time) {
    for (uint64_t worker = 0; worker < 2; ++worker) {
      for (uint64_t i = 0; i <= time % 4; ++i) sent[time].push_back(time * 100 + worker * 10 + i);
    }
  }
  const bool live = replays_exactly(log, {0, 1}, 3, sent, {.end = EndMode::Wait, .follow = true});
  capturing.join();
  REQUIRE(live);
  REQUIRE(replays_exactly(log, {0, 1}, 1, sent));
}

TEST_CASE("A log is captured by one process and replayed by another at once") {
  const test::TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  Records sent;
  for (uint64_t time = 0; time < kTimes; ++time) {
    for (uint64_t i = 0; i <= time % 4; ++i) sent[time].push_back(time * 100 + i);
  }
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    // No test macros here: their state belongs to the parent.
    auto writer = open_writer<uint64_t, Numbers>(log, 0);
    if (!writer) _exit(1);
    CaptureHandle capture;
    const auto execution = execute(Config::thread(), [&](Worker& worker) {
      capture_program(worker, *std::move(writer), capture, 200us);
    });
    _exit(execution.ok() && capture.finished() ? 0 : 2);
  }
  const bool live = replays_exactly(log, {0}, 2, sent, {.end = EndMode::Wait, .follow = true});
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(status == 0);
  REQUIRE(live);
}

TEST_CASE("An operator that starts again goes on in its stream, and is refused behind it") {
  const test::TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  const auto run = [&](uint64_t first, uint64_t last, bool finish) {
    auto writer = must((open_writer<uint64_t, Numbers>(log, 0)));
    CaptureHandle capture;
    ReplayHandle input;
    auto [pusher, events] = EventLink<uint64_t, Numbers>::make();
    if (first > 0) must(pusher.push(Progress<uint64_t>{{{0, -1}, {first, 1}}}));
    for (uint64_t time = first; time < last; ++time) {
      must(pusher.push(Messages<uint64_t, Numbers>{time, {time}}));
      must(pusher.push(Progress<uint64_t>{{{time, -1}, {time + 1, 1}}}));
    }
    if (finish) must(pusher.push(Progress<uint64_t>{{{last, -1}}}));
    const auto execution = execute(Config::thread(), [&, &from = events](Worker& worker) {
      worker.dataflow<uint64_t>([&](auto& scope) {
        capture = replay_into(scope, std::vector{from}, {.end = EndMode::Hold, .handle = input})
                      .capture_into(std::move(writer));
      });
      // A process that dies holds its capabilities: so it leaves with the dataflow unfinished.
      for (int i = 0; i < 10; ++i) worker.step();
      if (!finish) worker.drop_dataflows();
    });
    return std::pair(execution.ok(), capture.error());
  };
  REQUIRE(run(0, 5, false).first);
  const auto [behind_ok, behind] = run(3, 6, false);
  REQUIRE_FALSE(behind_ok);
  REQUIRE(behind->code == ErrorCode::ProtocolViolation);
  REQUIRE(behind->rule == "P3");
  REQUIRE(run(5, 9, true).first);
  Records expected;
  for (uint64_t time = 0; time < 9; ++time) expected[time] = {time};
  REQUIRE(read_directly(log, {0}) == expected);
  REQUIRE(replays_exactly(log, {0}, 2, expected));
}

TEST_CASE("A dataflow that is killed again and again, and resumed, captures each record once") {
  const uint64_t seed = test::seed_or(7);
  INFO("TIDEMARK_TEST_SEED=" << seed);
  std::mt19937_64 random(seed);
  constexpr uint32_t kWorkers = 2;
  constexpr uint64_t kLast = 400;
  const auto records_at = [](uint64_t time) { return 1 + time % 3; };
  const test::TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log", {.peers = kWorkers}));

  // The whole program, as it is started each time; its exit code.
  const auto program = [&] {
    const auto resume = log.resume_frontier();
    if (!resume) return 1;
    if (resume->meet.empty()) return 0;
    const uint64_t first = resume->meet.elements().front().word(0);
    WriterOptions options;
    options.segment_bytes = kMinSegmentBytes;
    std::vector<ResumedWriter<uint64_t, Numbers>> writers;
    for (uint32_t i = 0; i < kWorkers; ++i) {
      auto writer = resume_writer<uint64_t, Numbers>(log, i, options);
      if (!writer) return 2;
      writers.push_back(*std::move(writer));
    }
    const auto execution = execute(Config::process(kWorkers), [&](Worker& worker) {
      CaptureHandle capture;
      auto input = worker.dataflow<uint64_t>([&](auto& scope) {
        auto [handle, numbers] = new_input<Numbers>(scope);
        capture = numbers.exchange([](uint64_t n) { return n * 7; })
                      .capture_into(std::move(writers[worker.index()]));
        return std::move(handle);
      });
      input.advance_to(first);
      for (uint64_t time = first; time < kLast; ++time) {
        for (uint64_t i = 0; i < records_at(time); ++i) {
          input.send(time * 100 + worker.index() * 10 + i);
        }
        input.advance_to(time + 1);
        worker.step();
        std::this_thread::sleep_for(20us);
      }
    });
    return execution.ok() ? 0 : 3;
  };

  int kills = 0;
  for (bool through = false; !through;) {
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) _exit(program());
    if (kills < test::rounds_or(20)) {
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 12'000));
      kill(child, SIGKILL);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    if (WIFSIGNALED(status)) {
      ++kills;
      continue;
    }
    REQUIRE(WEXITSTATUS(status) == 0);
    through = true;
  }
  CHECK(kills > 0);

  Records expected;
  for (uint64_t time = 0; time < kLast; ++time) {
    for (uint64_t worker = 0; worker < kWorkers; ++worker) {
      for (uint64_t i = 0; i < records_at(time); ++i) {
        expected[time].push_back(time * 100 + worker * 10 + i);
      }
    }
  }
  CHECK(read_directly(log, {0, 1}) == expected);
  CHECK(replays_exactly(log, {0, 1}, 3, expected));
}

// Random streams under a two-dimensional order.
using Pair = Product<uint64_t, uint64_t>;
using PairEvent = Event<Pair, Numbers>;
using PairLink = EventLink<Pair, Numbers>;

// A stream that obeys the protocol; finished, unless it is cut.
std::vector<PairEvent> random_stream(std::mt19937_64& random, size_t steps) {
  ProtocolRules<Pair> rules(Pair::minimum());
  std::vector<PairEvent> events;
  const auto later = [&](const Pair& time) {
    return Pair{time.outer + random() % 3, time.inner + random() % 3};
  };
  const auto held = [&] { return rules.counts()[random() % rules.counts().size()].first; };
  for (size_t step = 0; step < steps && !rules.finished(); ++step) {
    if (random() % 2 == 0) {
      Numbers records(random() % 4);
      for (uint64_t& record : records) record = random() % 1000;
      events.emplace_back(Messages<Pair, Numbers>{later(held()), std::move(records)});
      continue;
    }
    Progress<Pair> progress;
    const Pair from = held();
    if (random() % 4 != 0) progress.changes.emplace_back(later(from), 1);
    if (random() % 4 != 0) progress.changes.emplace_back(later(from), 1);
    if (rules.counts().size() + progress.changes.size() > 1)
      progress.changes.emplace_back(from, -1);
    if (progress.changes.empty()) continue;
    must(rules.progress(progress.changes));
    events.emplace_back(std::move(progress));
  }
  Progress<Pair> last;
  for (const auto& [time, count] : rules.counts()) last.changes.emplace_back(time, -count);
  if (!last.changes.empty()) events.emplace_back(std::move(last));
  return events;
}

PairLink::Reader link_of(const std::vector<PairEvent>& events) {
  auto [pusher, reader] = PairLink::make();
  for (const PairEvent& event : events) must(pusher.push(event));
  return reader;
}

void add_records(std::map<Pair, Numbers>& records, const std::vector<PairEvent>& events) {
  for (const PairEvent& event : events) {
    const auto* messages = event.messages();
    if (messages == nullptr || messages->data.empty()) continue;
    auto& at = records[messages->time];
    at.insert(at.end(), messages->data.begin(), messages->data.end());
    std::sort(at.begin(), at.end());
  }
}

// Swaps neighbours where the rules allow it: messages earlier, progress later.
void shake(std::mt19937_64& random, std::vector<PairEvent>& events) {
  for (size_t swaps = 0; swaps < events.size() * 3; ++swaps) {
    const size_t i = random() % events.size();
    if (i == 0 || events[i].messages() == nullptr || events[i - 1].messages() != nullptr) continue;
    // The message's capability may be one that the progress before it raised.
    std::swap(events[i - 1], events[i]);
    ProtocolRules<Pair> rules(Pair::minimum());
    bool valid = true;
    for (const PairEvent& event : events) {
      const auto judged = event.messages() != nullptr ? rules.messages(event.messages()->time)
                                                      : rules.progress(event.progress()->changes);
      valid &= judged.has_value();
    }
    if (!valid) std::swap(events[i - 1], events[i]);
  }
}

TEST_CASE("Random streams are replayed alike by any workers, shaken or not") {
  const uint64_t seed = test::seed_or(5);
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  const int rounds = test::rounds_or(1000);
  for (int round = 0; round < rounds; ++round) {
    std::vector<std::vector<PairEvent>> streams(1 + random() % 4);
    std::map<Pair, Numbers> expected;
    for (auto& stream : streams) {
      stream = random_stream(random, 10 + random() % 40);
      add_records(expected, stream);
      if (random() % 2 == 0) shake(random, stream);
    }
    const size_t workers = 1 + random() % 4;
    const size_t budget = 1 + random() % 20;
    CAPTURE(round, workers, budget, streams.size());
    test::ReplayedCounts<Pair> counts;
    ReplayHandle replay;
    const auto execution = execute(Config::process(workers), [&](Worker& worker) {
      worker.dataflow<Pair>([&](auto& scope) {
        std::vector<PairLink::Reader> share;
        for (size_t i = worker.index(); i < streams.size(); i += worker.peers()) {
          share.push_back(link_of(streams[i]));
        }
        counts.watch(replay_into(scope, std::move(share), {.budget = budget, .handle = replay}));
      });
    });
    REQUIRE(execution.ok());
    REQUIRE(replay.finished());
    REQUIRE(counts.records() == expected);
    REQUIRE(counts.counted_exactly());
  }
}

TEST_CASE("A probe shows exactly the frontier that the beginnings of some streams justify") {
  const uint64_t seed = test::seed_or(6);
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  const int rounds = test::rounds_or(400);
  for (int round = 0; round < rounds; ++round) {
    std::vector<std::vector<PairEvent>> streams(1 + random() % 4);
    Antichain<Pair> justified;
    uint64_t events = 0;
    for (auto& stream : streams) {
      stream = random_stream(random, 10 + random() % 30);
      stream.resize(random() % (stream.size() + 1));
      ProtocolRules<Pair> rules(Pair::minimum());
      for (const PairEvent& event : stream) {
        if (event.progress() != nullptr) must(rules.progress(event.progress()->changes));
      }
      for (const Pair& time : rules.frontier().elements()) justified.insert(time);
      events += stream.size();
    }
    const size_t workers = 1 + random() % 3;
    CAPTURE(round, workers, streams.size());
    std::atomic<size_t> reached = 0;
    std::atomic<size_t> passed = 0;
    std::atomic<size_t> looked = 0;
    std::atomic<bool> given_up = false;
    ReplayHandle replay;
    const auto execution = execute(Config::process(workers), [&](Worker& worker) {
      ProbeHandle<Pair> probe;
      worker.dataflow<Pair>([&](auto& scope) {
        std::vector<PairLink::Reader> share;
        for (size_t i = worker.index(); i < streams.size(); i += worker.peers()) {
          share.push_back(link_of(streams[i]));
        }
        replay_into(scope, std::move(share), {.end = EndMode::Hold, .handle = replay})
            .exchange([](uint64_t n) { return n; })
            .probe_with(probe);
      });
      const auto deadline = std::chrono::steady_clock::now() + 20s;
      while (!(replay.events() == events && probe.frontier() == justified) && !given_up) {
        worker.step_or_park(1ms);
        if (std::chrono::steady_clock::now() > deadline) given_up = true;
      }
      ++reached;
      while (reached < worker.peers() && !given_up) worker.step_or_park(1ms);
      for (int i = 0; i < 5; ++i) worker.step_or_park(100us);
      if (!(probe.frontier() == justified)) ++passed;
      // The last one lets all of them go.
      if (++looked == worker.peers() || given_up) replay.release();
    });
    REQUIRE(execution.ok());
    REQUIRE_FALSE(given_up);
    REQUIRE(passed == 0);
  }
}

// One event is changed so that it breaks a rule: whatever it is, it is refused, and nothing of it
// is replayed.
TEST_CASE("Every violation in a random stream is found on capture and on replay, with its rule") {
  const uint64_t seed = test::seed_or(7);
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  const int rounds = test::rounds_or(1000);
  const test::TemporaryDirectory directory;
  int violations = 0;
  for (int round = 0; round < rounds; ++round) {
    auto stream = random_stream(random, 5 + random() % 20);
    const size_t at = random() % stream.size();
    ProtocolRules<Pair> rules(Pair::minimum());
    for (size_t i = 0; i < at; ++i) {
      if (stream[i].progress() != nullptr) must(rules.progress(stream[i].progress()->changes));
    }
    const auto& counts = rules.counts();
    const Pair held = counts[random() % counts.size()].first;
    const int64_t count = counts.front().second;
    std::string rule;
    PairEvent broken;
    // Times that no capability is at or before exist only once the minimum was given up.
    const bool some_passed = !rules.frontier().less_equal(Pair::minimum());
    switch (random() % 4) {
      case 0:
        if (!some_passed) continue;
        rule = "P1";
        broken = Progress<Pair>{{{held, -1}, {Pair::minimum(), 1}}};
        break;
      case 1:
        rule = "P2";
        broken = Progress<Pair>{{{counts.front().first, -count - 1}}};
        break;
      case 2:
        if (!some_passed) continue;
        rule = "P3";
        broken = Messages<Pair, Numbers>{Pair::minimum(), {1}};
        break;
      default:
        rule = "P4";
        broken = Progress<Pair>{{{held, INT64_MAX}, {held, 1}}};
    }
    ++violations;
    CAPTURE(round, rule, at);
    stream.insert(stream.begin() + static_cast<std::ptrdiff_t>(at), broken);

    ReplayHandle replay;
    const auto execution = execute(Config::thread(), [&](Worker& worker) {
      worker.dataflow<Pair>([&](auto& scope) {
        replay_into(scope, std::vector{link_of(stream)}, {.handle = replay});
      });
    });
    REQUIRE_FALSE(execution.ok());
    REQUIRE(replay.error()->rule == rule);

    if (round % 20 != 0) continue;  // a log for each would take long
    const Log log = must(Log::open(directory / std::to_string(round)));
    auto writer = must((open_writer<Pair, Numbers>(log, 0, {.sync = SyncPolicy::none()})));
    for (size_t i = 0; i < at; ++i) must(writer.push(stream[i]));
    const auto refused = writer.push(stream[at]);
    REQUIRE_FALSE(refused.has_value());
    REQUIRE(refused.error().rule == rule);
  }
  REQUIRE(violations > rounds / 3);
}

}  // namespace
}  // namespace tidemark
