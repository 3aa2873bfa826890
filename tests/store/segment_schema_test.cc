// Streams that carry the schema of their records: in every segment, checked by whatever walks them.

#include "segment_schema.h"

#include <filesystem>

#include "support/catch.h"
#include "support/log_files.h"
#include "support/stream_helpers.h"
#include "support/temporary_directory.h"
#include "support/trade.h"
#include "tidemark/record_schema.h"
#include "tidemark/salvage.h"
#include "tidemark/stream_end.h"
#include "tidemark/survey.h"
#include "tidemark/verify.h"

using namespace tidemark;
using namespace tidemark::test;

namespace {

WriterOptions with_schema() {
  WriterOptions options;
  options.sync = SyncPolicy::none();
  options.segment_bytes = kMinSegmentBytes;
  options.schema.assign(trade_schema().begin(), trade_schema().end());
  return options;
}

// Two incarnations and some rolls.
void write_some(const Log& log, const WriterOptions& options, int records = 100) {
  const std::string text(1500, 'x');
  for (int incarnation = 0; incarnation < 2; ++incarnation) {
    EventWriter writer = must(log.writer(0, options));
    for (int i = 0; i < records; ++i) append_text(writer, 3, text);
    must(writer.close());
  }
}

// A stream of one record whose second writer was killed as soon as its segment was published.
Log log_reopened_and_killed(const TemporaryDirectory& directory) {
  const Log log = must(Log::open(directory / "log"));
  {
    EventWriter writer = must(log.writer(0, with_schema()));
    append_text(writer, 3, "first");
  }
  const EventWriter writer = must(log.writer(0, with_schema()));
  copy_log(directory / "log", directory / "copy");
  return must(Log::open(directory / "copy"));
}

std::vector<Error> damage_of(const Log& log) {
  const auto report = must(verify_log(log.path()));
  std::vector<Error> damage = report.log_damage;
  for (const auto& stream : report.streams) {
    damage.insert(damage.end(), stream.damage.begin(), stream.damage.end());
  }
  return damage;
}

bool has_rule(const std::vector<Error>& damage, const std::string& rule) {
  return std::any_of(damage.begin(), damage.end(),
                     [&](const Error& error) { return error.rule == rule; });
}

}  // namespace

TEST_CASE("every segment has the schema, right after its checkpoint") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  write_some(log, with_schema());
  const auto segments = segment_paths(log.path());
  REQUIRE(segments.size() > 4);
  for (const std::string& path : segments) {
    const auto frames = frames_of(path);
    REQUIRE(frames.size() >= 2);
    CHECK(frames[0].kind == FrameKind::Checkpoint);
    CHECK(frames[1].kind == FrameKind::Schema);
    const std::string bytes = read_file(path);
    CHECK(bytes.substr(frames[1].offset + sizeof(FrameHeader), trade_schema().size()) ==
          std::string(reinterpret_cast<const char*>(trade_schema().data()), trade_schema().size()));
    // Who does not know the kind may skip it, and must not append.
    CHECK(static_cast<uint8_t>(bytes[frames[1].offset + 5]) == kSkippable);
    const SegmentHeader header = header_of(path);
    CHECK(header.compatible_features == kSchemaFeature);
    CHECK(header.incompatible_features == 0);
    CHECK(header.format_minor == 1);
    CHECK(header.schema_hash == schema_hash_of(trade_schema()));
  }
  CHECK(damage_of(log).empty());
  for (const std::string& path : segments) {
    ReaderOptions options;
    options.segment = first_position_of(path);
    EventReader reader = must(log.reader(0, options));
    REQUIRE(reader.traits()->schema != nullptr);
    CHECK(reader.traits()->schema->size() == trade_schema().size());
    CHECK(!read_all(reader).error);
  }
}

