#include "tidemark/survey.h"

#include <filesystem>
#include <string>
#include <vector>

#include "support/catch.h"
#include "support/log_files.h"
#include "support/stream_helpers.h"
#include "support/temporary_directory.h"

using namespace tidemark;
using namespace tidemark::test;

namespace {

StreamSurvey survey(const std::string& path, uint32_t stream = 0) {
  return must(survey_stream(must(Log::open(path)), stream));
}

}  // namespace

TEST_CASE("A stream of which nothing was published is empty") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  std::filesystem::create_directories((directory / "log") + "/streams/00000");
  const StreamSurvey found = must(survey_stream(log, 0));
  CHECK(found.state == StreamState::Empty);
  CHECK(found.segments.empty());
  CHECK_FALSE(found.traits);
  CHECK(found.totals == Totals{});
}

TEST_CASE("A stream that is written and closed and finished is said to be so") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  {
    EventWriter writer = must(log.writer(0, small_segments()));
    append_text(writer, 3, "some text");
    const uint64_t end = advance(writer, 0, 2);
    StreamSurvey found = must(survey_stream(log, 0));
    CHECK(found.state == StreamState::Writing);
    CHECK(found.end == end);
    CHECK(found.durable.has_value());
    CHECK(found.segments.at(0).state == SegmentState::Open);

    copy_log(directory / "log", directory / "killed");
    CHECK(survey(directory / "killed").state == StreamState::Crashed);

    must(writer.close());
    found = must(survey_stream(log, 0));
    CHECK(found.state == StreamState::Closed);
    CHECK(found.end == end);
    CHECK(found.totals == Totals{2, 1, 9});
    CHECK(found.counts == std::vector<Change>{{Time(2), 1}});
    CHECK(found.frontier == std::vector<Time>{Time(2)});
    REQUIRE(found.bounds);
    CHECK(found.bounds->meet == Time(3));
    CHECK(found.last_captured_at_ns > 0);
    REQUIRE(found.traits);
    CHECK(found.traits->container_name == "bytes");
    REQUIRE(found.segments.size() == 1);
    CHECK(found.segments[0].state == SegmentState::Sealed);
    CHECK(found.disk_bytes < kMinSegmentBytes);
  }
  EventWriter writer = must(log.writer(0, small_segments()));
  finish(writer, 2);
  CHECK(must(survey_stream(log, 0)).state == StreamState::Finished);
  must(writer.close());
  const StreamSurvey found = must(survey_stream(log, 0));
  CHECK(found.state == StreamState::Finished);
  CHECK(found.frontier.empty());
  CHECK(found.segments.size() == 2);
}

