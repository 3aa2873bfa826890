#include "precise_clock.h"

#include <ctime>

#include "support/catch.h"
#include "support/counting_files.h"
#include "support/stream_helpers.h"
#include "support/temporary_directory.h"

using namespace tidemark;
using namespace tidemark::test;

namespace {

uint64_t system_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace

TEST_CASE("The precise clock is the system's, no more than a microsecond late") {
  PreciseClock clock(system_files());
  uint64_t repeated = 0;
  uint64_t last = 0;
  for (int i = 0; i < 200'000; ++i) {
    const uint64_t before = system_ns();
    const uint64_t told = clock.now_ns();
    const uint64_t after = system_ns();
    REQUIRE(told + 1000 >= before);
    REQUIRE(told <= after);
    REQUIRE(told >= last);
    repeated += told == last ? 1 : 0;
    last = told;
  }
  // Where there is such a counter, this loop is quicker than it holds.
  if (has_steady_processor_count()) CHECK(repeated > 0);
}

TEST_CASE("A clock that is not the system's is asked each time") {
  CountingFiles files;
  PreciseClock clock(files);
  const uint64_t first = clock.now_ns();
  CHECK(clock.now_ns() == first + 1'000'000);
  CHECK(clock.now_ns() == first + 2'000'000);
}

TEST_CASE("An event after a pause is captured after the pause") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  EventWriter writer = must(log.writer(0));
  append_text(writer, 0, "before");
  append_text(writer, 0, "at once");
  const uint64_t paused = system_ns();
  while (system_ns() < paused + 5'000) {
  }
  append_text(writer, 0, "after");
  must(writer.close());
  EventReader reader = must(log.reader(0));
  std::vector<uint64_t> captured;
  while (must(reader.poll()) == EventReader::Status::Event) {
    captured.push_back(reader.event().captured_at_ns);
  }
  REQUIRE(captured.size() == 3);
  CHECK(captured[0] <= captured[1]);
  CHECK(captured[1] <= paused);
  CHECK(captured[2] >= paused + 4'000);
}
