#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "paths.h"
#include "stream_directory.h"
#include "support/catch.h"
#include "support/forwarding_files.h"
#include "support/seed.h"
#include "support/stream_helpers.h"
#include "support/temporary_directory.h"
#include "tidemark/log.h"
#include "tidemark/survey.h"
#include "tidemark/verify.h"

using namespace tidemark;
using namespace tidemark::test;

namespace {

// Leaves a stream as a killed writer does: the child appends and ends without a word.
template <typename Append>
void append_and_die(const Log& log, const WriterOptions& options, Append append) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    auto writer = log.writer(0, options);
    if (!writer) ::_exit(1);
    append(*writer);
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
}

std::vector<std::byte> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::vector<char> bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  std::vector<std::byte> result(bytes.size());
  std::memcpy(result.data(), bytes.data(), bytes.size());
  return result;
}

void overwrite(const std::string& path, uint64_t offset, std::span<const std::byte> bytes) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(static_cast<std::streamoff>(offset));
  file.write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  REQUIRE(file.good());
}

void zero(const std::string& path, uint64_t offset, size_t count) {
  overwrite(path, offset, std::vector<std::byte>(count));
}

}  // namespace

TEST_CASE("After a kill, everything that was committed is there and the next opening goes on") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  std::vector<std::string> expected;
  for (int round = 0; round < 3; ++round) {
    append_and_die(log, small_segments(), [round](EventWriter& writer) {
      for (int i = 0; i < 500; ++i) {
        append_text(writer, 0, std::to_string(round * 500 + i) + std::string(300, '.'));
      }
    });
    for (int i = 0; i < 500; ++i) {
      expected.push_back("0:" + std::to_string(round * 500 + i) + std::string(300, '.'));
    }
    const ReadBack read = read_all(log);
    INFO((read.error ? read.error->text() : ""));
    REQUIRE_FALSE(read.error);
    REQUIRE(read.events == expected);
  }
  EventWriter writer = must(log.writer(0, small_segments()));
  CHECK(writer.recovery().incarnation == 4);
  CHECK_FALSE(writer.recovery().was_closed);
  CHECK(writer.recovery().dropped_frames == 0);
  CHECK(writer.durable() == writer.committed());
}

TEST_CASE("A tail that a power loss tore is dropped and reported, and what follows is appended") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  std::vector<uint64_t> ends;
  {
    EventWriter writer = must(log.writer(0, small_segments()));
    for (int i = 0; i < 10; ++i) ends.push_back(append_text(writer, 0, std::to_string(i)));
    // A copy while the writer lives: nothing was ever synced.
    std::filesystem::copy(log.path(), directory / "lost", std::filesystem::copy_options::recursive);
  }
  std::filesystem::remove(control_path(stream_path(directory / "lost", 0)));
  const std::string segment = segment_path(stream_path(directory / "lost", 0), 0);
  const uint64_t torn = ends[4];

  SECTION("a frame torn in its middle") { zero(segment, torn + 40, 16); }
  SECTION("a frame whose commit word was not written") { zero(segment, torn, 8); }

  const Log lost = must(Log::open(directory / "lost"));
  const ReadBack before = read_all(lost);
  REQUIRE(before.error);  // reading never decides that something was lost
  CHECK(before.error->code == ErrorCode::Corrupt);
  CHECK(before.error->stream == 0U);
  CHECK(before.error->segment == 0U);
  CHECK(before.error->offset == torn);
  CHECK(before.events.size() == 5);

  {
    EventWriter writer = must(lost.writer(0, small_segments()));
    CHECK(writer.recovery().previous_end == torn);
    CHECK(writer.recovery().dropped_frames >= 4);
    CHECK(writer.recovery().dropped_bytes > 0);
    append_text(writer, 0, "new");
    must(writer.close());
  }
  const ReadBack after = read_all(lost);
  REQUIRE_FALSE(after.error);
  CHECK(after.events == std::vector<std::string>{"0:0", "0:1", "0:2", "0:3", "0:4", "0:new"});
}

