#include "tidemark/verify.h"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "stream_directory.h"
#include "support/catch.h"
#include "support/log_files.h"
#include "support/seed.h"
#include "support/stream_helpers.h"
#include "support/temporary_directory.h"

using namespace tidemark;
using namespace tidemark::test;

namespace {

// Three incarnations, each with a segment of a few events of different lengths.
void write_closed_log(const std::string& path) {
  const Log log = must(Log::open(path));
  uint64_t frontier = 0;
  for (int incarnation = 0; incarnation < 3; ++incarnation) {
    EventWriter writer = must(log.writer(0, small_segments()));
    for (int i = 0; i < 5; ++i) {
      append_text(writer, frontier + 3, std::string(static_cast<size_t>(i) * 37, 'r'));
      advance(writer, frontier, frontier + 1);
      ++frontier;
    }
    must(writer.close());
  }
}

// Several segments that were rolled, for their records are large.
void write_rolled_log(const std::string& path, int records = 12) {
  const Log log = must(Log::open(path));
  EventWriter writer = must(log.writer(0, small_segments()));
  for (int i = 0; i < records; ++i) {
    append_text(writer, static_cast<uint64_t>(i), std::string(18'000, static_cast<char>('a' + i)));
    advance(writer, static_cast<uint64_t>(i), static_cast<uint64_t>(i) + 1);
  }
  must(writer.close());
}

VerifyReport verify(const std::string& path) { return must(verify_log(path)); }

std::string text_of(const VerifyReport& report) {
  std::string text;
  for (const Error& error : report.log_damage) text += error.text() + "\n";
  for (const StreamVerdict& stream : report.streams) {
    for (const Error& error : stream.damage) text += error.text() + "\n";
    for (const std::string& note : stream.notes) text += "note: " + note + "\n";
  }
  return text;
}

void check_sound(const std::string& path) {
  const VerifyReport report = verify(path);
  INFO(text_of(report));
  CHECK_FALSE(report.damaged());
}

// The first damage of the only stream.
Error damage_of(const std::string& path) {
  const VerifyReport report = verify(path);
  REQUIRE(report.streams.size() == 1);
  REQUIRE(report.damaged());
  REQUIRE_FALSE(report.streams[0].damage.empty());
  CHECK(report.streams[0].state == StreamState::Damaged);
  return report.streams[0].damage[0];
}

// Flips a byte, expects it to be found at its place, and puts it back.
void check_flip_is_found(const std::string& log, const std::string& segment, uint64_t offset,
                         uint64_t frame_offset) {
  const auto mask = static_cast<uint8_t>(1U << (offset % 8));
  flip_byte(segment, offset, mask);
  const VerifyReport report = verify(log);
  flip_byte(segment, offset, mask);
  const auto& damage = report.streams.at(0).damage;
  const bool found = !damage.empty() && damage[0].stream == 0U &&
                     damage[0].segment == first_position_of(segment) &&
                     damage[0].offset == frame_offset && damage[0].path == segment;
  if (!found) {
    INFO("flipped offset " << offset << " of " << segment << ", found: " << text_of(report));
    CHECK(found);
  }
}

}  // namespace

TEST_CASE("A closed log verifies, and what it holds is counted") {
  const TemporaryDirectory directory;
  write_closed_log(directory / "log");
  const VerifyReport report = verify(directory / "log");
  INFO(text_of(report));
  CHECK_FALSE(report.damaged());
  REQUIRE(report.streams.size() == 1);
  const StreamVerdict& stream = report.streams[0];
  CHECK(stream.state == StreamState::Closed);
  CHECK(stream.segments == 3);
  CHECK(stream.frames == 3 * (1 + 10 + 1));
  CHECK(stream.totals == Totals{30, 15, 3 * 370});
  CHECK(stream.notes.empty());
}

TEST_CASE("Verifying changes nothing and reports its way to the end") {
  const TemporaryDirectory directory;
  write_rolled_log(directory / "log");
  const auto before = contents_of(directory / "log");
  uint64_t last = 0;
  uint64_t all = 0;
  const auto progress = [&](uint64_t done, uint64_t total) {
    CHECK(done >= last);
    CHECK(done <= total);
    last = done;
    all = total;
  };
  CHECK_FALSE(must(verify_log(directory / "log", progress)).damaged());
  CHECK(last == all);
  CHECK(all > 0);
  CHECK(contents_of(directory / "log") == before);
}

TEST_CASE("Any flipped byte of a closed log is found where it is") {
  const TemporaryDirectory directory;
  const std::string log = directory / "log";
  write_closed_log(log);
  for (const std::string& segment : segment_paths(log)) {
    for (uint64_t offset = 0; offset < kSegmentHeaderBytes; ++offset) {
      check_flip_is_found(log, segment, offset, 0);
    }
    for (const FrameAt& frame : frames_of(segment)) {
      for (uint64_t i = 0; i < frame.bytes; ++i) {
        check_flip_is_found(log, segment, frame.offset + i, frame.offset);
      }
    }
  }
  check_sound(log);
}

TEST_CASE("A flipped byte of a segment that was rolled is found where it is") {
  const TemporaryDirectory directory;
  const std::string log = directory / "log";
  write_rolled_log(log);
  REQUIRE(segment_paths(log).size() >= 3);
  for (const std::string& segment : segment_paths(log)) {
    for (uint64_t offset = 0; offset < kSegmentHeaderBytes; offset += 127) {
      check_flip_is_found(log, segment, offset, 0);
    }
    for (const FrameAt& frame : frames_of(segment)) {
      const uint64_t step = std::max<uint64_t>(1, frame.bytes / 41);
      for (uint64_t i = 0; i < frame.bytes; i += step) {
        check_flip_is_found(log, segment, frame.offset + i, frame.offset);
      }
    }
  }
}

TEST_CASE("Any flipped byte of the identity of a log is found") {
  const TemporaryDirectory directory;
  const std::string log = directory / "log";
  write_closed_log(log);
  for (uint64_t offset = 0; offset < sizeof(LogIdentity); ++offset) {
    flip_byte(log + "/identity", offset);
    const VerifyReport report = verify(log);
    flip_byte(log + "/identity", offset);
    REQUIRE(report.log_damage.size() == 1);
    CHECK(report.log_damage[0].path == log + "/identity");
    CHECK(report.streams.at(0).damage.empty());
  }
}

TEST_CASE("After damage the later segments are examined from their own checkpoints") {
  const TemporaryDirectory directory;
  const std::string log = directory / "log";
  write_closed_log(log);
  const auto segments = segment_paths(log);
  flip_byte(segments[0], frames_of(segments[0])[3].offset + 40);
  flip_byte(segments[2], frames_of(segments[2])[7].offset + 40);
  const VerifyReport report = verify(log);
  const auto& damage = report.streams.at(0).damage;
  INFO(text_of(report));
  REQUIRE(damage.size() == 2);
  CHECK(damage[0].segment == first_position_of(segments[0]));
  CHECK(damage[0].offset == frames_of(segments[0])[3].offset);
  CHECK(damage[1].segment == first_position_of(segments[2]));
}

TEST_CASE("The frames of a segment are examined although its header is damaged") {
  const TemporaryDirectory directory;
  const std::string log = directory / "log";
  write_closed_log(log);
  const std::string segment = segment_paths(log)[1];
  const FrameAt frame = frames_of(segment)[5];
  flip_byte(segment, 1000);  // outside of the identity
  flip_byte(segment, frame.offset + 50);
  const VerifyReport report = verify(log);
  const auto& damage = report.streams.at(0).damage;
  INFO(text_of(report));
  REQUIRE(damage.size() == 2);
  CHECK(damage[0].offset == 0U);
  CHECK(damage[1].offset == frame.offset);
}

TEST_CASE("A log whose writer was killed is no damage") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  EventWriter writer = must(log.writer(0, small_segments()));
  append_text(writer, 0, "kept");
  copy_log(directory / "log", directory / "killed");
  const VerifyReport report = verify(directory / "killed");
  INFO(text_of(report));
  CHECK_FALSE(report.damaged());
  CHECK(report.streams.at(0).state == StreamState::Crashed);
  CHECK(report.streams.at(0).totals.records == 1);
  CHECK(report.streams.at(0).notes.size() == 1);

  SECTION("and neither is one that was opened again") {
    const Log again = must(Log::open(directory / "killed"));
    EventWriter next = must(again.writer(0, small_segments()));
    append_text(next, 0, "more");
    must(next.close());
    check_sound(directory / "killed");
  }
}

TEST_CASE("A payload that a killed writer abandoned is no damage") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  EventWriter writer = must(log.writer(0, small_segments()));
  const uint64_t end = append_text(writer, 0, "kept");
  copy_log(directory / "log", directory / "killed");
  const std::string segment = segment_paths(directory / "killed")[0];
  write_at(segment, end + sizeof(FrameHeader), std::string(300, '\x33'));
  check_sound(directory / "killed");
}

