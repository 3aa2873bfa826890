#include "tidemark/purge.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "lease.h"
#include "paths.h"
#include "segment.h"
#include "store/timed_log.h"
#include "stream_directory.h"
#include "support/catch.h"
#include "support/forwarding_files.h"
#include "support/log_files.h"
#include "support/seed.h"
#include "support/soundness.h"
#include "support/stream_helpers.h"
#include "support/temporary_directory.h"
#include "tidemark/catalog.h"
#include "tidemark/survey.h"

using namespace tidemark;
using namespace tidemark::test;
using namespace std::chrono_literals;

TEST_CASE("A purge takes whole segments before a time and what is left reads on") {
  const TemporaryDirectory directory;
  const Log log = written_log(directory / "log");
  const ReadBack all = read_all(log);
  const auto segments = segment_paths(log.path());
  REQUIRE(segments.size() > 8);

  const StreamPurge dry = must(purge_stream(log, 0, before(100), /*dry_run=*/true));
  CHECK(segment_paths(log.path()) == segments);
  CHECK_FALSE(std::filesystem::exists(purged_path(directory_of(log))));

  const StreamPurge purge = must(purge_stream(log, 0, before(100)));
  CHECK(purge.segments == dry.segments);
  CHECK(purge.records == dry.records);
  CHECK(purge.disk_bytes == dry.disk_bytes);
  CHECK(purge.purged_upto == dry.purged_upto);
  CHECK(purge.unlinked == purge.segments);
  CHECK(purge.kept_for == KeptFor::Policy);
  const auto left = segment_paths(log.path());
  CHECK(left.size() == segments.size() - purge.segments);
  CHECK(first_position_of(left.front()) == purge.purged_upto);
  const ReadBack rest = read_all(log);
  REQUIRE_FALSE(rest.error);
  CHECK(ends_with(all.events, rest.events));
  CHECK(rest.events.size() == all.events.size() - 2 * purge.records);
  // As many as whole segments allow: the first that is left holds a time from 100 on.
  CHECK(purge.records <= 100);
  CHECK(purge.records > 70);
  CHECK(is_sound(log));
  CHECK(must(survey_stream(log, 0)).purged_upto == purge.purged_upto);

  const StreamPurge again = must(purge_stream(log, 0, before(100)));
  CHECK(again.segments == 0);
  CHECK(again.unlinked == 0);
  CHECK(again.purged_upto == purge.purged_upto);
  EventWriter writer = must(log.writer(0, small_segments()));
  CHECK(writer.protocol().frontier().elements() == std::vector<Time>{Time(uint64_t{200})});
}

TEST_CASE("A purge never removes the last segment, whatever the policy and force") {
  const TemporaryDirectory directory;
  const Log log = written_log(directory / "log");
  RetentionPolicy all = before(1'000'000);
  all.force = true;
  const StreamPurge purge = must(purge_stream(log, 0, all));
  CHECK(purge.kept_for == KeptFor::Last);
  CHECK(segment_paths(log.path()).size() == 1);
  const ReadBack rest = read_all(log);
  REQUIRE_FALSE(rest.error);
  CHECK(rest.events.size() > 0);
  CHECK(is_sound(log));
  EventWriter writer = must(log.writer(0, small_segments()));
  write_times(writer, 200, 300);
  must(writer.close());
  CHECK(read_all(log).events.back() == "299-1 300+1");
  CHECK(is_sound(log));
}

TEST_CASE("A purge of a stream without a segment takes nothing") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  const StreamPurge purge = must(purge_stream(log, 0, before(1)));
  CHECK(purge.segments == 0);
  CHECK(purge.kept_for == KeptFor::Nothing);
}

