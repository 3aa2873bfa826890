// TIDEMARK_TEST_ROUNDS=<n> takes so many snapshots, and raw copies, of a live log.

#include "tidemark/snapshot.h"

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <set>
#include <thread>

#include "paths.h"
#include "stream_directory.h"
#include "support/catch.h"
#include "support/forwarding_files.h"
#include "support/log_files.h"
#include "support/random_log.h"
#include "support/seed.h"
#include "support/temporary_directory.h"
#include "support/unsynced_files.h"
#include "tidemark/salvage.h"
#include "tidemark/verify.h"

using namespace tidemark;
using namespace tidemark::test;

namespace {

constexpr uint32_t kStreams = 2;

WriterOptions small() {
  WriterOptions options;
  options.sync = SyncPolicy::none();
  options.segment_bytes = kMinSegmentBytes;
  return options;
}

// The texts of a stream up to where it can be read.
std::vector<std::string> texts_of(const Log& log, uint32_t stream, bool must_be_sound = true) {
  const ReadBack all = read_all(log, stream);
  if (must_be_sound && all.error) FAIL(all.error->text());
  return all.events;
}

bool is_prefix(const std::vector<std::string>& part, const std::vector<std::string>& whole) {
  return part.size() <= whole.size() && std::equal(part.begin(), part.end(), whole.begin());
}

void require_sound(const std::string& path) {
  const auto verdict = must(verify_log(path));
  for (const auto& stream : verdict.streams) {
    for (const Error& error : stream.damage) UNSCOPED_INFO(error.text());
  }
  for (const Error& error : verdict.log_damage) UNSCOPED_INFO(error.text());
  REQUIRE_FALSE(verdict.damaged());
}

// Writes to a log as far as it is let, rolling every few dozen events; now and then it closes and
// opens again.
class BusyLog {
 public:
  explicit BusyLog(std::string path, FileSeam& files = system_files())
      : path_(std::move(path)), log_(must(Log::open(path_, {.peers = kStreams}, files))) {
    for (uint32_t stream = 0; stream < kStreams; ++stream) {
      writers_.push_back(must(log_.writer(stream, small())));
    }
    thread_ = std::thread([this] { run(); });
  }
  ~BusyLog() { stop(); }

  void stop() {
    stopped_ = true;
    if (thread_.joinable()) thread_.join();
    for (EventWriter& writer : writers_) must(writer.close());
    writers_.clear();
  }
  const Log& log() const { return log_; }
  // Lets it write `steps` more, and returns once some of them are written.
  void go_on(uint64_t steps, uint64_t some) {
    const uint64_t target = time_.load() + some;
    limit_ = time_.load() + steps;
    while (time_.load() < target) std::this_thread::yield();
  }

 private:
  void run() {
    std::mt19937_64 random(7);
    while (!stopped_) {
      const uint64_t time = time_.load();
      if (time >= limit_) {
        std::this_thread::yield();
        continue;
      }
      for (EventWriter& writer : writers_) {
        append_text(writer, time, std::to_string(time) + std::string(random() % 3000, 'x'));
        advance(writer, time, time + 1);
      }
      if (random() % 200 == 0) {
        must(writers_[0].close());
        writers_[0] = must(log_.writer(0, small()));
      }
      time_ = time + 1;
    }
  }

