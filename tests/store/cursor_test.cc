#include "tidemark/cursor.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "catalog_values.h"
#include "paths.h"
#include "support/catch.h"
#include "support/log_files.h"
#include "support/seed.h"
#include "support/stream_helpers.h"
#include "support/temporary_directory.h"
#include "tidemark/hash.h"
#include "tidemark/purge.h"

using namespace tidemark;
using namespace tidemark::test;

namespace {

void write_numbers(const Log& log, uint32_t stream, uint64_t from, uint64_t upto) {
  EventWriter writer = must(log.writer(stream, small_segments()));
  for (uint64_t i = from; i < upto; ++i) {
    append_text(writer, 0, std::to_string(i) + std::string(2000, '.'));
  }
  must(writer.close());
}

Log log_of_streams(const std::string& path, uint32_t streams) {
  LogOptions options;
  options.peers = streams;
  return must(Log::open(path, options));
}

EventReader reader_at(const Log& log, const Consumer& consumer, uint32_t stream) {
  ReaderOptions options;
  options.position = consumer.position(stream);
  return must(log.reader(stream, options));
}

// Handles up to `count` events of each stream, and commits.
std::vector<std::string> consume(const Log& log, const std::string& name,
                                 const std::vector<uint32_t>& streams, size_t count) {
  Consumer consumer = must(Consumer::open(log, name, streams));
  std::vector<std::string> seen;
  std::vector<StreamPosition> positions;
  for (const uint32_t stream : streams) {
    EventReader reader = reader_at(log, consumer, stream);
    for (size_t i = 0; i < count && must(reader.poll()) == EventReader::Status::Event; ++i) {
      seen.push_back(std::to_string(stream) + "/" + text_of(reader.event()).substr(0, 8));
    }
    positions.push_back({stream, reader.position()});
  }
  must(consumer.commit(positions));
  return seen;
}

const std::vector<uint32_t> kFirst = {0};

}  // namespace

TEST_CASE("A consumer goes on where it committed, in each of its streams") {
  const TemporaryDirectory directory;
  const Log log = log_of_streams(directory / "log", 2);
  write_numbers(log, 0, 0, 100);
  write_numbers(log, 1, 1000, 1100);
  const std::vector<uint32_t> both = {0, 1};
  CHECK_FALSE(must(Consumer::open(log, "c", both)).found());
  CHECK_FALSE(std::filesystem::exists(catalog_path(log.path())));  // opening makes nothing

  std::vector<std::string> seen;
  for (int i = 0; i < 30; ++i) {
    // Seven at a time, across segments; sometimes one stream alone.
    for (auto& text : consume(log, "c", i % 3 == 0 ? kFirst : both, 7)) seen.push_back(text);
  }
  CHECK(seen.size() == 200);
  for (const uint32_t stream : both) {
    uint64_t number = stream * 1000;
    for (const std::string& text : seen) {
      if (text.front() != static_cast<char>('0' + stream)) continue;
      CHECK(text.starts_with(std::to_string(stream) + "/0:" + std::to_string(number++)));
    }
  }
  // What comes later is seen; another name starts at the beginning.
  write_numbers(log, 0, 100, 103);
  CHECK(consume(log, "c", both, 10).size() == 3);
  CHECK(consume(log, "d", both, 1000).size() == 203);
  CHECK(must(list_cursors(log)).size() == 2);
  CHECK(must(delete_cursor(log, "c")));
  CHECK_FALSE(must(delete_cursor(log, "c")));
  CHECK_FALSE(must(Consumer::open(log, "c", both)).found());
}

TEST_CASE("A cursor that lived in a deleted catalog is gone and that can be told") {
  const TemporaryDirectory directory;
  const Log log = log_of_streams(directory / "log", 1);
  write_numbers(log, 0, 0, 50);
  consume(log, "c", kFirst, 20);
  CHECK(must(Consumer::open(log, "c", kFirst)).found());
  std::filesystem::remove_all(catalog_path(log.path()));
  CHECK_FALSE(must(Consumer::open(log, "c", kFirst)).found());
  CHECK(must(list_cursors(log)).empty());
  CHECK(consume(log, "c", kFirst, 1000).size() == 50);
}

