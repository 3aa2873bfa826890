// Replays of real logs. What a replay hands out in which order is tested without one, in
// replay_driver_test.cc.

#include "tidemark/replay.h"

#include <ctime>
#include <filesystem>
#include <fstream>
#include <thread>

#include "support/catch.h"
#include "support/stream_helpers.h"
#include "support/temporary_directory.h"

using namespace tidemark;
using namespace tidemark::test;

namespace {

using namespace std::chrono_literals;
using Status = Replay::Status;
using Texts = std::vector<std::string>;

constexpr auto kPatience = 20s;

WriterOptions unsynced() {
  WriterOptions options;
  options.sync = SyncPolicy::none();
  options.segment_bytes = kMinSegmentBytes;
  return options;
}

Log log_of(const TemporaryDirectory& directory, uint32_t peers) {
  return must(Log::open(directory / "log", {.peers = peers}));
}

Replay replay_of(const Log& log, const ReplayOptions& options = {}) {
  return must(Replay::open(log, must(log.all_streams()), options));
}

// "stream/time:text" for each record until the replay has nothing more for now.
Texts texts_of(Replay& replay, Result<Status>& status) {
  Texts texts;
  for (;;) {
    status = replay.next(0ns);
    if (!status || *status != Status::Event) return texts;
    if (replay.event().messages() != nullptr) {
      texts.push_back(std::to_string(*replay.event().stream) + "/" + text_of(replay.event().event));
    }
  }
}

Texts finished_texts_of(Replay& replay) {
  Result<Status> status = Status::Pending;
  Texts texts = texts_of(replay, status);
  if (!status) FAIL(status.error().text());
  REQUIRE(*status == Status::Finished);
  return texts;
}

std::vector<std::filesystem::path> segments_of(const Log& log, const std::string& stream) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(log.path() + "/streams/" + stream)) {
    if (entry.path().extension() == ".seg") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

void flip_byte(const std::filesystem::path& path, uint64_t offset) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(offset));
  const char byte = static_cast<char>(file.get() ^ 1);
  file.seekp(static_cast<std::streamoff>(offset));
  file.put(byte);
  REQUIRE(file.good());
}

}  // namespace

TEST_CASE("streams of a log are replayed in their own order or merged by time") {
  const TemporaryDirectory directory;
  const Log log = log_of(directory, 2);
  EventWriter a = must(log.writer(0, unsynced()));
  EventWriter b = must(log.writer(1, unsynced()));
  append_text(a, 5, "five");
  append_text(a, 1, "one");
  advance(a, 0, 4);
  append_text(b, 3, "three");
  advance(b, 0, 9);
  append_text(b, 9, "nine");
  append_text(a, 4, "four");
  finish(a, 4);
  finish(b, 9);
  must(a.close());
  must(b.close());

  Replay by_stream = replay_of(log);
  CHECK(by_stream.capabilities() == std::vector<std::pair<Time, int64_t>>{{0, 2}});
  CHECK(by_stream.time_shape() == TimeShape{});
  CHECK(by_stream.readers().size() == 2);
  CHECK(finished_texts_of(by_stream) ==
        Texts{"0/5:five", "0/1:one", "0/4:four", "1/3:three", "1/9:nine"});
  CHECK(by_stream.frontier().empty());

  for (const Delivery delivery : {Delivery::Eager, Delivery::Complete}) {
    Replay by_time = replay_of(log, {.order = Order::Time, .delivery = delivery});
    CHECK(finished_texts_of(by_time) ==
          Texts{"0/1:one", "1/3:three", "0/4:four", "0/5:five", "1/9:nine"});
  }
  Replay sliced = replay_of(log, {.order = Order::Time, .from = Time(3), .until = Time(5)});
  CHECK(finished_texts_of(sliced) == Texts{"1/3:three", "0/4:four"});
  const uint32_t only[] = {1};
  Replay subset = must(Replay::open(log, only));
  CHECK(finished_texts_of(subset) == Texts{"1/3:three", "1/9:nine"});
}

TEST_CASE("a replay that cannot be is refused") {
  const TemporaryDirectory directory;
  const Log log = log_of(directory, 1);
  EventWriter writer = must(log.writer(0, unsynced()));
  append_text(writer, 0, "x");
  const uint32_t twice[] = {0, 0};
  CHECK(Replay::open(log, twice).error().code == ErrorCode::InvalidArgument);
  const uint32_t unknown[] = {4};
  CHECK(Replay::open(log, unknown).error().code == ErrorCode::NotFound);
  const uint32_t fine[] = {0};
  const Time minimum = Time::minimum({.words = 2});
  CHECK(Replay::open(log, fine, {.until = minimum}).error().code == ErrorCode::InvalidArgument);
}

