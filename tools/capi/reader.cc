#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "convert.h"
#include "last_error.h"
#include "limit.h"
#include "log_handle.h"
#include "tidemark/deadline.h"
#include "tidemark/logged_stream.h"

using namespace tidemark;
using Step = LoggedStream::Step;

struct tidemark_reader {
  tidemark_reader(Log opened, const LogReaderOptions& chosen, LoggedStream found)
      : log(std::move(opened)), options(chosen), stream(std::move(found)) {}

  Log log;
  LogReaderOptions options;  // but for where to start
  LoggedStream stream;

  // What the views that are out look into. A segment is noted when the first event of it is handed
  // out; those after it follow one another, so that nothing is counted for them.
  std::vector<std::shared_ptr<const Segment>> segments;
  bool lent = false;
  uint64_t last_end = kNoPosition;

  std::optional<Step> waited_for;  // found by a wait that spins, and not handed out yet
  c::LentChanges opening;
  c::LentTimes frontier;
  c::LentChanges capabilities;
  std::optional<StreamTraits> traits;
};

namespace {

Result<LogReaderOptions> reader_options(const tidemark_reader_options& given) {
  LogReaderOptions options;
  TIDEMARK_ASSIGN(reading, c::reading_from(given));
  options.reader = reading;
  TIDEMARK_ASSIGN(end, c::enumerator(given.end, EndMode::Wait, "end mode"));
  options.end = end;
  options.follow = given.follow != 0;
  return options;
}

Result<LoggedStream> open_at(const Log& log, uint32_t stream, LogReaderOptions options,
                             const tidemark_start& start) {
  TimeShape shape;
  if (start.kind == TIDEMARK_START_COMPLETE) {
    TIDEMARK_ASSIGN(found, c::shape_of(log, std::span(&stream, 1)));
    shape = found;
  }
  TIDEMARK_ASSIGN(point, c::start_from(start, shape));
  options.start = point;
  if (start.kind == TIDEMARK_START_POSITION) options.reader.position = start.number;
  return LoggedStream::open(log, stream, options);
}

// Notes the segment of the event that the stream found.
void hold_segment(tidemark_reader& reader) {
  const EventView& event = reader.stream.event();
  if (reader.segments.empty() || event.position != reader.last_end) {
    auto segment = reader.stream.reader().segment();
    if (reader.segments.empty() || reader.segments.back() != segment) {
      reader.segments.push_back(std::move(segment));
    }
  }
  reader.last_end = event.end_position;
}

// Fills in one event; false where the stream had none to tell.
bool lend(tidemark_reader& reader, Step step, tidemark_event& event) {
  const uint32_t stream = reader.stream.reader().stream();
  switch (step) {
    case Step::Opened:
      if (reader.stream.opening().empty()) return false;
      reader.opening.assign(reader.stream.opening());
      c::begin_progress(event, reader.stream.opening().front().time.shape().words);
      reader.opening.lend(event);
      event.stream = stream;
      return true;
    case Step::Progress: {
      hold_segment(reader);
      const ProgressView& progress = *reader.stream.event().progress();
      c::begin_progress(event, progress.shape().words);
      event.changes = progress.size();
      event.change_times = progress.time_words().data();
      event.change_diffs = progress.diffs().data();
      c::lend_place(reader.stream.event(), stream, event);
      return true;
    }
    case Step::Messages:
      hold_segment(reader);
      c::lend_messages(*reader.stream.event().messages(), event);
      c::lend_place(reader.stream.event(), stream, event);
      return true;
    case Step::Pending:
    case Step::Over:
      return false;
  }
  return false;
}

Result<Step> next_step(tidemark_reader& reader) {
  if (reader.waited_for) {
    const Step step = *reader.waited_for;
    reader.waited_for.reset();
    return step;
  }
  return reader.stream.step();
}

Result<bool> spin(tidemark_reader& reader, std::chrono::nanoseconds limit) {
  const auto deadline = deadline_after(limit);
  for (;;) {
    TIDEMARK_ASSIGN(step, reader.stream.step());
    const bool over = step == Step::Over;
    const bool empty = step == Step::Opened && reader.stream.opening().empty();
    if (step != Step::Pending && !empty) {
      if (!over) reader.waited_for = step;
      return true;
    }
    if (time_until(deadline) == std::chrono::nanoseconds(0)) return false;
  }
}

}  // namespace