TEST_CASE("A hole in what was durable is damage: opening is refused and changes nothing") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  std::vector<uint64_t> ends;
  {
    EventWriter writer = must(log.writer(0, small_segments()));
    for (int i = 0; i < 10; ++i) {
      ends.push_back(append_text(writer, 0, std::to_string(i)));
      if (i == 7) must(writer.sync());
    }
    must(writer.close());
  }
  const std::string segment = segment_path(stream_path(log.path(), 0), 0);
  zero(segment, ends[4], 8);
  const auto before = read_file(segment);
  const auto refused = log.writer(0, small_segments());
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::Corrupt);
  CHECK(refused.error().offset == ends[4]);
  CHECK(refused.error().segment == 0U);
  CHECK(read_file(segment) == before);
  CHECK(read_all(log).events.size() == 5);
}

TEST_CASE("Segments beyond a lost tail are set aside, never deleted, and their range not reused") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  {
    EventWriter writer = must(log.writer(0, small_segments()));
    for (int i = 0; i < 200; ++i) append_text(writer, 0, std::string(1000, 'a'));
    std::filesystem::copy(log.path(), directory / "lost", std::filesystem::copy_options::recursive);
  }
  const std::string stream = stream_path(directory / "lost", 0);
  std::filesystem::remove(control_path(stream));
  const auto positions = must(list_segment_names(system_files(), stream));
  REQUIRE(positions.size() >= 3);
  // The second segment loses its pages; all others are there.
  zero(segment_path(stream, positions[1]), kSegmentHeaderBytes, 8 * kPageBytes);

  const Log lost = must(Log::open(directory / "lost"));
  uint64_t last_range_end = 0;
  for (const auto& file : must(list_segments(system_files(), stream, 0))) {
    if (file.published) last_range_end = file.first_position + file.file_bytes;
  }
  EventWriter writer = must(lost.writer(0, small_segments()));
  CHECK(writer.recovery().set_aside_segments >= 2);
  append_text(writer, 0, "new");
  CHECK(must(list_set_aside(system_files(), stream)).size() ==
        writer.recovery().set_aside_segments);
  CHECK(writer.committed() > last_range_end);
  must(writer.close());
  const ReadBack read = read_all(lost);
  REQUIRE_FALSE(read.error);
  CHECK(read.events.back() == "0:new");
}

TEST_CASE("A first segment whose checkpoint was lost with all else is set aside") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  {
    EventWriter writer = must(log.writer(0, small_segments()));
    append_text(writer, 0, "lost");
    std::filesystem::copy(log.path(), directory / "lost", std::filesystem::copy_options::recursive);
  }
  const std::string stream = stream_path(directory / "lost", 0);
  std::filesystem::remove(control_path(stream));
  zero(segment_path(stream, 0), kSegmentHeaderBytes, 16);
  const Log lost = must(Log::open(directory / "lost"));
  EventWriter writer = must(lost.writer(0, small_segments()));
  CHECK(writer.recovery().set_aside_segments == 1);
  append_text(writer, 0, "new");
  CHECK(read_all(lost).events == std::vector<std::string>{"0:new"});
}

TEST_CASE(
    "A seal that a power loss tore while its successor came through stops no reader for ever") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  std::vector<std::string> expected;
  {
    EventWriter writer = must(log.writer(0, small_segments()));
    const std::string text(1000, 'a');
    while (writer.committed() < kMinSegmentBytes) {
      append_text(writer, 0, text);
      if (writer.committed() < kMinSegmentBytes) expected.push_back("0:" + text);
    }
    std::filesystem::copy(log.path(), directory / "lost", std::filesystem::copy_options::recursive);
  }
  const std::string stream = stream_path(directory / "lost", 0);
  std::filesystem::remove(control_path(stream));
  const auto segments = must(list_segments(system_files(), stream, 0));
  REQUIRE(segments.at(1).published);
  const uint64_t seal = segments[1].header->previous_end;
  zero(segments[0].path, seal + 48, 8);

  const Log lost = must(Log::open(directory / "lost"));
  CHECK(read_all(lost).error);
  EventWriter writer = must(lost.writer(0, small_segments()));
  append_text(writer, 0, "new");
  expected.push_back("0:new");
  const ReadBack read = read_all(lost);
  INFO((read.error ? read.error->text() : ""));
  REQUIRE_FALSE(read.error);
  CHECK(read.events == expected);
}

