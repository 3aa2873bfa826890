// The golden segments of tests/data/golden: written again, they are the same bytes; SPEC.md shows
// these bytes; and what an older version has written stays readable.
//
// After a change of the format on purpose:
//   TIDEMARK_UPDATE_GOLDEN=1 build/dev/tests/store/tidemark_store_tests '*golden*'
// writes the files and the dump in SPEC.md. What an older version wrote is then kept under another
// name, with its list of events.

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "store/golden_dump.h"
#include "support/catch.h"
#include "support/counting_files.h"
#include "support/stream_helpers.h"
#include "support/temporary_directory.h"
#include "tidemark/log.h"

using namespace tidemark;
using namespace tidemark::test;

namespace {

const std::string kGolden = TIDEMARK_TEST_DATA "/golden/";
const std::string kSpecification = TIDEMARK_TEST_DATA "/../../SPEC.md";
// What encloses the dump in SPEC.md.
const std::string kDumpBegin = "<!-- golden: variable.seg -->\n```\n";
const std::string kDumpEnd = "```\n";

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_file(const std::string& path, std::string_view content) {
  std::ofstream file(path, std::ios::binary);
  file << content;
  if (!file.flush()) throw std::runtime_error("cannot write " + path);
}

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

WriterOptions smallest_segments() {
  WriterOptions options;
  options.segment_bytes = kMinSegmentBytes;
  options.sync = SyncPolicy::none();
  return options;
}

void write_variable(const Log& log) {
  EventWriter writer = must(log.writer(0, smallest_segments()));
  const uint64_t three = 3;
  const std::string_view records[] = {"tide", "mark!"};
  must(writer.append_messages(std::span(&three, 1), records));
  advance(writer, 0, 5);
  append_text(writer, 7, "ebb");
  finish(writer, 5);
  must(writer.close());
}

// Times (i64, u128): one signed word, then a wide coordinate of two.
void write_fixed_wide(const Log& log) {
  WriterOptions options = smallest_segments();
  options.time = {.words = 3, .wide_mask = 0b010, .signed_mask = 0b001};
  options.time_name = "(i64, u128)";
  options.encoding = RecordEncoding::Fixed;
  options.container_name = "16 letters";
  const auto time = [&](int64_t first, uint64_t high, uint64_t low) {
    const uint64_t words[] = {static_cast<uint64_t>(first) ^ (uint64_t{1} << 63), high, low};
    return Time(options.time, words);
  };
  EventWriter writer = must(log.writer(0, options));
  const auto append = [&](const Time& at, uint32_t records, const std::string& text) {
    must(writer.append_messages(at.words(), records, bytes_of(text)));
  };
  append(time(-1, 1, 5), 2, "abcdefghijklmnopABCDEFGHIJKLMNOP");
  const Change changes[] = {
      {Time::minimum(options.time), -1}, {time(-5, 0, 7), 1}, {time(2, 0, 3), 2}};
  must(writer.append_progress(changes));
  append(time(2, 0, 3), 1, "0123456789abcdef");
  append(time(-4, 2, 0), 0, "");
  must(writer.close());
}

// Records of `note.bfbs`, which is `namespace golden; table Note { price:ulong; text:string; }
// root_type Note;` by flatc 2.0.8. Their bytes are no tables, which is not the store's affair.
void write_schema(const Log& log) {
  WriterOptions options = smallest_segments();
  const std::string schema = read_file(kGolden + "note.bfbs");
  const auto bytes = bytes_of(schema);
  options.schema.assign(bytes.begin(), bytes.end());
  options.container_name = "golden.Note";
  EventWriter writer = must(log.writer(0, options));
  append_text(writer, 3, "a note");
  finish(writer, 0);
  must(writer.close());
}

// What such a log's first segment holds, up to its seal and the zero word after that.
std::string used_bytes_of_new_log(void (*write)(const Log&)) {
  const TemporaryDirectory directory;
  CountingFiles files;
  write(must(Log::open(directory / "log", {}, files)));
  std::string bytes = read_file(directory / "log/streams/00000/00000000000000000000.seg");
  REQUIRE(bytes.size() == kMinSegmentBytes);
  size_t used = kSegmentHeaderBytes;
  for (uint32_t length = 1; length > 0;) {
    std::memcpy(&length, bytes.data() + used, sizeof length);
    used += length > 0 ? align_up(length, kFrameAlignment) : sizeof(uint64_t);
  }
  CHECK(bytes.find_first_not_of('\0', used) == std::string::npos);
  bytes.resize(used);
  return bytes;
}

// The events that a segment of this beginning holds, a line each.
std::string events_of(const std::string& used) {
  const TemporaryDirectory directory;
  SegmentHeader header;
  REQUIRE(used.size() >= sizeof header);
  std::memcpy(&header, used.data(), sizeof header);
  const std::string stream = directory / "log/streams/00000";
  std::filesystem::create_directories(stream);
  const std::string path = stream + "/00000000000000000000.seg";
  write_file(path, used);
  std::filesystem::resize_file(path, header.segment_bytes);

  const ReadBack read = read_all(must(Log::open(directory / "log")));
  std::string events;
  for (const std::string& event : read.events) events += event + "\n";
  if (read.error) events += read.error->text() + "\n";
  return events;
}

bool updating() { return std::getenv("TIDEMARK_UPDATE_GOLDEN") != nullptr; }

void check_golden(const std::string& name, void (*write)(const Log&)) {
  const std::string fresh = used_bytes_of_new_log(write);
  if (updating()) {
    write_file(kGolden + name + ".seg", fresh);
    write_file(kGolden + name + ".events", events_of(fresh));
  }
  const std::string stored = read_file(kGolden + name + ".seg");
  if (fresh != stored) {
    INFO("what is written now:\n" << annotated_dump(bytes_of(fresh)));
    INFO("what was written then:\n" << annotated_dump(bytes_of(stored)));
    FAIL("a segment is written otherwise than it was");
  }
}

}  // namespace

