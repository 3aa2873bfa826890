#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "support/catch.h"
#include "support/forwarding_files.h"
#include "support/stream_helpers.h"
#include "support/temporary_directory.h"
#include "tidemark/log.h"

using namespace tidemark;
using namespace tidemark::test;

namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;

// Looks at what zeros are written over, and at what is asked to be in large pages.
class WatchedPages : public ForwardingFiles {
 public:
  int cache_zeros(int descriptor, uint64_t offset, uint64_t bytes) override {
    if (failing) return -EIO;
    std::vector<std::byte> before(bytes);
    if (read(descriptor, before, offset) != static_cast<int64_t>(bytes) ||
        std::any_of(before.begin(), before.end(), [](std::byte b) { return b != std::byte{0}; })) {
      wrote_over_something = true;
    }
    zeros += bytes;
    return ForwardingFiles::cache_zeros(descriptor, offset, bytes);
  }
  int use_large_pages(std::byte* address, uint64_t bytes) override {
    large += bytes;
    return ForwardingFiles::use_large_pages(address, bytes);
  }
  std::atomic<bool> failing{false};
  std::atomic<bool> wrote_over_something{false};
  std::atomic<uint64_t> zeros{0};
  std::atomic<uint64_t> large{0};
};

WriterOptions options_of(const SyncPolicy& sync, SegmentPages pages) {
  WriterOptions options;
  options.sync = sync;
  options.pages = pages;
  options.segment_bytes = 8 * kMiB;
  return options;
}

// Fills segments of 1, 2, 4 and 8 MiB and more.
void append_much(EventWriter& writer) {
  const std::string text(60'000, 'x');
  for (int i = 0; i < 600; ++i) append_text(writer, 0, text);
}

}  // namespace

TEST_CASE("Large pages are brought in before anything stands there, and change no event") {
  WatchedPages files;
  const SyncPolicy sync = GENERATE(SyncPolicy::none(), SyncPolicy::every_commit());
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory.path() + "/log", {}, files));
  {
    EventWriter writer = must(log.writer(0, options_of(sync, SegmentPages::Large)));
    append_much(writer);
    finish(writer, 0);
    must(writer.close());
  }
  // Of each segment the first 2 MiB but for the page of the identity, and the rest.
  CHECK(files.zeros >= 9 * kMiB - 6 * kPageBytes);
  CHECK(files.large >= 2 * kMiB + 6 * kMiB);
  CHECK_FALSE(files.wrote_over_something);
  CHECK(read_all(log).events.size() == 601);
}

TEST_CASE("Large pages are for streams that nobody syncs often, unless they are asked for") {
  const auto bytes_of = [](const SyncPolicy& sync, SegmentPages pages) {
    WatchedPages files;
    const TemporaryDirectory directory;
    const Log log = must(Log::open(directory.path() + "/log", {}, files));
    EventWriter writer = must(log.writer(0, options_of(sync, pages)));
    append_much(writer);
    must(writer.close());
    CHECK((files.zeros > 0) == (files.large > 0));
    return files.zeros.load();
  };
  const auto second = std::chrono::milliseconds(1000);
  CHECK(bytes_of(SyncPolicy::none(), SegmentPages::Automatic) > 0);
  CHECK(bytes_of(SyncPolicy::every(second), SegmentPages::Large) > 0);
  CHECK(bytes_of(SyncPolicy::every(second), SegmentPages::Automatic) == 0);
  CHECK(bytes_of(SyncPolicy::every_bytes(kMiB), SegmentPages::Automatic) == 0);
  CHECK(bytes_of(SyncPolicy::none(), SegmentPages::Small) == 0);
}

TEST_CASE("Where zeros cannot be written, the append fails, and is right once they can") {
  WatchedPages files;
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory.path() + "/log", {}, files));
  EventWriter writer = must(log.writer(0, options_of(SyncPolicy::none(), SegmentPages::Large)));
  files.failing = true;
  const std::string text(60'000, 'x');
  const std::string_view records[] = {text};
  const uint64_t time = 0;
  std::optional<Error> refused;
  uint64_t appended = 0;
  for (int i = 0; i < 600 && !refused; ++i) {
    auto answer = writer.append_messages(std::span(&time, 1), records);
    if (answer) {
      ++appended;
    } else {
      refused = answer.error();
    }
  }
  REQUIRE(refused);
  CHECK(refused->code == ErrorCode::Io);
  files.failing = false;
  append_text(writer, 0, text);
  must(writer.close());
  CHECK(read_all(log).events.size() == appended + 1);
}
