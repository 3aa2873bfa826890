#include "page_toucher.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <iterator>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
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
// What page_toucher.cc takes for far enough.
constexpr uint64_t kAhead = 64 * kMiB;

// Remembers what is touched and unmapped of segments that are addresses and nothing else.
class Addresses : public ForwardingFiles {
 public:
  int populate(std::byte* address, uint64_t bytes, bool for_writing) override {
    const std::lock_guard lock(mutex);
    ++calls;
    for_reading += for_writing ? 0 : 1;
    if (answer == 0) touched.push_back({address, bytes});
    return answer;
  }
  int unmap(std::byte* address, uint64_t bytes) override {
    const std::lock_guard lock(mutex);
    unmapped.push_back({address, bytes});
    return 0;
  }
  struct Range {
    std::byte* address = nullptr;
    uint64_t bytes = 0;
  };
  Range last_touched() {
    const std::lock_guard lock(mutex);
    return touched.back();
  }
  // How many bytes of a segment there are in a list, or none where they are not one after the other
  // in either direction.
  uint64_t bytes_of(const std::vector<Range>& ranges, const PreparedSegment& segment) {
    const std::lock_guard lock(mutex);
    std::vector<Range> mine;
    for (const Range& range : ranges) {
      if (range.address >= segment.base && range.address < segment.base + segment.bytes()) {
        mine.push_back(range);
      }
    }
    std::sort(mine.begin(), mine.end(),
              [](const Range& a, const Range& b) { return a.address < b.address; });
    uint64_t bytes = 0;
    for (size_t i = 0; i < mine.size(); ++i) {
      bytes += mine[i].bytes;
      if (i > 0 && mine[i - 1].address + mine[i - 1].bytes != mine[i].address) return 0;
    }
    return bytes;
  }
  std::mutex mutex;
  std::vector<Range> touched;
  std::vector<Range> unmapped;
  int answer = 0;
  int calls = 0;
  int for_reading = 0;
};

PreparedSegment segment_at(uint64_t address, uint64_t bytes, uint64_t touched_bytes = 0) {
  PreparedSegment segment;
  segment.base = reinterpret_cast<std::byte*>(address);
  segment.path = "somewhere.seg";
  segment.header.segment_bytes = bytes;
  segment.touched_bytes = touched_bytes;
  return segment;
}

template <typename Condition>
bool comes_true(Condition condition) {
  for (int i = 0; i < 10'000 && !condition(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return condition();
}

}  // namespace

TEST_CASE("Pages are touched ahead of the writer, and not further ahead than is wanted") {
  Addresses files;
  PageToucher toucher(files);
  const PreparedSegment segment = segment_at(1024 * kMiB, 256 * kMiB, 8 * kMiB);
  toucher.begin(segment);
  const auto touched = [&] { return files.bytes_of(files.touched, segment); };
  CHECK(comes_true([&] { return touched() == kAhead - 8 * kMiB; }));
  must(toucher.advance(3 * kMiB));
  // Whole windows.
  CHECK(comes_true([&] { return touched() == kAhead + 4 * kMiB - 8 * kMiB; }));
  must(toucher.advance(254 * kMiB));
  const std::byte* const end = segment.base + segment.bytes();
  CHECK(
      comes_true([&] { return files.last_touched().address + files.last_touched().bytes == end; }));
  toucher.stop();
  // What the writer had passed was left to it.
  CHECK(touched() == 0);
  CHECK(files.last_touched().bytes == 2 * kMiB);
  CHECK(files.for_reading == 0);
}

TEST_CASE("A segment that was touched before and is written alone needs no thread") {
  Addresses files;
  PageToucher toucher(files);
  const PreparedSegment segment = segment_at(1024 * kMiB, kMiB, kMiB);
  toucher.begin(segment);
  must(toucher.advance(kMiB / 2));
  toucher.stop();
  CHECK(files.calls == 0);
  CHECK(files.bytes_of(files.unmapped, segment) == kMiB);
}

TEST_CASE(
    "Segments that are written no longer are unmapped, all of them, while others are touched") {
  Addresses files;
  PageToucher toucher(files);
  std::vector<PreparedSegment> segments;
  for (uint64_t i = 0; i < 6; ++i) {
    segments.push_back(segment_at((1024 + 128 * i) * kMiB, (1 + 25 * i) * kMiB));
    toucher.begin(segments.back());
  }
  const auto unmapped = [&](size_t i) { return files.bytes_of(files.unmapped, segments[i]); };
  for (size_t i = 0; i < 5; ++i) {
    CHECK(comes_true([&] { return unmapped(i) == segments[i].bytes(); }));
  }
  CHECK(unmapped(5) == 0);
  toucher.stop();
  for (size_t i = 0; i < 6; ++i) CHECK(unmapped(i) == segments[i].bytes());
}