  std::string path_;
  Log log_;
  std::vector<EventWriter> writers_;
  std::atomic<bool> stopped_{false};
  std::atomic<uint64_t> time_{0};
  std::atomic<uint64_t> limit_{0};
  std::thread thread_;
};

// As a purge does it: says so first, then unlinks.
void purge_to(const Log& log, uint32_t stream, uint64_t position) {
  const std::string directory = stream_path(log.path(), stream);
  must(write_purged(log.files(), directory, position));
  for (const uint64_t first : must(list_segment_names(log.files(), directory))) {
    if (first < position) std::filesystem::remove(segment_path(directory, first));
  }
}

// A log of one stream with several segments, closed.
Log closed_log(const std::string& path, FileSeam& files = system_files()) {
  const Log log = must(Log::open(path, {}, files));
  auto writer = must(log.writer(0, small()));
  for (uint64_t time = 0; time < 200; ++time) {
    append_text(writer, time, std::string(1500, 'x'));
    advance(writer, time, time + 1);
  }
  must(writer.close());
  return log;
}

std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

// A log of moderate length each: all of it is verified after each snapshot.
constexpr int kSnapshotsPerLog = 30;

void take_snapshots(uint64_t seed, int rounds, uint64_t& linked) {
  INFO("seed " << seed);
  const TemporaryDirectory directory;
  UnsyncedFiles files;
  std::mt19937_64 random(seed);
  BusyLog busy(directory / "log", files);
  std::vector<std::vector<std::vector<std::string>>> seen(kStreams);
  for (int round = 0; round < rounds; ++round) {
    busy.go_on(40 + random() % 40, random() % 40);
    const std::string copy = directory / "copy";
    const auto report = must(snapshot_log(busy.log(), copy));
    REQUIRE(names_in(directory.path()) == std::vector<std::string>{"copy", "log"});
    require_sound(copy);
    const Log log = must(Log::open(copy, {.create_if_missing = false}));
    REQUIRE(log.uuid() == busy.log().uuid());
    for (uint32_t stream = 0; stream < kStreams; ++stream) {
      linked += report.streams[stream].linked;
      seen[stream].push_back(texts_of(log, stream));
      auto reader = must(log.reader(stream));
      while (must(reader.poll()) == EventReader::Status::Event) {
      }
      REQUIRE(reader.position() == report.streams[stream].end);
    }
    // A writer of the copy leaves the log as it is, which shows below.
    if (round % 5 == 0) {
      auto writer = must(log.writer(1, small()));
      const auto counts = writer.protocol().counts();
      for (int i = 0; i < 100; ++i) {
        append_text(writer, counts.front().first.word(0), std::string(1000, 'y'));
      }
      must(writer.close());
      require_sound(copy);
    }
    std::filesystem::remove_all(copy);
  }
  busy.stop();
  require_sound(busy.log().path());
  for (uint32_t stream = 0; stream < kStreams; ++stream) {
    const auto whole = texts_of(busy.log(), stream);
    for (const auto& part : seen[stream]) REQUIRE(is_prefix(part, whole));
  }
}

void take_raw_copies(uint64_t seed, int rounds, int& cut) {
  INFO("seed " << seed);
  const TemporaryDirectory directory;
  UnsyncedFiles files;
  std::mt19937_64 random(seed);
  BusyLog busy(directory / "log", files);
  std::vector<std::vector<std::vector<std::string>>> read(kStreams);
  std::vector<std::vector<std::vector<std::string>>> saved(kStreams);
  for (int round = 0; round < rounds; ++round) {
    busy.go_on(50 + random() % 40, random() % 50);
    const std::string copy = directory / "copy";
    const std::string whole = directory / "saved";
    // Segments that are unlinked meanwhile are spares; their copy is passed over like any file.
    std::error_code error;
    while (std::filesystem::copy(busy.log().path(), copy, std::filesystem::copy_options::recursive,
                                 error),
           error) {
      std::filesystem::remove_all(copy);
    }
    const Log log = must(Log::open(copy, {.create_if_missing = false}));
    for (uint32_t stream = 0; stream < kStreams; ++stream) {
      const ReadBack all = read_all(log, stream);
      cut += all.error.has_value();
      read[stream].push_back(all.events);
    }
    must(salvage_log(copy, whole, {}, files));
    require_sound(whole);
    const Log saved_log = must(Log::open(whole, {.create_if_missing = false}));
    for (uint32_t stream = 0; stream < kStreams; ++stream) {
      saved[stream].push_back(texts_of(saved_log, stream));
    }
    std::filesystem::remove_all(copy);
    std::filesystem::remove_all(whole);
  }
  busy.stop();
  for (uint32_t stream = 0; stream < kStreams; ++stream) {
    const auto all = texts_of(busy.log(), stream);
    const std::set<std::string> known(all.begin(), all.end());
    for (size_t i = 0; i < read[stream].size(); ++i) {
      REQUIRE(is_prefix(read[stream][i], all));
      // All that could be read was saved, and of what lies behind a hole every record is one of the
      // log's; progress may be summed up there.
      REQUIRE(is_prefix(read[stream][i], saved[stream][i]));
      for (const std::string& text : saved[stream][i]) {
        if (text.find(':') != std::string::npos) REQUIRE(known.contains(text));
      }
    }
  }
}

}  // namespace

TEST_CASE("snapshots of a live log verify and are prefixes of the final one") {
  const int rounds = rounds_or(30);
  uint64_t linked = 0;
  for (int taken = 0; taken < rounds; taken += kSnapshotsPerLog) {
    take_snapshots(seed_or(6300) + static_cast<uint64_t>(taken),
                   std::min(kSnapshotsPerLog, rounds - taken), linked);
  }
  REQUIRE(linked > 0);
  WARN(rounds << " snapshots, " << linked << " segments linked");
}

TEST_CASE("what is read from raw copies of a live log is right, and recovery saves it") {
  const int rounds = rounds_or(15);
  int cut = 0;
  for (int taken = 0; taken < rounds; taken += kSnapshotsPerLog) {
    take_raw_copies(seed_or(6301) + static_cast<uint64_t>(taken),
                    std::min(kSnapshotsPerLog, rounds - taken), cut);
  }
  WARN(rounds << " raw copies, " << cut << " streams with a hole");
}