TEST_CASE("Segments with times that the frontier has not passed stay") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  EventWriter writer = must(log.writer(0, small_segments()));
  const Change hold[] = {{uint64_t{50}, 1}};
  must(writer.append_progress(hold));  // beside the one that moves on
  write_times(writer, 0, 50);
  const Change pass[] = {{uint64_t{50}, -1}, {uint64_t{1000}, 1}};
  must(writer.append_progress(pass));
  write_times(writer, 1000, 1200);  // while a capability at 50 is held
  must(writer.sync());
  const StreamPurge kept = must(purge_stream(log, 0, before(5000)));
  CHECK(kept.kept_for == KeptFor::Incomplete);
  CHECK(kept.records <= 50);
  const Change release[] = {{uint64_t{50}, -1}};
  must(writer.append_progress(release));
  // Not durable yet: after a power loss the capability would be there again.
  CHECK(must(purge_stream(log, 0, before(5000))).segments == 0);
  must(writer.sync());
  CHECK(must(purge_stream(log, 0, before(5000))).segments > 0);
  CHECK(is_sound(log));
}

TEST_CASE("Where times are partially ordered a segment goes only when all of them are before") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  WriterOptions options = small_segments();
  options.time.words = 2;
  options.time_name = "(u64, u64)";
  const auto pair = [&](uint64_t a, uint64_t b) {
    const std::array<uint64_t, 2> words = {a, b};
    return Time(options.time, words);
  };
  {
    EventWriter writer = must(log.writer(0, options));
    const std::string text(3000, 'x');
    const std::string_view records[] = {text};
    for (uint64_t i = 0; i < 100; ++i) {
      const std::array<uint64_t, 2> words = {i, 100 - i};
      must(writer.append_messages(words, records));
    }
    const Change changes[] = {{pair(0, 0), -1}, {pair(200, 0), 1}};
    must(writer.append_progress(changes));
    must(writer.close());
  }
  RetentionPolicy policy;
  policy.before = pair(90, 50);  // not after (0, 100)
  CHECK(must(purge_stream(log, 0, policy)).segments == 0);
  policy.before = Time(uint64_t{5});
  CHECK(purge_stream(log, 0, policy).error().code == ErrorCode::InvalidArgument);
  policy.before = pair(50, 101);
  const StreamPurge purge = must(purge_stream(log, 0, policy));
  CHECK(purge.records > 20);
  CHECK(purge.records <= 50);
  CHECK(is_sound(log));
}

TEST_CASE("By bytes and by age, a segment goes only where both let it") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  const uint64_t now = system_files().now_ns();
  {
    WriterOptions options = small_segments();
    options.clock = CaptureClock::Supplied;
    EventWriter writer = must(log.writer(0, options));
    for (uint64_t i = 0; i < 200; ++i) {
      writer.set_captured_at(now - (200 - i) * 60'000'000'000);  // one a minute, up to now
      write_times(writer, i, i + 1);
    }
    must(writer.close());
  }
  const auto disk = [&] {
    uint64_t bytes = 0;
    for (const SegmentSurvey& s : must(survey_stream(log, 0)).segments) bytes += s.disk_bytes;
    return bytes;
  };
  const uint64_t whole = disk();
  RetentionPolicy policy;
  policy.keep_time = 150min;
  policy.keep_bytes = whole - 3 * kMinSegmentBytes;
  CHECK(must(purge_stream(log, 0, policy, true)).records < 50);
  policy.keep_bytes = whole;
  CHECK(must(purge_stream(log, 0, policy, true)).segments == 0);
  policy.keep_bytes.reset();
  const StreamPurge by_age = must(purge_stream(log, 0, policy, true));
  CHECK(by_age.records > 20);
  CHECK(by_age.records <= 50);
  policy.keep_time.reset();
  policy.keep_bytes = whole / 2;
  const StreamPurge by_bytes = must(purge_stream(log, 0, policy));
  CHECK(by_bytes.segments > 0);
  CHECK(disk() >= whole / 2);
  CHECK(disk() < whole / 2 + 2 * kMinSegmentBytes);
  policy.keep_bytes.reset();
  CHECK(purge_stream(log, 0, policy).error().code == ErrorCode::InvalidArgument);
}