TEST_CASE("what is appended after a replay was opened is not in it") {
  for (const Order order : {Order::Stream, Order::Time}) {
    const TemporaryDirectory directory;
    const Log log = log_of(directory, 2);
    EventWriter a = must(log.writer(0, unsynced()));
    EventWriter b = must(log.writer(1, unsynced()));
    append_text(a, 0, "before");
    append_text(b, 0, "before");
    must(b.close());
    Replay replay = replay_of(log, {.order = order});
    append_text(a, 0, "after");
    EventWriter again = must(log.writer(1, unsynced()));
    append_text(again, 0, "after");
    finish(again, 0);
    CHECK(finished_texts_of(replay) == Texts{"0/0:before", "1/0:before"});
    CHECK(replay.frontier().empty());
  }
}

TEST_CASE("a replay of streams without events ends at once") {
  const TemporaryDirectory directory;
  const Log log = log_of(directory, 3);
  std::filesystem::create_directories(directory / "log/streams/00000");
  for (uint32_t stream = 1; stream < 3; ++stream) {
    must(must(log.writer(stream, unsynced())).close());
  }
  for (const Order order : {Order::Stream, Order::Time}) {
    for (const bool follow : {false, true}) {
      Replay replay = replay_of(log, {.order = order, .follow = follow});
      CHECK(finished_texts_of(replay).empty());
      CHECK(replay.frontier().empty());
    }
  }
}

TEST_CASE("a replay follows writers until their streams are finished") {
  for (const Order order : {Order::Stream, Order::Time}) {
    const TemporaryDirectory directory;
    const Log log = log_of(directory, 2);
    constexpr uint64_t kRecords = 2000;
    std::vector<EventWriter> writers;
    writers.reserve(2);
    for (uint32_t stream = 0; stream < 2; ++stream) {
      writers.push_back(must(log.writer(stream, unsynced())));
    }
    Replay replay = replay_of(log, {.order = order, .follow = true});
    std::vector<std::thread> threads;
    threads.reserve(writers.size());
    for (EventWriter& writer : writers) {
      threads.emplace_back([&writer] {
        for (uint64_t i = 0; i < kRecords; ++i) {
          append_text(writer, i, "x");
          if (i + 1 < kRecords) advance(writer, i, i + 1);
          if (i % 500 == 0) std::this_thread::sleep_for(20ms);
        }
        finish(writer, kRecords - 1);
      });
    }
    uint64_t count = 0;
    uint64_t last = 0;
    bool sorted = true;
    Result<Status> status = Status::Event;
    while ((status = replay.next(kPatience)) && *status == Status::Event) {
      if (replay.event().messages() == nullptr) continue;
      ++count;
      const uint64_t time = replay.event().messages()->time().word(0);
      sorted = sorted && last <= time;
      last = time;
    }
    for (std::thread& thread : threads) thread.join();
    if (!status) FAIL(status.error().text());
    CHECK(*status == Status::Finished);
    CHECK(count == 2 * kRecords);
    CHECK((sorted || order == Order::Stream));
  }
}

TEST_CASE("following ends soon after a writer went away without finishing") {
  const TemporaryDirectory directory;
  const Log log = log_of(directory, 1);
  EventWriter writer = must(log.writer(0, unsynced()));
  append_text(writer, 0, "last words");
  Replay replay = replay_of(log, {.follow = true});
  std::thread closer([&writer] {
    std::this_thread::sleep_for(100ms);
    must(writer.close());
  });
  Texts texts;
  Result<Status> status = Status::Pending;
  do {
    status = replay.next(kPatience);
    REQUIRE(status);
    REQUIRE(*status != Status::Pending);
    if (replay.event().messages() != nullptr) texts.push_back(text_of(replay.event().event));
  } while (*status != Status::Finished);
  closer.join();
  CHECK(texts.front() == "0:last words");
  CHECK(replay.frontier().empty());
}

TEST_CASE("a replay that waits goes on with the next writer") {
  const TemporaryDirectory directory;
  const Log log = log_of(directory, 1);
  {
    EventWriter writer = must(log.writer(0, unsynced()));
    append_text(writer, 0, "first");
    must(writer.close());
  }
  Replay replay = replay_of(log, {.end = EndMode::Wait});
  Result<Status> status = Status::Finished;
  CHECK(texts_of(replay, status) == Texts{"0/0:first"});
  REQUIRE(status);
  CHECK(*status == Status::Pending);
  EventWriter writer = must(log.writer(0, unsynced()));
  append_text(writer, 0, "second");
  finish(writer, 0);
  Texts texts;
  Status next = must(replay.next(kPatience));
  for (; next == Status::Event; next = must(replay.next(kPatience))) {
    if (replay.event().messages() != nullptr) texts.push_back(text_of(replay.event().event));
  }
  CHECK(next == Status::Finished);
  CHECK(texts == Texts{"0:second"});
}