TEST_CASE("snapshots of random logs are the same logs") {
  const uint64_t first_seed = seed_or(6302);
  const int rounds = rounds_or(20);
  for (int round = 0; round < rounds; ++round) {
    const uint64_t seed = first_seed + static_cast<uint64_t>(round);
    INFO("seed " << seed);
    const TemporaryDirectory directory;
    UnsyncedFiles files;
    RandomLogOptions options;
    options.words = static_cast<uint8_t>(1 + round % 2);
    const Log log = RandomLogWriter(seed, directory / "log", options, files).write();
    const auto before = contents_of(log.path());
    must(snapshot_log(log, directory / "copy"));
    require_sound(directory / "copy");
    const Log copy = must(Log::open(directory / "copy", {.create_if_missing = false}));
    for (uint32_t stream = 0; stream < 2; ++stream) {
      REQUIRE(texts_of(copy, stream) == texts_of(log, stream));
      // Another writer of the copy changes nothing of the log.
      auto writer = copy.writer(stream, [&] {
        WriterOptions like = small();
        like.time.words = options.words;
        return like;
      }());
      if (writer) must(writer->close());
    }
    require_sound(directory / "copy");
    REQUIRE(contents_of(log.path()) == before);
  }
}

TEST_CASE("where files cannot be shared they are copied") {
  class Unlinked : public UnsyncedFiles {
   public:
    int link(const std::string& /*from*/, const std::string& /*to*/) override { return -EXDEV; }
    int clone(int /*from*/, int /*to*/) override { return -EOPNOTSUPP; }
  };
  const TemporaryDirectory directory;
  Unlinked files;
  const Log log = closed_log(directory / "log", files);
  const auto report = must(snapshot_log(log, directory / "copy"));
  CHECK(report.streams[0].linked == 0);
  CHECK(report.streams[0].copied == segment_paths(log.path()).size());
  require_sound(directory / "copy");
  const Log copy = must(Log::open(directory / "copy", {.create_if_missing = false}));
  CHECK(texts_of(copy, 0) == texts_of(log, 0));
}

TEST_CASE("complete segments are shared, the last is not") {
  const TemporaryDirectory directory;
  const Log log = closed_log(directory / "log");
  must(snapshot_log(log, directory / "copy"));
  const auto from = segment_paths(log.path());
  const auto to = segment_paths(directory / "copy");
  REQUIRE(from.size() == to.size());
  REQUIRE(from.size() > 3);
  for (size_t i = 0; i < from.size(); ++i) {
    CHECK(std::filesystem::equivalent(from[i], to[i]) == (i + 1 < from.size()));
    CHECK(std::filesystem::file_size(from[i]) == std::filesystem::file_size(to[i]));
  }
  // The log may go: the copy stays.
  const auto texts = texts_of(log, 0);
  std::filesystem::remove_all(log.path());
  require_sound(directory / "copy");
  CHECK(texts_of(must(Log::open(directory / "copy")), 0) == texts);
}

TEST_CASE("a snapshot knows how far its log was purged") {
  const TemporaryDirectory directory;
  const Log log = closed_log(directory / "log");
  const uint64_t earliest = first_position_of(segment_paths(log.path())[2]);
  purge_to(log, 0, earliest);
  must(snapshot_log(log, directory / "copy"));
  require_sound(directory / "copy");
  const Log copy = must(Log::open(directory / "copy"));
  CHECK(must(read_purged(copy.files(), stream_path(copy.path(), 0))).value_or(0) == earliest);
  CHECK(texts_of(copy, 0) == texts_of(log, 0));
}

TEST_CASE("a purge while segments are linked makes the snapshot begin again") {
  class Purging : public UnsyncedFiles {
   public:
    int link(const std::string& from, const std::string& to) override {
      if (!purged && from.ends_with(".seg") && log != nullptr) {
        purged = true;
        purge_to(*log, 0, first_position_of(segment_paths(log->path())[2]));
      }
      return UnsyncedFiles::link(from, to);
    }
    const Log* log = nullptr;
    bool purged = false;
  };
  const TemporaryDirectory directory;
  Purging files;
  const Log log = closed_log(directory / "log", files);
  files.log = &log;
  must(snapshot_log(log, directory / "copy"));
  REQUIRE(files.purged);
  require_sound(directory / "copy");
  CHECK(texts_of(must(Log::open(directory / "copy")), 0) == texts_of(log, 0));
}

TEST_CASE("a snapshot that fails leaves nothing behind") {
  class Failing : public UnsyncedFiles {
   public:
    int sync_data(int descriptor) override {
      return fails ? -EIO : UnsyncedFiles::sync_data(descriptor);
    }
    bool fails = false;
  };
  const TemporaryDirectory directory;
  Failing files;
  const Log log = closed_log(directory / "log", files);
  files.fails = true;
  const auto failed = snapshot_log(log, directory / "copy");
  REQUIRE_FALSE(failed);
  CHECK(failed.error().code == ErrorCode::Io);
  files.fails = false;
  CHECK(names_in(directory.path()) == std::vector<std::string>{"log"});
  // Where something stands nothing is made.
  std::filesystem::create_directory(directory / "copy");
  const auto refused = snapshot_log(log, directory / "copy/");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::AlreadyExists);
  CHECK(names_in(directory.path()) == std::vector<std::string>{"copy", "log"});
}

TEST_CASE("a damaged log is not copied where that shows") {
  const TemporaryDirectory directory;
  const Log log = closed_log(directory / "log");
  flip_byte(segment_paths(log.path())[1], 300);
  const auto refused = snapshot_log(log, directory / "copy");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::Corrupt);
  CHECK(names_in(directory.path()) == std::vector<std::string>{"log"});
}
