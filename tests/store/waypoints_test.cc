// Waypoints: where the writer puts them, that whoever walks holds them to be true, and that a
// reader which begins at one begins right. Records of some hundred KiB make a few of them cheap.

#include <algorithm>
#include <cstring>

#include "support/catch.h"
#include "support/counted_reads.h"
#include "support/log_files.h"
#include "support/stream_helpers.h"
#include "support/temporary_directory.h"
#include "support/unsynced_files.h"
#include "tidemark/encode.h"
#include "tidemark/log.h"
#include "tidemark/salvage.h"
#include "tidemark/seek.h"
#include "tidemark/snapshot.h"
#include "tidemark/verify.h"

using namespace tidemark;
using namespace tidemark::test;

namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr uint64_t kLargest = 4 * kMiB;

WriterOptions options_of(uint64_t segment_bytes = kLargest) {
  WriterOptions options;
  options.sync = SyncPolicy::none();
  options.segment_bytes = segment_bytes;
  return options;
}

// Segments of 1, 2 and 4 MiB and the beginning of another one, with progress among the messages.
uint64_t write_events(EventWriter& writer, uint64_t time = 0, int events = 260) {
  for (int i = 0; i < events; ++i) {
    append_text(writer, time + static_cast<uint64_t>(i % 3),
                std::to_string(i) + std::string(40'000, '.'));
    if (i % 4 == 3) {
      advance(writer, time, time + 1);
      ++time;
    }
  }
  return time;
}
void write_closed_log(const std::string& path, FileSeam& files) {
  const Log log = must(Log::open(path, {}, files));
  EventWriter writer = must(log.writer(0, options_of()));
  write_events(writer);
  must(writer.close());
}

std::vector<FrameAt> waypoints_in(const std::vector<FrameAt>& frames) {
  std::vector<FrameAt> waypoints;
  for (const FrameAt& frame : frames) {
    if (frame.kind == FrameKind::Waypoint) waypoints.push_back(frame);
  }
  return waypoints;
}

// Copied to where FlatBuffers' alignment holds.
std::vector<uint64_t> aligned(std::span<const std::byte> payload) {
  std::vector<uint64_t> words(payload.size() / 8 + 1);
  std::memcpy(words.data(), payload.data(), payload.size());
  return words;
}
std::span<const std::byte> bytes_of(const std::vector<uint64_t>& words, size_t size) {
  return {reinterpret_cast<const std::byte*>(words.data()), size};
}

Seal seal_in(const std::string& segment, const FrameAt& frame) {
  const std::string file = read_file(segment);
  const auto bytes = std::as_bytes(std::span(file)).subspan(frame.offset);
  uint32_t length = 0;
  std::memcpy(&length, bytes.data(), sizeof length);
  const auto payload = bytes.subspan(sizeof(FrameHeader), length - sizeof(FrameHeader));
  return must(decode_seal(bytes_of(aligned(payload), payload.size()), TimeShape{}));
}

template <typename Change>
void forge_waypoint(const std::string& segment, const FrameAt& at, Change change) {
  forge_frame(segment, at.offset, [&](FrameHeader&, std::vector<std::byte>& payload) {
    Checkpoint waypoint =
        must(decode_checkpoint(bytes_of(aligned(payload), payload.size()), TimeShape{}));
    change(waypoint);
    payload = encode_checkpoint(TimeShape{}, waypoint);
  });
}

std::optional<Error> damage_of(const std::string& log) {
  const VerifyReport report = must(verify_log(log));
  for (const StreamVerdict& stream : report.streams) {
    if (!stream.damage.empty()) return stream.damage.front();
  }
  return std::nullopt;
}

// Appends until the second segment is to have a waypoint before its next event. Returns its path.
std::string fill_to_waypoint(EventWriter& writer, const Log& log) {
  while (segment_paths(log.path()).size() < 2 ||
         writer.committed() < first_position_of(segment_paths(log.path())[1]) + kMiB) {
    append_text(writer, 0, std::string(40'000, 'x'));
  }
  return segment_paths(log.path())[1];
}

}  // namespace

TEST_CASE("A waypoint stands before the first event a MiB on, and the seal names all of them") {
  const TemporaryDirectory directory;
  UnsyncedFiles files;
  write_closed_log(directory / "log", files);
  const auto segments = segment_paths(directory / "log");
  REQUIRE(segments.size() >= 4);
  size_t found = 0;
  for (const std::string& path : segments) {
    INFO(path);
    const auto frames = frames_of(path);
    REQUIRE(frames.back().kind == FrameKind::Seal);
    uint64_t due = kWaypointBytes;
    std::vector<uint64_t> positions;
    for (size_t i = 0; i < frames.size(); ++i) {
      const FrameAt& frame = frames[i];
      if (frame.kind == FrameKind::Waypoint) {
        // The next frame is an event, and this is the first place for one.
        CHECK(frame.offset >= due);
        CHECK(frames[i + 1].kind <= FrameKind::Messages);
        positions.push_back(first_position_of(path) + frame.offset);
        due = frame.offset + kWaypointBytes;
      } else if (frame.kind <= FrameKind::Messages) {
        CHECK(frame.offset < due);
      }
    }
    CHECK(seal_in(path, frames.back()).waypoints == positions);
    CHECK(seal_in(path, frames.back()).sections.size() ==
          (positions.empty() ? 0 : positions.size() + 1));
    if (header_of(path).segment_bytes <= kWaypointBytes) CHECK(positions.empty());
    found += positions.size();
  }
  CHECK(found >= 5);
  CHECK_FALSE(damage_of(directory / "log"));
}

TEST_CASE("Many events by one call pass no waypoint that is due") {
  const TemporaryDirectory directory;
  UnsyncedFiles files;
  const Log log = must(Log::open(directory / "log", {}, files));
  EventWriter writer = must(log.writer(0, options_of()));
  const std::string text(3000, 'x');
  const std::vector<std::string_view> records(3000, text);
  std::vector<uint64_t> times(records.size());
  for (size_t i = 0; i < times.size(); ++i) times[i] = i / 7;
  must(writer.append_each(times, records));
  must(writer.close());
  const auto segments = segment_paths(log.path());
  REQUIRE(segments.size() >= 4);
  CHECK(waypoints_in(frames_of(segments[1])).size() == 1);
  CHECK(waypoints_in(frames_of(segments[2])).size() == 3);
  CHECK_FALSE(damage_of(directory / "log"));
}

TEST_CASE("Large segments have no more waypoints than a seal can name") {
  CHECK(waypoint_distance(kMinSegmentBytes) == kMiB);
  CHECK(waypoint_distance(128 * kMiB) == kMiB);
  CHECK(waypoint_distance(256 * kMiB) == 2 * kMiB);
  for (uint64_t bytes = kMiB; bytes <= kMaxSegmentBytes; bytes += kPageBytes * 1021) {
    REQUIRE(bytes / waypoint_distance(bytes) <= kMaxWaypoints);
  }
}

TEST_CASE("A waypoint that does not fit beside its event is left out and nothing rolls for it") {
  const uint64_t spared = GENERATE(uint64_t{0}, uint64_t{64}, uint64_t{400});
  const TemporaryDirectory directory;
  UnsyncedFiles files;
  const Log log = must(Log::open(directory / "log", {}, files));
  EventWriter writer = must(log.writer(0, options_of(2 * kMiB)));
  const std::string path = fill_to_waypoint(writer, log);
  const uint64_t before = writer.committed();
  const size_t waypoints = waypoints_in(frames_of(path)).size();
  REQUIRE(waypoints == 0);
  // An event that leaves what a seal may need at most, and so much more.
  const uint64_t room = first_position_of(path) + 2 * kMiB - before - sizeof(uint64_t) -
                        frame_bytes(max_seal_payload_bytes({}, 1, 0)) - spared;
  const uint64_t data = room - frame_bytes(messages_layout({}, true, 1, 0).payload_bytes);
  append_text(writer, 0, std::string(data, 'y'));
  CHECK(writer.committed() <= first_position_of(path) + 2 * kMiB);
  CHECK(waypoints_in(frames_of(path)).size() == (spared == 400 ? 1 : 0));
  append_text(writer, 0, std::string(1000, 'z'));
  CHECK(writer.committed() > first_position_of(path) + 2 * kMiB);
  must(writer.close());
  CHECK_FALSE(damage_of(directory / "log"));
}

TEST_CASE("An event of the greatest length fits after a segment with waypoints") {
  const TemporaryDirectory directory;
  UnsyncedFiles files;
  const Log log = must(Log::open(directory / "log", {}, files));
  EventWriter writer = must(log.writer(0, options_of()));
  write_events(writer);
  const std::string longest(writer.max_data_bytes(1), 'l');
  const uint64_t time = writer.protocol().frontier().elements().front().word(0);
  append_text(writer, time, longest);
  append_text(writer, time, longest);
  must(writer.close());
  CHECK_FALSE(damage_of(directory / "log"));
}

TEST_CASE("A progress event that is refused leaves no waypoint") {
  const TemporaryDirectory directory;
  UnsyncedFiles files;
  const Log log = must(Log::open(directory / "log", {}, files));
  EventWriter writer = must(log.writer(0, options_of()));
  const std::string path = fill_to_waypoint(writer, log);
  const Change wrong[] = {{Time(0), -2}};
  CHECK_FALSE(writer.append_progress(wrong));
  CHECK(waypoints_in(frames_of(path)).empty());
  advance(writer, 0, 1);
  CHECK(waypoints_in(frames_of(path)).size() == 1);
  must(writer.close());
  CHECK_FALSE(damage_of(directory / "log"));
}

TEST_CASE("A waypoint that does not tell the state there is damage to readers and verification") {
  const TemporaryDirectory directory;
  UnsyncedFiles files;
  const std::string log = directory / "log";
  write_closed_log(log, files);
  const std::string path = segment_paths(log)[2];
  const FrameAt at = waypoints_in(frames_of(path)).at(1);
  SECTION("its events") {
    forge_waypoint(path, at, [](Checkpoint& waypoint) { ++waypoint.totals.events; });
  }
  SECTION("its records") {
    forge_waypoint(path, at, [](Checkpoint& waypoint) { --waypoint.totals.records; });
  }
  SECTION("its bytes") {
    forge_waypoint(path, at, [](Checkpoint& waypoint) { waypoint.totals.data_bytes += 8; });
  }
  SECTION("a count") {
    forge_waypoint(path, at, [](Checkpoint& waypoint) { ++waypoint.counts[0].diff; });
  }
  SECTION("a time") {
    forge_waypoint(path, at, [](Checkpoint& waypoint) { waypoint.counts[0].time = Time(0); });
  }
  SECTION("no count") {
    forge_waypoint(path, at, [](Checkpoint& waypoint) { waypoint.counts.clear(); });
  }
  const auto damage = damage_of(log);
  REQUIRE(damage);
  CHECK(damage->code == ErrorCode::Corrupt);
  CHECK(damage->segment == first_position_of(path));
  CHECK(damage->offset == at.offset);
  const auto read = read_all(must(Log::open(log)));
  REQUIRE(read.error);
  CHECK(read.error->offset == at.offset);
}

TEST_CASE("A seal that does not name what waypoints divide is damage") {
  const TemporaryDirectory directory;
  UnsyncedFiles files;
  const std::string log = directory / "log";
  write_closed_log(log, files);
  const std::string path = segment_paths(log)[2];
  const FrameAt at = frames_of(path).back();
  Seal seal = seal_in(path, at);
  REQUIRE(seal.waypoints.size() >= 2);
  SECTION("another place") { seal.waypoints[1] += 8; }
  SECTION("one left out") {
    seal.waypoints.pop_back();
    seal.sections.pop_back();
  }
  SECTION("none") {
    seal.waypoints.clear();
    seal.sections.clear();
  }
  SECTION("wider bounds of a section") { seal.sections[1]->join = Time(1'000'000); }
  SECTION("a section without bounds") { seal.sections[0].reset(); }
  forge_frame(path, at.offset, [&](FrameHeader&, std::vector<std::byte>& payload) {
    payload = encode_seal(TimeShape{}, seal);
  });
  const auto damage = damage_of(log);
  REQUIRE(damage);
  CHECK(damage->code == ErrorCode::Corrupt);
  CHECK(damage->segment == first_position_of(path));
  CHECK(damage->offset == at.offset);
}

TEST_CASE("A reader that starts at a position by way of a waypoint begins with the state there") {
  const TemporaryDirectory directory;
  CountedReads files;
  const std::string path = directory / "log";
  write_closed_log(path, files);
  const Log log = must(Log::open(path, {}, files));
  std::vector<std::string> events;
  const std::vector<Place> places = places_of(log, events);
  REQUIRE(places.size() == events.size() + 1);
  uint64_t most = 0;
  for (size_t i = 0; i < places.size(); ++i) {
    const Place& place = places[i];
    INFO("position " << place.position);
    ReaderOptions options;
    options.position = place.position;
    options.access = i % 2 == 0 ? Access::Map : Access::Copy;
    files.read_bytes = 0;
    EventReader reader = must(log.reader(0, options));
    most = std::max(most, files.read_bytes);
    REQUIRE(reader.position() == place.position);
    REQUIRE(reader.sequence() == place.sequence);
    REQUIRE(reader.protocol().counts() == place.counts);
    REQUIRE(reader.opening().size() == place.counts.size());
    REQUIRE(read_all(reader).events ==
            std::vector<std::string>(events.begin() + static_cast<int64_t>(i), events.end()));
  }
  // A window at the segment's beginning, up to three for what follows the waypoint.
  CHECK(most <= 4 * kMiB + 40'000);
  ReaderOptions within;
  within.position = places[200].position + 8;
  CHECK(log.reader(0, within).error().code == ErrorCode::InvalidArgument);
}

TEST_CASE("A waypoint that is damaged is no place to begin and what is walked reports it") {
  const TemporaryDirectory directory;
  UnsyncedFiles files;
  const std::string path = directory / "log";
  write_closed_log(path, files);
  const Log log = must(Log::open(path));
  std::vector<std::string> events;
  const std::vector<Place> places = places_of(log, events);
  const std::string segment = segment_paths(path)[2];
  const FrameAt at = waypoints_in(frames_of(segment)).at(1);
  const uint64_t position = first_position_of(segment) + at.offset;
  flip_byte(segment, at.offset + 40);
  size_t refused = 0;
  for (size_t i = 0; i < places.size(); ++i) {
    INFO("position " << places[i].position);
    ReaderOptions options;
    options.position = places[i].position;
    const auto reader = log.reader(0, options);
    // Up to the next waypoint.
    if (!reader) {
      CHECK(places[i].position > position);
      CHECK(places[i].position < position + kWaypointBytes + 100'000);
      CHECK(reader.error().code == ErrorCode::Corrupt);
      CHECK(reader.error().offset == at.offset);
      ++refused;
      continue;
    }
    CHECK(reader->position() == places[i].position);
    CHECK(reader->protocol().counts() == places[i].counts);
  }
  CHECK(refused > 10);
}

TEST_CASE("A hint at a waypoint that is none begins at the segment's beginning") {
  const TemporaryDirectory directory;
  UnsyncedFiles files;
  const std::string path = directory / "log";
  write_closed_log(path, files);
  const Log log = must(Log::open(path));
  const auto all = read_all(log).events;
  const std::string segment = segment_paths(path)[2];
  const uint64_t first = first_position_of(segment);
  ReaderOptions options;
  options.segment = first;
  const auto from_segment = read_all(log, 0, options).events;
  const FrameAt event = frames_of(segment)[5];
  for (const uint64_t hint : {uint64_t{0}, uint64_t{5}, first, first + 4096, first + event.offset,
                              first + event.offset + 8, first + kLargest, ~uint64_t{0}}) {
    options.waypoint = hint;
    CHECK(read_all(log, 0, options).events == from_segment);
  }
  const FrameAt at = waypoints_in(frames_of(segment)).at(1);
  options.waypoint = first + at.offset;
  EventReader reader = must(log.reader(0, options));
  CHECK(reader.position() == first + at.offset);
  const auto rest = read_all(reader).events;
  CHECK(rest.size() < from_segment.size());
  CHECK(std::equal(rest.rbegin(), rest.rend(), all.rbegin()));
}

TEST_CASE("A log with waypoints whose writer was killed is recovered and snapshotted whole") {
  const TemporaryDirectory directory;
  UnsyncedFiles files;
  const std::string path = directory / "log";
  {
    const Log log = must(Log::open(path, {}, files));
    EventWriter writer = must(log.writer(0, options_of()));
    write_events(writer);
    copy_log(path, directory / "killed");
    copy_log(path, directory / "between");
    must(snapshot_log(log, directory / "snapshot"));
    must(writer.close());
  }
  const auto events = read_all(must(Log::open(path))).events;
  for (const char* name : {"killed", "snapshot"}) {
    INFO(name);
    const Log log = must(Log::open(directory / name, {}, files));
    CHECK(read_all(log).events == events);
    EventWriter writer = must(log.writer(0, options_of()));
    write_events(writer, writer.protocol().frontier().elements().front().word(0), 60);
    must(writer.close());
    CHECK_FALSE(damage_of(directory / name));
  }
  // Killed between a waypoint and its event.
  std::string last;
  for (const std::string& segment : segment_paths(directory / "between")) {
    if (header_of(segment).magic != 0) last = segment;  // else a spare
  }
  const auto frames = frames_of(last);
  const auto waypoints = waypoints_in(frames);
  REQUIRE_FALSE(waypoints.empty());
  const uint64_t end = waypoints.back().offset + waypoints.back().bytes;
  const std::string zeros(header_of(last).segment_bytes - end, '\0');
  write_at(last, end, zeros);
  const Log log = must(Log::open(directory / "between", {}, files));
  EventWriter writer = must(log.writer(0, options_of()));
  CHECK(writer.recovery().dropped_bytes == 0);
  must(writer.close());
  CHECK_FALSE(damage_of(directory / "between"));
}

TEST_CASE("Salvage learns from a waypoint what a hole has hidden") {
  const TemporaryDirectory directory;
  UnsyncedFiles files;
  const std::string path = directory / "log";
  write_closed_log(path, files);
  const auto events = read_all(must(Log::open(path))).events;
  const std::string segment = segment_paths(path)[2];
  const auto frames = frames_of(segment);
  // A progress event in the first section.
  const auto progress = std::find_if(frames.begin(), frames.end(), [](const FrameAt& frame) {
    return frame.kind == FrameKind::Progress;
  });
  flip_byte(segment, progress->offset + 40);
  must(salvage_log(path, directory / "saved"));
  const auto saved = read_all(must(Log::open(directory / "saved"))).events;
  CHECK_FALSE(damage_of(directory / "saved"));
  // All after the waypoint is there as it was.
  const size_t same = static_cast<size_t>(
      std::mismatch(events.rbegin(), events.rend(), saved.rbegin(), saved.rend()).first -
      events.rbegin());
  CHECK(same > 100);
}