TEST_CASE("Nothing goes that is not followed by something durable") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  EventWriter writer = must(log.writer(0, small_segments()));
  write_times(writer, 0, 100);
  CHECK(must(purge_stream(log, 0, before(1000))).segments == 0);
  const uint64_t durable = must(writer.sync());
  write_times(writer, 100, 200);
  RetentionPolicy forced = before(1000);
  forced.force = true;
  const StreamPurge purge = must(purge_stream(log, 0, forced));
  CHECK(purge.segments > 0);
  CHECK(purge.purged_upto < durable);
  CHECK(purge.records < 100);
  // The power goes: all but what was durable is lost.
  copy_log(log.path(), directory / "lost");
  for (const std::string& path : segment_paths(directory / "lost")) {
    const uint64_t first = first_position_of(path);
    const uint64_t from = std::max(durable, first) - first;
    if (from < kMinSegmentBytes) write_at(path, from, std::string(kMinSegmentBytes - from, '\0'));
  }
  std::filesystem::remove(control_path(stream_path(directory / "lost", 0)));
  const Log lost = must(Log::open(directory / "lost"));
  EventWriter next = must(lost.writer(0, small_segments()));
  CHECK(next.recovery().previous_end == durable);
  CHECK(next.protocol().frontier().elements() == std::vector<Time>{Time(uint64_t{100})});
}

TEST_CASE("Without a control page, what the frames say was durable counts") {
  const TemporaryDirectory directory;
  const Log log = written_log(directory / "log");
  std::filesystem::remove(control_path(directory_of(log)));
  CHECK(must(purge_stream(log, 0, before(1000))).segments > 0);  // the seal of a closed stream says

  const Log open = must(Log::open(directory / "open"));
  {
    EventWriter writer = must(open.writer(0, small_segments()));
    write_times(writer, 0, 100);
    copy_log(open.path(), directory / "killed");
  }
  std::filesystem::remove(control_path(stream_path(directory / "killed", 0)));
  const Log killed = must(Log::open(directory / "killed"));
  CHECK(must(purge_stream(killed, 0, before(1000))).segments == 0);
  must(must(killed.writer(0, small_segments())).close());  // recovery makes all of it durable
  CHECK(must(purge_stream(killed, 0, before(1000))).segments > 0);
  CHECK(is_sound(killed));
}

TEST_CASE("A segment without a seal is walked to know what it holds") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  {
    EventWriter writer = must(log.writer(0, small_segments()));
    write_times(writer, 0, 10);
    copy_log(log.path(), directory / "killed");
  }
  const Log killed = must(Log::open(directory / "killed"));
  {
    EventWriter writer = must(killed.writer(0, small_segments()));
    write_times(writer, 10, 20);
    must(writer.close());
  }
  CHECK(must(survey_stream(killed, 0)).segments.at(0).state == SegmentState::Abandoned);
  CHECK(must(purge_stream(killed, 0, before(9))).kept_for == KeptFor::Policy);
  const StreamPurge purge = must(purge_stream(killed, 0, before(10)));
  CHECK(purge.segments == 1);
  CHECK(purge.records == 10);
  CHECK(is_sound(killed));
}

TEST_CASE("A damaged stream is not purged") {
  const TemporaryDirectory directory;
  const Log log = written_log(directory / "log");
  const auto segments = segment_paths(log.path());
  SECTION("a broken seal") {
    const auto frames = frames_of(segments.at(2));
    flip_byte(segments.at(2), frames.back().offset + 40);
  }
  SECTION("a missing segment") { std::filesystem::remove(segments.at(2)); }
  SECTION("a broken header") { flip_byte(segments.at(2), 300); }
  const size_t before_purge = segment_paths(log.path()).size();
  const auto purged = purge_stream(log, 0, before(1000));
  REQUIRE_FALSE(purged);
  CHECK((purged.error().code == ErrorCode::Corrupt || purged.error().code == ErrorCode::Missing));
  CHECK(segment_paths(log.path()).size() == before_purge);
}

