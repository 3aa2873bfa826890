#include <chrono>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

#include "convert.h"
#include "last_error.h"
#include "limit.h"
#include "log_handle.h"
#include "tidemark/stream_capture.h"

using namespace tidemark;

// Both ways to count go through the capture's writer; an operator's events through the capture
// itself. The scratch space grows to the largest event and stays.
struct tidemark_writer {
  tidemark_writer(StreamCapture opened, TimeShape times, bool of_operator)
      : capture(std::move(opened)), shape(times), counts_operator(of_operator) {
    const RecoveryReport& found = capture.writer().recovery();
    recovery = {.incarnation = found.incarnation,
                .existed = found.existed ? 1u : 0u,
                .was_closed = found.was_closed ? 1u : 0u,
                .previous_end = found.previous_end,
                .rewritten_bytes = found.rewritten_bytes,
                .dropped_bytes = found.dropped_bytes,
                .dropped_frames = found.dropped_frames,
                .set_aside_segments = found.set_aside_segments,
                .frontier = recovered_frontier.lend(found.frontier, shape),
                .mark = c::lend(found.mark)};
  }

  EventWriter& writer() { return capture.writer(); }
  const EventWriter& writer() const { return capture.writer(); }
  Time time_of(const uint64_t* words) const { return Time(shape, c::span_of(words, shape.words)); }

  StreamCapture capture;
  TimeShape shape;
  bool counts_operator;
  std::vector<std::string_view> records;
  std::vector<Change> changes;
  c::LentTimes frontier;
  c::LentTimes recovered_frontier;
  tidemark_recovery recovery{};
};

namespace {

Result<SyncPolicy> sync_policy(const tidemark_writer_options& options) {
  switch (options.sync) {
    case TIDEMARK_SYNC_NONE:
      return SyncPolicy::none();
    case TIDEMARK_SYNC_INTERVAL:
      if (options.sync_interval_ms > uint64_t{1} << 32) {
        return fail(ErrorCode::InvalidArgument, "an interval of syncs beyond 49 days");
      }
      return SyncPolicy::every(
          std::chrono::milliseconds(static_cast<int64_t>(options.sync_interval_ms)));
    case TIDEMARK_SYNC_BYTES:
      return SyncPolicy::every_bytes(options.sync_bytes);
    case TIDEMARK_SYNC_COMMIT:
      return SyncPolicy::every_commit();
    default:
      return fail(ErrorCode::InvalidArgument,
                  "sync policy " + std::to_string(options.sync) + " does not exist");
  }
}

Result<WriterOptions> writer_options(const tidemark_writer_options& given) {
  WriterOptions options;
  options.segment_bytes = given.segment_bytes;
  TIDEMARK_ASSIGN(sync, sync_policy(given));
  options.sync = sync;
  TIDEMARK_ASSIGN(clock, c::enumerator(given.clock, CaptureClock::Supplied, "clock"));
  options.clock = clock;
  TIDEMARK_ASSIGN(resume, c::enumerator(given.resume, Resume::DiscardIncomplete, "resume mode"));
  options.resume = resume;
  TIDEMARK_ASSIGN(pages, c::enumerator(given.pages, SegmentPages::Large, "pages"));
  options.pages = pages;
  TIDEMARK_ASSIGN(encoding, c::enumerator(given.encoding, RecordEncoding::Fixed, "encoding"));
  options.encoding = encoding;
  options.time = {given.time_words, given.time_wide_mask, given.time_signed_mask};
  if (given.time_name == nullptr || given.container_name == nullptr) {
    return fail(ErrorCode::InvalidArgument, "a writer's time_name or container_name is null");
  }
  options.time_name = given.time_name;
  options.container_name = given.container_name;
  const auto schema = c::bytes_of(given.schema.data, given.schema.size);
  options.schema.assign(schema.begin(), schema.end());
  options.schema_hash = given.schema_hash;
  if (given.reserve_bytes != TIDEMARK_DEFAULT_BYTES) options.reserve_bytes = given.reserve_bytes;
  if (given.low_space_bytes != TIDEMARK_DEFAULT_BYTES) {
    options.low_space_bytes = given.low_space_bytes;
  }
  return options;
}

// What an append ends with: `written` is the position where the event went to the writer itself.
Result<void> end_append(const tidemark_writer& writer, uint64_t* position) {
  if (position != nullptr) *position = writer.writer().committed();
  return {};
}

Result<void> append_gathered(tidemark_writer& writer, const uint64_t* time, uint64_t* position) {
  const Time at = writer.time_of(time);
  if (writer.counts_operator) {
    TIDEMARK_TRY(writer.capture.messages(at, writer.records));
  } else {
    TIDEMARK_TRY(writer.writer().append_messages(at.words(), writer.records));
  }
  return end_append(writer, position);
}

}  // namespace

