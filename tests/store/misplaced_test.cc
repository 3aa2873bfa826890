// Files that are whole but not what they should be where they stand: of another place, gone behind
// what was purged, or at odds with their own header.

#include <cstring>
#include <filesystem>
#include <fstream>

#include "paths.h"
#include "stream_directory.h"
#include "support/catch.h"
#include "support/forwarding_files.h"
#include "support/stream_helpers.h"
#include "support/temporary_directory.h"
#include "tidemark/frame.h"
#include "tidemark/log.h"
#include "tidemark/verify.h"

using namespace tidemark;
using namespace tidemark::test;

namespace {

// Of several segments, closed.
Log log_of_segments(const std::string& path) {
  Log log = must(Log::open(path));
  EventWriter writer = must(log.writer(0, small_segments()));
  for (int i = 0; i < 300; ++i) append_text(writer, 0, std::string(1000, 'a'));
  must(writer.close());
  return log;
}

template <typename Struct>
Struct read_struct(const std::string& path, uint64_t offset) {
  Struct result;
  std::ifstream file(path, std::ios::binary);
  file.seekg(static_cast<std::streamoff>(offset));
  file.read(reinterpret_cast<char*>(&result), sizeof result);
  REQUIRE(file);
  return result;
}

template <typename Struct>
void write_struct(const std::string& path, uint64_t offset, const Struct& content) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(static_cast<std::streamoff>(offset));
  file.write(reinterpret_cast<const char*>(&content), sizeof content);
  REQUIRE(file.flush());
}

// A header as a reader finds it whose look comes in the middle of its publication.
class TornHeader final : public ForwardingFiles {
 public:
  int64_t read(int descriptor, std::span<std::byte> bytes, uint64_t offset) override {
    const auto count = ForwardingFiles::read(descriptor, bytes, offset);
    if (offset == 0 && bytes.size() == kSegmentHeaderBytes && torn_reads > 0) {
      --torn_reads;
      std::fill(bytes.begin() + 2048, bytes.end(), std::byte{0});
    }
    return count;
  }
  int torn_reads = 0;
};

}  // namespace

TEST_CASE("A segment under the name of another is damage, and is not read in its place") {
  const TemporaryDirectory directory;
  const Log log = log_of_segments(directory / "log");
  const std::string stream = stream_path(log.path(), 0);
  const auto positions = must(list_segment_names(system_files(), stream));
  REQUIRE(positions.size() >= 4);
  // Where a stream was purged, no link to a predecessor gives it away.
  must(write_purged(system_files(), stream, positions[1]));
  std::filesystem::remove(segment_path(stream, positions[0]));
  std::filesystem::rename(segment_path(stream, positions[2]), segment_path(stream, positions[1]));

  const ReadBack read = read_all(log);
  CHECK(read.events.empty());
  REQUIRE(read.error);
  CHECK(read.error->code == ErrorCode::Corrupt);
  CHECK_FALSE(log.writer(0, small_segments()));
}

TEST_CASE("A stream of which only what says how far it was purged is left is data loss") {
  const TemporaryDirectory directory;
  const Log log = log_of_segments(directory / "log");
  const std::string stream = stream_path(log.path(), 0);
  const auto positions = must(list_segment_names(system_files(), stream));
  must(write_purged(system_files(), stream, positions[1]));
  for (const uint64_t position : positions) {
    std::filesystem::remove(segment_path(stream, position));
  }
  const ReadBack read = read_all(log);
  REQUIRE(read.error);
  CHECK(read.error->code == ErrorCode::Missing);
  const auto writer = log.writer(0, small_segments());
  REQUIRE_FALSE(writer);
  CHECK(writer.error().code == ErrorCode::Missing);
}

TEST_CASE("Records that are not laid out as the header says are damage") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  {
    EventWriter writer = must(log.writer(0, small_segments()));
    append_text(writer, 0, "variable");
    must(writer.close());
  }
  const std::string path = segment_path(stream_path(log.path(), 0), 0);
  auto header = read_struct<SegmentHeader>(path, 0);
  header.record_encoding = static_cast<uint8_t>(RecordEncoding::Fixed);
  finish_header(header);
  write_struct(path, 0, header);

  const ReadBack read = read_all(log);
  CHECK(read.events.empty());
  REQUIRE(read.error);
  CHECK(read.error->code == ErrorCode::Corrupt);
  CHECK(must(verify_log(log.path())).damaged());
}

TEST_CASE("A header that is read while it is published is read once more") {
  const TemporaryDirectory directory;
  TornHeader files;
  const Log log = must(Log::open(directory / "log", {}, files));
  {
    EventWriter writer = must(log.writer(0, small_segments()));
    append_text(writer, 0, "one");
    must(writer.close());
  }
  files.torn_reads = 1;
  CHECK(read_all(log).events == std::vector<std::string>{"0:one"});
  files.torn_reads = 1;
  CHECK(must(examine_segment(files, stream_path(log.path(), 0), 0, 0)).published);
  // What stays wrong is damage.
  files.torn_reads = 100;
  CHECK(read_all(log).error);
}

TEST_CASE("Reading stops at a rotten seal, though the next segment begins behind it") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  uint64_t end = 0;
  for (const char* text : {"one", "two"}) {
    EventWriter writer = must(log.writer(0, small_segments()));
    const uint64_t after = append_text(writer, 0, text);
    if (end == 0) end = after;
    must(writer.close());
  }
  CHECK(read_all(log).events.size() == 2);
  const std::string path = segment_path(stream_path(log.path(), 0), 0);
  const uint64_t at = end + sizeof(FrameHeader);
  write_struct(path, at, ~read_struct<uint8_t>(path, at));
  const ReadBack read = read_all(log);
  CHECK(read.events == std::vector<std::string>{"0:one"});
  REQUIRE(read.error);
  CHECK(read.error->code == ErrorCode::Corrupt);
  CHECK(read.error->offset == end);
}