TEST_CASE("A purge takes so many segments a call and goes on where it left off") {
  const TemporaryDirectory directory;
  const Log log = written_log(directory / "log");
  const size_t segments = segment_paths(log.path()).size();
  RetentionPolicy policy = before(1'000);
  policy.max_segments = 3;
  Retention retention(log, policy);
  CHECK(retention.streams() == 1);
  size_t gone = 0;
  for (;;) {
    const StreamPurge step = must(retention.step());
    CHECK(step.segments <= 3);
    gone += step.segments;
    if (step.kept_for != KeptFor::Bound) break;
  }
  CHECK(gone == segments - 1);
  CHECK(segment_paths(log.path()).size() == 1);
}

TEST_CASE("One purge of a stream at a time, and no writer or reader waits for one") {
  const TemporaryDirectory directory;
  const Log log = written_log(directory / "log");
  const PurgeLock lock = must(PurgeLock::acquire(system_files(), directory_of(log), 0));
  const auto second = purge_stream(log, 0, before(1000));
  REQUIRE_FALSE(second);
  CHECK(second.error().code == ErrorCode::Busy);
  CHECK(purge_stream(log, 0, before(1000), /*dry_run=*/true));
  CHECK(read_all(log).events.size() == 400);
  EventWriter writer = must(log.writer(0, small_segments()));
  write_times(writer, 200, 220);
  must(writer.close());
}

TEST_CASE("What a cursor needs stays unless forced, and cursors alone may say what goes") {
  const TemporaryDirectory directory;
  const Log log = written_log(directory / "log");
  EventReader reader = must(log.reader(0));
  uint64_t boundary = 0;  // the logical end of a segment
  for (int i = 0; i < 150; ++i) {
    const uint64_t segment = reader.segment()->first_position();
    const uint64_t position = reader.position();
    must(reader.poll());
    if (reader.segment()->first_position() != segment) boundary = position;
  }
  const uint64_t position = reader.position();
  const uint64_t segment = reader.segment()->first_position();
  reader = must(log.reader(0, ReaderOptions{.leasing = Leasing::None}));
  RetentionPolicy to_cursors;
  to_cursors.to_cursors = true;
  CHECK(must(purge_stream(log, 0, to_cursors, true)).segments == 0);  // no cursor at all
  CHECK_FALSE(std::filesystem::exists(catalog_path(log.path())));

  Catalog catalog = must(Catalog::open(log));
  must(catalog.put_cursor({"slow", 1, {{0, position}}}));
  must(catalog.put_cursor({"fast", 1, {{0, position + 100'000}}}));
  must(catalog.put_cursor({"elsewhere", 1, {{7, 0}}}));
  const StreamPurge kept = must(purge_stream(log, 0, before(1000), true));
  CHECK(kept.kept_for == KeptFor::Cursor);
  CHECK(kept.cursor == "slow");
  CHECK(kept.purged_upto == segment);
  CHECK(must(purge_stream(log, 0, to_cursors, true)).purged_upto == segment);
  // At the end of a segment a consumer needs only what follows.
  must(catalog.put_cursor({"slow", 1, {{0, boundary}}}));
  const uint64_t follows = must(purge_stream(log, 0, to_cursors, true)).purged_upto;
  CHECK(must(log.reader(0, ReaderOptions{.position = boundary})).position() == boundary);
  CHECK(follows > boundary);
  must(purge_stream(log, 0, to_cursors));
  CHECK(must(log.reader(0, ReaderOptions{.position = boundary})).segment()->first_position() ==
        follows);
  RetentionPolicy forced = before(1000);
  forced.force = true;
  CHECK(must(purge_stream(log, 0, forced)).kept_for == KeptFor::Last);
}

TEST_CASE("A catalog that cannot be read stops a purge unless forced, and none stops nothing") {
  const TemporaryDirectory directory;
  const Log log = written_log(directory / "log");
  must(must(Catalog::open(log)).put_cursor({"mine", 1, {{0, 0}}}));
  const std::string data = catalog_data_path(log.path());
  RetentionPolicy policy = before(100);
  SECTION("deleted") {
    std::filesystem::remove_all(catalog_path(log.path()));
    CHECK(must(purge_stream(log, 0, policy)).segments > 0);
    CHECK_FALSE(std::filesystem::exists(catalog_path(log.path())));
  }
  SECTION("damaged") {
    write_at(data, 8192, std::string(read_file(data).size() - 8192, '\x5A'));
    const auto refused = purge_stream(log, 0, policy);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::Corrupt);
    CHECK(refused.error().message.find("cursors may need") != std::string::npos);
    policy.force = true;
    CHECK(must(purge_stream(log, 0, policy)).segments > 0);
    policy.to_cursors = true;
    CHECK_FALSE(purge_stream(log, 0, policy));
  }
  CHECK(is_sound(log));
}

namespace {

// From call `dies_at` on nothing is done any more: what is on disk is what a kill leaves. What was
// not synced by then may be lost with the power, each call by itself.
class DyingFiles : public PathTrackingFiles {
 public:
  explicit DyingFiles(uint64_t dies_at) : dies_at_(dies_at) {}

  int open(const std::string& path, OpenMode mode) override {
    if (mode == OpenMode::Create && !counted()) return -EIO;
    return PathTrackingFiles::open(path, mode);
  }
  int write(int descriptor, std::span<const std::byte> bytes, uint64_t offset) override {
    if (!counted()) return -EIO;
    unsynced_.insert(path_of(descriptor));
    return PathTrackingFiles::write(descriptor, bytes, offset);
  }
  int sync_all(int descriptor) override {
    if (!counted()) return -EIO;
    unsynced_.erase(path_of(descriptor));
    return PathTrackingFiles::sync_all(descriptor);
  }
  int rename_over(const std::string& from, const std::string& to) override {
    if (!counted()) return -EIO;
    undo_.push_back(
        {to, std::filesystem::exists(to) ? std::optional(read_file(to)) : std::nullopt});
    if (unsynced_.erase(from) > 0) unsynced_.insert(to);
    return PathTrackingFiles::rename_over(from, to);
  }
  int remove_file(const std::string& path) override {
    if (!counted()) return -EIO;
    if (std::filesystem::exists(path)) undo_.push_back({path, read_file(path)});
    return PathTrackingFiles::remove_file(path);
  }
  int sync_directory(const std::string& path) override {
    if (!counted()) return -EIO;
    undo_.clear();
    return PathTrackingFiles::sync_directory(path);
  }

  uint64_t calls() const { return calls_; }
  bool died() const { return calls_ >= dies_at_; }

  // What may be on the disk afterwards: of the calls that no sync followed, some.
  void lose_power(std::mt19937_64& random) {
    for (const std::string& path : unsynced_) {
      if (std::filesystem::exists(path)) std::filesystem::resize_file(path, random() % 25);
    }
    for (auto at = undo_.rbegin(); at != undo_.rend(); ++at) {
      if (random() % 2 == 0) continue;
      std::filesystem::remove(at->path);
      if (at->content) std::ofstream(at->path, std::ios::binary) << *at->content;
    }
  }

 private:
  struct Undo {
    std::string path;
    std::optional<std::string> content;
  };
  bool counted() { return ++calls_ <= dies_at_; }

  uint64_t dies_at_;
  uint64_t calls_ = 0;
  std::set<std::string> unsynced_;
  std::vector<Undo> undo_;
};

}  // namespace

TEST_CASE("A purge that is killed or loses its power at any call leaves a sound stream") {
  const uint64_t seed = seed_or(6'000'001);
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  const TemporaryDirectory directory;
  const Log whole = written_log(directory / "whole", 120);
  const std::vector<std::string> all = read_all(whole).events;
  // The second purge finds what the first one left.
  must(purge_stream(whole, 0, before(20)));
  uint64_t last_call = 0;
  const int images = rounds_or(4);
  for (uint64_t dies_at = 0; last_call == 0 || dies_at <= last_call; ++dies_at) {
    for (int image = 0; image < images; ++image) {
      INFO("dies at call " << dies_at << ", image " << image);
      const std::string path = directory / "killed";
      std::filesystem::remove_all(path);
      copy_log(whole.path(), path);
      DyingFiles files(dies_at);
      const auto purge = purge_stream(must(Log::open(path, {}, files)), 0, before(90));
      CHECK(purge.has_value() == (files.calls() <= dies_at));
      if (purge) last_call = files.calls();
      if (image > 0) files.lose_power(random);

      const Log log = must(Log::open(path));
      CHECK(is_sound(log));
      const ReadBack left = read_all(log);
      INFO((left.error ? left.error->text() : ""));
      REQUIRE_FALSE(left.error);
      CHECK(ends_with(all, left.events));
      CHECK(left.events.size() >= 60);
      // A writer opens it as it is, and the next purge finishes the job.
      {
        EventWriter writer = must(log.writer(0, small_segments()));
        CHECK(writer.totals().records == 120);
        write_times(writer, 120, 122);
        must(writer.close());
      }
      must(purge_stream(log, 0, before(90)));
      const auto segments = segment_paths(log.path());
      const uint64_t purged = *must(read_purged(system_files(), directory_of(log)));
      CHECK(first_position_of(segments.front()) == purged);
      CHECK(ends_with(read_all(log).events, {"121:121" + std::string(3000, '.'), "121-1 122+1"}));
      CHECK_FALSE(std::filesystem::exists(purged_path(directory_of(log)) + ".new"));
      CHECK(is_sound(log));
    }
  }
  CHECK(last_call > 6);
}

TEST_CASE("A disk that is full when a purge begins fails it cleanly") {
  const TemporaryDirectory directory;
  const Log log = written_log(directory / "log");
  class FullDisk : public ForwardingFiles {
   public:
    int write(int /*descriptor*/, std::span<const std::byte> /*bytes*/,
              uint64_t /*offset*/) override {
      return -ENOSPC;
    }
  } files;
  const Log full = must(Log::open(log.path(), {}, files));
  CHECK(purge_stream(full, 0, before(100)).error().code == ErrorCode::NoSpace);
  CHECK(read_all(log).events.size() == 400);
  CHECK(must(purge_stream(log, 0, before(100))).segments > 0);
}

namespace {

// A purge passes right before, or right after, the stream is listed for the first time.
class PurgesAtListing : public ForwardingFiles {
 public:
  PurgesAtListing(Log log, bool first) : log_(std::move(log)), before_(first) {}

  int list(const std::string& path, std::vector<std::string>& names) override {
    const bool due = !done_ && path == directory_of(log_);
    if (due && before_) purge();
    const int answer = ForwardingFiles::list(path, names);
    if (due && !before_) purge();
    return answer;
  }
  bool done() const { return done_; }

 private:
  void purge() {
    done_ = true;
    CHECK(must(purge_stream(log_, 0, before(100))).segments > 3);
  }

  Log log_;
  bool before_;
  bool done_ = false;
};

}  // namespace

TEST_CASE("Whoever looks at a stream while a purge passes takes it for no loss") {
  const TemporaryDirectory directory;
  const Log plain = written_log(directory / "log");
  const ReadBack all = read_all(plain);
  const bool first = GENERATE(true, false);
  INFO("the purge comes " << (first ? "before" : "after") << " the listing");
  PurgesAtListing files(plain, first);
  const Log log = must(Log::open(plain.path(), {}, files));
  SECTION("a survey") {
    const StreamSurvey survey = must(survey_stream(log, 0));
    if (survey.damage) UNSCOPED_INFO(survey.damage->text());
    CHECK_FALSE(survey.damage);
    CHECK(survey.totals.records == 200);
  }
  SECTION("a verification") {
    const VerifyReport report = must(verify_log(log.path(), {}, files));
    for (const Error& error : report.streams.at(0).damage) UNSCOPED_INFO(error.text());
    CHECK_FALSE(report.damaged());
  }
  SECTION("a writer") {
    EventWriter writer = must(log.writer(0, small_segments()));
    CHECK(writer.totals().records == 200);
  }
  SECTION("a reader") {
    const ReadBack rest = read_all(log);
    INFO((rest.error ? rest.error->text() : ""));
    REQUIRE_FALSE(rest.error);
    CHECK(ends_with(all.events, rest.events));
    CHECK(rest.events.size() < all.events.size());
  }
  SECTION("a reader at a position") {
    const auto reader = log.reader(0, ReaderOptions{.position = 4096 + 100'000});
    REQUIRE_FALSE(reader);
    CHECK(reader.error().code == ErrorCode::Purged);
  }
  CHECK(files.done());
  CHECK(is_sound(plain));
}
