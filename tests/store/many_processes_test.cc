// Workers that are processes of their own, each with its stream of one log, and what they share:
// nothing that one of them could keep another waiting by.

#include <unistd.h>

#include <chrono>
#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include "support/catch.h"
#include "support/child_processes.h"
#include "support/stream_helpers.h"
#include "support/temporary_directory.h"
#include "tidemark/catalog.h"
#include "tidemark/cursor.h"
#include "tidemark/purge.h"
#include "tidemark/verify.h"

using namespace tidemark;
using namespace tidemark::test;
using namespace std::chrono_literals;

namespace {

constexpr uint32_t kWorkers = 4;
constexpr uint64_t kRecords = 300;

// Whichever stream is free: workers of one log need not be told who is who.
int work(const Log& log) {
  for (uint32_t stream = 0; stream < kWorkers; ++stream) {
    auto writer = log.writer(stream, small_segments(SyncPolicy::every_bytes(20'000)));
    if (!writer && writer.error().code == ErrorCode::Busy) continue;
    if (!writer && writer.error().code == ErrorCode::Finished) continue;
    if (!writer) return 1;
    for (uint64_t time = 0; time < kRecords; ++time) {
      const std::string text =
          std::to_string(stream) + "." + std::to_string(time) + std::string(1000, '.');
      const std::string_view records[] = {text};
      if (!writer->append_messages(std::span(&time, 1), records)) return 2;
      const Change changes[] = {{time, -1}, {time + 1, 1}};
      if (!writer->append_progress(changes)) return 3;
      if (time % 50 == 0) std::this_thread::sleep_for(1ms);
    }
    const Change last[] = {{kRecords, -1}};
    if (!writer->append_progress(last) || !writer->close()) return 4;
    return 0;
  }
  return 5;
}

Log shared_log(const TemporaryDirectory& directory) {
  LogOptions options;
  options.peers = kWorkers;
  return must(Log::open(directory / "log", options));
}

// A process that is stopped inside a write transaction of the catalog.
pid_t stopped_in_catalog(const Log& log) {
  const pid_t busy = in_child([&] {
    auto catalog = Catalog::open(log);
    std::vector<SegmentSurvey> segments(20'000);
    for (size_t i = 0; i < segments.size(); ++i) segments[i].first_position = 4096 * i;
    while (catalog && catalog->replace_segments(0, {}, segments)) {
    }
    return 0;
  });
  for (int attempt = 0; attempt < 200; ++attempt) {
    std::this_thread::sleep_for(7ms);
    ::kill(busy, SIGSTOP);
    // It is inside one if, and only if, another process has to wait for it.
    const pid_t other = in_child([&] {
      auto catalog = Catalog::open(log);
      return catalog && catalog->put_cursor({"reader", 1, {{0, 0}}}) ? 0 : 1;
    });
    if (!ends_within(other, 300ms)) {
      kill_and_wait(other);
      return busy;
    }
    ::kill(busy, SIGCONT);
  }
  FAIL("it is never inside a transaction when it is stopped");
  return -1;
}

}  // namespace

TEST_CASE("Workers in processes of their own each write a stream, whoever sits in the catalog") {
  const TemporaryDirectory directory;
  const Log log = shared_log(directory);
  must(must(Catalog::open(log)).put_cursor({"reader", 1, {{0, 0}}}));
  const pid_t stopped = stopped_in_catalog(log);

  std::vector<pid_t> workers;
  for (uint32_t i = 0; i < kWorkers; ++i) workers.push_back(in_child([&] { return work(log); }));
  std::vector<pid_t> tailers;
  for (uint32_t stream = 0; stream < kWorkers; ++stream) {
    tailers.push_back(in_child([&, stream] {
      auto reader = log.reader(stream);
      if (!reader) return 1;
      for (uint64_t next = 0;;) {
        const auto status = reader->next(50ms);
        if (!status) return 2;
        if (*status == EventReader::Status::Finished) return next == kRecords ? 0 : 3;
        if (*status != EventReader::Status::Event) continue;
        const MessagesView* messages = reader->event().messages();
        if (messages == nullptr) continue;
        const std::string expected = std::to_string(stream) + "." + std::to_string(next) + ".";
        if (!messages->text(0).starts_with(expected)) return 4;
        ++next;
      }
    }));
  }
  for (const pid_t worker : workers) CHECK(exit_of(worker) == 0);
  for (const pid_t tailer : tailers) CHECK(exit_of(tailer) == 0);
  CHECK(exit_of(in_child([&] { return work(log); })) == 5);

  // What reads cursors does not wait either: a purge, and a consumer that begins.
  // With that of a process that came before the stop, it may be two.
  CHECK(must(list_cursors(log)).back().name == "reader");
  RetentionPolicy policy;
  policy.keep_bytes = 0;
  CHECK(must(purge_stream(log, 0, policy)).kept_for == KeptFor::Cursor);
  CHECK(must(purge_stream(log, 1, policy)).segments > 0);
  CHECK(must(Consumer::open(log, "reader", std::vector<uint32_t>{0})).found());
  kill_and_wait(stopped);
  // A killed process leaves the catalog to the next.
  must(must(Consumer::open(log, "another", {})).commit(std::vector<StreamPosition>{{1, 0}}));
  CHECK_FALSE(must(verify_log(log.path())).damaged());
}

TEST_CASE("Processes that commit to one cursor or to many lose no commit") {
  const TemporaryDirectory directory;
  const Log log = shared_log(directory);
  for (uint32_t i = 0; i < kWorkers; ++i)
    REQUIRE(exit_of(in_child([&] { return work(log); })) == 0);
  // Each worker moves a cursor of its own, and its stream of one that they share.
  std::vector<pid_t> consumers;
  for (uint32_t stream = 0; stream < kWorkers; ++stream) {
    consumers.push_back(in_child([&, stream] {
      const std::vector<uint32_t> streams = {stream};
      auto own = Consumer::open(log, "own " + std::to_string(stream), streams);
      auto shared = Consumer::open(log, "shared", streams);
      auto reader = log.reader(stream);
      if (!own || !shared || !reader) return 1;
      for (int i = 0; i < 20; ++i) {
        for (int j = 0; j < 30; ++j) {
          if (!reader->poll()) return 2;
        }
        const std::vector<StreamPosition> here = {{stream, reader->position()}};
        if (!own->commit(here) || !shared->commit(here)) return 3;
      }
      return 0;
    }));
  }
  for (const pid_t consumer : consumers) CHECK(exit_of(consumer) == 0);
  const auto cursors = must(list_cursors(log));
  REQUIRE(cursors.size() == kWorkers + 1);
  std::vector<CursorPlace> own;
  for (uint32_t stream = 0; stream < kWorkers; ++stream) {
    REQUIRE(cursors[stream].positions.size() == 1);
    own.push_back(cursors[stream].positions.front());
    CHECK(own.back().stream == stream);
    CHECK(own.back().position > 0);
  }
  CHECK(cursors.back().name == "shared");
  CHECK(cursors.back().positions == own);
}
