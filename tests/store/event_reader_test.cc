#include "tidemark/event_reader.h"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "paths.h"
#include "support/catch.h"
#include "support/forwarding_files.h"
#include "support/stream_helpers.h"
#include "support/temporary_directory.h"
#include "tidemark/log.h"

using namespace tidemark;
using namespace tidemark::test;
using namespace std::chrono_literals;

namespace {

void append_numbers(const Log& log, int from, int upto) {
  EventWriter writer = must(log.writer(0, small_segments()));
  for (int i = from; i < upto; ++i) {
    append_text(writer, 0, std::to_string(i) + std::string(200, ' '));
  }
}

// A segment's file is still empty when its size is asked for first, and published right after.
class PublishedInBetweenFiles : public ForwardingFiles {
 public:
  using ForwardingFiles::status;
  int status(int descriptor, FileStatus& result) override {
    const int answer = ForwardingFiles::status(descriptor, result);
    if (answer == 0 && !result.is_directory && !read_from_.contains(descriptor)) result.bytes = 0;
    return answer;
  }
  int64_t read(int descriptor, std::span<std::byte> bytes, uint64_t offset) override {
    read_from_.insert(descriptor);
    return ForwardingFiles::read(descriptor, bytes, offset);
  }
  int close(int descriptor) override {
    read_from_.erase(descriptor);
    return ForwardingFiles::close(descriptor);
  }

 private:
  std::set<int> read_from_;
};

// Reads numbers in order until `upto`; the number that was expected where it ended otherwise.
int follow_numbers(EventReader& reader, int from, int upto, Waiting waiting) {
  for (int expected = from; expected < upto; ++expected) {
    const auto status = reader.next(10s, waiting);
    if (!status || *status != EventReader::Status::Event) return expected;
    if (std::stoi(std::string(reader.event().messages()->text(0))) != expected) return expected;
  }
  return upto;
}

}  // namespace

TEST_CASE("A reader of a stream that has nothing yet is pending, and finds its first event") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  std::filesystem::create_directories(stream_path(log.path(), 0));
  EventReader reader = must(log.reader(0));
  CHECK(must(reader.poll()) == EventReader::Status::Pending);
  CHECK_FALSE(reader.traits());
  CHECK(must(reader.next(5ms)) == EventReader::Status::Pending);
  EventWriter writer = must(log.writer(0, small_segments()));
  append_text(writer, 0, "first");
  REQUIRE(must(reader.next(1s)) == EventReader::Status::Event);
  CHECK(reader.event().messages()->text(0) == "first");
  CHECK(reader.traits()->time_name == "u64");
}

TEST_CASE("A reader in another process follows a writer over rolls, kills and restarts") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  std::filesystem::create_directories(stream_path(log.path(), 0));
  constexpr int kRounds = 4;
  constexpr int kPerRound = 3000;
  const auto waiting = GENERATE(Waiting::Sleep, Waiting::Spin);
  const pid_t follower = ::fork();
  REQUIRE(follower >= 0);
  if (follower == 0) {
    auto reader = log.reader(0);
    if (!reader) ::_exit(2);
    ::_exit(follow_numbers(*reader, 0, kRounds * kPerRound, waiting) == kRounds * kPerRound ? 0
                                                                                            : 1);
  }
  for (int round = 0; round < kRounds; ++round) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      auto writer = log.writer(0, small_segments());
      if (!writer) ::_exit(1);
      for (int i = 0; i < kPerRound; ++i) {
        append_text(*writer, 0, std::to_string(round * kPerRound + i) + std::string(200, ' '));
      }
      ::kill(::getpid(), SIGKILL);
    }
    REQUIRE(::waitpid(child, nullptr, 0) == child);
  }
  int status = 0;
  REQUIRE(::waitpid(follower, &status, 0) == follower);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("A sleeping reader is woken by a commit, well before its sleep would end") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  EventWriter writer = must(log.writer(0, small_segments()));
  std::atomic<int> seen{0};
  std::thread follower([&] {
    EventReader reader = must(log.reader(0));
    for (int i = 0; i < 50; ++i) {
      if (follow_numbers(reader, i, i + 1, Waiting::Sleep) != i + 1) return;
      seen.store(i + 1);
    }
  });
  // One at a time: each wake-up must come by itself. Were they to come only by the end of the
  // reader's longest sleep, this would take five seconds; the bound is not about speed.
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 50; ++i) {
    append_text(writer, 0, std::to_string(i));
    while (seen.load() <= i && std::chrono::steady_clock::now() - begin < 20s) {
      std::this_thread::yield();
    }
  }
  follower.join();
  CHECK(seen.load() == 50);
  CHECK(std::chrono::steady_clock::now() - begin < 4s);
}

TEST_CASE("A reader of durable events sees nothing before its sync, and all of it afterwards") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  EventWriter writer = must(log.writer(0, small_segments()));
  append_text(writer, 0, "a");
  must(writer.sync());
  append_text(writer, 0, "b");
  ReaderOptions durable;
  durable.visibility = Visibility::Durable;
  EventReader reader = must(log.reader(0, durable));
  CHECK(read_all(reader).events == std::vector<std::string>{"0:a"});
  CHECK(read_all(log).events == std::vector<std::string>{"0:a", "0:b"});
  must(writer.sync());
  CHECK(must(reader.next(1s)) == EventReader::Status::Event);
  CHECK(reader.event().messages()->text(0) == "b");
}

