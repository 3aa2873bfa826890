/* Writes the stream that write_same.cc and tools/rust/examples/write_same.rs write too:
 *
 *     write_same_c LOG
 *
 * 2,000 containers of u64, i of them at time i / 10 up to 64, and progress after every tenth. */
#include "check.h"

enum { kContainers = 2000, kMost = 64 };

int main(int count, char** arguments) {
  CHECK(count == 2);
  tidemark_log* log = NULL;
  CHECK_OK(tidemark_log_open(arguments[1], NULL, &log));
  tidemark_writer_options options;
  tidemark_writer_options_init(&options, sizeof options);
  options.segment_bytes = 65536;
  options.sync = TIDEMARK_SYNC_NONE;
  options.encoding = TIDEMARK_RECORDS_FIXED;
  options.container_name = "u64";
  tidemark_writer* writer = NULL;
  CHECK_OK(tidemark_writer_open(log, 0, &options, &writer));
  for (uint64_t i = 0; i < kContainers; ++i) {
    uint64_t records[kMost];
    const uint32_t size = (uint32_t)(i % kMost + 1);
    for (uint32_t j = 0; j < size; ++j) records[j] = i * kMost + j;
    const uint64_t time = i / 10;
    CHECK_OK(tidemark_writer_messages_fixed(writer, &time, size, sizeof records[0], records, NULL));
    if (i % 10 < 9) continue;
    const uint64_t times[] = {time, time + 1};
    const int64_t diffs[] = {-1, 1};
    CHECK_OK(tidemark_writer_progress(writer, 2, times, diffs, NULL));
  }
  const uint64_t last = kContainers / 10;
  const int64_t diff = -1;
  CHECK_OK(tidemark_writer_progress(writer, 1, &last, &diff, NULL));
  CHECK_OK(tidemark_writer_close(writer));
  tidemark_log_close(log);
  return 0;
}