TEST_CASE("A hole with a valid frame beyond it is damage") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  EventWriter writer = must(log.writer(0, small_segments()));
  const uint64_t lost = append_text(writer, 0, "first");
  append_text(writer, 0, "second");
  append_text(writer, 0, "third");
  copy_log(directory / "log", directory / "killed");
  const std::string segment = segment_paths(directory / "killed")[0];
  write_at(segment, lost, std::string(8, '\0'));
  const Error damage = damage_of(directory / "killed");
  CHECK(damage.code == ErrorCode::Corrupt);
  CHECK(damage.offset == lost);
}

TEST_CASE("A segment that lost its magic is found by the frames in it") {
  const TemporaryDirectory directory;
  const std::string log = directory / "log";
  write_closed_log(log);
  const auto which = GENERATE(size_t{0}, size_t{1}, size_t{2});
  const std::string segment = segment_paths(log)[which];
  write_at(segment, 0, std::string(8, '\0'));
  const Error damage = damage_of(log);
  CHECK(damage.segment == first_position_of(segment));
  CHECK(damage.offset == 0U);
}

TEST_CASE("A log that is written meanwhile shows no damage") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  std::atomic<bool> stop{false};
  EventWriter writer = must(log.writer(0, small_segments()));
  std::thread thread([&] {
    uint64_t time = 0;
    while (!stop.load()) {
      append_text(writer, time, std::string(700 + time % 900, 'x'));
      advance(writer, time, time + 1);
      ++time;
      if (time % 8 == 0) std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
  });
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(400);
  while (std::chrono::steady_clock::now() < until) {
    const VerifyReport report = verify(directory / "log");
    INFO(text_of(report));
    CHECK_FALSE(report.damaged());
    CHECK(report.streams.at(0).state == StreamState::Writing);
  }
  stop = true;
  thread.join();
  must(writer.close());
  check_sound(directory / "log");
}