TEST_CASE("Positions of a segment of which a power loss left nothing but its name are not reused") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  uint64_t highest = 0;
  {
    EventWriter writer = must(log.writer(0, small_segments()));
    highest = append_text(writer, 0, "lost");
    std::filesystem::copy(log.path(), directory / "lost", std::filesystem::copy_options::recursive);
  }
  const std::string stream = stream_path(directory / "lost", 0);
  std::filesystem::remove(control_path(stream));
  // The identity was synced when the segment was prepared, all else was not: it looks unpublished.
  zero(segment_path(stream, 0), 0, 8);
  zero(segment_path(stream, 0), 256, 2 * kPageBytes);

  const Log lost = must(Log::open(directory / "lost"));
  EventWriter writer = must(lost.writer(0, small_segments()));
  CHECK(append_text(writer, 0, "new") > highest);
  CHECK(must(list_segment_names(system_files(), stream)).size() == 1);
  CHECK(read_all(lost).events == std::vector<std::string>{"0:new"});
}

TEST_CASE(
    "What a power loss made of a segment that was being prepared does not refuse the stream") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  {
    EventWriter writer = must(log.writer(0, small_segments()));
    append_text(writer, 0, "old");
    must(writer.close());
  }
  // Its entry and its length are there, and garbage where its identity was about to be.
  const std::string spare = segment_path(stream_path(log.path(), 0), kMinSegmentBytes);
  std::ofstream(spare, std::ios::binary).write("", 0);
  std::filesystem::resize_file(spare, kMinSegmentBytes);
  overwrite(spare, 0, std::vector<std::byte>(kPageBytes, std::byte{0xA5}));

  SECTION("nothing else stands in it") {
    EventWriter writer = must(log.writer(0, small_segments()));
    append_text(writer, 0, "new");
    CHECK_FALSE(std::filesystem::exists(spare));
    CHECK(read_all(log).events == std::vector<std::string>{"0:old", "0:new"});
  }
  SECTION("but where something does, it had been published, and this is damage") {
    overwrite(spare, kSegmentHeaderBytes, std::vector<std::byte>(8, std::byte{1}));
    const auto refused = log.writer(0, small_segments());
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::Corrupt);
    CHECK(std::filesystem::exists(spare));
  }
}

TEST_CASE("An identity that belongs elsewhere does not make durable events a lost tail") {
  const TemporaryDirectory directory;
  LogOptions two;
  two.create_if_missing = true;
  two.peers = 2;
  const Log log = must(Log::open(directory / "log", two));
  for (const uint32_t stream : {0U, 1U}) {
    EventWriter writer = must(log.writer(stream, small_segments()));
    append_text(writer, 0, "durable");
    must(writer.close());
  }
  // A misdirected write: the first sector of the other stream's segment.
  auto sector = read_file(segment_path(stream_path(log.path(), 1), 0));
  sector.resize(512);
  overwrite(segment_path(stream_path(log.path(), 0), 0), 0, sector);
  const auto refused = log.writer(0, small_segments());
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::Corrupt);
}

TEST_CASE("A segment that was cut short is damage, whatever its frames say of what was durable") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  uint64_t end = 0;
  {
    EventWriter writer = must(log.writer(0, small_segments()));
    for (int i = 0; i < 20; ++i) end = append_text(writer, 0, std::string(1000, 'a'));
    must(writer.close());
  }
  // No frame that is left was written after the sync.
  std::filesystem::resize_file(segment_path(stream_path(log.path(), 0), 0), end - 8);
  const auto refused = log.writer(0, small_segments());
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::Corrupt);
}

