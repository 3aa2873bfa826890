// tidemark.h says the same as the library's own headers: numbers, sizes and places.

#include <cstddef>
#include <type_traits>

#include "support/catch.h"
#include "tidemark.h"
#include "tidemark/log.h"
#include "tidemark/replay.h"
#include "tidemark/stream_capture.h"

using namespace tidemark;

namespace {

template <typename Enumeration>
constexpr auto number(Enumeration value) {
  return static_cast<uint32_t>(value);
}
constexpr tidemark_status status(ErrorCode code) { return static_cast<int32_t>(code) + 1; }

static_assert(status(ErrorCode::InvalidArgument) == TIDEMARK_INVALID_ARGUMENT);
static_assert(status(ErrorCode::NotFound) == TIDEMARK_NOT_FOUND);
static_assert(status(ErrorCode::AlreadyExists) == TIDEMARK_ALREADY_EXISTS);
static_assert(status(ErrorCode::Busy) == TIDEMARK_BUSY);
static_assert(status(ErrorCode::Io) == TIDEMARK_IO);
static_assert(status(ErrorCode::NoSpace) == TIDEMARK_NO_SPACE);
static_assert(status(ErrorCode::Corrupt) == TIDEMARK_CORRUPT);
static_assert(status(ErrorCode::Missing) == TIDEMARK_MISSING);
static_assert(status(ErrorCode::Unsupported) == TIDEMARK_UNSUPPORTED);
static_assert(status(ErrorCode::Purged) == TIDEMARK_PURGED);
static_assert(status(ErrorCode::CursorLost) == TIDEMARK_CURSOR_LOST);
static_assert(status(ErrorCode::Voided) == TIDEMARK_VOIDED);
static_assert(status(ErrorCode::TooLarge) == TIDEMARK_TOO_LARGE);
static_assert(status(ErrorCode::ProtocolViolation) == TIDEMARK_PROTOCOL_VIOLATION);
static_assert(status(ErrorCode::Poisoned) == TIDEMARK_POISONED);
static_assert(status(ErrorCode::Finished) == TIDEMARK_FINISHED);
static_assert(status(ErrorCode::Forked) == TIDEMARK_FORKED);
static_assert(status(ErrorCode::Closed) == TIDEMARK_CLOSED);
static_assert(status(ErrorCode::Interrupted) == TIDEMARK_INTERRUPTED);

static_assert(number(SyncPolicy::Kind::None) == TIDEMARK_SYNC_NONE);
static_assert(number(SyncPolicy::Kind::Interval) == TIDEMARK_SYNC_INTERVAL);
static_assert(number(SyncPolicy::Kind::Bytes) == TIDEMARK_SYNC_BYTES);
static_assert(number(SyncPolicy::Kind::EveryCommit) == TIDEMARK_SYNC_COMMIT);
static_assert(number(CaptureClock::Precise) == TIDEMARK_CLOCK_PRECISE);
static_assert(number(CaptureClock::Coarse) == TIDEMARK_CLOCK_COARSE);
static_assert(number(CaptureClock::Supplied) == TIDEMARK_CLOCK_SUPPLIED);
static_assert(number(SegmentPages::Automatic) == TIDEMARK_PAGES_AUTOMATIC);
static_assert(number(SegmentPages::Small) == TIDEMARK_PAGES_SMALL);
static_assert(number(SegmentPages::Large) == TIDEMARK_PAGES_LARGE);
static_assert(number(Resume::KeepAll) == TIDEMARK_KEEP_ALL);
static_assert(number(Resume::DiscardIncomplete) == TIDEMARK_DISCARD_INCOMPLETE);
static_assert(number(Behind::Refuse) == TIDEMARK_BEHIND_REFUSE);
static_assert(number(Behind::Drop) == TIDEMARK_BEHIND_DROP);
static_assert(number(RecordEncoding::Variable) == TIDEMARK_RECORDS_VARIABLE);
static_assert(number(RecordEncoding::Fixed) == TIDEMARK_RECORDS_FIXED);
static_assert(number(Visibility::Committed) == TIDEMARK_COMMITTED);
static_assert(number(Visibility::Durable) == TIDEMARK_DURABLE);
static_assert(number(Access::Map) == TIDEMARK_MAP);
static_assert(number(Access::Copy) == TIDEMARK_COPY);
static_assert(number(Leasing::None) == TIDEMARK_LEASE_NONE);
static_assert(number(Leasing::Automatic) == TIDEMARK_LEASE_AUTOMATIC);
static_assert(number(Leasing::Manual) == TIDEMARK_LEASE_MANUAL);
static_assert(number(Waiting::Sleep) == TIDEMARK_SLEEP);
static_assert(number(Waiting::Spin) == TIDEMARK_SPIN);
static_assert(number(EndMode::Release) == TIDEMARK_END_RELEASE);
static_assert(number(EndMode::Hold) == TIDEMARK_END_HOLD);
static_assert(number(EndMode::Wait) == TIDEMARK_END_WAIT);
static_assert(number(Order::Stream) == TIDEMARK_ORDER_STREAM);
static_assert(number(Order::Time) == TIDEMARK_ORDER_TIME);
static_assert(number(Delivery::Eager) == TIDEMARK_EAGER);
static_assert(number(Delivery::Complete) == TIDEMARK_COMPLETE);
static_assert(kMaxTimeWords == TIDEMARK_MAX_TIME_WORDS);

// What bindings lay out again; tools/rust/sys has the same numbers.
static_assert(sizeof(void*) == 8);
static_assert(sizeof(tidemark_error) == 72 && offsetof(tidemark_error, text) == 40);
static_assert(sizeof(tidemark_bytes) == 16);
static_assert(sizeof(tidemark_frontier) == 24 && offsetof(tidemark_frontier, words) == 16);
static_assert(sizeof(tidemark_log_options) == 24);
static_assert(sizeof(tidemark_writer_options) == 120 &&
              offsetof(tidemark_writer_options, time_words) == 56 &&
              offsetof(tidemark_writer_options, time_name) == 64 &&
              offsetof(tidemark_writer_options, low_space_bytes) == 112);
static_assert(sizeof(tidemark_recovery) == 96 && offsetof(tidemark_recovery, mark) == 80);
static_assert(sizeof(tidemark_start) == 48 && offsetof(tidemark_start, time) == 16);
static_assert(sizeof(tidemark_reader_options) == 80 &&
              offsetof(tidemark_reader_options, start) == 32);
static_assert(sizeof(tidemark_traits) == 56 && offsetof(tidemark_traits, time_name) == 16);
static_assert(sizeof(tidemark_event) == 136 && offsetof(tidemark_event, time) == 48 &&
              offsetof(tidemark_event, data) == 80 && offsetof(tidemark_event, changes) == 112);
static_assert(sizeof(tidemark_replay_options) == 192 &&
              offsetof(tidemark_replay_options, has_from) == 88 &&
              offsetof(tidemark_replay_options, positions) == 168);
static_assert(sizeof(tidemark_stream_position) == 16);
static_assert(sizeof(tidemark_stream_resume) == 72);
static_assert(std::is_trivially_copyable_v<tidemark_event>);

}  // namespace

