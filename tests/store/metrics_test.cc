#include "tidemark/metrics.h"

#include <string>

#include "support/catch.h"
#include "support/stream_helpers.h"
#include "support/temporary_directory.h"
#include "tidemark/purge.h"

using namespace tidemark;
using namespace tidemark::test;

TEST_CASE("Metrics say what is committed, durable, held and purged while a stream is written") {
  const TemporaryDirectory directory;
  LogOptions two;
  two.peers = 2;
  const Log log = must(Log::open(directory / "log", two));
  WriterOptions options;
  options.sync = SyncPolicy::none();
  options.segment_bytes = kMinSegmentBytes;
  EventWriter writer = must(log.writer(0, options));
  for (uint64_t time = 0; time < 100; ++time) {
    append_text(writer, time, std::string(3000, 'x'));
    advance(writer, time, time + 1);
  }
  const uint64_t durable = must(writer.sync());
  const uint64_t committed = append_text(writer, 100, "not durable");

  const LogMetrics metrics = must(read_metrics(log));
  REQUIRE(metrics.streams.size() == 2);
  CHECK(metrics.space.bytes > 0);
  CHECK(metrics.space.free_bytes <= metrics.space.bytes);
  const StreamMetrics& first = metrics.streams[0];
  CHECK(first.state == StreamState::Writing);
  CHECK(first.committed == committed);
  CHECK(first.durable == durable);
  CHECK(first.durable_lag_bytes == committed - durable);
  CHECK(first.totals.records == 101);
  CHECK(first.totals.events == 201);
  CHECK(first.totals.data_bytes == 300'011);
  CHECK(first.segments > 4);
  CHECK(first.disk_bytes >= first.segments * kMinSegmentBytes);
  CHECK(first.frontier == std::vector<Time>{Time(uint64_t{100})});
  CHECK(first.last_captured_at_ns > 0);
  CHECK(first.purged_upto == 0);
  CHECK_FALSE(first.least_lease);
  CHECK(metrics.streams[1].state == StreamState::Empty);
  CHECK(metrics.streams[1].segments == 0);

  RetentionPolicy policy;
  policy.keep_bytes = 0;
  const StreamPurge purge = must(purge_stream(log, 0, policy));
  EventReader reader = must(log.reader(0));
  const LogMetrics purged = must(read_metrics(log));
  CHECK(purged.streams[0].purged_upto == purge.purged_upto);
  CHECK(purged.streams[0].least_lease == purge.purged_upto);
  CHECK(purged.streams[0].segments == first.segments - purge.segments);
  CHECK(purged.streams[0].totals.records == 101);  // what was purged included
  must(writer.sync());
  CHECK(must(read_metrics(log)).streams[0].durable_lag_bytes == 0);
}