TEST_CASE("Several streams are waited for at once") {
  const TemporaryDirectory directory;
  LogOptions options;
  options.peers = 3;
  const Log log = must(Log::open(directory / "log", options));
  std::vector<EventWriter> writers;
  std::vector<EventReader> readers;
  std::vector<EventReader*> pointers;
  for (uint32_t i = 0; i < 3; ++i) {
    writers.push_back(must(log.writer(i, small_segments())));
    readers.push_back(must(log.reader(i)));
  }
  for (EventReader& reader : readers) {
    CHECK(must(reader.poll()) == EventReader::Status::Pending);
    pointers.push_back(&reader);
  }
  CHECK_FALSE(must(wait_any(pointers, 2ms)));
  for (uint32_t i = 0; i < 3; ++i) {
    std::thread late([&] {
      std::this_thread::sleep_for(3ms);
      append_text(writers[i], 0, "x");
    });
    bool found = false;
    for (int tries = 0; tries < 100 && !found; ++tries) {
      must(wait_any(pointers, 1s));
      for (uint32_t k = 0; k < 3; ++k) {
        if (must(readers[k].poll()) == EventReader::Status::Event) {
          CHECK(k == i);
          found = true;
        }
      }
    }
    CHECK(found);
    late.join();
  }
}

TEST_CASE("A view outlives the reader's next steps while its segment is held") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  append_numbers(log, 0, 2000);
  EventReader reader = must(log.reader(0));
  REQUIRE(must(reader.poll()) == EventReader::Status::Event);
  const auto segment = reader.segment();
  const std::string_view first = reader.event().messages()->text(0);
  while (must(reader.poll()) == EventReader::Status::Event) {
  }
  REQUIRE(reader.segment() != segment);
  CHECK(first.substr(0, 2) == "0 ");
}

TEST_CASE("Copying readers see what mapping readers see, also of a stream that is written") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  EventWriter writer = must(log.writer(0, small_segments()));
  ReaderOptions copying;
  copying.access = Access::Copy;
  EventReader reader = must(log.reader(0, copying));
  std::vector<std::string> seen;
  for (int i = 0; i < 500; ++i) {
    append_text(writer, 0, std::to_string(i) + std::string(400, 'c'));
    if (i % 7 == 0) {
      const ReadBack more = read_all(reader);
      REQUIRE_FALSE(more.error);
      seen.insert(seen.end(), more.events.begin(), more.events.end());
    }
  }
  const ReadBack rest = read_all(reader);
  seen.insert(seen.end(), rest.events.begin(), rest.events.end());
  CHECK(seen == read_all(log).events);
}

TEST_CASE("A segment cut short is an error before it is mapped, and what precedes it is read") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  append_numbers(log, 0, 1000);
  const std::string second = segment_path(stream_path(log.path(), 0), kMinSegmentBytes);
  std::filesystem::resize_file(second, 20'000);
  const ReadBack read = read_all(log);
  REQUIRE(read.error);
  CHECK(read.error->code == ErrorCode::Corrupt);
  CHECK(read.error->segment == kMinSegmentBytes);
  CHECK(read.events.size() > 100);
}

TEST_CASE("Events are found again by their positions") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  append_numbers(log, 0, 1500);
  EventReader reader = must(log.reader(0));
  std::vector<uint64_t> positions;
  while (must(reader.poll()) == EventReader::Status::Event) {
    positions.push_back(reader.event().position);
  }
  PositionReader by_position = must(log.position_reader(0));
  for (size_t i = positions.size(); i-- > 0;) {
    const EventView event = must(by_position.at(positions[i]));
    REQUIRE(std::stoi(std::string(event.messages()->text(0))) == static_cast<int>(i));
  }
  CHECK(by_position.at(positions[0] + 8).error().code == ErrorCode::Corrupt);
  CHECK(by_position.at(uint64_t{1} << 40).error().code == ErrorCode::NotFound);
}

TEST_CASE("A segment that is published while it is opened is no damage") {
  const TemporaryDirectory directory;
  append_numbers(must(Log::open(directory / "log")), 0, 1000);
  PublishedInBetweenFiles files;
  const Log log = must(Log::open(directory / "log", {}, files));
  const ReadBack read = read_all(log);
  if (read.error) FAIL(read.error->text());
  CHECK(read.events.size() == 1000);
}

TEST_CASE("A spare that is unlinked while a stream is opened is no damage") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  std::filesystem::create_directories(stream_path(log.path(), 0));
  // It is listed, and gone when it is opened.
  std::filesystem::create_symlink("gone", segment_path(stream_path(log.path(), 0), 0));
  const ReadBack read = read_all(log);
  if (read.error) FAIL(read.error->text());
  CHECK(read.status == EventReader::Status::Pending);
}

TEST_CASE("A damaged seal of a finished stream is told after the last event") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  uint64_t end = 0;
  {
    EventWriter writer = must(log.writer(0, small_segments()));
    append_text(writer, 0, "only");
    end = finish(writer, 0);
    must(writer.close());
  }
  CHECK_FALSE(read_all(log).error);
  {
    std::fstream file(segment_path(stream_path(log.path(), 0), 0),
                      std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(static_cast<std::streamoff>(end + 40));
    file.put('\x7f');
  }
  const ReadBack read = read_all(log);
  CHECK(read.events == std::vector<std::string>{"0:only", "0-1"});
  REQUIRE(read.error);
  CHECK(read.error->code == ErrorCode::Corrupt);
  CHECK(read.error->offset == end);
}