TEST_CASE("A missing segment is data loss, for readers and for writers") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  {
    EventWriter writer = must(log.writer(0, small_segments()));
    for (int i = 0; i < 300; ++i) append_text(writer, 0, std::string(1000, 'a'));
    must(writer.close());
  }
  const std::string stream = stream_path(log.path(), 0);
  const auto positions = must(list_segment_names(system_files(), stream));
  REQUIRE(positions.size() >= 4);

  SECTION("in the middle") { std::filesystem::remove(segment_path(stream, positions[1])); }
  SECTION("at the beginning") { std::filesystem::remove(segment_path(stream, positions[0])); }

  const ReadBack read = read_all(log);
  REQUIRE(read.error);
  CHECK(read.error->code == ErrorCode::Missing);
  const auto writer = log.writer(0, small_segments());
  REQUIRE_FALSE(writer);
  CHECK(writer.error().code == ErrorCode::Missing);
}

namespace {

class FailingSync : public PathTrackingFiles {
 public:
  int sync_data(int descriptor) override {
    if (failing && path_of(descriptor).ends_with(".seg")) {
      ++failed;
      return -EIO;
    }
    return PathTrackingFiles::sync_data(descriptor);
  }
  std::atomic<bool> failing{false};
  std::atomic<int> failed{0};
};

}  // namespace

TEST_CASE("A failed sync is final and never tried again, and another opening heals") {
  const TemporaryDirectory directory;
  FailingSync files;
  const Log log = must(Log::open(directory / "log", {}, files));
  {
    EventWriter writer = must(log.writer(0, small_segments()));
    append_text(writer, 0, "durable");
    const uint64_t durable = must(writer.sync());
    append_text(writer, 0, "not yet");
    files.failing = true;
    const auto failed = writer.sync();
    REQUIRE_FALSE(failed);
    CHECK(failed.error().code == ErrorCode::Poisoned);
    CHECK(failed.error().system_error == EIO);
    CHECK(writer.durable() == durable);
    files.failing = false;
    CHECK(writer.sync().error().code == ErrorCode::Poisoned);
    CHECK(files.failed == 1);
    const uint64_t time = 0;
    const std::string_view records[] = {"more"};
    CHECK(writer.append_messages(std::span(&time, 1), records).error().code == ErrorCode::Poisoned);
    CHECK(writer.close().error().code == ErrorCode::Poisoned);
  }
  EventWriter writer = must(log.writer(0, small_segments()));
  CHECK(writer.recovery().rewritten_bytes > 0);
  CHECK(read_all(log).events == std::vector<std::string>{"0:durable", "0:not yet"});
}

namespace {

class FullDisk : public ForwardingFiles {
 public:
  int allocate(int descriptor, uint64_t bytes) override {
    return full ? -ENOSPC : ForwardingFiles::allocate(descriptor, bytes);
  }
  std::atomic<bool> full{false};
};

}  // namespace

TEST_CASE("A full disk fails the append cleanly, leaves no file, and a retry works") {
  const TemporaryDirectory directory;
  FullDisk files;
  const Log log = must(Log::open(directory / "log", {}, files));
  EventWriter writer = must(log.writer(0, small_segments()));
  files.full = true;
  const std::string text(1000, 'x');
  const std::string_view records[] = {text};
  const uint64_t time = 0;
  size_t appended = 0;
  Result<uint64_t> last = uint64_t{0};
  for (; appended < 1000; ++appended) {
    last = writer.append_messages(std::span(&time, 1), records);
    if (!last) break;
  }
  REQUIRE_FALSE(last);
  CHECK(last.error().code == ErrorCode::NoSpace);
  CHECK(must(list_segment_names(files, stream_path(log.path(), 0))).size() == 1);
  CHECK(read_all(log).events.size() == appended);
  files.full = false;
  append_text(writer, 0, text);
  CHECK(read_all(log).events.size() == appended + 1);
}

