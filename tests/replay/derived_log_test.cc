// Slices and merges of random logs verify, and equal the filtered replay.

#include "tidemark/derived_log.h"

#include <filesystem>

#include "slice.h"
#include "support/catch.h"
#include "support/random_log.h"
#include "support/seed.h"
#include "support/temporary_directory.h"
#include "support/unsynced_files.h"
#include "tidemark/verify.h"

using namespace tidemark;
using namespace tidemark::test;

namespace {

void require_sound(const std::string& path) {
  const auto verdict = must(verify_log(path));
  for (const auto& stream : verdict.streams) {
    for (const Error& error : stream.damage) UNSCOPED_INFO(error.text());
  }
  REQUIRE_FALSE(verdict.damaged());
}

Log open_existing(const std::string& path) {
  return must(Log::open(path, {.create_if_missing = false}));
}

// The messages of a stream that a slice has, with their clocks.
std::vector<std::string> messages_in(const std::vector<KnownEvent>& events, const Slice& slice) {
  std::vector<std::string> texts;
  for (const KnownEvent& event : events) {
    if (event.time && slice.contains(*event.time)) texts.push_back(event.text());
  }
  return texts;
}

std::vector<Change> image_of_counts(const Log& log, uint32_t stream, const Slice& slice,
                                    TimeShape shape) {
  auto reader = must(log.reader(stream));
  while (must(reader.poll()) == EventReader::Status::Event) {
  }
  std::vector<Change> counts{{Time::minimum(shape), 1}};
  if (reader.traits()) {
    counts = counts_of(reader.protocol());
    must(slice.restrict(counts));
  }
  return counts;
}

// No message of a slice comes after the progress that rules it out: reading verifies that. This is
// the other half: progress is told no later than its own messages allow, event by event.
std::vector<std::string> progress_in(const std::vector<KnownEvent>& events, const Slice& slice) {
  std::vector<std::string> texts;
  for (const KnownEvent& event : events) {
    if (event.time) continue;
    std::vector<Change> changes = event.changes;
    must(slice.restrict(changes));
    for (const Change& change : changes) {
      texts.push_back(change.time.text() + "*" + std::to_string(change.diff));
    }
  }
  return texts;
}

}  // namespace

TEST_CASE("slices of random logs verify and equal the filtered replay") {
  const uint64_t first_seed = seed_or(6400);
  const int rounds = rounds_or(60);
  size_t slices = 0;
  for (int round = 0; round < rounds; ++round) {
    const uint64_t seed = first_seed + static_cast<uint64_t>(round);
    INFO("seed " << seed);
    const TemporaryDirectory directory;
    UnsyncedFiles files;
    RandomLogOptions options;
    options.words = static_cast<uint8_t>(1 + round % 2);
    RandomLogWriter made(seed, directory / "log", options, files);
    const Log log = made.write();
    auto& random = made.random();
    for (int query = 0; query < 3; ++query) {
      SliceOptions wanted;
      if (random() % 4 != 0) wanted.from = made.any_time();
      if (random() % 4 != 0) wanted.until = made.any_time();
      std::vector<uint32_t> streams{0, 1};
      if (random() % 2 == 0) streams = {static_cast<uint32_t>(random() % 2)};
      if (streams.size() == 1 || random() % 2 == 0) wanted.streams = streams;
      const std::string path = directory / ("slice" + std::to_string(query));
      const auto report = must(slice_log(log, path, wanted));
      require_sound(path);
      const Log sliced = open_existing(path);
      REQUIRE(sliced.peers() == streams.size());
      REQUIRE(sliced.uuid() != log.uuid());
      const Slice slice(wanted.from, wanted.until);
      for (uint32_t stream = 0; stream < streams.size(); ++stream) {
        const auto before = known_events(log, streams[stream]);
        const auto after = known_events(sliced, stream);
        REQUIRE(messages_in(after, Slice()) == messages_in(before, slice));
        REQUIRE(report[stream].source_stream == streams[stream]);
        REQUIRE(report[stream].totals.records == (after.empty() ? 0 : after.back().records_after));
        const auto counts = image_of_counts(log, streams[stream], slice, made.shape());
        REQUIRE(image_of_counts(sliced, stream, Slice(), made.shape()) == counts);
        REQUIRE(report[stream].finished == counts.empty());
      }
      ++slices;
    }
    REQUIRE(known_events(log, 0).size() == known_events(open_existing(log.path()), 0).size());
  }
  WARN(slices << " slices of " << rounds << " logs");
}