TEST_CASE("No cursor is ahead of what is durable unless it was told to") {
  const TemporaryDirectory directory;
  const Log log = log_of_streams(directory / "log", 1);
  EventWriter writer = must(log.writer(0, small_segments()));
  append_text(writer, 0, "a");
  const uint64_t durable = must(writer.sync());
  const uint64_t committed = append_text(writer, 0, "b");
  const std::vector<StreamPosition> there = {{0, committed}};
  {
    Consumer consumer = must(Consumer::open(log, "careful", kFirst));
    must(consumer.commit(there));
    CHECK(consumer.position(0) == durable);
  }
  ConsumerOptions ahead;
  ahead.ahead_of_durable = true;
  Consumer bold = must(Consumer::open(log, "bold", kFirst, ahead));
  must(bold.commit(there));
  CHECK(bold.position(0) == committed);
  // Held back, but never moved back by that: a commit of the same place changes nothing.
  Consumer again = must(Consumer::open(log, "bold", kFirst));
  must(again.commit(there));
  CHECK(again.position(0) == committed);
  must(writer.sync());
  Consumer careful = must(Consumer::open(log, "careful", kFirst));
  CHECK(careful.position(0) == durable);
  must(careful.commit(there));
  CHECK(careful.position(0) == committed);
  // Back on purpose.
  const std::vector<StreamPosition> start = {{0, 0}};
  must(careful.commit(start));
  CHECK(careful.position(0) == uint64_t{0});
}

TEST_CASE("After a power loss a cursor beyond the end is lost and one before it goes on") {
  const TemporaryDirectory directory;
  const Log log = log_of_streams(directory / "log", 1);
  const std::string lost_path = directory / "lost";
  uint64_t durable = 0;
  {
    EventWriter writer = must(log.writer(0, small_segments()));
    for (int i = 0; i < 50; ++i) append_text(writer, 0, std::string(2000, 'd'));
    durable = must(writer.sync());
    for (int i = 0; i < 100; ++i) append_text(writer, 0, std::string(2000, 'u'));
    ConsumerOptions ahead;
    ahead.ahead_of_durable = true;
    const std::vector<StreamPosition> end = {{0, writer.committed()}};
    must(must(Consumer::open(log, "ahead", kFirst, ahead)).commit(end));
    must(must(Consumer::open(log, "safe", kFirst)).commit(end));
    copy_log(log.path(), lost_path);
  }
  // Nothing of what was not synced survived; some segments were set aside for it.
  std::filesystem::remove(control_path(stream_path(lost_path, 0)));
  for (const std::string& path : segment_paths(lost_path)) {
    const uint64_t first = first_position_of(path);
    const uint64_t from = std::max(durable, first + 4096) - first;
    if (from < kMinSegmentBytes) write_at(path, from, std::string(kMinSegmentBytes - from, '\0'));
  }
  const Log lost = must(Log::open(lost_path));
  const auto check_lost = [&] {
    const auto ahead = Consumer::open(lost, "ahead", kFirst);
    REQUIRE_FALSE(ahead);
    INFO(ahead.error().text());
    CHECK(ahead.error().code == ErrorCode::CursorLost);
    CHECK(ahead.error().stream == 0U);
    CHECK(ahead.error().message.find("the stream ends at") != std::string::npos);
    CHECK(must(Consumer::open(lost, "safe", kFirst)).position(0) == durable);
  };
  {
    EventWriter writer = must(lost.writer(0, small_segments()));
    CHECK(writer.recovery().previous_end == durable);
    check_lost();
    // However long the stream becomes.
    for (int i = 0; i < 500; ++i) append_text(writer, 0, "new" + std::string(2000, 'n'));
    must(writer.close());
  }
  check_lost();
  const auto rest = consume(lost, "safe", kFirst, 1000);
  CHECK(rest.size() == 500);
  CHECK(rest.front() == "0/0:newnnn");
}

TEST_CASE("A cursor of another log is lost, even where that log has the same positions") {
  const TemporaryDirectory directory;
  for (const std::string name : {"one", "two"}) {
    write_numbers(log_of_streams(directory / name, 1), 0, 0, 100);
  }
  const Log one = must(Log::open(directory / "one"));
  const Log two = must(Log::open(directory / "two"));
  consume(one, "c", kFirst, 50);
  std::filesystem::copy(catalog_path(one.path()), catalog_path(two.path()),
                        std::filesystem::copy_options::recursive);
  const auto opened = Consumer::open(two, "c", kFirst);
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code == ErrorCode::CursorLost);
  CHECK(must(Consumer::open(one, "c", kFirst)).found());
}

TEST_CASE("A cursor in what was purged says so and one at its end goes on") {
  const TemporaryDirectory directory;
  const Log log = log_of_streams(directory / "log", 1);
  write_numbers(log, 0, 0, 100);
  consume(log, "behind", kFirst, 3);
  const SegmentHeader third = header_of(segment_paths(log.path()).at(2));
  const std::vector<StreamPosition> boundary = {{0, third.previous_end}};
  must(must(Consumer::open(log, "boundary", kFirst)).commit(boundary));
  must(must(Consumer::open(log, "start", kFirst)).commit(std::vector<StreamPosition>{{0, 0}}));
  RetentionPolicy policy;
  policy.keep_bytes = 0;
  CHECK(must(purge_stream(log, 0, policy)).kept_for == KeptFor::Incomplete);  // none is complete
  {
    EventWriter writer = must(log.writer(0, small_segments()));
    advance(writer, 0, 1);
    must(writer.close());
  }
  CHECK(must(purge_stream(log, 0, policy)).kept_for == KeptFor::Cursor);
  policy.force = true;
  policy.max_segments = 2;
  CHECK(must(purge_stream(log, 0, policy)).purged_upto == third.first_position);
  for (const std::string name : {"behind", "start"}) {
    const auto opened = Consumer::open(log, name, kFirst);
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code == ErrorCode::Purged);
    CHECK(opened.error().offset == third.first_position);
  }
  const auto rest = consume(log, "boundary", kFirst, 1000);
  CHECK(rest.front() == "0/0:" + std::to_string(third.records_before) + "....");
}

