#include "tidemark/replay.h"

#include <optional>
#include <utility>
#include <vector>

#include "convert.h"
#include "last_error.h"
#include "limit.h"
#include "log_handle.h"

using namespace tidemark;

struct tidemark_replay {
  explicit tidemark_replay(Replay opened) : replay(std::move(opened)) {}

  Replay replay;
  c::LentChanges changes;
  c::LentTimes void_frontier;
  c::LentTimes frontier;
  std::vector<tidemark_stream_position> positions;
};

namespace {

Result<ReplayOptions> replay_options(const tidemark_replay_options& given, const Log& log,
                                     std::span<const uint32_t> streams) {
  ReplayOptions options;
  TIDEMARK_ASSIGN(order, c::enumerator(given.order, Order::Time, "order"));
  options.order = order;
  TIDEMARK_ASSIGN(delivery, c::enumerator(given.delivery, Delivery::Complete, "delivery"));
  options.delivery = delivery;
  TIDEMARK_ASSIGN(end, c::enumerator(given.end, EndMode::Wait, "end mode"));
  options.end = end;
  options.follow = given.follow != 0;
  TIDEMARK_ASSIGN(reading, c::reading_from(given));
  options.reader = reading;
  if (given.held_events_limit != 0) options.held_events_limit = given.held_events_limit;
  for (const auto& at : c::span_of(given.positions, given.position_count)) {
    options.positions.push_back({at.stream, at.position});
  }

  TimeShape shape;
  const bool bounded = given.has_from != 0 || given.has_until != 0;
  if (bounded || given.start.kind == TIDEMARK_START_COMPLETE) {
    TIDEMARK_ASSIGN(found, c::shape_of(log, streams));
    shape = found;
  }
  if (given.start.kind == TIDEMARK_START_POSITION) {
    return fail(ErrorCode::InvalidArgument, "a replay takes the positions of its streams apart");
  }
  TIDEMARK_ASSIGN(start, c::start_from(given.start, shape));
  options.start = start;
  if (bounded && given.time_words != shape.words) {
    return fail(ErrorCode::InvalidArgument, "bounds of " + std::to_string(given.time_words) +
                                                " words, where the streams' times have " +
                                                std::to_string(shape.words));
  }
  if (given.has_from != 0) options.from = Time(shape, std::span(given.from, shape.words));
  if (given.has_until != 0) options.until = Time(shape, std::span(given.until, shape.words));
  return options;
}

void lend_event(tidemark_replay& replay, tidemark_event& event) {
  const ReplayedEvent& found = replay.replay.event();
  if (const MessagesView* messages = found.messages()) {
    c::lend_messages(*messages, event);
  } else {
    replay.changes.assign(found.changes);
    c::begin_progress(event, replay.replay.time_shape().words);
    replay.changes.lend(event);
  }
  c::lend_place(found.event, found.stream.value_or(TIDEMARK_NO_STREAM), event);
}

void lend_void(tidemark_replay& replay, tidemark_event& event) {
  const tidemark_frontier frontier = replay.void_frontier.lend(
      replay.replay.void_frontier().elements(), replay.replay.time_shape());
  c::begin_progress(event, frontier.words);
  event.kind = TIDEMARK_EVENT_VOIDED;
  event.stream = replay.replay.event().stream.value_or(TIDEMARK_NO_STREAM);
  event.changes = frontier.count;
  event.change_times = frontier.times;
}

}  // namespace

void tidemark_replay_options_init(tidemark_replay_options* options, size_t struct_size) {
  tidemark_replay_options defaults{};
  defaults.leasing = TIDEMARK_LEASE_AUTOMATIC;
  c::init_options(options, struct_size, defaults);
}

tidemark_status tidemark_replay_open(const tidemark_log* log, const uint32_t* streams, size_t count,
                                     const tidemark_replay_options* options,
                                     tidemark_replay** replay) {
  return c::run([&]() -> Result<void> {
    TIDEMARK_CHECK(log != nullptr && replay != nullptr);
    TIDEMARK_ASSIGN(given, c::options_from(options, &tidemark_replay_options_init));
    const auto numbers = c::span_of(streams, count);
    TIDEMARK_ASSIGN(chosen, replay_options(given, log->log, numbers));
    TIDEMARK_ASSIGN(opened, Replay::open(log->log, numbers, chosen));
    *replay = new tidemark_replay(std::move(opened));
    return {};
  });
}

void tidemark_replay_close(tidemark_replay* replay) { delete replay; }

tidemark_status tidemark_replay_next(tidemark_replay* replay, int64_t limit_ns,
                                     tidemark_event* event, uint32_t* state) {
  return c::run([&]() -> Result<void> {
    TIDEMARK_CHECK(event != nullptr && state != nullptr);
    TIDEMARK_ASSIGN(
        status, limit_ns == 0 ? replay->replay.poll() : replay->replay.next(c::limit_of(limit_ns)));
    *state = TIDEMARK_MORE;
    switch (status) {
      case Replay::Status::Event:
        lend_event(*replay, *event);
        break;
      case Replay::Status::Voided:
        lend_void(*replay, *event);
        break;
      case Replay::Status::Pending:
        *state = TIDEMARK_PENDING;
        break;
      case Replay::Status::Finished:
        *state = TIDEMARK_ENDED;
        break;
    }
    return {};
  });
}

tidemark_frontier tidemark_replay_frontier(tidemark_replay* replay) {
  return replay->frontier.lend(replay->replay.frontier().elements(), replay->replay.time_shape());
}

const tidemark_stream_position* tidemark_replay_positions(tidemark_replay* replay, size_t* count) {
  TIDEMARK_CHECK(count != nullptr);
  replay->positions.clear();
  for (const StreamPosition& at : replay->replay.resume_positions()) {
    replay->positions.push_back({at.stream, 0, at.position});
  }
  *count = replay->positions.size();
  return replay->positions.data();
}

uint64_t tidemark_replay_held_events(const tidemark_replay* replay) {
  return replay->replay.held_events();
}
