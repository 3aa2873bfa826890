// Segments that are read narrowly: frame by frame, in copies.

#include "segment.h"

#include <algorithm>
#include <cstring>
#include <random>
#include <vector>

#include "support/catch.h"
#include "support/counted_reads.h"
#include "support/log_files.h"
#include "support/stream_helpers.h"
#include "support/temporary_directory.h"
#include "support/unsynced_files.h"

using namespace tidemark;
using namespace tidemark::test;

namespace {

WriterOptions one_segment() {
  WriterOptions options;
  options.sync = SyncPolicy::none();
  options.segment_bytes = uint64_t{4} << 20;
  return options;
}

std::shared_ptr<Segment> narrow(FileSeam& files, const Log& log) {
  return must(Segment::open_narrowly(files, segment_paths(log.path()).front(), 0));
}

}  // namespace

TEST_CASE("A segment that is read narrowly serves the frames of a whole one and reads no more") {
  const TemporaryDirectory directory;
  CountedReads files;
  const Log log = must(Log::open(directory / "log", {}, files));
  {
    EventWriter writer = must(log.writer(0, one_segment()));
    for (const int length : {0, 10, 3000, 4032, 4096, 5000, 70'000, 20, 9000, 1}) {
      append_text(writer, 3, std::string(static_cast<size_t>(length), 'x'));
    }
    must(writer.close());
  }
  const std::string path = segment_paths(log.path()).front();
  auto frames = frames_of(path);
  std::shuffle(frames.begin(), frames.end(), std::mt19937_64(1));
  const auto whole = must(Segment::open(files, path, 0, Access::Map));
  const auto segment = narrow(files, log);
  files.read_bytes = 0;
  uint64_t most = 0;
  std::vector<FrameView> views;
  for (const FrameAt& frame : frames) {
    views.push_back(must(segment->frame(frame.offset)).value());
    most += kPageBytes + (frame.bytes > kPageBytes ? frame.bytes : 0);
  }
  CHECK(files.read_bytes <= most);
  // Also the views of copies that others followed.
  for (size_t i = 0; i < frames.size(); ++i) {
    const FrameView expected = must(whole->frame(frames[i].offset)).value();
    CHECK(views[i].kind == expected.kind);
    CHECK(views[i].position == expected.position);
    CHECK(std::ranges::equal(views[i].payload, expected.payload));
  }
}

TEST_CASE(
    "A segment that is read narrowly has the frames that were committed since it was looked at") {
  const TemporaryDirectory directory;
  UnsyncedFiles files;
  const Log log = must(Log::open(directory / "log", {}, files));
  EventWriter writer = must(log.writer(0, one_segment()));
  append_text(writer, 3, "first");
  const auto segment = narrow(files, log);
  const uint64_t end = writer.committed();
  CHECK_FALSE(must(segment->frame(end)));
  append_text(writer, 3, "second");
  append_text(writer, 3, "third");
  REQUIRE(must(segment->frame(end)));
  CHECK(must(segment->frame(must(segment->frame(end))->end_position())));
}

TEST_CASE("Damage of a segment that is read narrowly is named with its place") {
  const TemporaryDirectory directory;
  UnsyncedFiles files;
  const Log log = must(Log::open(directory / "log", {}, files));
  {
    EventWriter writer = must(log.writer(0, one_segment()));
    append_text(writer, 3, std::string(6000, 'x'));
    must(writer.close());
  }
  const std::string path = segment_paths(log.path()).front();
  const FrameAt event = frames_of(path).at(1);
  flip_byte(path, event.offset + 5000);
  const auto segment = narrow(files, log);
  const auto found = segment->frame(event.offset);
  REQUIRE_FALSE(found);
  CHECK(found.error().code == ErrorCode::Corrupt);
  CHECK(found.error().offset == event.offset);
  CHECK(found.error().path == path);
}
