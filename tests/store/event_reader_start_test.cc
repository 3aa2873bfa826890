#include <filesystem>
#include <string>
#include <vector>

#include "paths.h"
#include "stream_directory.h"
#include "support/catch.h"
#include "support/log_files.h"
#include "support/stream_helpers.h"
#include "support/temporary_directory.h"
#include "tidemark/log.h"

using namespace tidemark;
using namespace tidemark::test;

namespace {

ReaderOptions at_position(uint64_t position, Access access = Access::Map) {
  ReaderOptions options;
  options.position = position;
  options.access = access;
  return options;
}

// Two incarnations of several segments each, with progress among the messages.
void write_stream(const Log& log) {
  uint64_t time = 0;
  for (int incarnation = 0; incarnation < 2; ++incarnation) {
    EventWriter writer = must(log.writer(0, small_segments()));
    for (int i = 0; i < 60; ++i) {
      append_text(writer, time + 1, std::to_string(i) + std::string(3000, '.'));
      if (i % 7 == 0) {
        advance(writer, time, time + 1);
        ++time;
      }
    }
    must(writer.close());
  }
}

std::vector<std::pair<Time, int64_t>> pairs_of(const std::vector<Change>& changes) {
  std::vector<std::pair<Time, int64_t>> pairs;
  for (const Change& change : changes) pairs.emplace_back(change.time, change.diff);
  return pairs;
}

ErrorCode code_at(const Log& log, uint64_t position) {
  const auto reader = log.reader(0, at_position(position));
  REQUIRE_FALSE(reader);
  INFO(reader.error().text());
  CHECK(reader.error().stream == 0U);
  return reader.error().code;
}

}  // namespace

TEST_CASE("A reader that starts at a position hands out what follows it and nothing before") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  write_stream(log);
  std::vector<std::string> events;
  const std::vector<Place> places = places_of(log, events);
  REQUIRE(segment_paths(log.path()).size() > 6);
  REQUIRE(places.size() == events.size() + 1);
  for (size_t i = 0; i < places.size(); ++i) {
    const Place& place = places[i];
    INFO("position " << place.position);
    const Access access = i % 2 == 0 ? Access::Map : Access::Copy;
    EventReader reader = must(log.reader(0, at_position(place.position, access)));
    CHECK(reader.position() == place.position);
    CHECK(reader.sequence() == place.sequence);
    CHECK(reader.protocol().counts() == place.counts);
    CHECK(pairs_of(reader.opening()) == place.counts);
    const ReadBack rest = read_all(reader);
    REQUIRE_FALSE(rest.error);
    CHECK(rest.events ==
          std::vector<std::string>(events.begin() + static_cast<int64_t>(i), events.end()));
    CHECK(pairs_of(reader.opening()) == place.counts);
  }
}

TEST_CASE("A segment's first position and zero start where the segment and the stream begin") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  EventReader early = must(log.reader(0, at_position(0)));
  CHECK(must(early.poll()) == EventReader::Status::Pending);
  write_stream(log);
  const ReadBack all = read_all(log);
  CHECK(read_all(early).events == all.events);
  CHECK(read_all(log, 0, at_position(0)).events == all.events);
  for (const std::string& path : segment_paths(log.path())) {
    ReaderOptions by_segment;
    by_segment.segment = first_position_of(path);
    CHECK(read_all(log, 0, at_position(first_position_of(path))).events ==
          read_all(log, 0, by_segment).events);
  }
}

TEST_CASE("A position at which no event begins or that never was is refused") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  CHECK(code_at(log, 4096) == ErrorCode::CursorLost);
  write_stream(log);
  std::vector<std::string> events;
  const std::vector<Place> places = places_of(log, events);
  CHECK(code_at(log, places[1].position + 8) == ErrorCode::InvalidArgument);
  CHECK(code_at(log, 8) == ErrorCode::InvalidArgument);
  CHECK(code_at(log, places.back().position + 8) == ErrorCode::CursorLost);
  CHECK(code_at(log, uint64_t{1} << 62) == ErrorCode::CursorLost);
  ReaderOptions both = at_position(places[1].position);
  both.segment = 0;
  CHECK(log.reader(0, both).error().code == ErrorCode::InvalidArgument);
}

TEST_CASE("A position in what a power loss took is lost and one before it is not") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  std::vector<uint64_t> ends;
  {
    EventWriter writer = must(log.writer(0, small_segments()));
    for (int i = 0; i < 60; ++i) ends.push_back(append_text(writer, 0, std::string(3000, 'x')));
    copy_log(log.path(), directory / "lost");  // nothing was ever synced
  }
  std::filesystem::remove(control_path(stream_path(directory / "lost", 0)));
  const auto segments = segment_paths(directory / "lost");
  const auto torn = frames_of(segments.at(1)).at(5);
  const uint64_t lost_from = first_position_of(segments.at(1)) + torn.offset;
  write_at(segments.at(1), torn.offset, std::string(torn.bytes, '\0'));
  const Log lost = must(Log::open(directory / "lost"));
  CHECK(code_at(lost, ends.at(30)) == ErrorCode::Corrupt);  // nobody has decided yet
  must(must(lost.writer(0, small_segments())).close());

  CHECK(must(lost.reader(0, at_position(lost_from))).position() == lost_from);
  size_t after = 0;
  for (const uint64_t end : ends) {
    if (end <= lost_from) continue;
    ++after;
    CHECK(code_at(lost, end) == ErrorCode::CursorLost);
  }
  CHECK(after > 30);
}

TEST_CASE("A hole before the position is damage and not the end of the stream") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  write_stream(log);
  std::vector<std::string> events;
  const std::vector<Place> places = places_of(log, events);
  const std::string first = segment_paths(log.path()).front();
  const auto frames = frames_of(first);
  SECTION("zeros") { write_at(first, frames.at(3).offset, std::string(8, '\0')); }
  SECTION("a flipped bit") { flip_byte(first, frames.at(3).offset + 50); }
  CHECK(code_at(log, frames.at(6).offset) == ErrorCode::Corrupt);
  CHECK(must(log.reader(0, at_position(frames.at(2).offset))).position() == frames.at(2).offset);
}

TEST_CASE("A purged position says so and the end of what was purged does not") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  EventReader early = must(log.reader(0));  // there before the first event
  write_stream(log);
  std::vector<std::string> events;
  const std::vector<Place> places = places_of(log, events);
  const auto segments = segment_paths(log.path());
  const SegmentHeader head = header_of(segments.at(2));
  must(write_purged(system_files(), stream_path(log.path(), 0), head.first_position));
  for (const auto unlinked : {false, true}) {
    if (unlinked) {
      std::filesystem::remove(segments.at(0));
      std::filesystem::remove(segments.at(1));
    }
    CHECK(code_at(log, 0) == ErrorCode::Purged);
    CHECK(code_at(log, places[3].position) == ErrorCode::Purged);
    CHECK(log.reader(0, at_position(places[3].position)).error().offset == head.first_position);
    const ReadBack rest = read_all(log, 0, at_position(head.previous_end));
    REQUIRE_FALSE(rest.error);
    CHECK(rest.events == read_all(log).events);
    CHECK(rest.events.size() == events.size() - head.first_sequence);
  }
  const auto polled = early.poll();
  REQUIRE_FALSE(polled);
  CHECK(polled.error().code == ErrorCode::Purged);
}