void tidemark_writer_options_init(tidemark_writer_options* options, size_t struct_size) {
  const WriterOptions standard;
  tidemark_writer_options defaults{};
  defaults.segment_bytes = standard.segment_bytes;
  defaults.sync = TIDEMARK_SYNC_INTERVAL;
  defaults.sync_interval_ms = static_cast<uint64_t>(standard.sync.interval.count());
  defaults.time_words = standard.time.words;
  defaults.time_name = "u64";
  defaults.container_name = "bytes";
  defaults.reserve_bytes = TIDEMARK_DEFAULT_BYTES;
  defaults.low_space_bytes = TIDEMARK_DEFAULT_BYTES;
  c::init_options(options, struct_size, defaults);
}

tidemark_status tidemark_writer_open(const tidemark_log* log, uint32_t stream,
                                     const tidemark_writer_options* options,
                                     tidemark_writer** writer) {
  return c::run([&]() -> Result<void> {
    TIDEMARK_CHECK(log != nullptr && writer != nullptr);
    TIDEMARK_ASSIGN(given, c::options_from(options, &tidemark_writer_options_init));
    TIDEMARK_ASSIGN(behind, c::enumerator(given.behind, Behind::Drop, "behind"));
    if (given.counts > TIDEMARK_COUNTS_OPERATOR) {
      return fail(ErrorCode::InvalidArgument,
                  "counts " + std::to_string(given.counts) + " do not exist");
    }
    TIDEMARK_ASSIGN(chosen, writer_options(given));
    TIDEMARK_ASSIGN(opened, log->log.writer(stream, chosen));
    *writer = new tidemark_writer(StreamCapture(std::move(opened), behind), chosen.time,
                                  given.counts == TIDEMARK_COUNTS_OPERATOR);
    return {};
  });
}

tidemark_status tidemark_writer_messages_fixed(tidemark_writer* writer, const uint64_t* time,
                                               uint32_t records, size_t stride, const void* data,
                                               uint64_t* position) {
  return c::run([&]() -> Result<void> {
    if (stride == 0 || stride > kMaxSegmentBytes) {
      return fail(ErrorCode::InvalidArgument,
                  "records of " + std::to_string(stride) + " bytes each");
    }
    const Time at = writer->time_of(time);
    const auto bytes = c::bytes_of(data, records * stride);
    if (writer->counts_operator) {
      TIDEMARK_TRY(writer->capture.messages(at, records, stride, bytes));
    } else {
      TIDEMARK_TRY(writer->writer().append_messages(at.words(), records, bytes));
    }
    return end_append(*writer, position);
  });
}

tidemark_status tidemark_writer_messages(tidemark_writer* writer, const uint64_t* time,
                                         uint32_t records, const uint32_t* ends, const void* data,
                                         uint64_t* position) {
  return c::run([&]() -> Result<void> {
    const auto* const bytes = static_cast<const char*>(data);
    writer->records.clear();
    uint32_t from = 0;
    for (const uint32_t end : c::span_of(ends, records)) {
      if (end < from) {
        return fail(ErrorCode::InvalidArgument,
                    "record " + std::to_string(writer->records.size()) + " ends at " +
                        std::to_string(end) + ", before it begins at " + std::to_string(from));
      }
      TIDEMARK_CHECK(bytes != nullptr || end == 0);
      writer->records.emplace_back(bytes + from, end - from);
      from = end;
    }
    return append_gathered(*writer, time, position);
  });
}