TEST_CASE("the C interface names errors as the library does") {
  CHECK(std::string("Ok") == tidemark_status_name(TIDEMARK_OK));
  for (int code = 0; code <= static_cast<int>(ErrorCode::Interrupted); ++code) {
    CHECK(name_of(static_cast<ErrorCode>(code)) == tidemark_status_name(code + 1));
  }
}

TEST_CASE("the C interface has the library's defaults") {
  tidemark_writer_options writing;
  tidemark_writer_options_init(&writing, sizeof writing);
  const WriterOptions writer;
  CHECK(writing.segment_bytes == writer.segment_bytes);
  CHECK(writing.sync == number(writer.sync.kind));
  CHECK(writing.sync_interval_ms == static_cast<uint64_t>(writer.sync.interval.count()));
  CHECK(writing.clock == number(writer.clock));
  CHECK(writing.resume == number(writer.resume));
  CHECK(writing.encoding == number(writer.encoding));
  CHECK(writing.time_words == writer.time.words);
  CHECK(writing.time_name == writer.time_name);
  CHECK(writing.container_name == writer.container_name);

  tidemark_reader_options reading;
  tidemark_reader_options_init(&reading, sizeof reading);
  const ReaderOptions reader;
  CHECK(reading.visibility == number(reader.visibility));
  CHECK(reading.access == number(reader.access));
  CHECK(reading.leasing == number(reader.leasing));
  CHECK((reading.show_void == 0) == reader.hide_void);

  tidemark_replay_options replaying;
  tidemark_replay_options_init(&replaying, sizeof replaying);
  const ReplayOptions replay;
  CHECK(replaying.order == number(replay.order));
  CHECK(replaying.delivery == number(replay.delivery));
  CHECK(replaying.end == number(replay.end));
  CHECK((replaying.follow != 0) == replay.follow);
  CHECK(replaying.leasing == number(replay.reader.leasing));
}

TEST_CASE("the C library tells the sizes of its structures") {
  CHECK(tidemark_size_of(TIDEMARK_STRUCTURE_ERROR) == sizeof(tidemark_error));
  CHECK(tidemark_size_of(TIDEMARK_STRUCTURE_WRITER_OPTIONS) == sizeof(tidemark_writer_options));
  CHECK(tidemark_size_of(TIDEMARK_STRUCTURE_EVENT) == sizeof(tidemark_event));
  for (uint32_t structure = 1; structure <= TIDEMARK_STRUCTURE_STREAM_RESUME; ++structure) {
    CHECK(tidemark_size_of(structure) > 0);
  }
}