TEST_CASE("golden: a writer with a fixed clock and fixed randomness writes the same bytes") {
  SECTION("variable records") { check_golden("variable", write_variable); }
  SECTION("fixed records at wide and signed times") {
    check_golden("fixed_wide", write_fixed_wide);
  }
  SECTION("records with a schema") { check_golden("schema", write_schema); }
}

TEST_CASE("golden: SPEC.md shows the bytes of the golden segment and what they mean") {
  const std::string golden = read_file(kGolden + "variable.seg");
  const std::string fresh = annotated_dump(bytes_of(golden));
  std::string specification = read_file(kSpecification);
  const size_t mark = specification.find(kDumpBegin);
  REQUIRE(mark != std::string::npos);
  const size_t begin = mark + kDumpBegin.size();
  const size_t end = specification.find(kDumpEnd, begin);
  REQUIRE(end != std::string::npos);
  if (updating()) {
    write_file(kSpecification, specification.replace(begin, end - begin, fresh));
    return;
  }
  const std::string shown = specification.substr(begin, end - begin);
  const auto bytes = bytes_of_dump(shown);
  const auto expected = bytes_of(golden);
  CHECK(std::equal(bytes.begin(), bytes.end(), expected.begin(), expected.end()));
  if (shown != fresh) {
    INFO("a fresh dump:\n" << fresh);
    FAIL("the dump in SPEC.md is not that of the golden segment");
  }
}

TEST_CASE("golden: what any version has written stays readable") {
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kGolden)) {
    if (entry.path().extension() != ".seg") continue;
    INFO(entry.path().filename());
    auto events = entry.path();
    events.replace_extension(".events");
    CHECK(events_of(read_file(entry.path())) == read_file(events));
    ++files;
  }
  CHECK(files >= 2);
}
