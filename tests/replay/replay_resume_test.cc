// Where a replay goes on: whatever is cut off anywhere and begun again at resume_positions() hands
// out everything that is left, whatever it held back.

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "support/catch.h"
#include "support/seed.h"
#include "support/stream_helpers.h"
#include "support/temporary_directory.h"
#include "tidemark/purge.h"
#include "tidemark/replay.h"

using namespace tidemark;
using namespace tidemark::test;

namespace {

using namespace std::chrono_literals;
using Status = Replay::Status;

struct Writer {
  EventWriter writer;
  uint64_t frontier = 0;
  uint64_t numbered = 0;
};

WriterOptions unsynced() {
  WriterOptions options;
  options.sync = SyncPolicy::none();
  options.segment_bytes = kMinSegmentBytes;
  return options;
}

// Records "stream.number" at times somewhat after the frontier, in no order.
void write_some(Writer& stream, std::mt19937_64& random, int events) {
  for (int i = 0; i < events; ++i) {
    if (random() % 4 == 0) {
      const uint64_t to = stream.frontier + random() % 4;
      if (to != stream.frontier) advance(stream.writer, stream.frontier, to);
      stream.frontier = to;
    } else {
      append_text(stream.writer, stream.frontier + random() % 8,
                  std::to_string(stream.writer.stream()) + "." + std::to_string(stream.numbered++) +
                      std::string(random() % 2000, ' '));
    }
  }
}

// Hands out records until nothing is left, or `limit` were.
std::vector<std::string> take(Replay& replay, size_t limit, Protocol& protocol) {
  std::vector<std::string> texts;
  while (texts.size() < limit) {
    const auto status = must(replay.next(0ns));
    if (status != Status::Event) break;
    if (replay.event().is_progress()) {
      must(protocol.progress(replay.event().changes));
      continue;
    }
    must(protocol.messages(replay.event().messages()->time()));
    const std::string text = text_of(replay.event().event);
    texts.push_back(text.substr(0, text.find(' ')));
  }
  return texts;
}

Protocol fresh_protocol(uint32_t streams) {
  const Change first[] = {{uint64_t{0}, streams}};
  return must(Protocol::restore({}, first));
}

}  // namespace

TEST_CASE("A replay that goes on where another one stood leaves nothing out") {
  const uint64_t seed = seed_or(808'017);
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  const int rounds = rounds_or(60);
  for (int round = 0; round < rounds; ++round) {
    INFO("round " << round);
    const TemporaryDirectory directory;
    const auto peers = static_cast<uint32_t>(1 + random() % 3);
    const Log log = must(Log::open(directory / "log", {.peers = peers}));
    const auto streams = must(log.all_streams());
    ReplayOptions options;
    options.order = random() % 2 == 0 ? Order::Stream : Order::Time;
    options.delivery = random() % 2 == 0 ? Delivery::Eager : Delivery::Complete;
    options.visibility = Visibility::Committed;
    INFO("time order " << (options.order == Order::Time) << ", complete "
                       << (options.delivery == Delivery::Complete));

    std::vector<Writer> writers;
    for (const uint32_t stream : streams) writers.push_back({must(log.writer(stream, unsynced()))});
    std::multiset<std::string> seen;
    const int sessions = 2 + static_cast<int>(random() % 4);
    for (int session = 0; session < sessions; ++session) {
      const bool last = session + 1 == sessions;
      for (Writer& writer : writers) {
        write_some(writer, random, static_cast<int>(random() % 120));
        if (last) finish(writer.writer, writer.frontier);
      }
      // Runs that are cut off anywhere, one after the other; the last one to the end.
      const int runs = last ? 3 : 1;
      for (int run = 0; run < runs; ++run) {
        Replay replay = must(Replay::open(log, streams, options));
        Protocol protocol = fresh_protocol(peers);
        const size_t limit = run + 1 == runs ? ~size_t{0} : random() % 60;
        for (std::string& text : take(replay, limit, protocol)) seen.insert(std::move(text));
        const auto places = replay.resume_positions();
        for (size_t i = 0; i < places.size(); ++i) {
          for (const StreamPosition& before : options.positions) {
            if (before.stream == places[i].stream) CHECK(places[i].position >= before.position);
          }
        }
        options.positions = places;
      }
    }
    std::set<std::string> expected;
    for (const Writer& writer : writers) {
      for (uint64_t i = 0; i < writer.numbered; ++i) {
        expected.insert(std::to_string(writer.writer.stream()) + "." + std::to_string(i));
      }
    }
    std::set<std::string> distinct;
    for (const std::string& text : seen) distinct.insert(text.substr(text.find(':') + 1));
    CHECK(distinct == expected);
    // In each stream's own order, each record once: nothing was held back.
    if (options.order == Order::Stream && options.delivery == Delivery::Eager) {
      CHECK(seen.size() == expected.size());
    }
    // All is handed out now: another replay from here has nothing.
    Replay rest = must(Replay::open(log, streams, options));
    Protocol protocol = fresh_protocol(peers);
    CHECK(take(rest, 10, protocol).empty());
  }
}

TEST_CASE("What a replay holds back is not purged before it is handed out") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log", {.peers = 2}));
  EventWriter quick = must(log.writer(0, unsynced()));
  EventWriter slow = must(log.writer(1, unsynced()));
  const std::string filler(3000, '.');
  for (uint64_t time = 0; time < 1000; ++time) {
    append_text(quick, time, std::to_string(time) + filler);
    advance(quick, time, time + 1);
  }
  must(quick.sync());
  ReplayOptions options;
  options.order = Order::Time;
  options.follow = true;
  Replay replay = must(Replay::open(log, std::vector<uint32_t>{0, 1}, options));
  RetentionPolicy policy;
  policy.keep_bytes = 0;
  policy.max_segments = 1000;
  uint64_t segments = 0;
  std::vector<uint64_t> times;
  for (uint64_t time = 0; time < 1000; time += 50) {
    // The slow stream lets go of 50 times; what is held beyond them must stay.
    for (;;) {
      if (must(replay.next(0ns)) != Status::Event) break;
      if (replay.event().messages() != nullptr) {
        times.push_back(replay.event().messages()->time().word(0));
      }
      segments += must(purge_stream(log, 0, policy)).segments;
    }
    advance(slow, time, time + 50);
    segments += must(purge_stream(log, 0, policy)).segments;
  }
  while (must(replay.next(0ns)) == Status::Event) {
    if (replay.event().messages() != nullptr) {
      times.push_back(replay.event().messages()->time().word(0));
    }
  }
  CHECK(times.size() == 1000);
  CHECK(std::is_sorted(times.begin(), times.end()));
  CHECK(segments > 5);
}