TEST_CASE("The child of a fork may not append, and does not hold its parent's lock") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  std::optional<EventWriter> writer = must(log.writer(0, small_segments()));
  append_text(*writer, 0, "parent");
  int ready[2];
  int leave[2];
  REQUIRE(::pipe(ready) == 0);
  REQUIRE(::pipe(leave) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const uint64_t time = 0;
    const std::string_view records[] = {"child"};
    const auto refused = writer->append_messages(std::span(&time, 1), records);
    const char answer = !refused && refused.error().code == ErrorCode::Forked ? 'y' : 'n';
    writer.reset();
    (void)!::write(ready[1], &answer, 1);
    char wait = 0;
    (void)!::read(leave[0], &wait, 1);
    ::_exit(0);
  }
  char answer = 0;
  REQUIRE(::read(ready[0], &answer, 1) == 1);
  CHECK(answer == 'y');
  append_text(*writer, 0, "parent again");
  must(writer->close());
  writer.reset();
  CHECK(log.writer(0, small_segments()));  // while the child is still there
  REQUIRE(::write(leave[1], "x", 1) == 1);
  REQUIRE(::waitpid(child, nullptr, 0) == child);
  CHECK(read_all(log).events == std::vector<std::string>{"0:parent", "0:parent again"});
  for (const int descriptor : {ready[0], ready[1], leave[0], leave[1]}) ::close(descriptor);
}

namespace {

// What the disk holds of each segment, as far as syncs promise: the bytes at its last sync.
class DurableImages : public PathTrackingFiles {
 public:
  int sync_data(int descriptor) override {
    return remember(descriptor, PathTrackingFiles::sync_data(descriptor));
  }
  int sync_all(int descriptor) override {
    return remember(descriptor, PathTrackingFiles::sync_all(descriptor));
  }
  std::map<std::string, std::vector<std::byte>> durable;

 private:
  int remember(int descriptor, int answer) {
    const std::string path = path_of(descriptor);
    if (answer == 0 && path.ends_with(".seg")) {
      const std::lock_guard lock(mutex_);
      durable[path] = read_file(path);
    }
    return answer;
  }
  std::mutex mutex_;
};

}  // namespace

