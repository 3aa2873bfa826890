// Writes the stream that write_same.c describes, by the library's own types.

#include <cstdint>
#include <cstdio>
#include <vector>

#include "tidemark/log.h"
#include "tidemark/log_writer.h"

using namespace tidemark;
using Numbers = std::vector<uint64_t>;

namespace {

Result<void> write(const char* path) {
  TIDEMARK_ASSIGN(log, Log::open(path));
  WriterOptions options;
  options.segment_bytes = kMinSegmentBytes;
  options.sync = SyncPolicy::none();
  TIDEMARK_ASSIGN(writer, (open_writer<uint64_t, Numbers>(log, 0, options)));
  constexpr uint64_t kContainers = 2000;
  constexpr uint64_t kMost = 64;
  for (uint64_t i = 0; i < kContainers; ++i) {
    Numbers numbers;
    for (uint64_t j = 0; j < i % kMost + 1; ++j) numbers.push_back(i * kMost + j);
    const uint64_t time = i / 10;
    TIDEMARK_TRY(writer.push(Messages<uint64_t, Numbers>{time, numbers}));
    if (i % 10 == 9) TIDEMARK_TRY(writer.push(Progress<uint64_t>{{{time, -1}, {time + 1, 1}}}));
  }
  TIDEMARK_TRY(writer.push(Progress<uint64_t>{{{kContainers / 10, -1}}}));
  return writer.finish();
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) return 2;
  const auto written = write(arguments[1]);
  if (!written) std::fprintf(stderr, "%s\n", written.error().text().c_str());
  return written ? 0 : 1;
}
