#include "tidemark/catalog.h"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "support/catch.h"
#include "support/log_files.h"
#include "support/stream_helpers.h"
#include "support/temporary_directory.h"

using namespace tidemark;
using namespace tidemark::test;

namespace {

Log make_log(const TemporaryDirectory& directory) { return must(Log::open(directory / "log")); }

std::string data_file(const Log& log) { return log.path() + "/catalog/data.mdb"; }

Cursor cursor_named(const std::string& name, uint64_t position = 4096) {
  return {name, 123, {{0, position, 2, 99}, {7, position + 8, 0, 0}}};
}

SegmentSurvey segment_at(uint64_t first_position) {
  SegmentSurvey segment;
  segment.first_position = first_position;
  segment.segment_bytes = 65536;
  segment.disk_bytes = 8192;
  segment.incarnation = 3;
  segment.state = SegmentState::Sealed;
  segment.end = first_position + 5000;
  segment.before = {1, 2, 3};
  segment.after = {4, 5, 6};
  segment.bounds = TimeBounds{Time(first_position), Time(first_position + 9)};
  return segment;
}

std::vector<SegmentSurvey> segments_from(uint64_t first, size_t count) {
  std::vector<SegmentSurvey> segments;
  for (size_t i = 0; i < count; ++i) segments.push_back(segment_at(first + 65536 * i));
  return segments;
}

// Replaces every occurrence of `from` in a file by as many bytes.
size_t replace_in_file(const std::string& path, const std::string& from, const std::string& to) {
  const std::string bytes = read_file(path);
  size_t count = 0;
  for (size_t at = bytes.find(from); at != std::string::npos; at = bytes.find(from, at + 1)) {
    write_at(path, at, to);
    ++count;
  }
  return count;
}

// What a child process that runs `body` exits with.
template <typename Body>
int exit_of_child(Body body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body());
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + status;
}

}  // namespace

TEST_CASE("Cursors are kept, moved, listed and removed") {
  const TemporaryDirectory directory;
  const Log log = make_log(directory);
  {
    Catalog catalog = must(Catalog::open(log));
    CHECK(must(catalog.cursors()).empty());
    CHECK_FALSE(must(catalog.cursor("b")));
    must(catalog.put_cursor(cursor_named("b")));
    must(catalog.put_cursor(cursor_named("a")));
    must(catalog.put_cursor(cursor_named("b", 8192)));
  }
  Catalog catalog = must(Catalog::open(log));
  const auto cursors = must(catalog.cursors());
  REQUIRE(cursors.size() == 2);
  CHECK(cursors[0].name == "a");
  CHECK(cursors[1].name == "b");
  const auto moved = must(catalog.cursor("b"));
  REQUIRE(moved);
  CHECK(moved->moved_at_ns == 123);
  CHECK(moved->positions == std::vector<CursorPlace>{{0, 8192, 2, 99}, {7, 8200, 0, 0}});
  CHECK(must(catalog.remove_cursor("b")));
  CHECK_FALSE(must(catalog.remove_cursor("b")));
  CHECK_FALSE(must(catalog.cursor("b")));
}

TEST_CASE("A name of a cursor that is empty or too long is refused") {
  const TemporaryDirectory directory;
  const Log log = make_log(directory);
  Catalog catalog = must(Catalog::open(log));
  for (const std::string& name : {std::string(), std::string(256, 'n')}) {
    const auto put = catalog.put_cursor(cursor_named(name));
    REQUIRE_FALSE(put);
    CHECK(put.error().code == ErrorCode::InvalidArgument);
  }
  must(catalog.put_cursor(cursor_named(std::string(255, 'n'))));
}

