#include "tidemark/event_writer.h"

#include <filesystem>
#include <string>
#include <vector>

#include "support/catch.h"
#include "support/stream_helpers.h"
#include "support/temporary_directory.h"
#include "tidemark/log.h"

using namespace tidemark;
using namespace tidemark::test;

namespace {

WriterOptions unsynced() {
  WriterOptions options;
  options.sync = SyncPolicy::none();
  return options;
}

}  // namespace

TEST_CASE("What was appended is read back in order") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  {
    EventWriter writer = must(log.writer(0, unsynced()));
    append_text(writer, 0, "first");
    advance(writer, 0, 5);
    append_text(writer, 7, "second");
    finish(writer, 5);
    must(writer.close());
  }
  const ReadBack read = read_all(log);
  REQUIRE_FALSE(read.error);
  CHECK(read.events == std::vector<std::string>{"0:first", "0-1 5+1", "7:second", "5-1"});
  CHECK(read.status == EventReader::Status::Finished);
}

TEST_CASE("A stream goes on over many segments, which grow up to the configured size") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  WriterOptions options = unsynced();
  options.segment_bytes = kMinSegmentBytes;
  const std::string text(1000, 'x');
  constexpr int kRecords = 1000;
  {
    EventWriter writer = must(log.writer(0, options));
    for (int i = 0; i < kRecords; ++i) append_text(writer, 3, text + std::to_string(i));
    must(writer.close());
  }
  auto reader = must(log.reader(0));
  int count = 0;
  while (must(reader.poll()) == EventReader::Status::Event) {
    REQUIRE(reader.event().messages()->text(0) == text + std::to_string(count));
    REQUIRE(reader.event().sequence == static_cast<uint64_t>(count));
    ++count;
  }
  CHECK(count == kRecords);
  CHECK(reader.at_seal());
}

TEST_CASE("Another opening goes on where the last one ended") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  for (int i = 0; i < 3; ++i) {
    EventWriter writer = must(log.writer(0, unsynced()));
    CHECK(writer.recovery().incarnation == static_cast<uint64_t>(i) + 1);
    append_text(writer, 0, std::to_string(i));
    must(writer.close());
  }
  CHECK(read_all(log).events == std::vector<std::string>{"0:0", "0:1", "0:2"});
}

TEST_CASE("A second writer of the same stream is refused at once, one of another stream is not") {
  const TemporaryDirectory directory;
  LogOptions options;
  options.peers = 2;
  const Log log = must(Log::open(directory / "log", options));
  EventWriter writer = must(log.writer(0, unsynced()));
  const auto second = log.writer(0, unsynced());
  REQUIRE_FALSE(second);
  CHECK(second.error().code == ErrorCode::Busy);
  CHECK(second.error().stream == 0U);
  CHECK(log.writer(1, unsynced()));
  must(writer.close());
  CHECK(log.writer(0, unsynced()));
}

TEST_CASE("A finished stream takes nothing more, now or after another opening") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  {
    EventWriter writer = must(log.writer(0, unsynced()));
    finish(writer, 0);
    const Change changes[] = {{0, 1}};
    const auto more = writer.append_progress(changes);
    REQUIRE_FALSE(more);
    CHECK(more.error().code == ErrorCode::Finished);
  }
  const auto again = log.writer(0, unsynced());
  REQUIRE_FALSE(again);
  CHECK(again.error().code == ErrorCode::Finished);
}

TEST_CASE("What breaks the protocol is refused by its rule and appends nothing") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  EventWriter writer = must(log.writer(0, unsynced()));
  advance(writer, 0, 10);
  const uint64_t before = writer.committed();
  const uint64_t early = 9;
  const std::string_view records[] = {"late"};
  const auto late = writer.append_messages(std::span(&early, 1), records);
  REQUIRE_FALSE(late);
  CHECK(late.error().code == ErrorCode::ProtocolViolation);
  CHECK(late.error().rule == "P3");
  const Change back[] = {{10, -1}, {4, 1}};
  const auto backward = writer.append_progress(back);
  REQUIRE_FALSE(backward);
  CHECK(backward.error().rule == "P1");
  CHECK(writer.committed() == before);
}

TEST_CASE("A record as large as a segment allows fits, and one byte more is too large") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  WriterOptions options = unsynced();
  options.segment_bytes = uint64_t{4} << 20;  // the first segment is smaller than the record
  EventWriter writer = must(log.writer(0, options));
  append_text(writer, 0, "small");
  const std::string large(writer.max_data_bytes(1), 'l');
  append_text(writer, 0, large);
  const uint64_t time = 0;
  const std::string larger = large + "!";
  const std::string_view records[] = {larger};
  const auto refused = writer.append_messages(std::span(&time, 1), records);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::TooLarge);
  append_text(writer, 0, "after");
  CHECK(read_all(log).events == std::vector<std::string>{"0:small", "0:" + large, "0:after"});
}

TEST_CASE("A log of ten records takes at most a few MiB, and a closed one hardly anything") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  const auto disk_bytes = [&] {
    uint64_t total = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(log.path())) {
      FileStatus status;
      if (system_files().status(entry.path().string(), status) == 0) total += status.disk_bytes;
    }
    return total;
  };
  EventWriter writer = must(log.writer(0));
  for (int i = 0; i < 10; ++i) append_text(writer, 0, "a record of some bytes");
  CHECK(disk_bytes() <= uint64_t{4} << 20);
  must(writer.close());
  CHECK(disk_bytes() <= uint64_t{64} << 10);
}

TEST_CASE("What was synced is durable, and the policies make it so") {
  const TemporaryDirectory directory;
  LogOptions log_options;
  log_options.peers = 4;
  const Log log = must(Log::open(directory / "log", log_options));
  WriterOptions options;

  SECTION("none: only when asked") {
    options.sync = SyncPolicy::none();
    EventWriter writer = must(log.writer(0, options));
    const uint64_t end = append_text(writer, 0, "a");
    CHECK(writer.durable() < end);
    CHECK(must(writer.sync()) == end);
    CHECK(writer.durable() == end);
  }
  SECTION("every commit") {
    options.sync = SyncPolicy::every_commit();
    EventWriter writer = must(log.writer(1, options));
    for (int i = 0; i < 5; ++i) {
      const uint64_t end = append_text(writer, 0, "a");
      CHECK(writer.durable() == end);
    }
  }
  SECTION("interval") {
    options.sync = SyncPolicy::every(std::chrono::milliseconds(5));
    EventWriter writer = must(log.writer(2, options));
    const uint64_t end = append_text(writer, 0, "a");
    must(writer.wait_durable(end));
    CHECK(writer.durable() >= end);
  }
  SECTION("bytes") {
    options.sync = SyncPolicy::every_bytes(100);
    EventWriter writer = must(log.writer(3, options));
    uint64_t end = 0;
    for (int i = 0; i < 10; ++i) end = append_text(writer, 0, "a");
    must(writer.wait_durable(end));
    CHECK(writer.durable() >= end);
  }
}
