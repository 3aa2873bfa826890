#include "replay_driver.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "changes.h"

namespace tidemark {
namespace {

// Events of one stream before the next has its turn: long enough that a segment's pages are read
// in a row, short enough that no stream waits for long.
constexpr size_t kEventsPerTurn = 64;
// Events that next() looks at before it looks at the time.
constexpr size_t kEventsPerPoll = 1024;
// While the replay sleeps, nothing tells it that a writer died.
constexpr std::chrono::milliseconds kLongestSleep{100};
// A search through the messages held may cost so many of them for each step made since the last.
constexpr size_t kSearchedPerStep = 4;
// Bytes of a stream between two moves of its lease.
constexpr uint64_t kLeaseStride = uint64_t{1} << 20;

}  // namespace

ReplayDriver::ReplayDriver(std::vector<std::unique_ptr<StreamEvents>> streams,
                           const ReplayOptions& options)
    : order_(options.order),
      delivery_(options.delivery),
      end_(options.end),
      slice_(options.from, options.until),
      going_on_(streams.size()),
      turn_left_(kEventsPerTurn),
      held_(std::numeric_limits<size_t>::max()),
      held_limit_(options.held_events_limit),
      held_in_memory_(std::max<size_t>(options.held_in_memory, 1)),
      runs_(slice_, delivery_ == Delivery::Complete, [this](uint32_t source, uint64_t position) {
        return inputs_[source].source.events().from(position);
      }) {
  inputs_.reserve(streams.size());
  for (auto& stream : streams) {
    inputs_.push_back({StreamSource(std::move(stream), slice_, options.end, options.follow)});
  }
  const auto count = static_cast<int64_t>(inputs_.size());
  reported_.update(Time::minimum({}), count);
  live_ = reported_;
}

Result<void> ReplayDriver::check() {
  for (const Input& input : inputs_) {
    if (input.source.shape()) TIDEMARK_TRY(adopt_shape(input.source));
  }
  return {};
}

// Streams without a segment are at the minimum of whatever shape their times will have: all of
// them take it from the first that tells.
Result<void> ReplayDriver::adopt_shape(const StreamSource& source) {
  const TimeShape shape = *source.shape();
  if (!shape_) {
    TIDEMARK_TRY(slice_.check(shape));
    shape_ = shape;
    for (MutableAntichain<Time>* counts : {&live_, &ended_, &reported_}) {
      const int64_t count = counts->count_of(Time::minimum(shape));
      *counts = {};
      counts->update(Time::minimum(shape), count);
    }
    for (Input& input : inputs_) input.source.assume_shape(shape);
  }
  if (shape == *shape_) return {};
  auto error = fail(ErrorCode::InvalidArgument,
                    "the times of this stream have another shape than those of the others");
  error.value().stream = source.stream();
  return error;
}

Result<Replay::Status> ReplayDriver::poll(size_t budget) {
  if (error_) return tl::make_unexpected(*error_);
  ++poll_;
  idle_ = false;
  for (;;) {
    auto found = hand_out_held(damage_ || going_on_ == 0 || idle_);
    if (found && !*found && damage_) found = tl::make_unexpected(*damage_);
    if (!found) {
      error_ = found.error();
      return tl::make_unexpected(*error_);
    }
    if (*found) return Replay::Status::Event;
    if (std::exchange(voided_, false)) return Replay::Status::Voided;
    if (going_on_ == 0) return Replay::Status::Finished;
    if (idle_ || budget == 0) return Replay::Status::Pending;

    Input* input = choose();
    if (input == nullptr) {
      idle_ = true;  // Time enough to look through all that is held.
      continue;
    }
    const auto taken = read(*input, budget);
    if (!taken) {
      damage_ = taken.error();
    } else if (*taken) {
      return Replay::Status::Event;
    }
  }
}

Result<Replay::Status> ReplayDriver::next(std::chrono::nanoseconds limit) {
  const auto start = std::chrono::steady_clock::now();
  std::vector<StreamEvents*> awaited;
  for (;;) {
    TIDEMARK_ASSIGN(status, poll(kEventsPerPoll));
    if (status != Replay::Status::Pending) return status;
    const auto left = limit - (std::chrono::steady_clock::now() - start);
    if (left <= std::chrono::nanoseconds::zero()) return status;
    if (!idle_) continue;

    // Others may have plenty to read, which would not help.
    awaited.clear();
    for (Input& input : inputs_) {
      if (!input.over && may_help(input)) awaited.push_back(&input.source.events());
    }
    TIDEMARK_TRY(wait_for(awaited, std::min<std::chrono::nanoseconds>(left, kLongestSleep)));
  }
}

// --- whose turn it is ---

ReplayDriver::Input* ReplayDriver::choose() {
  for (size_t looked_at = 0; looked_at <= inputs_.size(); ++looked_at) {
    Input& input = inputs_[turn_];
    if (turn_left_ > 0 && !input.over && input.pending_in != poll_ && may_help(input)) {
      --turn_left_;
      return &input;
    }
    turn_ = (turn_ + 1) % inputs_.size();
    turn_left_ = kEventsPerTurn;
  }
  return nullptr;
}

// Whether reading this stream can let anything go. A stream that is ahead of the others is left
// alone until they come up to it, so that what is held stays small: nothing it brings may go
// before that.
bool ReplayDriver::may_help(const Input& input) const {
  const auto& own = input.source.capabilities().frontier().elements();
  if (!holds_back() || own.empty()) return true;
  const auto& all = live_.frontier().elements();
  if (order_ == Order::Time) return own.front() == all.front();
  return std::any_of(own.begin(), own.end(), [&](const Time& time) {
    return std::binary_search(all.begin(), all.end(), time);
  });
}

Result<bool> ReplayDriver::read(Input& input, size_t& budget) {
  TIDEMARK_ASSIGN(step, input.source.step());
  ++work_since_;
  if (holds_back()) move_lease(input);
  switch (step) {
    case StreamSource::Step::Pending:
      input.pending_in = poll_;
      return false;
    case StreamSource::Step::Over:
      return end(input);
    case StreamSource::Step::Opened:
      TIDEMARK_TRY(adopt_shape(input.source));
      return take_progress(input, false);
    case StreamSource::Step::Passed:
      return take_progress(input, false);
    default:
      break;
  }
  --budget;
  if (!runs_.empty() && !input.source.continues()) runs_.interrupt(index_of(input));
  if (step == StreamSource::Step::Messages) return take_messages(input);
  if (step == StreamSource::Step::Voided) return take_void(input);
  if (step == StreamSource::Step::Progress) return take_progress(input, true);
  return false;
}

// --- what is read ---

Result<bool> ReplayDriver::take_messages(Input& input) {
  const EventView& event = input.source.event();
  const Time& time = event.messages()->time();
  const bool at_once = order_ == Order::Stream ? delivery_ == Delivery::Eager : may_go(time);
  if (at_once) {
    if (!runs_.empty()) runs_.went(index_of(input), time);
    return hand_out(input.source, event);
  }
  if (delivery_ == Delivery::Complete && ended_.less_equal(time)) {
    input.withheld_from = std::min(input.withheld_from, event.position);
    runs_.interrupt(index_of(input));
    return false;
  }
  TIDEMARK_TRY(hold({time, index_of(input), event.position}));
  return false;
}

// The first ones one by one. What is read while others wait in runs waits there too, so that in
// each stream the runs come after what is in memory.
Result<void> ReplayDriver::hold(const HeldMessage& message) {
  if (held_events() >= held_limit_) {
    return fail(ErrorCode::TooLarge, "a replay holds back at most " + std::to_string(held_limit_) +
                                         " messages whose times are not settled");
  }
  if (runs_.empty() && held_.size() < held_in_memory_) return held_.add(message);
  std::optional<Time> gone;
  if (order_ == Order::Time) gone = live_.frontier().elements().front();
  runs_.add(message, gone);
  return {};
}

// What is held goes, and what was handed out has to be told. Complete delivery has handed out none
// of it: a stream's records are void only at times that it had not completed.
Result<bool> ReplayDriver::take_void(const Input& input) {
  void_frontier_ = input.source.void_frontier();
  held_.forget_from(void_frontier_, index_of(input));
  TIDEMARK_TRY(runs_.forget_void(index_of(input), void_frontier_));
  compared_.reset();
  if (delivery_ == Delivery::Complete) return false;
  event_.stream = input.source.stream();
  event_.event = {};
  event_.changes.clear();
  voided_ = true;
  return false;
}

Result<bool> ReplayDriver::take_progress(Input& input, bool from_event) {
  const std::vector<Change>& changes = input.source.changes();
  if (holds_back()) {
    TIDEMARK_TRY(add_to(live_, changes));
    unreported_.insert(unreported_.end(), changes.begin(), changes.end());
    if (!ended_.empty()) TIDEMARK_TRY(stop_reading_what_cannot_complete());
    return false;
  }
  if (changes.empty() && !from_event) return false;
  TIDEMARK_TRY(add_to(reported_, changes));
  event_.stream.reset();
  event_.event = {};
  event_.changes = changes;
  if (from_event) {
    event_.stream = input.source.stream();
    event_.event = input.source.event();
  }
  return true;
}

Result<bool> ReplayDriver::end(Input& input) {
  TIDEMARK_TRY(stop_reading(input));
  if (holds_back()) {
    if (delivery_ == Delivery::Complete && !ended_.empty()) {
      held_.for_each([&](const HeldMessage& message) {
        uint64_t& withheld_from = inputs_[message.source].withheld_from;
        if (ended_.less_equal(message.time)) {
          withheld_from = std::min(withheld_from, message.position);
        }
      });
      held_.forget_from(ended_.frontier());
      TIDEMARK_TRY(runs_.forget_from(ended_.frontier(), [&](uint32_t source, uint64_t position) {
        uint64_t& withheld_from = inputs_[source].withheld_from;
        withheld_from = std::min(withheld_from, position);
      }));
      TIDEMARK_TRY(stop_reading_what_cannot_complete());
    }
    return false;
  }
  return report();
}

// The stream holds its capabilities no longer as one that may bring something, but as one that
// ended with them, or not at all.
Result<void> ReplayDriver::stop_reading(Input& input) {
  input.over = true;
  --going_on_;
  std::vector<Change> changes;
  append_removal(input.source.capabilities(), changes);
  if (end_ != EndMode::Hold) {
    unreported_.insert(unreported_.end(), changes.begin(), changes.end());
  }
  if (!holds_back()) return {};
  TIDEMARK_TRY(add_to(live_, changes));
  if (delivery_ == Delivery::Eager) return {};
  for (Change& change : changes) change.diff = -change.diff;
  return add_to(ended_, changes);
}

// Where a stream ended, its times stay incomplete, whatever becomes of its capabilities: another
// writer may go on with them. So a stream that can only bring such times is at its end too.
Result<void> ReplayDriver::stop_reading_what_cannot_complete() {
  for (Input& input : inputs_) {
    const auto& own = input.source.capabilities().frontier().elements();
    if (input.over || own.empty()) continue;
    if (std::all_of(own.begin(), own.end(), [&](const Time& t) { return ended_.less_equal(t); })) {
      TIDEMARK_TRY(stop_reading(input));
    }
  }
  return {};
}

// --- where it could go on ---

std::vector<uint64_t> ReplayDriver::positions_to_resume() const {
  std::vector<uint64_t> positions;
  positions.reserve(inputs_.size());
  for (const Input& input : inputs_) {
    positions.push_back(std::min(input.source.taken_upto(), input.withheld_from));
  }
  const auto keep = [&](const HeldMessage& message) {
    positions[message.source] = std::min(positions[message.source], message.position);
  };
  held_.for_each(keep);
  runs_.for_each_first([&](uint32_t source, uint64_t position) {
    positions[source] = std::min(positions[source], position);
  });
  for (size_t i = ready_next_; i < ready_.size(); ++i) keep(ready_[i]);
  return positions;
}

std::vector<StreamPosition> ReplayDriver::resume_positions() const {
  const std::vector<uint64_t> positions = positions_to_resume();
  std::vector<StreamPosition> result;
  for (size_t i = 0; i < inputs_.size(); ++i) {
    result.push_back({inputs_[i].source.stream(), positions[i]});
  }
  return result;
}

// What is held back will be read again, so the lease stays there. Looked at after so many bytes
// that the look costs little beside reading them.
void ReplayDriver::move_lease(Input& input) {
  const uint64_t taken = input.source.taken_upto();
  if (taken < input.release_at) return;
  input.release_at = taken + kLeaseStride + (held_.size() + runs_.runs()) * sizeof(HeldMessage);
  EventReader* const reader = input.source.events().reader();
  if (reader == nullptr) return;
  reader->release_before(positions_to_resume()[static_cast<size_t>(&input - inputs_.data())]);
}

// --- what is held back ---

Result<bool> ReplayDriver::hand_out_held(bool thoroughly) {
  if (!holds_back()) return false;
  TIDEMARK_ASSIGN(found, hand_out_ready());
  if (found) return true;
  if (order_ == Order::Time) {
    TIDEMARK_TRY(bring_near());
    if (!held_.empty() && may_go(held_.first().time)) return hand_out(held_.take_first());
  }
  if (!compare_held(thoroughly)) return false;
  TIDEMARK_ASSIGN(found_now, hand_out_ready());
  return found_now ? Result<bool>(true) : report();
}

// What a frontier has released: by stream, and of each first what was in memory.
Result<bool> ReplayDriver::hand_out_ready() {
  const auto run_source = runs_.next_source();
  if (ready_next_ < ready_.size() && (!run_source || ready_[ready_next_].source <= *run_source)) {
    return hand_out(ready_[ready_next_++]);
  }
  if (!run_source) return false;
  TIDEMARK_ASSIGN(event, runs_.next_released(*run_source));
  if (event) return hand_out(inputs_[*run_source].source, *event);
  return hand_out_ready();
}

// Order::Time: where the least message that may go is in a run, takes it from there, with others.
Result<void> ReplayDriver::bring_near() {
  while (!runs_.empty() && may_go(runs_.least().time)) {
    std::optional<HeldMessage> first;
    if (!held_.empty()) first = held_.first();
    if (first && *first < runs_.least()) return {};
    const size_t most = held_in_memory_ - std::min(held_in_memory_ - 1, held_.size());
    TIDEMARK_ASSIGN(taken, runs_.take_least(most, first));
    for (const HeldMessage& message : taken) TIDEMARK_TRY(held_.add(message));
  }
  return {};
}

// Order::Time: whether nothing can appear any more that would have to precede a message at `time`.
// The total order is compared, not the partial one, so that what is handed out is sorted by it;
// what is before in the partial order is before in the total one.
bool ReplayDriver::may_go(const Time& time) const {
  if (live_.empty()) return true;
  const Time& least = live_.frontier().elements().front();
  return delivery_ == Delivery::Eager ? time <= least : time < least;
}

// Finds out what the present frontier means for the messages that are held: which ones are
// complete (Order::Stream), or have to be counted in a report (Order::Time). Returns false where
// that takes a search, and too little was done since the last one to pay for it.
bool ReplayDriver::compare_held(bool thoroughly) {
  const Antichain<Time>& frontier = live_.frontier();
  if (compared_ == frontier) return true;
  const bool reread = order_ == Order::Stream && runs_.may_have_passed(frontier);
  if (!held_.quick(frontier) || reread) {
    if (!thoroughly && work_since_ * kSearchedPerStep < held_events()) return false;
    work_since_ = 0;
  }
  compared_ = frontier;
  if (order_ == Order::Time) {
    passed_ = held_.passed_times(frontier);
    runs_.add_passed_times(frontier, passed_);
  } else {
    ready_.clear();
    ready_next_ = 0;
    held_.take_passed(frontier, ready_);
    if (reread) runs_.release(frontier);
  }
  return true;
}

Result<bool> ReplayDriver::hand_out(const HeldMessage& message) {
  StreamSource& source = inputs_[message.source].source;
  TIDEMARK_ASSIGN(event, source.events().at(message.position));
  const MessagesView* messages = event.messages();
  if (messages == nullptr || messages->time() != message.time) {
    auto error =
        fail(ErrorCode::Corrupt, "the event at position " + std::to_string(message.position) +
                                     " is not what was read there before");
    error.value().stream = source.stream();
    return error;
  }
  return hand_out(source, event);
}

bool ReplayDriver::hand_out(const StreamSource& source, const EventView& event) {
  ++work_since_;
  event_.stream = source.stream();
  event_.event = event;
  event_.changes.clear();
  return true;
}

Result<bool> ReplayDriver::report() {
  if (unreported_.empty() && passed_ == passed_reported_) return false;
  event_.stream.reset();
  event_.event = {};
  event_.changes.swap(unreported_);
  unreported_.clear();
  for (const Time& time : passed_reported_.elements()) event_.changes.push_back({time, -1});
  for (const Time& time : passed_.elements()) event_.changes.push_back({time, 1});
  passed_reported_ = passed_;
  TIDEMARK_TRY(net(event_.changes));
  TIDEMARK_TRY(add_to(reported_, event_.changes));
  return !event_.changes.empty();
}

}  // namespace tidemark