TEST_CASE("Segments and bounds add up over a stream of many segments") {
  const TemporaryDirectory directory;
  {
    const Log log = must(Log::open(directory / "log"));
    EventWriter writer = must(log.writer(0, small_segments()));
    for (uint64_t i = 0; i < 20; ++i) {
      append_text(writer, i + 1, std::string(18'000, 'x'));
      advance(writer, i, i + 1);
    }
    must(writer.close());
  }
  const StreamSurvey found = survey(directory / "log");
  CHECK(found.state == StreamState::Closed);
  CHECK(found.totals == Totals{40, 20, 20 * 18'000});
  REQUIRE(found.segments.size() >= 5);
  for (size_t i = 0; i < found.segments.size(); ++i) {
    const SegmentSurvey& segment = found.segments[i];
    CHECK(segment.state == SegmentState::Sealed);
    CHECK(segment.incarnation == 1);
    CHECK(segment.before == (i == 0 ? Totals{} : found.segments[i - 1].after));
    REQUIRE(segment.bounds);
  }
  REQUIRE(found.bounds);
  CHECK(found.bounds->meet == Time(1));
  CHECK(found.bounds->join == Time(20));
}

TEST_CASE("A segment without a seal is walked as far as its successor says") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  EventWriter killed = must(log.writer(0, small_segments()));
  append_text(killed, 5, "five");
  copy_log(directory / "log", directory / "killed");
  {
    const Log again = must(Log::open(directory / "killed"));
    EventWriter writer = must(again.writer(0, small_segments()));
    append_text(writer, 2, "two");
    must(writer.close());
  }
  const StreamSurvey found = survey(directory / "killed");
  CHECK(found.state == StreamState::Closed);
  REQUIRE(found.segments.size() == 2);
  CHECK(found.segments[0].state == SegmentState::Abandoned);
  CHECK(found.segments[0].after.records == 1);
  REQUIRE(found.segments[0].bounds);
  CHECK(found.segments[0].bounds->meet == Time(5));
  CHECK(found.bounds->meet == Time(2));
  CHECK(found.bounds->join == Time(5));
}

TEST_CASE("A stream that lost a power cut's tail is surveyed with what was set aside") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  EventWriter writer = must(log.writer(0, small_segments()));
  append_text(writer, 0, "kept");
  const uint64_t hole = append_text(writer, 0, "also kept");
  for (int i = 0; i < 8; ++i) append_text(writer, 0, std::string(18'000, 'x'));
  copy_log(directory / "log", directory / "lost");
  std::filesystem::remove((directory / "lost") + "/streams/00000/control");
  write_at(segment_paths(directory / "lost")[0], hole, std::string(64, '\x55'));
  {
    const Log again = must(Log::open(directory / "lost"));
    EventWriter next = must(again.writer(0, small_segments()));
    CHECK(next.recovery().set_aside_segments > 0);
    must(next.close());
  }
  const StreamSurvey found = survey(directory / "lost");
  CHECK(found.state == StreamState::Closed);
  CHECK(found.totals.records == 2);
  size_t aside = 0;
  for (const SegmentSurvey& segment : found.segments) {
    if (segment.state == SegmentState::SetAside) ++aside;
  }
  CHECK(aside > 0);
  CHECK(found.segments.front().state == SegmentState::Abandoned);
}

TEST_CASE("Damage that a survey meets is told with its place") {
  const TemporaryDirectory directory;
  {
    const Log log = must(Log::open(directory / "log"));
    for (int i = 0; i < 3; ++i) {
      EventWriter writer = must(log.writer(0, small_segments()));
      append_text(writer, 0, "text");
      must(writer.close());
    }
  }
  const auto segments = segment_paths(directory / "log");
  SECTION("in a header") {
    flip_byte(segments[1], 700);
    const StreamSurvey found = survey(directory / "log");
    CHECK(found.state == StreamState::Damaged);
    REQUIRE(found.damage);
    CHECK(found.damage->segment == first_position_of(segments[1]));
    CHECK(found.damage->offset == 0U);
  }
  SECTION("in a seal") {
    const FrameAt seal = frames_of(segments[0]).back();
    flip_byte(segments[0], seal.offset + 20);
    const StreamSurvey found = survey(directory / "log");
    CHECK(found.state == StreamState::Damaged);
    CHECK(found.damage->offset == seal.offset);
  }
  SECTION("in the last segment") {
    const FrameAt frame = frames_of(segments[2])[1];
    flip_byte(segments[2], frame.offset + 20);
    const StreamSurvey found = survey(directory / "log");
    CHECK(found.state == StreamState::Damaged);
    CHECK(found.damage->offset == frame.offset);
    CHECK(found.totals.records >= 2);
  }
  SECTION("for a segment is missing") {
    std::filesystem::remove(segments[1]);
    const StreamSurvey found = survey(directory / "log");
    CHECK(found.state == StreamState::Damaged);
    CHECK(found.damage->code == ErrorCode::Missing);
  }
}

TEST_CASE("A stream that is not there is not found") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  const auto found = survey_stream(log, 7);
  REQUIRE_FALSE(found);
  CHECK(found.error().code == ErrorCode::NotFound);
}