TEST_CASE("Whatever pages a power loss keeps, the durable is there and the rest is a prefix") {
  const uint64_t seed = seed_or(20'241'122);
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  const TemporaryDirectory directory;
  const int rounds = rounds_or(150);
  for (int round = 0; round < rounds; ++round) {
    INFO("round " << round);
    const std::string path = directory / ("log" + std::to_string(round));
    const std::string lost_path = path + "-lost";
    std::vector<std::string> written;
    size_t durable_count = 0;
    {
      DurableImages files;
      const Log log = must(Log::open(path, {}, files));
      EventWriter writer = must(log.writer(0, small_segments()));
      const auto appends = 20 + random() % 300;
      for (uint64_t i = 0; i < appends; ++i) {
        const std::string text = std::to_string(i) + std::string(random() % 1500, 'p');
        append_text(writer, 0, text);
        written.push_back("0:" + text);
        if (random() % 40 == 0) {
          must(writer.sync());
          durable_count = written.size();
        }
      }
      // The power goes: each page is what it was when last synced, what it is now, or torn between
      // the two at a sector. One that was never synced with anything in it may be anything.
      std::filesystem::create_directories(stream_path(lost_path, 0));
      std::filesystem::copy(log_identity_path(path), log_identity_path(lost_path));
      for (const auto& [segment, before] : files.durable) {
        if (!std::filesystem::exists(segment)) continue;
        std::vector<std::byte> image = read_file(segment);
        std::vector<std::byte> old = before;
        old.resize(image.size());
        const auto mood = random() % 4;
        for (size_t page = 0; page < image.size(); page += kPageBytes) {
          if (std::equal(old.begin() + static_cast<std::ptrdiff_t>(page),
                         old.begin() + static_cast<std::ptrdiff_t>(page + kPageBytes),
                         image.begin() + static_cast<std::ptrdiff_t>(page))) {
            continue;
          }
          const auto choice = mood == 0 ? random() % 2 : random() % 8;
          const bool never_synced =
              std::all_of(old.begin() + static_cast<std::ptrdiff_t>(page),
                          old.begin() + static_cast<std::ptrdiff_t>(page + kPageBytes),
                          [](std::byte b) { return b == std::byte{0}; });
          if (choice == 0) {
            std::copy_n(old.begin() + static_cast<std::ptrdiff_t>(page), kPageBytes,
                        image.begin() + static_cast<std::ptrdiff_t>(page));
          } else if (choice == 2) {
            const auto torn = (1 + random() % 7) * 512;
            std::copy_n(old.begin() + static_cast<std::ptrdiff_t>(page), torn,
                        image.begin() + static_cast<std::ptrdiff_t>(page));
          } else if (choice == 3 && never_synced) {
            std::fill_n(image.begin() + static_cast<std::ptrdiff_t>(page), kPageBytes,
                        std::byte{0});
          } else if (choice == 4 && never_synced) {
            std::generate_n(image.begin() + static_cast<std::ptrdiff_t>(page), kPageBytes,
                            [&] { return static_cast<std::byte>(random()); });
          }
        }
        std::ofstream out(lost_path + segment.substr(path.size()), std::ios::binary);
        out.write(reinterpret_cast<const char*>(image.data()),
                  static_cast<std::streamsize>(image.size()));
      }
    }
    const Log lost = must(Log::open(lost_path));
    std::vector<std::string> kept;
    for (int again = 0; again < 2; ++again) {
      EventWriter writer = must(lost.writer(0, small_segments()));
      append_text(writer, 0, "after" + std::to_string(again));
      must(writer.close());
      const VerifyReport report = must(verify_log(lost_path));
      for (const auto& stream : report.streams) {
        for (const Error& error : stream.damage) {
          INFO("verify: " << error.text());
          CHECK(false);
        }
      }
      const StreamSurvey survey = must(survey_stream(lost, 0));
      INFO((survey.damage ? survey.damage->text() : ""));
      CHECK(survey.state == StreamState::Closed);
      CHECK(survey.totals.records == must(verify_log(lost_path)).streams.at(0).totals.records);
      const ReadBack read = read_all(lost);
      INFO((read.error ? read.error->text() : ""));
      REQUIRE_FALSE(read.error);
      if (again == 0) {
        kept = read.events;
        REQUIRE(kept.back() == "0:after0");
        const size_t recovered = kept.size() - 1;
        REQUIRE(recovered >= durable_count);
        REQUIRE(recovered <= written.size());
        REQUIRE(std::equal(kept.begin(), kept.end() - 1, written.begin()));
      } else {
        kept.push_back("0:after1");
        REQUIRE(read.events == kept);
      }
    }
    std::filesystem::remove_all(path);
    std::filesystem::remove_all(lost_path);
  }
}

namespace {

class CountingReads : public ForwardingFiles {
 public:
  int64_t read(int descriptor, std::span<std::byte> bytes, uint64_t offset) override {
    bytes_read += bytes.size();
    return ForwardingFiles::read(descriptor, bytes, offset);
  }
  std::atomic<uint64_t> bytes_read{0};
};

}  // namespace

TEST_CASE("Opening reads the undurable tail and the headers, not the log") {
  const bool synced = GENERATE(true, false);
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  append_and_die(log, small_segments(), [synced](EventWriter& writer) {
    for (int i = 0; i < 4000; ++i) {
      append_text(writer, 0, std::string(1000, 'a'));
      if (i == 3950 && synced) must(writer.sync());
    }
  });
  CountingReads files;
  const Log again = must(Log::open(log.path(), {}, files));
  const uint64_t log_bytes = 4000 * 1000;
  {
    const EventWriter writer = must(again.writer(0, small_segments()));
    if (!synced) CHECK(files.bytes_read > log_bytes);  // all of it had to be made durable
    if (synced) CHECK(files.bytes_read < log_bytes / 4);
  }
  files.bytes_read = 0;
  const EventWriter writer = must(again.writer(0, small_segments()));
  CHECK(files.bytes_read < log_bytes / 4);  // now it was closed
}