TEST_CASE("Pages that cannot be had are an error of each call until they can") {
  Addresses files;
  files.answer = -EIO;
  PageToucher toucher(files);
  const PreparedSegment segment = segment_at(1024 * kMiB, 256 * kMiB);
  toucher.begin(segment);
  const auto calls = [&] {
    const std::lock_guard lock(files.mutex);
    return files.calls;
  };
  CHECK(comes_true([&] { return calls() > 0; }));
  std::optional<Error> error;
  CHECK(comes_true([&] {
    if (auto answer = toucher.advance(kMiB); !answer) error = answer.error();
    return error.has_value();
  }));
  REQUIRE(error);
  CHECK(error->code == ErrorCode::Io);
  CHECK(error->path == "somewhere.seg");
  CHECK_FALSE(toucher.advance(kMiB));
  // The thread does not try by itself.
  const int before = calls();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  CHECK(calls() == before);
  {
    const std::lock_guard lock(files.mutex);
    files.answer = 0;
  }
  must(toucher.advance(kMiB));
  CHECK(comes_true([&] { return files.bytes_of(files.touched, segment) == kAhead + 2 * kMiB; }));
  toucher.stop();
}

TEST_CASE("A kernel that cannot touch pages is asked once a segment") {
  Addresses files;
  files.answer = -EINVAL;
  PageToucher toucher(files);
  toucher.begin(segment_at(1024 * kMiB, 64 * kMiB));
  const auto calls = [&] {
    const std::lock_guard lock(files.mutex);
    return files.calls;
  };
  CHECK(comes_true([&] { return calls() == 1; }));
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  must(toucher.advance(10 * kMiB));
  toucher.stop();
  CHECK(files.calls == 1);
}

TEST_CASE("Nothing is touched once that was stopped") {
  Addresses files;
  PageToucher toucher(files);
  const PreparedSegment segment = segment_at(1024 * kMiB, 64 * kMiB);
  toucher.begin(segment);
  toucher.stop_touching();
  const int calls = files.calls;
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  CHECK(files.calls == calls);
  CHECK(files.unmapped.empty());
  toucher.stop();
  CHECK(files.bytes_of(files.unmapped, segment) == segment.bytes());
}

namespace {

// Real files whose pages from some offset of a segment on cannot be had for a while.
class BadPages : public ForwardingFiles {
 public:
  std::byte* map(int descriptor, uint64_t bytes, bool writable, int& error) override {
    std::byte* const base = ForwardingFiles::map(descriptor, bytes, writable, error);
    const std::lock_guard lock(mutex_);
    bases_.insert(base);
    return base;
  }
  int populate(std::byte* address, uint64_t bytes, bool for_writing) override {
    const std::lock_guard lock(mutex_);
    const std::byte* const base = *std::prev(bases_.upper_bound(address));
    if (failing && for_writing && address - base >= static_cast<ptrdiff_t>(16 * kMiB)) return -EIO;
    return ForwardingFiles::populate(address, bytes, for_writing);
  }
  std::atomic<bool> failing{true};

 private:
  std::mutex mutex_;
  std::set<const std::byte*> bases_;
};

}  // namespace

TEST_CASE("Where pages cannot be touched, an append fails before it appends, until they can") {
  BadPages files;
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory.path() + "/log", {}, files));
  WriterOptions options;
  options.sync = SyncPolicy::none();
  options.segment_bytes = 64 * kMiB;
  EventWriter writer = must(log.writer(0, options));
  const std::string text(60'000, 'x');
  const std::string_view records[] = {text};
  const uint64_t time = 0;
  uint64_t appended = 0;
  // Into the segment of 32 MiB, behind 31 MiB of others.
  std::optional<Error> refused;
  while (!refused && writer.committed() < 60 * kMiB) {
    if (auto answer = writer.append_messages(std::span(&time, 1), records); answer) {
      ++appended;
    } else {
      refused = answer.error();
    }
  }
  REQUIRE(refused);
  CHECK(refused->code == ErrorCode::Io);
  const uint64_t committed = writer.committed();
  CHECK_FALSE(writer.append_messages(std::span(&time, 1), records));
  CHECK(writer.committed() == committed);
  files.failing = false;
  append_text(writer, 0, text);
  must(writer.close());
  CHECK(read_all(log).events.size() == appended + 1);
}