TEST_CASE("complete delivery reads what is durable, unless it is told otherwise") {
  const TemporaryDirectory directory;
  const Log log = log_of(directory, 1);
  EventWriter writer = must(log.writer(0, unsynced()));
  append_text(writer, 0, "durable");
  advance(writer, 0, 1);
  must(writer.sync());
  append_text(writer, 1, "committed");
  advance(writer, 1, 2);

  ReplayOptions options{.delivery = Delivery::Complete, .follow = true};
  Replay replay = replay_of(log, options);
  options.visibility = Visibility::Committed;
  Replay bold = replay_of(log, options);
  Result<Status> status = Status::Finished;
  CHECK(texts_of(replay, status) == Texts{"0/0:durable"});
  CHECK(texts_of(bold, status) == Texts{"0/0:durable", "0/1:committed"});
  must(writer.sync());
  CHECK(texts_of(replay, status) == Texts{"0/1:committed"});
  CHECK(*status == Status::Pending);
}

TEST_CASE("while it waits for a slow stream, a replay by time sleeps") {
  const TemporaryDirectory directory;
  const Log log = log_of(directory, 2);
  EventWriter slow = must(log.writer(0, unsynced()));
  EventWriter fast = must(log.writer(1, unsynced()));
  append_text(slow, 0, "x");
  advance(fast, 0, 5);
  for (int i = 0; i < 100; ++i) append_text(fast, 5, "x");
  Replay replay = replay_of(log, {.order = Order::Time, .follow = true});
  Result<Status> status = Status::Finished;
  CHECK(texts_of(replay, status) == Texts{"0/0:x"});

  const std::clock_t before = std::clock();
  status = replay.next(400ms);
  const double busy = static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
  CHECK(*status == Status::Pending);
  CHECK(busy < 0.2);
  finish(slow, 0);
  CHECK(texts_of(replay, status).size() == 100);
}

TEST_CASE("a replay that starts at a later segment opens with its checkpoint") {
  const TemporaryDirectory directory;
  const Log log = log_of(directory, 1);
  {
    EventWriter writer = must(log.writer(0, unsynced()));
    const std::string text(500, 'x');
    for (uint64_t i = 0; i < 1000; ++i) {
      append_text(writer, i, text);
      advance(writer, i, i + 1);
    }
    finish(writer, 1000);
    must(writer.close());
  }
  const auto segments = segments_of(log, "00000");
  REQUIRE(segments.size() > 3);
  ReplayOptions options;
  options.reader.segment = std::stoull(segments[2].stem().string());
  for (const Order order : {Order::Stream, Order::Time}) {
    options.order = order;
    Replay replay = replay_of(log, options);
    auto protocol = Protocol({});
    REQUIRE(*replay.next(0ns) == Status::Event);
    REQUIRE(replay.event().is_progress());
    REQUIRE(protocol.progress(replay.event().changes));
    const auto opened_at = protocol.frontier().elements().front();
    CHECK(opened_at > Time(100));
    uint64_t count = 0;
    for (Result<Status> status = replay.next(0ns); *status == Status::Event;
         status = replay.next(0ns)) {
      if (const auto* messages = replay.event().messages()) {
        REQUIRE(protocol.messages(messages->time()));
        ++count;
      } else {
        REQUIRE(protocol.progress(replay.event().changes));
      }
    }
    CHECK(protocol.finished());
    CHECK(count + 1 >= 1000 - opened_at.word(0));
  }
}

TEST_CASE("damage in a log is told with its place after what precedes it") {
  for (const bool by_time : {false, true}) {
    for (const bool complete : {false, true}) {
      const TemporaryDirectory directory;
      const Log log = log_of(directory, 2);
      uint64_t bad_position = 0;
      for (uint32_t stream = 0; stream < 2; ++stream) {
        EventWriter writer = must(log.writer(stream, unsynced()));
        for (uint64_t i = 0; i < 20; ++i) {
          append_text(writer, i, "x");
          if (stream == 1 && i == 9) bad_position = writer.committed();
          advance(writer, i, i + 1);
        }
        finish(writer, 20);
        must(writer.close());
      }
      const auto segment = segments_of(log, "00001").front();
      const uint64_t offset = bad_position - std::stoull(segment.stem().string());
      flip_byte(segment, offset + 20);

      Replay replay = replay_of(log, {.order = by_time ? Order::Time : Order::Stream,
                                      .delivery = complete ? Delivery::Complete : Delivery::Eager});
      Result<Status> status = Status::Pending;
      const Texts texts = texts_of(replay, status);
      REQUIRE_FALSE(status);
      CHECK(status.error().code == ErrorCode::Corrupt);
      CHECK(status.error().stream == 1U);
      CHECK(status.error().offset == offset);
      CHECK_FALSE(replay.poll());
      const auto of_second = std::count_if(texts.begin(), texts.end(),
                                           [](const auto& text) { return text[0] == '1'; });
      // The last one is at a time that the damaged event would have closed.
      CHECK(of_second == (complete ? 9 : 10));
    }
  }
}
