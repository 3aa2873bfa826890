// Writer and readers in one process on one mapping, for ThreadSanitizer.

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "support/catch.h"
#include "support/forwarding_files.h"
#include "support/stream_helpers.h"
#include "support/temporary_directory.h"
#include "tidemark/log.h"

using namespace tidemark;
using namespace tidemark::test;
using namespace std::chrono_literals;

TEST_CASE("A writer, sleeping and spinning readers and a syncing thread share one mapping") {
  const TemporaryDirectory directory;
  OneMappingFiles files;
  const Log log = must(Log::open(directory / "log", {}, files));
  WriterOptions options;
  options.segment_bytes = kMinSegmentBytes;
  options.sync = SyncPolicy::every(1ms);
  EventWriter writer = must(log.writer(0, options));
  constexpr uint64_t kEvents = 4000;
  std::atomic<int> complete{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 4; ++i) {
    readers.emplace_back([&, i] {
      ReaderOptions reading;
      if (i == 3) reading.visibility = Visibility::Durable;
      auto reader = log.reader(0, reading);
      uint64_t expected = 0;
      while (reader) {
        const auto status = reader->next(10s, i == 0 ? Waiting::Spin : Waiting::Sleep);
        if (!status || *status == EventReader::Status::Pending) return;
        if (*status == EventReader::Status::Finished) break;
        if (const auto* messages = reader->event().messages()) {
          if (messages->text(0).substr(0, 8) != std::to_string(10'000'000 + expected)) return;
          ++expected;
        }
      }
      if (expected == kEvents) ++complete;
    });
  }
  std::thread syncing([&] {
    for (int i = 0; i < 20; ++i) {
      (void)writer.sync();
      (void)writer.wait_durable(writer.committed());
    }
  });
  const std::string padding(150, 'p');
  for (uint64_t i = 0; i < kEvents; ++i) {
    append_text(writer, 0, std::to_string(10'000'000 + i) + padding);
  }
  syncing.join();
  finish(writer, 0);
  must(writer.close());
  for (std::thread& reader : readers) reader.join();
  CHECK(complete == 4);
}