void tidemark_reader_options_init(tidemark_reader_options* options, size_t struct_size) {
  tidemark_reader_options defaults{};
  defaults.leasing = TIDEMARK_LEASE_AUTOMATIC;
  c::init_options(options, struct_size, defaults);
}

tidemark_status tidemark_reader_open(const tidemark_log* log, uint32_t stream,
                                     const tidemark_reader_options* options,
                                     tidemark_reader** reader) {
  return c::run([&]() -> Result<void> {
    TIDEMARK_CHECK(log != nullptr && reader != nullptr);
    TIDEMARK_ASSIGN(given, c::options_from(options, &tidemark_reader_options_init));
    TIDEMARK_ASSIGN(chosen, reader_options(given));
    TIDEMARK_ASSIGN(opened, open_at(log->log, stream, chosen, given.start));
    *reader = new tidemark_reader(log->log, chosen, std::move(opened));
    return {};
  });
}

void tidemark_reader_close(tidemark_reader* reader) { delete reader; }

tidemark_status tidemark_reader_poll(tidemark_reader* reader, tidemark_event* events,
                                     size_t capacity, size_t* count, uint32_t* state) {
  return c::run([&]() -> Result<void> {
    TIDEMARK_CHECK(count != nullptr && state != nullptr);
    TIDEMARK_CHECK(events != nullptr || capacity == 0);
    if (reader->lent) {
      return fail(ErrorCode::InvalidArgument, "the events of the last poll were not released");
    }
    size_t found = 0;
    uint32_t now = TIDEMARK_MORE;
    while (found < capacity && now == TIDEMARK_MORE) {
      const auto step = next_step(*reader);
      if (!step) {
        // It stays, so the next poll tells it; what precedes it comes first.
        if (found > 0) break;
        return tl::make_unexpected(step.error());
      }
      if (*step == Step::Pending) now = TIDEMARK_PENDING;
      if (*step == Step::Over) now = TIDEMARK_ENDED;
      if (lend(*reader, *step, events[found])) ++found;
    }
    reader->lent = found > 0;
    *count = found;
    *state = now;
    return {};
  });
}

void tidemark_reader_release(tidemark_reader* reader) {
  // The last one is likely that of the next event too: it is let go of when another one is held.
  if (reader->segments.size() > 1) {
    reader->segments.erase(reader->segments.begin(), reader->segments.end() - 1);
  }
  reader->lent = false;
}

tidemark_status tidemark_reader_wait(tidemark_reader* reader, int64_t limit_ns, uint32_t waiting,
                                     int* woken) {
  return c::run([&]() -> Result<void> {
    TIDEMARK_CHECK(woken != nullptr);
    TIDEMARK_ASSIGN(way, c::enumerator(waiting, Waiting::Spin, "waiting"));
    if (reader->waited_for) {
      *woken = 1;
      return {};
    }
    if (way == Waiting::Spin) {
      if (reader->lent) {
        return fail(ErrorCode::InvalidArgument, "the events of the last poll were not released");
      }
      TIDEMARK_ASSIGN(found, spin(*reader, c::limit_of(limit_ns)));
      *woken = found ? 1 : 0;
      return {};
    }
    EventReader* const one = &reader->stream.reader();
    TIDEMARK_ASSIGN(found, wait_any(std::span(&one, 1), c::limit_of(limit_ns)));
    *woken = found ? 1 : 0;
    return {};
  });
}

