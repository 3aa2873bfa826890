#include "tidemark/salvage.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include "support/catch.h"
#include "support/log_files.h"
#include "support/stream_helpers.h"
#include "support/temporary_directory.h"
#include "support/unsynced_files.h"

using namespace tidemark;
using namespace tidemark::test;

namespace {

// Two incarnations of ten events; finished at the end if asked for.
void write_log(const std::string& path, bool finished = false) {
  const Log log = must(Log::open(path));
  uint64_t frontier = 0;
  for (int incarnation = 0; incarnation < 2; ++incarnation) {
    EventWriter writer = must(log.writer(0, small_segments()));
    for (int i = 0; i < 5; ++i) {
      append_text(writer, frontier + 1, "r" + std::to_string(frontier));
      advance(writer, frontier, frontier + 1);
      ++frontier;
    }
    if (finished && incarnation == 1) finish(writer, frontier);
    must(writer.close());
  }
}

// Every event with its capture clock.
std::vector<std::string> events_of(const std::string& path, uint32_t stream = 0) {
  const Log log = must(Log::open(path));
  EventReader reader = must(log.reader(stream));
  std::vector<std::string> events;
  while (must(reader.poll()) == EventReader::Status::Event) {
    events.push_back(std::to_string(reader.event().captured_at_ns) + " " + text_of(reader.event()));
  }
  return events;
}

bool is_message(const std::string& event) { return event.find(':') != std::string::npos; }

std::vector<std::string> messages_of(std::vector<std::string> events) {
  std::erase_if(events, [](const std::string& event) { return !is_message(event); });
  return events;
}

bool is_subsequence(const std::vector<std::string>& part, const std::vector<std::string>& whole) {
  size_t at = 0;
  for (const std::string& one : whole) {
    if (at < part.size() && part[at] == one) ++at;
  }
  return at == part.size();
}

SalvageReport salvage(const std::string& from, const std::string& to) {
  static UnsyncedFiles files;
  return must(salvage_log(from, to, {}, files));
}

void check_sound(const std::string& path) {
  const VerifyReport report = must(verify_log(path));
  CHECK_FALSE(report.damaged());
}

}  // namespace

TEST_CASE("A sound log is salvaged whole, with its capture clock") {
  const TemporaryDirectory directory;
  write_log(directory / "log", GENERATE(false, true));
  const auto before = contents_of(directory / "log");
  const SalvageReport report = salvage(directory / "log", directory / "new");
  CHECK_FALSE(report.lost_anything());
  REQUIRE(report.streams.size() == 1);
  CHECK(report.streams[0].saved.records == 10);
  CHECK(events_of(directory / "new") == events_of(directory / "log"));
  CHECK(contents_of(directory / "log") == before);
  check_sound(directory / "new");
  const VerifyReport verified = must(verify_log(directory / "new"));
  CHECK(report.streams[0].finished == (verified.streams.at(0).state == StreamState::Finished));
}

TEST_CASE("Times of several words, records of one length and their names are carried over") {
  const TemporaryDirectory directory;
  WriterOptions options = small_segments();
  options.time = {.words = 2, .wide_mask = 0, .signed_mask = 2};
  options.time_name = "(u64, i64)";
  options.encoding = RecordEncoding::Fixed;
  options.container_name = "u64";
  options.schema_hash = 42;
  {
    LogOptions three;
    three.peers = 3;
    const Log log = must(Log::open(directory / "log", three));
    for (uint32_t stream = 0; stream < 3; ++stream) {
      EventWriter writer = must(log.writer(stream, options));
      const std::array<uint64_t, 2> time = {stream, 5};
      const std::array<uint64_t, 3> records = {1, 2, stream};
      must(writer.append_messages(time, 3, std::as_bytes(std::span(records))));
      must(writer.close());
    }
  }
  const SalvageReport report = salvage(directory / "log", directory / "new");
  CHECK_FALSE(report.lost_anything());
  const Log log = must(Log::open(directory / "new"));
  CHECK(log.peers() == 3);
  for (uint32_t stream = 0; stream < 3; ++stream) {
    EventReader reader = must(log.reader(stream));
    REQUIRE(must(reader.poll()) == EventReader::Status::Event);
    const auto* messages = reader.event().messages();
    REQUIRE(messages != nullptr);
    CHECK(messages->time().word(0) == stream);
    const auto records = messages->records_as<uint64_t>();
    REQUIRE(records);
    CHECK(std::vector<uint64_t>(records->begin(), records->end()) ==
          std::vector<uint64_t>{1, 2, stream});
    const StreamTraits traits = reader.traits().value();
    CHECK(traits.time == options.time);
    CHECK(traits.time_name == options.time_name);
    CHECK(traits.container_name == options.container_name);
  }
  // The same options open it, so that the schema, too, is the same.
  must(must(log.writer(0, options)).close());
}