TEST_CASE("A log is sound from its creation on, before any stream was opened") {
  const TemporaryDirectory directory;
  LogOptions options;
  options.peers = 3;
  const Log log = must(Log::open(directory / "log", options));
  CHECK(must(log.all_streams()) == std::vector<uint32_t>{0, 1, 2});
  check_sound(directory / "log");
  must(must(log.writer(1, small_segments())).close());
  check_sound(directory / "log");
}

TEST_CASE("A stream that is absent below the peers is damage of the log") {
  const TemporaryDirectory directory;
  LogOptions options;
  options.peers = 2;
  const Log log = must(Log::open(directory / "log", options));
  for (uint32_t stream = 0; stream < 2; ++stream) {
    must(must(log.writer(stream, small_segments())).close());
  }
  check_sound(directory / "log");
  std::filesystem::remove_all((directory / "log") + "/streams/00001");
  const VerifyReport report = verify(directory / "log");
  REQUIRE(report.log_damage.size() == 1);
  CHECK(report.log_damage[0].code == ErrorCode::Missing);
  CHECK(report.log_damage[0].stream == 1U);
}

TEST_CASE("A segment that is gone is damage unless it was purged") {
  const TemporaryDirectory directory;
  const std::string log = directory / "log";
  write_closed_log(log);
  const auto segments = segment_paths(log);
  SECTION("from the middle") {
    std::filesystem::remove(segments[1]);
    const Error damage = damage_of(log);
    CHECK(damage.code == ErrorCode::Missing);
    CHECK(damage.segment == first_position_of(segments[1]));
  }
  SECTION("from the beginning") {
    std::filesystem::remove(segments[0]);
    const Error damage = damage_of(log);
    CHECK(damage.code == ErrorCode::Missing);
    CHECK(damage.segment == first_position_of(segments[0]));
    must(write_purged(system_files(), log + "/streams/00000", first_position_of(segments[1])));
    check_sound(log);
  }
  SECTION("and the word on purging is itself checked") {
    must(write_purged(system_files(), log + "/streams/00000", first_position_of(segments[1])));
    check_sound(log);
    flip_byte(log + "/streams/00000/purged", 9);
    CHECK(damage_of(log).path == log + "/streams/00000/purged");
  }
}

