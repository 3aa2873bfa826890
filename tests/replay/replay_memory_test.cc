// Replaying a log larger than memory takes constant memory, also into a consumer that does not keep
// up.
//
// TIDEMARK_TEST_REPLAY_MIB=<n> replays a log of so many MiB instead.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/catch.h"
#include "support/stream_helpers.h"
#include "support/temporary_directory.h"
#include "tidemark/log_reader.h"
#include "tidemark/log_writer.h"
#include "tidemark/replay.h"
#include "tidemark/replay_into.h"

namespace tidemark {
namespace {

using dataflow::Config;
using dataflow::Worker;
using test::must;

struct Record {
  uint64_t words[128];
};
using Records = std::vector<Record>;
constexpr size_t kRecordsPerEvent = 128;  // 128 KiB an event

// Memory that is this process's alone; the mapped segments are the page cache's.
uint64_t anonymous_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("RssAnon:")) return std::strtoull(line.c_str() + 8, nullptr, 10);
  }
  return 0;
}

uint64_t mib_or(uint64_t usual) {
  const char* asked = std::getenv("TIDEMARK_TEST_REPLAY_MIB");
  return asked == nullptr ? usual : std::strtoull(asked, nullptr, 10);
}

TEST_CASE("Replaying into a consumer that does not keep up takes no more than 64 MiB") {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  WARN("skipped: a sanitizer keeps memory that was freed");
  return;
#endif
  const uint64_t mib = mib_or(256);
  const uint64_t events = mib * (1 << 20) / (kRecordsPerEvent * sizeof(Record));
  const test::TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  {
    auto writer = must((open_writer<uint64_t, Records>(log, 0, {.sync = SyncPolicy::none()})));
    Messages<uint64_t, Records> messages{0, Records(kRecordsPerEvent)};
    for (uint64_t i = 0; i < events; ++i) {
      for (Record& record : messages.data) record.words[0] = i;
      must(writer.push(messages));
    }
    must(writer.push(Progress<uint64_t>{{{0, -1}}}));
    must(writer.finish());
  }

  // Worker 0 replays as fast as it can, worker 1 consumes at its own pace.
  const uint64_t before = anonymous_kib();
  uint64_t most = 0;
  std::atomic<uint64_t> consumed = 0;
  const auto execution = execute(Config::process(2), [&](Worker& worker) {
    std::vector<LogReader<uint64_t, Records>> readers;
    if (worker.index() == 0) readers.push_back(must((open_reader<uint64_t, Records>(log, 0))));
    worker.dataflow<uint64_t>([&](auto& scope) {
      replay_into(scope, std::move(readers))
          .exchange([](const Record&) { return uint64_t{1}; })
          .inspect_batch([&](uint64_t, const Records& records) {
            if (consumed / 10'000 != (consumed + records.size()) / 10'000) {
              most = std::max(most, anonymous_kib());
              std::this_thread::sleep_for(std::chrono::milliseconds(2));
            }
            consumed += records.size();
          });
    });
  });
  REQUIRE(execution.ok());
  REQUIRE(consumed == events * kRecordsPerEvent);
  WARN("replayed " << mib << " MiB with " << (most - std::min(before, most)) / 1024
                   << " MiB of extra memory");
  REQUIRE(most < before + 64 * 1024);
}

// Single records of 64 B, of times that come out of order, behind one capability that is held to
// the end: all of them are held back.
TEST_CASE("Complete delivery of a span that is incomplete to its end takes no more than 64 MiB") {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  WARN("skipped: a sanitizer keeps memory that was freed");
  return;
#endif
  const uint64_t mib = mib_or(256);
  constexpr uint64_t kBytesPerEvent = 152;
  const uint64_t events = mib * (1 << 20) / kBytesPerEvent;
  const test::TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  {
    WriterOptions options;
    options.sync = SyncPolicy::none();
    auto writer = must(log.writer(0, options));
    const std::string text(64, 'r');
    uint64_t random = 88172645463325252;
    for (uint64_t i = 0; i < events; ++i) {
      random ^= random << 13;
      random ^= random >> 7;
      random ^= random << 17;
      test::append_text(writer, 1 + i / 16 + random % 1000, text);
    }
    test::finish(writer, 0);
    must(writer.close());
  }
  for (const Order order : {Order::Stream, Order::Time}) {
    ReplayOptions options;
    options.order = order;
    options.delivery = Delivery::Complete;
    const uint64_t before = anonymous_kib();
    uint64_t most = 0;
    uint64_t records = 0;
    size_t held = 0;
    Time last;
    const uint32_t streams[] = {0};
    auto replay = must(Replay::open(log, streams, options));
    for (uint64_t polls = 0;; ++polls) {
      const auto status = must(replay.poll());
      if (polls % 4096 == 0 || status == Replay::Status::Finished) {
        most = std::max(most, anonymous_kib());
        held = std::max(held, replay.held_events());
      }
      if (status == Replay::Status::Finished) break;
      if (status != Replay::Status::Event || replay.event().is_progress()) continue;
      const Time& time = replay.event().messages()->time();
      if (order == Order::Time && time < last) FAIL("out of order");
      last = time;
      ++records;
    }
    REQUIRE(records == events);
    REQUIRE(held > events / 2);
    WARN("held back " << held << " messages of " << mib << " MiB with "
                      << (most - std::min(before, most)) / 1024 << " MiB of extra memory");
    REQUIRE(most < before + 64 * 1024);
  }
}

}  // namespace
}  // namespace tidemark