TEST_CASE("a schema is no event") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  write_some(log, with_schema());
  EventReader reader = must(log.reader(0));
  CHECK(reader.sequence() == 0);
  const ReadBack all = read_all(reader);
  CHECK(!all.error);
  CHECK(all.events.size() == 200);
  CHECK(reader.sequence() == 200);
  CHECK(reader.totals().records == 200);
  CHECK(must(committed_end(log, 0)) == reader.position());
  const StreamSurvey survey = must(survey_stream(log, 0));
  CHECK(!survey.damage);
  CHECK(survey.totals.events == 200);
  REQUIRE(survey.traits->schema != nullptr);
  CHECK(survey.traits->schema->size() == trade_schema().size());
}

TEST_CASE("an existing stream with another schema is refused") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log", {.peers = 3}));
  WriterOptions plain = with_schema();
  plain.schema.clear();
  must(must(log.writer(0, with_schema())).close());
  must(must(log.writer(1, plain)).close());
  CHECK(log.writer(0, plain).error().code == ErrorCode::InvalidArgument);
  CHECK(log.writer(1, with_schema()).error().code == ErrorCode::InvalidArgument);
  CHECK(log.writer(0, with_schema()));

  // An application's own hash is none, even where it is that of the schema.
  plain.schema_hash = schema_hash_of(trade_schema());
  CHECK(log.writer(0, plain).error().code == ErrorCode::InvalidArgument);
  must(must(log.writer(2, plain)).close());
  CHECK(log.writer(2, with_schema()).error().code == ErrorCode::InvalidArgument);
  CHECK(must(log.reader(2)).traits()->schema == nullptr);
  CHECK(must(log.reader(2)).traits()->schema_hash == plain.schema_hash);
}

TEST_CASE("a schema that is none, or too large, is refused") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  WriterOptions options = with_schema();
  options.schema.resize(100);
  CHECK(log.writer(0, options).error().code == ErrorCode::InvalidArgument);
  options.schema.resize(kMaxSchemaBytes + 1);
  CHECK(log.writer(0, options).error().code == ErrorCode::TooLarge);
  CHECK(segment_paths(log.path()).empty());
}

TEST_CASE("a large schema and many capabilities leave room in the smallest segment") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  WriterOptions options = with_schema();
  options.schema.resize(kMaxSchemaBytes);  // trailing zeros do a FlatBuffer no harm
  EventWriter writer = must(log.writer(0, options));
  std::vector<Change> changes;
  for (uint64_t t = 1; t < max_capabilities({}); ++t) changes.push_back({t, 1});
  must(writer.append_progress(changes));
  // What is never compared with the limit must fit.
  const std::string text(kMinSegmentBytes / 8 - sizeof(uint32_t), 'x');
  for (int i = 0; i < 20; ++i) append_text(writer, 3, text);
  append_text(writer, 3, std::string(writer.max_data_bytes(1), 'y'));
  must(writer.close());
  CHECK(damage_of(log).empty());
  CHECK(read_all(log).events.size() == 22);
}

TEST_CASE("a schema that is missing, misplaced, repeated or another one is damage") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  write_some(log, with_schema(), 10);
  const std::string path = segment_paths(log.path())[0];
  const auto frames = frames_of(path);
  REQUIRE(frames.size() > 5);
  std::string rule;
  SECTION("missing") {
    rule = "S1";
    // The same bytes as another kind that may be skipped.
    const SegmentHeader segment = header_of(path);
    const std::string file = read_file(path);
    std::vector<uint64_t> aligned(frames[1].bytes / sizeof(uint64_t));
    std::memcpy(aligned.data(), file.data() + frames[1].offset, frames[1].bytes);
    FrameHeader header;
    std::memcpy(&header, aligned.data(), sizeof header);
    header.word = (header.word & 0xFFFF'FFFF) | uint64_t{200} << 32 | uint64_t{kSkippable} << 40;
    std::memcpy(aligned.data(), &header, sizeof header);
    header.checksum =
        frame_checksum(reinterpret_cast<std::byte*>(aligned.data()), header.word,
                       FrameKey(segment.salt), segment.first_position + frames[1].offset);
    std::memcpy(aligned.data(), &header, sizeof header);
    write_at(path, frames[1].offset,
             {reinterpret_cast<const char*>(aligned.data()), frames[1].bytes});
  }
  SECTION("where the header knows of none") {
    rule = "S2";
    forge_header(path, [](SegmentHeader& header) {
      header.compatible_features = 0;
      finish_identity(header);
    });
  }
  SECTION("another one") {
    rule = "S3";
    forge_header(path, [](SegmentHeader& header) {
      ++header.schema_hash;
      finish_identity(header);
    });
  }
  const auto damage = damage_of(log);
  CHECK(has_rule(damage, rule));
  const ReadBack all = read_all(log);
  REQUIRE(all.error);
  CHECK(all.error->code == ErrorCode::Corrupt);
}