TEST_CASE("Whatever byte is damaged the rest is saved in order and verifies") {
  const TemporaryDirectory directory;
  const std::string log = directory / "log";
  write_log(log, GENERATE(false, true));
  const auto whole = messages_of(events_of(log));
  uint64_t round = 0;
  for (const std::string& segment : segment_paths(log)) {
    std::vector<uint64_t> offsets = {0, 7, 30, 80, 250, 300, 1000, 4090};
    for (const FrameAt& frame : frames_of(segment)) {
      for (const uint64_t i :
           {uint64_t{0}, uint64_t{4}, uint64_t{9}, frame.bytes / 2, frame.bytes - 1}) {
        offsets.push_back(frame.offset + i);
      }
    }
    for (const uint64_t offset : offsets) {
      const std::string destination = directory / ("new" + std::to_string(round++));
      flip_byte(segment, offset);
      const SalvageReport report = salvage(log, destination);
      flip_byte(segment, offset);
      INFO("offset " << offset << " of " << segment);
      CHECK(report.lost_anything());
      const auto& left = report.streams.at(0).left_behind;
      CHECK(std::any_of(left.begin(), left.end(), [&](const LeftBehind& hole) {
        return hole.reason.segment == first_position_of(segment) && hole.reason.offset &&
               *hole.reason.offset <= offset;
      }));
      const auto saved = messages_of(events_of(destination));
      CHECK(is_subsequence(saved, whole));
      // At most one frame is lost, but with a header's identity goes the whole segment.
      const bool identity_lost = offset >= 8 && offset < 256;
      CHECK(saved.size() >= whole.size() - (identity_lost ? 5 : 1));
      check_sound(destination);
      std::filesystem::remove_all(destination);
    }
  }
}

TEST_CASE("Progress that a hole made unsure is withheld until the counts are known again") {
  const TemporaryDirectory directory;
  const std::string log = directory / "log";
  write_log(log);
  const std::string segment = segment_paths(log)[0];
  const auto frames = frames_of(segment);
  // Checkpoint, then messages and progress in turn: this one moves the frontier from 1 to 2.
  REQUIRE(frames[4].kind == FrameKind::Progress);
  flip_byte(segment, frames[4].offset + 40);

  const SalvageReport report = salvage(log, directory / "new");
  const auto& left = report.streams.at(0).left_behind;
  REQUIRE(left.size() == 1);
  CHECK(left[0].reason.offset == frames[4].offset);
  CHECK(left[0].bytes == frames[4].bytes);
  CHECK(left[0].progress_events == 3);
  CHECK(report.streams[0].saved.records == 10);
  std::vector<std::string> events = read_all(must(Log::open(directory / "new"))).events;
  REQUIRE(events.size() > 8);
  events.resize(8);
  // The seal says where the frontier was: one event stands for the four that are missing.
  CHECK(events == std::vector<std::string>{"1:r0", "0-1 1+1", "2:r1", "3:r2", "4:r3", "5:r4",
                                           "1-1 5+1", "6:r5"});
}

TEST_CASE("A stream whose end is not known is left open") {
  const TemporaryDirectory directory;
  {
    const Log log = must(Log::open(directory / "log"));
    EventWriter writer = must(log.writer(0, small_segments()));
    append_text(writer, 0, "a");
    advance(writer, 0, 1);
    append_text(writer, 1, "b");
    finish(writer, 1);
    copy_log(directory / "log", directory / "killed");
  }
  const std::string segment = segment_paths(directory / "killed")[0];
  const auto frames = frames_of(segment);
  REQUIRE(frames.size() == 5);
  flip_byte(segment, frames[2].offset + 33);
  const SalvageReport report = salvage(directory / "killed", directory / "new");
  CHECK_FALSE(report.streams.at(0).finished);
  CHECK(report.streams[0].left_behind.at(0).progress_events == 1);
  CHECK(read_all(must(Log::open(directory / "new"))).events ==
        std::vector<std::string>{"0:a", "1:b"});
}

TEST_CASE("A stream whose first segments are gone begins with the counts of a checkpoint") {
  const TemporaryDirectory directory;
  const std::string log = directory / "log";
  write_log(log);
  std::filesystem::remove(segment_paths(log)[0]);
  const SalvageReport report = salvage(log, directory / "new");
  REQUIRE(report.streams.at(0).left_behind.size() == 1);
  CHECK(report.streams[0].left_behind[0].reason.code == ErrorCode::Missing);
  auto events = read_all(must(Log::open(directory / "new"))).events;
  REQUIRE(events.size() == 11);
  CHECK(events[0] == "0-1 5+1");
  CHECK(events[1] == "6:r5");
}

