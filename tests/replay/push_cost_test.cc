// What pushing the events of an operator costs apart from time: allocations, counted.

#include "support/allocations.h"
#include "support/catch.h"
#include "support/stream_helpers.h"
#include "support/temporary_directory.h"
#include "tidemark/log_writer.h"

using namespace tidemark;
using namespace tidemark::test;

namespace {

constexpr uint64_t kEvents = 400;

// Pushes kEvents times messages and progress, and returns how often memory was allocated once the
// first few had been pushed.
template <typename C>
uint64_t pushing_allocates(const Log& log, C container) {
  WriterOptions options;
  options.sync = SyncPolicy::none();
  options.segment_bytes = uint64_t{1} << 20;  // none of this rolls
  auto writer = must(open_writer<uint64_t, C>(log, 0, options));
  Messages<uint64_t, C> messages{0, std::move(container)};
  Progress<uint64_t> progress{{{0, -1}, {1, 1}}};
  uint64_t before = 0;
  for (uint64_t time = 0; time < kEvents; ++time) {
    if (time == 4) before = allocations.load();
    messages.time = time;
    progress.changes[0].first = time;
    progress.changes[1].first = time + 1;
    if (!writer.push(messages) || !writer.push(progress)) return ~uint64_t{0};
  }
  const uint64_t counted = allocations.load() - before;
  must(writer.finish());
  return counted;
}

}  // namespace

TEST_CASE("pushing allocates nothing once its scratch space has grown") {
  const TemporaryDirectory directory;
  const Log texts = must(Log::open(directory / "texts"));
  CHECK(pushing_allocates(texts, std::vector<std::string>{"a record", "and another"}) == 0);
  const Log numbers = must(Log::open(directory / "numbers"));
  CHECK(pushing_allocates(numbers, std::vector<uint64_t>{1, 2, 3}) == 0);
}