TEST_CASE("Summaries of segments are cached by stream and in order") {
  const TemporaryDirectory directory;
  const Log log = make_log(directory);
  Catalog catalog = must(Catalog::open(log));
  must(catalog.replace_segments(1, {}, segments_from(4096, 3)));
  must(catalog.replace_segments(256, {}, segments_from(0, 2)));
  SegmentSurvey two_words = segment_at(4096);
  const TimeShape shape{.words = 2, .wide_mask = 1, .signed_mask = 0};
  const std::array<uint64_t, 2> words = {3, 4};
  two_words.bounds = TimeBounds{Time(shape, words), Time(shape, words)};
  must(catalog.replace_segments(2, shape, {two_words}));

  CHECK(must(catalog.cached_streams()) == std::vector<uint32_t>{1, 2, 256});
  const auto found = must(catalog.segments(1));
  REQUIRE(found.size() == 3);
  const SegmentSurvey expected = segment_at(4096 + 65536);
  CHECK(found[1].first_position == expected.first_position);
  CHECK(found[1].segment_bytes == expected.segment_bytes);
  CHECK(found[1].disk_bytes == expected.disk_bytes);
  CHECK(found[1].incarnation == expected.incarnation);
  CHECK(found[1].state == expected.state);
  CHECK(found[1].end == expected.end);
  CHECK(found[1].before == expected.before);
  CHECK(found[1].after == expected.after);
  CHECK(found[1].bounds->join == expected.bounds->join);
  CHECK(must(catalog.segments(2)).at(0).bounds->meet == Time(shape, words));
  CHECK(must(catalog.segments(2)).at(0).bounds->meet.shape() == shape);

  must(catalog.replace_segments(1, {}, segments_from(65536 * 10, 1)));
  CHECK(must(catalog.segments(1)).size() == 1);
  CHECK(must(catalog.segments(256)).size() == 2);
  CHECK(must(catalog.segments(3)).empty());
}

