#include "stream_source.h"

#include <limits>
#include <utility>

#include "changes.h"
#include "tidemark/layout.h"
#include "tidemark/stream_end.h"

namespace tidemark {

StreamSource::StreamSource(std::unique_ptr<StreamEvents> events, Slice slice, EndMode end,
                           bool follow)
    : events_(std::move(events)), slice_(std::move(slice)), end_(end), follow_(follow) {
  capabilities_.update(Time::minimum({}), 1);
}

void StreamSource::assume_shape(TimeShape shape) {
  if (opened_) return;
  capabilities_ = {};
  capabilities_.update(Time::minimum(shape), 1);
}

Result<StreamSource::Step> StreamSource::step() {
  if (!opened_ && events_->shape()) return begin();
  if (loaded_) {
    loaded_ = false;
    if (stop_at_ && events_->event().position >= *stop_at_) return Step::Over;
    return take_event();
  }
  // What the stream goes on with has no place in the slice.
  if (opened_ && slice_.bounded_above() && capabilities_.empty()) return Step::Over;
  if (!slice_.everything() && opened_) {
    TIDEMARK_ASSIGN(passed, pass_over_segments());
    if (passed) return Step::Passed;
  }

  TIDEMARK_ASSIGN(status, events_->poll());
  if (status == EventReader::Status::Pending && may_end_here()) {
    // A writer that is gone now may have written its last after the look above.
    if (follow_) {
      TIDEMARK_ASSIGN(status_now, events_->poll());
      status = status_now;
    }
    if (status == EventReader::Status::Pending && (opened_ || !events_->shape())) return Step::Over;
  }
  const bool found = status == EventReader::Status::Event;
  if (found && stop_at_ && events_->event().position >= *stop_at_) {
    beyond_ = true;
    return Step::Over;
  }
  if (!opened_ && events_->shape()) {
    loaded_ = found;
    return begin();
  }
  if (status == EventReader::Status::Finished) return Step::Over;
  if (status == EventReader::Status::Voided) return Step::Voided;
  return found ? take_event() : Result<Step>(Step::Pending);
}

// The first segment was found.
Result<StreamSource::Step> StreamSource::begin() {
  if (!begun_) {
    const TimeShape shape = *events_->shape();
    TIDEMARK_TRY(slice_.check(shape));
    assume_shape(shape);
    begun_ = true;
    changes_ = events_->opening();
    TIDEMARK_TRY(slice_.restrict(changes_));
    TIDEMARK_TRY(add_to(counts_before_, changes_));
  }
  return start_ ? pass_over_to_start() : open();
}

// Reads one event at most.
Result<StreamSource::Step> StreamSource::pass_over_to_start() {
  const EventReader* reader = events_->reader();
  if (reader == nullptr || (!loaded_ && start_->stands_at(*reader))) return open();
  if (!loaded_) {
    TIDEMARK_ASSIGN(status, events_->poll());
    // Who follows waits for the start to be written; otherwise there is no more than this.
    if (status == EventReader::Status::Pending && !may_end_here()) return Step::Pending;
    if (status != EventReader::Status::Event) return open();
  }
  loaded_ = start_->begins_with(*reader) || (stop_at_ && events_->event().position >= *stop_at_);
  if (loaded_) return open();
  if (const ProgressView* progress = events_->event().progress()) {
    changes_.clear();
    for (size_t i = 0; i < progress->size(); ++i) changes_.push_back(progress->change(i));
    TIDEMARK_TRY(slice_.restrict(changes_));
    TIDEMARK_TRY(add_to(counts_before_, changes_));
  }
  return Step::Nothing;
}

Result<StreamSource::Step> StreamSource::open() {
  opened_ = true;
  changes_.clear();
  for (const auto& [time, count] : counts_before_.counts()) changes_.push_back({time, count});
  changes_.push_back({Time::minimum(*events_->shape()), -1});
  TIDEMARK_TRY(net(changes_));
  TIDEMARK_TRY(add_to(capabilities_, changes_));
  return Step::Opened;
}

// Whether segments were passed over: changes() then lead from what was told to what stands there.
Result<bool> StreamSource::pass_over_segments() {
  constexpr uint64_t kAll = std::numeric_limits<uint64_t>::max();
  TIDEMARK_ASSIGN(passed, events_->pass_over(slice_, stop_at_.value_or(kAll)));
  if (passed == StreamEvents::Passed::Nothing) return false;
  changes_ = events_->counts();
  TIDEMARK_TRY(slice_.restrict(changes_));
  append_removal(capabilities_, changes_);
  TIDEMARK_TRY(net(changes_));
  TIDEMARK_TRY(add_to(capabilities_, changes_));
  return true;
}

Result<StreamSource::Step> StreamSource::take_event() {
  const EventView& event = events_->event();
  // A header and a checkpoint stand between the events of two segments.
  continues_ = event.sequence == next_sequence_ && event.position - last_end_ < kSegmentHeaderBytes;
  next_sequence_ = event.sequence + 1;
  last_end_ = event.end_position;
  if (const MessagesView* messages = event.messages()) {
    return slice_.contains(messages->time()) ? Step::Messages : Step::Nothing;
  }
  const ProgressView* progress = event.progress();
  if (progress == nullptr) return Step::Nothing;
  changes_.clear();
  for (size_t i = 0; i < progress->size(); ++i) changes_.push_back(progress->change(i));
  TIDEMARK_TRY(slice_.restrict(changes_));
  TIDEMARK_TRY(add_to(capabilities_, changes_));
  // The stream says nothing new in a slice that it does not move; all of it, it says as it did.
  return slice_.everything() || !changes_.empty() ? Step::Progress : Step::Nothing;
}

uint64_t StreamSource::taken_upto() const {
  if (loaded_ || beyond_) return events_->event().position;
  const EventReader* const reader = events_->reader();
  return reader == nullptr ? 0 : reader->position();
}

// Whether nothing new means the end: where the replay does not follow, or no writer is left. Who
// waits for another writer follows in any case.
bool StreamSource::may_end_here() const {
  if (end_ == EndMode::Wait) return false;
  return !follow_ || !events_->writer_alive();
}

Result<EventReader> open_reader(const Log& log, uint32_t stream,
                                const std::optional<StartPoint>& point, const Slice& slice,
                                ReaderOptions options, std::optional<StartPoint>& start) {
  if (options.segment && point) {
    return fail(ErrorCode::InvalidArgument, "reading starts at a point or at a segment");
  }
  const ReaderOptions given = options;
  // What is found may be purged before it is opened; then it is looked for again.
  constexpr int kAttempts = 10;
  for (int attempt = 1;; ++attempt) {
    options = given;
    if (options.position) return log.reader(stream, options);
    if (point) {
      TIDEMARK_ASSIGN(found, find_start(log, stream, *point, options.access));
      options.segment = found.segment;
      options.waypoint = found.waypoint;
      start = found.point;
    }
    if (!slice.everything()) {
      TIDEMARK_ASSIGN(found, find_wanted(log, stream, slice, options.segment, options.visibility));
      if (found != options.segment) options.waypoint.reset();
      options.segment = found;
    }
    auto reader = log.reader(stream, options);
    const bool chosen_here = options.segment != given.segment;
    const bool gone = !reader && (reader.error().code == ErrorCode::Purged ||
                                  reader.error().code == ErrorCode::NotFound);
    if (!gone || !chosen_here || attempt == kAttempts) return reader;
  }
}

std::optional<uint64_t> end_of_replay(const Log& log, uint32_t stream, EndMode end, bool follow,
                                      Access access) {
  if (follow || end == EndMode::Wait) return std::nullopt;
  const auto committed = committed_end(log, stream, access);
  if (!committed) return std::nullopt;
  return *committed;
}

}  // namespace tidemark