TEST_CASE("What a recovery cut off is a note") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  EventWriter writer = must(log.writer(0, small_segments()));
  append_text(writer, 0, "first");
  const uint64_t hole = append_text(writer, 0, "second");
  append_text(writer, 0, "lost");
  append_text(writer, 0, "ghost");
  copy_log(directory / "log", directory / "lost");
  // Of another boot: nothing says that what follows was durable.
  std::filesystem::remove((directory / "lost") + "/streams/00000/control");
  const std::string segment = segment_paths(directory / "lost")[0];
  SECTION("where zeros came back") { write_at(segment, hole, std::string(16, '\0')); }
  SECTION("where garbage came back") { flip_byte(segment, hole + 36); }
  CHECK(damage_of(directory / "lost").offset == hole);
  {
    const Log again = must(Log::open(directory / "lost"));
    EventWriter next = must(again.writer(0, small_segments()));
    CHECK(next.recovery().dropped_frames > 0);
    append_text(next, 0, "after");
    must(next.close());
  }
  const VerifyReport report = verify(directory / "lost");
  INFO(text_of(report));
  CHECK_FALSE(report.damaged());
  CHECK_FALSE(report.streams.at(0).notes.empty());
  CHECK(report.streams.at(0).totals.records == 3);
}

TEST_CASE("A seal that does not say what its segment holds is damage") {
  const TemporaryDirectory directory;
  const std::string log = directory / "log";
  write_closed_log(log);
  const std::string segment = segment_paths(log)[1];
  const FrameAt at = frames_of(segment).back();
  REQUIRE(at.kind == FrameKind::Seal);
  const auto forge = [&](auto change) {
    forge_frame(segment, at.offset, [&](FrameHeader&, std::vector<std::byte>& payload) {
      // Copied to where FlatBuffers' alignment holds.
      std::vector<uint64_t> aligned(payload.size() / 8 + 1);
      std::memcpy(aligned.data(), payload.data(), payload.size());
      Seal seal = must(decode_seal(
          {reinterpret_cast<const std::byte*>(aligned.data()), payload.size()}, TimeShape{}));
      change(seal);
      payload = encode_seal(TimeShape{}, seal);
    });
  };
  SECTION("its end") {
    forge([](Seal& seal) { seal.end += 8; });
  }
  SECTION("its totals") {
    forge([](Seal& seal) { ++seal.totals.records; });
  }
  SECTION("its counts") {
    forge([](Seal& seal) { seal.counts[0].diff = 2; });
  }
  SECTION("its bounds") {
    forge([](Seal& seal) { seal.bounds->join = Time(1000); });
  }
  SECTION("its digest") {
    forge([](Seal& seal) { seal.digest ^= 1; });
  }
  const Error damage = damage_of(log);
  CHECK(damage.code == ErrorCode::Corrupt);
  CHECK(damage.segment == first_position_of(segment));
  CHECK(damage.offset == at.offset);
}