TEST_CASE("a schema that goes bad is damage, and the events after it are salvaged") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  write_some(log, with_schema(), 60);
  const auto segments = segment_paths(log.path());
  const auto frames = frames_of(segments[0]);
  flip_byte(segments[0], frames[1].offset + 100);
  CHECK(!damage_of(log).empty());
  CHECK(read_all(log).error->code == ErrorCode::Corrupt);

  const auto salvaged = must(salvage_log(log.path(), directory / "saved"));
  CHECK(salvaged.lost_anything());
  const Log saved = must(Log::open(directory / "saved"));
  CHECK(damage_of(saved).empty());
  CHECK(read_all(saved).events.size() == 120);
  const EventReader reader = must(saved.reader(0));
  REQUIRE(reader.traits()->schema != nullptr);
  CHECK(std::equal(reader.traits()->schema->begin(), reader.traits()->schema->end(),
                   trade_schema().begin(), trade_schema().end()));
}

TEST_CASE("a killed writer's stream goes on with its schema") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  {
    EventWriter writer = must(log.writer(0, with_schema()));
    append_text(writer, 3, "first");
    copy_log(directory / "log", directory / "copy");
  }
  const Log copy = must(Log::open(directory / "copy"));
  CHECK(damage_of(copy).empty());
  {
    EventWriter writer = must(copy.writer(0, with_schema()));
    append_text(writer, 4, "second");
  }
  CHECK(damage_of(copy).empty());
  CHECK(read_all(copy).events == std::vector<std::string>{"3:first", "4:second"});
}

TEST_CASE("a segment whose schema was lost with the power holds nothing") {
  const TemporaryDirectory directory;
  const Log copy = log_reopened_and_killed(directory);
  const std::string last = segment_paths(copy.path()).back();
  const auto frames = frames_of(last);
  REQUIRE(frames.size() == 2);
  const bool torn = GENERATE(false, true);
  const uint64_t from = frames[1].offset + (torn ? 512 : 0);
  write_at(last, from, std::string(frames[1].offset + frames[1].bytes - from, '\0'));
  std::filesystem::remove(copy.path() + "/streams/00000/control");
  {
    EventWriter writer = must(copy.writer(0, with_schema()));
    CHECK(writer.recovery().set_aside_segments == 1);
    append_text(writer, 4, "second");
  }
  CHECK(damage_of(copy).empty());
  CHECK(read_all(copy).events == std::vector<std::string>{"3:first", "4:second"});
}

TEST_CASE("a writer that was killed before it published leaves a spare, schema and all") {
  const TemporaryDirectory directory;
  const Log copy = log_reopened_and_killed(directory);
  const std::string last = segment_paths(copy.path()).back();
  write_at(last, 0, std::string(8, '\0'));
  write_at(last, 256, std::string(kSegmentHeaderBytes - 256, '\0'));
  CHECK(damage_of(copy).empty());
  CHECK(read_all(copy).events == std::vector<std::string>{"3:first"});
  EventWriter writer = must(copy.writer(0, with_schema()));
  CHECK(writer.recovery().set_aside_segments == 0);
}