TEST_CASE("merges of random logs verify and have all events of all streams in their order") {
  const uint64_t first_seed = seed_or(6401);
  const int rounds = rounds_or(30);
  for (int round = 0; round < rounds; ++round) {
    const uint64_t seed = first_seed + static_cast<uint64_t>(round);
    INFO("seed " << seed);
    const TemporaryDirectory directory;
    UnsyncedFiles files;
    RandomLogOptions options;
    options.words = static_cast<uint8_t>(1 + round % 2);
    std::vector<Log> logs;
    std::vector<std::pair<size_t, uint32_t>> streams;
    for (uint64_t i = 0; i < 2 + seed % 2; ++i) {
      options.streams = 1 + static_cast<uint32_t>(i % 2);
      logs.push_back(
          RandomLogWriter(seed * 8 + i, directory / ("log" + std::to_string(i)), options, files)
              .write());
      for (uint32_t stream = 0; stream < options.streams; ++stream) {
        streams.emplace_back(i, stream);
      }
    }
    const auto report = must(merge_logs(logs, directory / "merged"));
    require_sound(directory / "merged");
    const Log merged = open_existing(directory / "merged");
    REQUIRE(merged.peers() == streams.size());
    for (uint32_t stream = 0; stream < streams.size(); ++stream) {
      const auto& [log, number] = streams[stream];
      REQUIRE(report[stream].source == log);
      REQUIRE(report[stream].source_stream == number);
      const auto before = known_events(logs[log], number);
      const auto after = known_events(merged, stream);
      REQUIRE(messages_in(after, Slice()) == messages_in(before, Slice()));
      REQUIRE(progress_in(after, Slice()) == progress_in(before, Slice()));
      TimeShape shape;
      shape.words = options.words;
      REQUIRE(image_of_counts(merged, stream, Slice(), shape) ==
              image_of_counts(logs[log], number, Slice(), shape));
    }
  }
}

TEST_CASE("a slice that is over is finished, and one that is not stays open") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  auto writer = must(log.writer(0));
  for (uint64_t time = 0; time < 20; ++time) {
    append_text(writer, time, "r" + std::to_string(time));
    advance(writer, time, time + 1);
  }
  must(writer.sync());
  // Its writer is still at work.
  const auto over = must(slice_log(log, directory / "over", {{}, Time(5), Time(10)}));
  CHECK(over[0].finished);
  CHECK(over[0].totals.records == 5);
  const auto open = must(slice_log(log, directory / "open", {{}, Time(5), Time(30)}));
  CHECK_FALSE(open[0].finished);
  CHECK(open[0].totals.records == 15);
  const auto empty = must(slice_log(log, directory / "empty", {{}, Time(5), Time(5)}));
  CHECK(empty[0].finished);
  CHECK(empty[0].totals.records == 0);
  for (const char* name : {"over", "open", "empty"}) require_sound(directory / name);
}

TEST_CASE("streams keep their schema, their encoding and their names") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log", {.peers = 2}));
  WriterOptions fixed;
  fixed.encoding = RecordEncoding::Fixed;
  fixed.container_name = "u64s";
  fixed.schema_hash = 77;
  auto writer = must(log.writer(1, fixed));
  const uint64_t time = 3;
  const uint64_t records[] = {1, 2, 3};
  must(writer.append_messages(std::span(&time, 1), 3, std::as_bytes(std::span(records))));
  must(writer.close());
  must(merge_logs(std::span(&log, 1), directory / "merged"));
  require_sound(directory / "merged");
  auto reader = must(open_existing(directory / "merged").reader(1));
  REQUIRE(must(reader.poll()) == EventReader::Status::Event);
  CHECK(reader.event().messages()->records_as<uint64_t>()->size() == 3);
  CHECK(reader.traits()->encoding == RecordEncoding::Fixed);
  CHECK(reader.traits()->container_name == "u64s");
  CHECK(reader.traits()->schema_hash == 77);
  // A stream that was never written stays so.
  auto empty = must(open_existing(directory / "merged").reader(0));
  CHECK_FALSE(empty.traits());
}

TEST_CASE("logs of differing times are not merged, and nothing is left behind") {
  const TemporaryDirectory directory;
  std::vector<Log> logs;
  for (const uint8_t words : {uint8_t{1}, uint8_t{2}}) {
    logs.push_back(must(Log::open(directory / ("log" + std::to_string(words)))));
    WriterOptions options;
    options.time.words = words;
    must(must(logs.back().writer(0, options)).close());
  }
  const auto refused = merge_logs(logs, directory / "merged");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::InvalidArgument);
  CHECK(refused.error().path == logs[1].path());
  const auto entries = std::distance(std::filesystem::directory_iterator(directory.path()), {});
  CHECK(entries == 2);
}

TEST_CASE("damage in a log ends its slice with an error and nothing is left behind") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  auto writer = must(log.writer(0));
  for (uint64_t i = 0; i < 20; ++i) append_text(writer, i, "record");
  must(writer.close());
  flip_byte(segment_paths(log.path())[0], frames_of(segment_paths(log.path())[0])[7].offset + 40);
  const auto failed = slice_log(log, directory / "slice");
  REQUIRE_FALSE(failed);
  CHECK(failed.error().code == ErrorCode::Corrupt);
  CHECK(std::distance(std::filesystem::directory_iterator(directory.path()), {}) == 1);
  CHECK(slice_log(log, log.path()).error().code == ErrorCode::AlreadyExists);
  SliceOptions twice;
  twice.streams = {0, 0};
  CHECK(slice_log(log, directory / "slice", twice).error().code == ErrorCode::InvalidArgument);
}