TEST_CASE("The map of the catalog grows as it must") {
  const TemporaryDirectory directory;
  const Log log = make_log(directory);
  Catalog catalog = must(Catalog::open(log));
  // About 6 MiB, where the map begins with 256 KiB; in one transaction, and in many.
  must(catalog.replace_segments(0, {}, segments_from(0, 20'000)));
  for (uint32_t stream = 1; stream < 9; ++stream) {
    must(catalog.replace_segments(stream, {}, segments_from(0, 2'000)));
  }
  CHECK(must(catalog.segments(0)).size() == 20'000);
  CHECK(must(catalog.segments(8)).size() == 2'000);
  must(catalog.replace_segments(0, {}, {}));
  CHECK(must(catalog.segments(0)).empty());
  CHECK(must(catalog.segments(8)).size() == 2'000);
}

TEST_CASE("A map that another process has grown is adopted") {
  const TemporaryDirectory directory;
  const Log log = make_log(directory);
  const bool reads = GENERATE(true, false);
  Catalog catalog = must(Catalog::open(log));
  must(catalog.put_cursor(cursor_named("mine")));
  const int exit = exit_of_child([&] {
    auto other = Catalog::open(log);
    if (!other) return 1;
    return other->replace_segments(0, {}, segments_from(0, 10'000)) ? 0 : 2;
  });
  CHECK(exit == 0);
  if (reads) {
    CHECK(must(catalog.segments(0)).size() == 10'000);
  } else {
    must(catalog.put_cursor(cursor_named("mine too")));
  }
  CHECK(must(catalog.cursor("mine")));
}

TEST_CASE("Threads share one environment") {
  const TemporaryDirectory directory;
  const Log log = make_log(directory);
  std::atomic<int> failures{0};
  std::vector<std::thread> threads;
  for (uint32_t number = 0; number < 2; ++number) {
    threads.emplace_back([&, number] {
      for (int round = 0; round < 20; ++round) {
        // Opened and closed again and again, while the other thread does the same.
        auto catalog = Catalog::open(log);
        if (!catalog) {
          ++failures;
          return;
        }
        const std::string name = "cursor " + std::to_string(number);
        const auto position = static_cast<uint64_t>(round);
        if (!catalog->put_cursor(cursor_named(name, position))) ++failures;
        const auto back = catalog->cursor(name);
        if (!back || !*back || (*back)->positions[0].position != position) ++failures;
        if (!catalog->replace_segments(number, {}, segments_from(0, 300))) ++failures;
        const auto segments = catalog->segments(number);
        if (!segments || segments->size() != 300) ++failures;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(failures == 0);
  CHECK(must(must(Catalog::open(log)).cursors()).size() == 2);
}

TEST_CASE("A handle from before a fork is refused in the child and a new one works") {
  const TemporaryDirectory directory;
  const Log log = make_log(directory);
  Catalog catalog = must(Catalog::open(log));
  must(catalog.put_cursor(cursor_named("parent")));
  const int exit = exit_of_child([&] {
    const auto inherited = catalog.cursors();
    if (inherited || inherited.error().code != ErrorCode::Forked) return 1;
    const auto written = catalog.put_cursor(cursor_named("no"));
    if (written || written.error().code != ErrorCode::Forked) return 2;
    auto own = Catalog::open(log);
    if (!own || !own->put_cursor(cursor_named("child"))) return 3;
    return 0;
  });
  CHECK(exit == 0);
  must(catalog.put_cursor(cursor_named("parent again")));
  CHECK(must(catalog.cursors()).size() == 3);
}

TEST_CASE("A catalog that was deleted is made anew and the old handle says so") {
  const TemporaryDirectory directory;
  const Log log = make_log(directory);
  Catalog old = must(Catalog::open(log));
  must(old.put_cursor(cursor_named("gone")));
  std::filesystem::remove_all(log.path() + "/catalog");
  const auto put = old.put_cursor(cursor_named("into nothing"));
  REQUIRE_FALSE(put);
  CHECK(put.error().code == ErrorCode::NotFound);
  Catalog catalog = must(Catalog::open(log));
  CHECK(must(catalog.cursors()).empty());
  must(catalog.put_cursor(cursor_named("new")));
  CHECK_FALSE(old.put_cursor(cursor_named("into nothing")));
}

TEST_CASE("A damaged cursor is corrupt and a damaged summary is absent") {
  const TemporaryDirectory directory;
  const Log log = make_log(directory);
  {
    Catalog catalog = must(Catalog::open(log));
    Cursor cursor = cursor_named("damaged");
    cursor.moved_at_ns = 0x1122334455667788;
    must(catalog.put_cursor(cursor));
    must(catalog.put_cursor(cursor_named("sound")));
    auto segments = segments_from(0, 3);
    segments[1].incarnation = 0x1020304050607080;
    must(catalog.replace_segments(0, {}, segments));
  }
  CHECK(replace_in_file(data_file(log), "\x88\x77\x66\x55", "\x88\x77\x66\x54") > 0);
  CHECK(replace_in_file(data_file(log), "\x80\x70\x60\x50", "\x81\x70\x60\x50") > 0);
  Catalog catalog = must(Catalog::open(log));
  const auto damaged = catalog.cursor("damaged");
  REQUIRE_FALSE(damaged);
  CHECK(damaged.error().code == ErrorCode::Corrupt);
  CHECK(damaged.error().message.find("damaged") != std::string::npos);
  CHECK(must(catalog.cursor("sound")));
  CHECK_FALSE(catalog.cursors());
  CHECK(must(catalog.segments(0)).size() == 2);
  CHECK(must(catalog.remove_cursor("damaged")));
  CHECK(must(catalog.cursors()).size() == 1);
}

TEST_CASE("A catalog that LMDB cannot use gives an error and reindex replaces it") {
  const TemporaryDirectory directory;
  const Log log = make_log(directory);
  must(must(log.writer(0)).close());
  {
    Catalog catalog = must(Catalog::open(log));
    must(catalog.put_cursor(cursor_named("lost")));
    must(catalog.replace_segments(0, {}, segments_from(0, 200)));
  }
  const std::string data = data_file(log);
  const auto size = std::filesystem::file_size(data);
  SECTION("its magic is gone") { flip_byte(data, 16); }
  SECTION("its second magic is gone") { flip_byte(data, 4096 + 16); }
  SECTION("it is cut in the first page") { std::filesystem::resize_file(data, 100); }
  SECTION("it is cut after the meta pages") { std::filesystem::resize_file(data, 8192); }
  SECTION("it is cut in the middle") { std::filesystem::resize_file(data, size / 2); }
  SECTION("it is garbage") {
    std::ofstream(data, std::ios::binary | std::ios::trunc) << std::string(40'000, '\xA5');
  }
  SECTION("its pages are zeros") { write_at(data, 8192, std::string(size - 8192, '\0')); }
  SECTION("its pages are garbage") { write_at(data, 8192, std::string(size - 8192, '\x5A')); }
  const auto opened = Catalog::open(log);
  REQUIRE_FALSE(opened);
  INFO(opened.error().text());
  CHECK(opened.error().code == ErrorCode::Corrupt);
  CHECK(opened.error().path == data);

  const ReindexReport report = must(reindex(log));
  CHECK(report.catalog_was_unusable);
  Catalog catalog = must(Catalog::open(log));
  CHECK(must(catalog.cursors()).empty());
  CHECK(must(catalog.segments(0)).size() == 1);
  size_t aside = 0;
  for (const auto& entry : std::filesystem::directory_iterator(log.path())) {
    if (entry.path().filename().string().starts_with("catalog.damaged-")) ++aside;
  }
  CHECK(aside == 1);
}

TEST_CASE("No flipped byte of a small catalog gives a wrong value") {
  const TemporaryDirectory directory;
  const Log log = make_log(directory);
  {
    Catalog catalog = must(Catalog::open(log));
    for (int i = 0; i < 20; ++i) must(catalog.put_cursor(cursor_named("c" + std::to_string(i))));
    must(catalog.replace_segments(0, {}, segments_from(0, 20)));
  }
  const std::string data = data_file(log);
  const std::string sound = read_file(data);
  uint64_t crashed = 0;
  // In child processes: what a flipped bit can do to LMDB is only judged in part beforehand.
  constexpr uint64_t kChunk = 512;
  for (uint64_t from = 0; from < sound.size(); from += kChunk) {
    const int exit = exit_of_child([&] {
      for (uint64_t offset = from; offset < std::min<uint64_t>(from + kChunk, sound.size());
           offset += 3) {
        const auto mask = static_cast<uint8_t>(1U << ((offset / 3) % 8));
        flip_byte(data, offset, mask);
        if (auto catalog = Catalog::open(log)) {
          for (int i = 0; i < 20; ++i) {
            const Cursor expected = cursor_named("c" + std::to_string(i));
            const auto found = catalog->cursor(expected.name);
            if (found && *found && (*found)->positions != expected.positions) return 1;
          }
          if (const auto segments = catalog->segments(0)) {
            for (const SegmentSurvey& segment : *segments) {
              if (segment.end != segment.first_position + 5000) return 2;
            }
          }
        }
        flip_byte(data, offset, mask);
      }
      return 0;
    });
    if (exit >= 1000) {
      ++crashed;
      INFO("crash with a flip in " << from << " to " << from + kChunk);
    } else {
      CHECK(exit == 0);
    }
    // Of a child that ended early, or of an environment that was opened on flipped bytes.
    write_at(data, 0, sound);
  }
  CHECK(crashed == 0);
}

// A purge that is not told of a cursor does not wait for it.
TEST_CASE("A catalog in which a cursor or a database cannot be found any more is corrupt") {
  const TemporaryDirectory directory;
  const Log log = make_log(directory);
  {
    Catalog catalog = must(Catalog::open(log));
    for (const char* name : {"one", "two", "three"}) must(catalog.put_cursor(cursor_named(name)));
  }
  const std::string data = data_file(log);
  const std::string sound = read_file(data);
  std::string damaged = sound;
  SECTION("a database lost its name") {
    for (size_t at = 0; (at = damaged.find("cursors", at)) != std::string::npos;) damaged[at] = 'k';
  }
  SECTION("a page lost its last entry") {
    for (size_t page = 0; page < damaged.size(); page += 4096) {
      if (damaged.substr(page, 4096).find("three") == std::string::npos) continue;
      uint16_t lower = 0;  // bytes of the page's header and of the places of its entries
      std::memcpy(&lower, damaged.data() + page + 12, sizeof lower);
      lower = static_cast<uint16_t>(lower - sizeof lower);
      std::memcpy(damaged.data() + page + 12, &lower, sizeof lower);
    }
  }
  SECTION("a page lists one entry twice") {
    for (size_t page = 0; page < damaged.size(); page += 4096) {
      if (damaged.substr(page, 4096).find("three") == std::string::npos) continue;
      std::memcpy(damaged.data() + page + 16, damaged.data() + page + 18, sizeof(uint16_t));
    }
  }
  REQUIRE(damaged != sound);
  write_at(data, 0, damaged);
  const auto catalog = Catalog::open(log);
  REQUIRE_FALSE(catalog);
  CHECK(catalog.error().code == ErrorCode::Corrupt);
  CHECK(must(reindex(log)).catalog_was_unusable);
}

TEST_CASE("Reindexing gives what the segments say and the same again") {
  const TemporaryDirectory directory;
  LogOptions two;
  two.peers = 2;
  const Log log = must(Log::open(directory / "log", two));
  WriterOptions options;
  options.sync = SyncPolicy::none();
  options.segment_bytes = kMinSegmentBytes;
  for (uint32_t stream = 0; stream < 2; ++stream) {
    EventWriter writer = must(log.writer(stream, options));
    for (int i = 0; i < 8; ++i) append_text(writer, 0, std::string(20'000, 'x'));
    must(writer.close());
  }
  {
    Catalog catalog = must(Catalog::open(log));
    must(catalog.put_cursor(cursor_named("kept")));
    must(catalog.replace_segments(5, {}, segments_from(0, 3)));
    must(catalog.replace_segments(1, {}, segments_from(1 << 30, 3)));
  }
  const ReindexReport first = must(reindex(log));
  CHECK_FALSE(first.catalog_was_unusable);
  CHECK(first.streams == 2);
  const auto summary = [&] {
    Catalog catalog = must(Catalog::open(log));
    std::string text;
    for (const uint32_t stream : must(catalog.cached_streams())) {
      for (const SegmentSurvey& segment : must(catalog.segments(stream))) {
        text += std::to_string(stream) + " " + std::to_string(segment.first_position) + " " +
                std::to_string(segment.end) + " " + std::to_string(segment.after.records) + "\n";
      }
    }
    return text;
  };
  const std::string once = summary();
  const ReindexReport second = must(reindex(log));
  CHECK(second.segments == first.segments);
  CHECK(summary() == once);
  Catalog catalog = must(Catalog::open(log));
  CHECK(must(catalog.cached_streams()) == std::vector<uint32_t>{0, 1});
  CHECK(must(catalog.segments(1)).back().after.records == 8);
  CHECK(must(catalog.cursor("kept")));
}

namespace {

// A child process that runs `work` and ends.
template <typename Work>
pid_t in_child(Work work) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    work();
    ::_exit(0);
  }
  return child;
}

bool ends_within(pid_t child, std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (std::chrono::steady_clock::now() < deadline) {
    if (::waitpid(child, nullptr, WNOHANG) == child) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

void kill_and_wait(pid_t child) {
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
}

}  // namespace

TEST_CASE("No commit waits while a process is stopped inside a transaction of the catalog") {
  const TemporaryDirectory directory;
  const Log log = make_log(directory);
  must(Catalog::open(log));
  const pid_t busy = in_child([&] {
    auto catalog = Catalog::open(log);
    const auto segments = segments_from(0, 20'000);
    while (catalog && catalog->replace_segments(0, {}, segments)) {
    }
  });
  // Stopped inside a transaction: then, and only then, another writer of the catalog waits.
  pid_t waiting = -1;
  for (int attempt = 0; attempt < 200 && waiting < 0; ++attempt) {
    std::this_thread::sleep_for(std::chrono::milliseconds(7));
    ::kill(busy, SIGSTOP);
    const pid_t other = in_child([&] {
      if (auto catalog = Catalog::open(log)) (void)catalog->put_cursor(cursor_named("other"));
    });
    if (ends_within(other, std::chrono::milliseconds(300))) {
      ::kill(busy, SIGCONT);
    } else {
      waiting = other;
    }
  }
  REQUIRE(waiting > 0);

  WriterOptions options;
  options.sync = SyncPolicy::every_commit();
  options.segment_bytes = kMinSegmentBytes;
  {
    EventWriter writer = must(log.writer(0, options));
    for (int i = 0; i < 100; ++i) append_text(writer, 0, std::string(1500, 'r'));  // two rolls
    CHECK(writer.durable() == writer.committed());
    must(writer.close());
  }
  CHECK(read_all(log).events.size() == 100);
  CHECK_FALSE(ends_within(waiting, std::chrono::milliseconds(1)));
  kill_and_wait(waiting);
  kill_and_wait(busy);
}
