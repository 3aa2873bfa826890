#include "tidemark/stream_end.h"

#include <filesystem>

#include "support/catch.h"
#include "support/stream_helpers.h"
#include "support/temporary_directory.h"

using namespace tidemark;
using namespace tidemark::test;

TEST_CASE("a stream that was never written has no end") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  CHECK(must(committed_end(log, 0)) == 0);
  std::filesystem::remove(directory / "log/streams/00000");
  CHECK(committed_end(log, 0).error().code == ErrorCode::NotFound);
}

TEST_CASE("a stream ends behind its last event, while it is written and after it was closed") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  WriterOptions options;
  options.sync = SyncPolicy::none();
  options.segment_bytes = kMinSegmentBytes;
  const std::string text(1000, 'x');
  uint64_t end = 0;
  for (int incarnation = 0; incarnation < 2; ++incarnation) {
    EventWriter writer = must(log.writer(0, options));
    // Enough for several segments.
    for (int i = 0; i < 200; ++i) {
      end = append_text(writer, 3, text);
      if (i % 20 == 0) {
        REQUIRE(must(committed_end(log, 0)) == end);
        REQUIRE(must(committed_end(log, 0, Access::Copy)) == end);
      }
    }
    must(writer.close());
    CHECK(must(committed_end(log, 0)) == end);
  }
}