tidemark_status tidemark_writer_messages_gathered(tidemark_writer* writer, const uint64_t* time,
                                                  uint32_t records, const tidemark_bytes* bytes,
                                                  uint64_t* position) {
  return c::run([&]() -> Result<void> {
    writer->records.clear();
    for (const tidemark_bytes& record : c::span_of(bytes, records)) {
      TIDEMARK_CHECK(record.data != nullptr || record.size == 0);
      writer->records.emplace_back(reinterpret_cast<const char*>(record.data), record.size);
    }
    return append_gathered(*writer, time, position);
  });
}

tidemark_status tidemark_writer_progress(tidemark_writer* writer, size_t changes,
                                         const uint64_t* times, const int64_t* diffs,
                                         uint64_t* position) {
  return c::run([&]() -> Result<void> {
    const size_t words = writer->shape.words;
    const auto all_diffs = c::span_of(diffs, changes);
    writer->changes.clear();
    for (size_t i = 0; i < changes; ++i) {
      writer->changes.push_back(
          {writer->time_of(words == 0 ? nullptr : times + i * words), all_diffs[i]});
    }
    if (writer->counts_operator) {
      TIDEMARK_TRY(writer->capture.progress(writer->changes));
    } else {
      TIDEMARK_TRY(writer->writer().append_progress(writer->changes));
    }
    return end_append(*writer, position);
  });
}

tidemark_status tidemark_writer_mark(tidemark_writer* writer, const void* token, size_t size,
                                     uint64_t* position) {
  return c::run([&]() -> Result<void> {
    TIDEMARK_TRY(writer->writer().append_mark(c::bytes_of(token, size)));
    return end_append(*writer, position);
  });
}

void tidemark_writer_set_captured_at(tidemark_writer* writer, uint64_t ns) {
  writer->writer().set_captured_at(ns);
}

tidemark_status tidemark_writer_sync(tidemark_writer* writer, uint64_t* position) {
  return c::run([&]() -> Result<void> {
    TIDEMARK_ASSIGN(durable, writer->writer().sync());
    if (position != nullptr) *position = durable;
    return {};
  });
}

tidemark_status tidemark_writer_wait_durable(tidemark_writer* writer, uint64_t position,
                                             int64_t limit_ns) {
  return c::run([&]() -> Result<void> {
    return writer->writer().wait_durable(position, c::limit_of(limit_ns));
  });
}

uint64_t tidemark_writer_committed(const tidemark_writer* writer) {
  return writer->writer().committed();
}
uint64_t tidemark_writer_durable(const tidemark_writer* writer) {
  return writer->writer().durable();
}
int tidemark_writer_low_on_space(const tidemark_writer* writer) {
  return writer->writer().low_on_space() ? 1 : 0;
}

tidemark_frontier tidemark_writer_frontier(tidemark_writer* writer) {
  return writer->frontier.lend(writer->writer().protocol().frontier().elements(), writer->shape);
}
int tidemark_writer_caught_up(const tidemark_writer* writer) {
  return !writer->counts_operator || writer->capture.caught_up() ? 1 : 0;
}
uint64_t tidemark_writer_dropped_records(const tidemark_writer* writer) {
  return writer->capture.dropped_records();
}
uint64_t tidemark_writer_max_data_bytes(const tidemark_writer* writer, uint32_t records) {
  return writer->writer().max_data_bytes(records);
}
const tidemark_recovery* tidemark_writer_recovery(const tidemark_writer* writer) {
  return &writer->recovery;
}

tidemark_status tidemark_writer_close(tidemark_writer* writer) {
  return c::run([&]() -> Result<void> {
    if (writer == nullptr) return {};
    auto finished = writer->capture.finish();
    delete writer;
    return finished;
  });
}
