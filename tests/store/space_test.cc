#include <atomic>
#include <string>

#include "support/catch.h"
#include "support/forwarding_files.h"
#include "support/stream_helpers.h"
#include "support/temporary_directory.h"
#include "tidemark/log.h"

using namespace tidemark;
using namespace tidemark::test;

namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;

// A file system of a GiB with so much left, whatever is taken of it.
class MeasuredSpace : public ForwardingFiles {
 public:
  int space(const std::string& /*path*/, FileSystemSpace& result) override {
    if (failing) return -EIO;
    result.bytes = 1024 * kMiB;
    result.free_bytes = free_bytes;
    return 0;
  }
  std::atomic<uint64_t> free_bytes{512 * kMiB};
  std::atomic<bool> failing{false};
};

// Appends until it is refused; returns how often it was not.
size_t append_until_refused(EventWriter& writer, std::optional<Error>& refusal) {
  const std::string text(1000, 'x');
  const std::string_view records[] = {text};
  const uint64_t time = 0;
  for (size_t appended = 0; appended < 10'000; ++appended) {
    const auto done = writer.append_messages(std::span(&time, 1), records);
    if (done) continue;
    refusal = done.error();
    return appended;
  }
  return 10'000;
}

}  // namespace

TEST_CASE(
    "A segment that would take of the reserve is refused, and a retry works once there is space") {
  const TemporaryDirectory directory;
  MeasuredSpace files;
  const Log log = must(Log::open(directory / "log", {}, files));
  WriterOptions options = small_segments();
  options.reserve_bytes = 10 * kMiB;
  EventWriter writer = must(log.writer(0, options));
  CHECK_FALSE(writer.low_on_space());
  files.free_bytes = 10 * kMiB + kMinSegmentBytes - 1;
  std::optional<Error> refusal;
  const size_t appended = append_until_refused(writer, refusal);
  REQUIRE(refusal);
  CHECK(refusal->code == ErrorCode::NoSpace);
  CHECK(refusal->message.find("10485760 are kept in reserve") != std::string::npos);
  CHECK(writer.low_on_space());
  CHECK(read_all(log).events.size() == appended);
  CHECK(appended > 10);
  // Refused again and again, without a trace.
  CHECK(append_until_refused(writer, refusal) == 0);
  files.free_bytes = 10 * kMiB + kMinSegmentBytes;
  append_text(writer, 0, std::string(1000, 'x'));
  CHECK(read_all(log).events.size() == appended + 1);
  must(writer.close());
}

TEST_CASE("A stream is not opened for writing where its first segment would take of the reserve") {
  const TemporaryDirectory directory;
  MeasuredSpace files;
  const Log log = must(Log::open(directory / "log", {}, files));
  files.free_bytes = 16 * kMiB;  // a 64th of the file system is kept unless something else is asked
  const auto refused = log.writer(0, small_segments());
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::NoSpace);
  WriterOptions all = small_segments();
  all.reserve_bytes = 0;
  must(must(log.writer(0, all)).close());
  files.free_bytes = 17 * kMiB;
  must(must(log.writer(0, small_segments())).close());
}

TEST_CASE("A disk that is nearly full is told of before anything is refused") {
  const TemporaryDirectory directory;
  MeasuredSpace files;
  const Log log = must(Log::open(directory / "log", {}, files));
  WriterOptions options = small_segments();
  options.reserve_bytes = kMiB;
  options.low_space_bytes = 5 * kMiB;
  EventWriter writer = must(log.writer(0, options));
  CHECK_FALSE(writer.low_on_space());
  const auto roll_twice = [&] {
    for (int i = 0; i < 150; ++i) append_text(writer, 0, std::string(1000, 'x'));
  };
  files.free_bytes = 6 * kMiB;
  roll_twice();
  CHECK(writer.low_on_space());
  files.free_bytes = 100 * kMiB;
  roll_twice();
  CHECK_FALSE(writer.low_on_space());
}

TEST_CASE("Where the system does not tell how much is free, the allocation decides") {
  const TemporaryDirectory directory;
  MeasuredSpace files;
  files.failing = true;
  const Log log = must(Log::open(directory / "log", {}, files));
  EventWriter writer = must(log.writer(0, small_segments()));
  for (int i = 0; i < 150; ++i) append_text(writer, 0, std::string(1000, 'x'));
  must(writer.close());
}