TEST_CASE("A log that lost its identity is salvaged by what its segments say") {
  const TemporaryDirectory directory;
  const std::string log = directory / "log";
  write_log(log);
  const auto whole = events_of(log);
  flip_byte(log + "/identity", 20);
  CHECK_FALSE(salvage(log, directory / "new").lost_anything());
  CHECK(events_of(directory / "new") == whole);
}

TEST_CASE("A hole of zeros is passed like any other") {
  const TemporaryDirectory directory;
  const std::string log = directory / "log";
  write_log(log);
  const std::string segment = segment_paths(log)[1];
  const auto frames = frames_of(segment);
  write_at(segment, frames[3].offset, std::string(frames[3].bytes, '\0'));
  const SalvageReport report = salvage(log, directory / "new");
  REQUIRE(report.streams.at(0).left_behind.size() == 1);
  CHECK(report.streams[0].left_behind[0].bytes == frames[3].bytes);
  CHECK(report.streams[0].saved.records == 9);
}

TEST_CASE("What a killed writer left is salvaged to its end") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  EventWriter writer = must(log.writer(0, small_segments()));
  append_text(writer, 0, "kept");
  copy_log(directory / "log", directory / "killed");
  CHECK_FALSE(salvage(directory / "killed", directory / "new").lost_anything());
  CHECK(read_all(must(Log::open(directory / "new"))).events == std::vector<std::string>{"0:kept"});
}

TEST_CASE("Frames that a recovery cut off stay cut off") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  EventWriter writer = must(log.writer(0, small_segments()));
  append_text(writer, 0, "first");
  const uint64_t hole = append_text(writer, 0, "second");
  append_text(writer, 0, "lost");
  append_text(writer, 0, "ghost");
  copy_log(directory / "log", directory / "lost");
  std::filesystem::remove((directory / "lost") + "/streams/00000/control");
  flip_byte(segment_paths(directory / "lost")[0], hole + 36);
  {
    const Log again = must(Log::open(directory / "lost"));
    EventWriter next = must(again.writer(0, small_segments()));
    append_text(next, 0, "after");
    must(next.close());
  }
  CHECK_FALSE(salvage(directory / "lost", directory / "new").lost_anything());
  CHECK(read_all(must(Log::open(directory / "new"))).events ==
        std::vector<std::string>{"0:first", "0:second", "0:after"});
}

TEST_CASE("Salvage writes neither over a log nor into nothing") {
  const TemporaryDirectory directory;
  write_log(directory / "log");
  const auto onto_itself = salvage_log(directory / "log", directory / "log");
  REQUIRE_FALSE(onto_itself);
  CHECK(onto_itself.error().code == ErrorCode::AlreadyExists);
  const auto from_nothing = salvage_log(directory / "nothing", directory / "new");
  REQUIRE_FALSE(from_nothing);
  CHECK(from_nothing.error().code == ErrorCode::NotFound);
  CHECK_FALSE(std::filesystem::exists(directory / "new"));
}

TEST_CASE("A stream without a readable header is left behind and the others are saved") {
  const TemporaryDirectory directory;
  LogOptions two;
  two.peers = 2;
  {
    const Log log = must(Log::open(directory / "log", two));
    for (uint32_t stream = 0; stream < 2; ++stream) {
      EventWriter writer = must(log.writer(stream, small_segments()));
      append_text(writer, 0, "of " + std::to_string(stream));
      must(writer.close());
    }
  }
  flip_byte(segment_paths(directory / "log", 0)[0], 100);
  const SalvageReport report = salvage(directory / "log", directory / "new");
  REQUIRE(report.streams.size() == 2);
  CHECK(report.streams[0].left_behind.size() == 1);
  CHECK(report.streams[0].saved.records == 0);
  CHECK(report.streams[1].left_behind.empty());
  CHECK(read_all(must(Log::open(directory / "new")), 1).events ==
        std::vector<std::string>{"0:of 1"});
}

TEST_CASE("Of a segment that was cut short the frames before the cut are saved") {
  const TemporaryDirectory directory;
  const std::string log = directory / "log";
  write_log(log);
  const std::string segment = segment_paths(log)[0];
  const FrameAt cut = frames_of(segment)[7];
  REQUIRE(cut.kind == FrameKind::Messages);
  std::filesystem::resize_file(segment, cut.offset + GENERATE(uint64_t{0}, uint64_t{20}));
  CHECK(must(verify_log(log)).damaged());
  const SalvageReport report = salvage(log, directory / "new");
  CHECK(report.lost_anything());
  const auto events = messages_of(read_all(must(Log::open(directory / "new"))).events);
  REQUIRE(events.size() == 3 + 5);
  CHECK(events[2] == "3:r2");
  CHECK(events[3] == "6:r5");
}