TEST_CASE("Places of older versions, without a check, are still read") {
  std::vector<std::byte> value = encode_cursor({"old", 5, {{3, 4096, 1, 2}, {7, 8192, 3, 4}}});
  const auto places = decode_cursor("old", value);
  REQUIRE(places);
  CHECK(places->positions == std::vector<CursorPlace>{{3, 4096, 1, 2}, {7, 8192, 3, 4}});
  // As version 1 wrote it first: u64 moved_at_ns, u32 entries, u32 0, then u32, u32, u64 each.
  const std::array<uint64_t, 6> words = {5, 2, 3, 4096, 7, 8192};
  value.assign(reinterpret_cast<const std::byte*>(words.data()),
               reinterpret_cast<const std::byte*>(words.data() + words.size()));
  const std::string_view database = kCursorsDatabase;
  const std::string_view name = "old";
  const uint64_t sum = hash_bytes(
      value, hash_bytes(std::as_bytes(std::span(name.data(), name.size())),
                        hash_bytes(std::as_bytes(std::span(database.data(), database.size())))));
  const auto* bytes = reinterpret_cast<const std::byte*>(&sum);
  value.insert(value.end(), bytes, bytes + sizeof sum);
  const auto old = decode_cursor("old", value);
  REQUIRE(old);
  CHECK(old->moved_at_ns == 5);
  CHECK(old->positions == std::vector<CursorPlace>{{3, 4096, 0, 0}, {7, 8192, 0, 0}});
}

TEST_CASE("A consumer that is killed between output and commit repeats and never skips") {
  const uint64_t seed = seed_or(700'123);
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  const TemporaryDirectory directory;
  const Log log = log_of_streams(directory / "log", 1);
  constexpr uint64_t kRecords = 400;
  write_numbers(log, 0, 0, kRecords);
  int out[2];
  REQUIRE(::pipe(out) == 0);
  uint64_t next = 0;  // the first record that was not put out yet
  int killed = 0;
  for (int run = 0; next < kRecords; ++run) {
    REQUIRE(run < 1000);
    const auto dies_after = 1 + random() % 60;
    const uint64_t batch = 1 + random() % 20;
    const bool dies_before_commit = random() % 2 == 0;
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      auto consumer = Consumer::open(log, "c", kFirst);
      if (!consumer) ::_exit(1);
      ReaderOptions options;
      options.position = consumer->position(0);
      auto reader = log.reader(0, options);
      if (!reader) ::_exit(2);
      for (uint64_t done = 1;; ++done) {
        const auto status = reader->poll();
        if (!status) ::_exit(3);
        if (*status != EventReader::Status::Event) break;
        const uint64_t number = std::stoull(std::string(reader->event().messages()->text(0)));
        if (::write(out[1], &number, sizeof number) != sizeof number) ::_exit(4);
        const std::vector<StreamPosition> here = {{0, reader->position()}};
        if (dies_before_commit && done == dies_after) ::kill(::getpid(), SIGKILL);
        if (done % batch == 0 && !consumer->commit(here)) ::_exit(5);
        if (done == dies_after) ::kill(::getpid(), SIGKILL);
      }
      const std::vector<StreamPosition> end = {{0, reader->position()}};
      ::_exit(consumer->commit(end) ? 0 : 6);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    if (WIFEXITED(status)) REQUIRE(WEXITSTATUS(status) == 0);
    if (WIFSIGNALED(status)) ++killed;
    const uint64_t end_mark = kRecords + 1;
    REQUIRE(::write(out[1], &end_mark, sizeof end_mark) == sizeof end_mark);
    std::optional<uint64_t> last;
    for (;;) {
      uint64_t number = 0;
      REQUIRE(::read(out[0], &number, sizeof number) == sizeof number);
      if (number == end_mark) break;
      if (!last) REQUIRE(number <= next);  // repeated, never skipped
      if (last) REQUIRE(number == *last + 1);
      last = number;
    }
    if (last) next = std::max(next, *last + 1);
  }
  CHECK(killed > 3);
  CHECK(consume(log, "c", kFirst, 10).empty());
  for (const int descriptor : out) ::close(descriptor);
}