TEST_CASE("Frames and headers that contradict each other are damage") {
  const TemporaryDirectory directory;
  const std::string log = directory / "log";
  write_closed_log(log);
  const auto segments = segment_paths(log);
  const auto frames = frames_of(segments[1]);
  uint64_t offset = 0;
  SECTION("the capture clock goes backward") {
    offset = frames[3].offset;
    forge_frame(segments[1], offset, [](FrameHeader& h, auto&) { h.captured_at_ns = 1; });
  }
  SECTION("more is said to be durable than was written") {
    offset = frames[3].offset;
    forge_frame(segments[1], offset, [](FrameHeader& h, auto&) { h.durable_upto = 1 << 30; });
  }
  SECTION("the header counts other events") {
    offset = kSegmentHeaderBytes;
    forge_header(segments[1], [](SegmentHeader& h) { ++h.records_before; });
  }
  SECTION("the header names an earlier end") {
    forge_header(segments[2], [&](SegmentHeader& h) {
      h.previous_end = first_position_of(segments[1]) + frames[8].offset;
    });
    offset = frames[8].offset;
  }
  SECTION("the header names a later end") {
    forge_header(segments[2], [](SegmentHeader& h) { h.previous_end += 64; });
    offset = frames.back().offset;
  }
  SECTION("the segment is of another log") {
    forge_header(segments[1], [](SegmentHeader& h) { h.log_uuid[3] ^= 1; });
  }
  SECTION("the segment has other times") {
    forge_header(segments[1], [](SegmentHeader& h) { h.time_name[0] = 'x'; });
  }
  const Error damage = damage_of(log);
  INFO(damage.text());
  CHECK(damage.segment == first_position_of(segments[1]));
  CHECK(damage.offset == offset);
}

TEST_CASE("An event that breaks the protocol is damage and names its rule") {
  const TemporaryDirectory directory;
  const std::string log = directory / "log";
  write_closed_log(log);
  const std::string segment = segment_paths(log)[0];
  const FrameAt progress = frames_of(segment)[2];
  REQUIRE(progress.kind == FrameKind::Progress);
  // The first time of the changes, 0, becomes 9: its count would be negative.
  forge_frame(segment, progress.offset,
              [](FrameHeader&, std::vector<std::byte>& payload) { payload[32] = std::byte{9}; });
  const Error damage = damage_of(log);
  CHECK(damage.code == ErrorCode::ProtocolViolation);
  CHECK(damage.rule == "P2");
  CHECK(damage.offset == progress.offset);
}

TEST_CASE("What is no log is not found") {
  const TemporaryDirectory directory;
  const auto report = verify_log(directory.path());
  REQUIRE_FALSE(report);
  CHECK(report.error().code == ErrorCode::NotFound);
  CHECK_FALSE(verify_log(directory / "nothing"));
}

TEST_CASE("A log whose writer is killed and restarted over and over verifies at every moment") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  must(must(log.writer(0, small_segments())).close());
  std::mt19937_64 random(seed_or(7));
  const int rounds = rounds_or(15);
  for (int round = 0; round < rounds; ++round) {
    const pid_t child = ::fork();
    if (child == 0) {
      auto writer = log.writer(0, small_segments());
      if (!writer) ::_exit(1);
      for (;;) {
        const std::string text(random() % 3000, 'k');
        const std::string_view records[] = {text};
        const uint64_t time = 0;
        if (!writer->append_messages(std::span(&time, 1), records)) ::_exit(2);
        if (writer->totals().events % 16 == 0) ::usleep(300);
      }
    }
    const auto until =
        std::chrono::steady_clock::now() + std::chrono::milliseconds(5 + random() % 40);
    do {
      const VerifyReport report = verify(directory / "log");
      INFO("round " << round << ", while it is written: " << text_of(report));
      CHECK_FALSE(report.damaged());
      const StreamSurvey found = must(survey_stream(log, 0));
      INFO("survey: " << (found.damage ? found.damage->text() : ""));
      CHECK_FALSE(found.damage);
    } while (std::chrono::steady_clock::now() < until);
    ::kill(child, SIGKILL);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
    const VerifyReport report = verify(directory / "log");
    INFO("round " << round << ", after the kill: " << text_of(report));
    CHECK_FALSE(report.damaged());
    CHECK((report.streams.at(0).state == StreamState::Crashed ||
           report.streams.at(0).state == StreamState::Empty ||
           report.streams.at(0).state == StreamState::Closed));
  }
}

TEST_CASE("An end that no frame can have is refused before anything is read there") {
  const TemporaryDirectory directory;
  const std::string log = directory / "log";
  write_closed_log(log);
  const auto segments = segment_paths(log);
  forge_header(segments[2], [](SegmentHeader& h) { h.previous_end += 3; });
  const Error damage = damage_of(log);
  CHECK(damage.segment == first_position_of(segments[2]));
  CHECK(damage.offset == 0U);
  CHECK(must(survey_stream(must(Log::open(log)), 0)).state == StreamState::Damaged);
}