tidemark_status tidemark_wait_any(tidemark_reader* const* readers, size_t count, int64_t limit_ns,
                                  int* woken) {
  return c::run([&]() -> Result<void> {
    TIDEMARK_CHECK(woken != nullptr);
    if (count == 0) return fail(ErrorCode::InvalidArgument, "there is no reader to wait for");
    std::vector<EventReader*> awaited;
    awaited.reserve(count);
    for (tidemark_reader* reader : c::span_of(readers, count)) {
      if (reader->waited_for) {
        *woken = 1;
        return {};
      }
      awaited.push_back(&reader->stream.reader());
    }
    TIDEMARK_ASSIGN(found, wait_any(awaited, c::limit_of(limit_ns)));
    *woken = found ? 1 : 0;
    return {};
  });
}

tidemark_status tidemark_reader_seek(tidemark_reader* reader, const tidemark_start* start) {
  return c::run([&]() -> Result<void> {
    TIDEMARK_CHECK(start != nullptr);
    if (reader->lent) {
      return fail(ErrorCode::InvalidArgument, "the events of the last poll were not released");
    }
    const uint32_t stream = reader->stream.reader().stream();
    TIDEMARK_ASSIGN(opened, open_at(reader->log, stream, reader->options, *start));
    reader->stream = std::move(opened);
    reader->segments.clear();
    reader->waited_for.reset();
    reader->traits.reset();
    return {};
  });
}

uint64_t tidemark_reader_position(const tidemark_reader* reader) {
  return reader->stream.position();
}
uint64_t tidemark_reader_sequence(const tidemark_reader* reader) {
  return reader->stream.sequence();
}
uint32_t tidemark_reader_stream(const tidemark_reader* reader) {
  return reader->stream.reader().stream();
}
tidemark_frontier tidemark_reader_frontier(tidemark_reader* reader) {
  const auto& traits = reader->stream.reader().traits();
  return reader->frontier.lend(reader->stream.capabilities().frontier().elements(),
                               traits ? traits->time : TimeShape{});
}
void tidemark_reader_capabilities(tidemark_reader* reader, tidemark_event* event) {
  TIDEMARK_CHECK(event != nullptr);
  std::vector<Change> counts;
  for (const auto& [time, count] : reader->stream.capabilities().counts()) {
    counts.push_back({time, count});
  }
  const auto& traits = reader->stream.reader().traits();
  reader->capabilities.assign(counts);
  c::begin_progress(*event, (traits ? traits->time : TimeShape{}).words);
  reader->capabilities.lend(*event);
  event->stream = reader->stream.reader().stream();
}
int tidemark_reader_finished(const tidemark_reader* reader) {
  return reader->stream.capabilities().empty() ? 1 : 0;
}
int tidemark_reader_writer_alive(const tidemark_reader* reader) {
  return reader->stream.reader().writer_alive() ? 1 : 0;
}
void tidemark_reader_release_before(tidemark_reader* reader, uint64_t position) {
  reader->stream.reader().release_before(position);
}

int tidemark_reader_traits(tidemark_reader* reader, tidemark_traits* traits) {
  TIDEMARK_CHECK(traits != nullptr);
  if (!reader->traits) reader->traits = reader->stream.reader().traits();
  if (!reader->traits) return 0;
  const StreamTraits& found = *reader->traits;
  *traits = {.stream = found.stream,
             .peers = found.peers,
             .time_words = found.time.words,
             .time_wide_mask = found.time.wide_mask,
             .time_signed_mask = found.time.signed_mask,
             .encoding = static_cast<uint8_t>(found.encoding),
             .reserved = 0,
             .time_name = found.time_name.c_str(),
             .container_name = found.container_name.c_str(),
             .schema = found.schema ? c::lend(*found.schema) : tidemark_bytes{nullptr, 0},
             .schema_hash = found.schema_hash};
  return 1;
}
