#include "held_runs.h"

#include <algorithm>
#include <bit>
#include <iterator>
#include <queue>
#include <string>
#include <utility>

namespace tidemark {
namespace {

// So many messages are read again where one of them may go.
constexpr uint64_t kMessagesPerRun = 4096;
// A run has no more minimal times: times in a total order have one.
constexpr size_t kMinimalTimes = 4;

bool totally_ordered(TimeShape shape) { return shape.words <= 1 + std::popcount(shape.wide_mask); }

}  // namespace

void HeldRuns::set_least(Run& run, const HeldMessage& least) {
  order_.erase(run.least);
  run.least = least;
  order_.insert(least);
}

void HeldRuns::set_left(Run& run, uint64_t left) {
  size_ -= run.left - left;
  run.left = left;
}

HeldRuns::Runs::iterator HeldRuns::drop(Runs::iterator at) {
  Run& run = at->second;
  size_ -= run.left;
  order_.erase(run.least);
  const auto growing = growing_.find(run.source);
  if (growing != growing_.end() && growing->second == &run) growing_.erase(growing);
  return runs_.erase(at);
}

void HeldRuns::add(const HeldMessage& message, const std::optional<Time>& gone) {
  const auto growing = growing_.find(message.source);
  ++size_;
  if (growing != growing_.end()) {
    Run& run = *growing->second;
    Antichain<Time> minimal;
    for (const Time& time : run.minimal) minimal.insert(time);
    minimal.insert(message.time);
    // What was let go of a run is told by what it was when that began.
    if (run.total < kMessagesPerRun && minimal.elements().size() <= kMinimalTimes && !run.taken &&
        !went_at_once(run, message.time)) {
      run.last = message.position;
      ++run.total;
      ++run.left;
      run.meet = meet(run.meet, message.time);
      run.minimal = minimal.elements();
      if (message < run.least) set_least(run, message);
      return;
    }
  }
  Run run;
  run.source = message.source;
  run.first = run.last = message.position;
  run.total = run.left = 1;
  run.least = message;
  run.meet = message.time;
  run.minimal = {message.time};
  run.gone = gone;
  order_.insert(message);
  const auto made = runs_.insert_or_assign({message.source, message.position}, std::move(run));
  growing_[message.source] = &made.first->second;
}

void HeldRuns::went(uint32_t source, const Time& time) {
  const auto growing = growing_.find(source);
  if (growing == growing_.end()) return;
  if (!went_at_once(*growing->second, time)) growing_.erase(growing);
}

bool HeldRuns::is_left(const Run& run, const HeldMessage& message) const {
  if (run.taken && !(*run.taken < message)) return false;
  if (ended_.less_equal(message.time) || run.voided.less_equal(message.time)) return false;
  return !released_ || released_->less_equal(message.time);
}

// The run's next message, whether or not it is left.
Result<std::optional<EventView>> HeldRuns::next_of(const Run& run, Scan& scan) const {
  while (scan.position <= run.last) {
    TIDEMARK_ASSIGN(event, reread_(run.source, scan.position));
    if (event.position > run.last) break;
    scan.position = event.end_position;
    const MessagesView* messages = event.messages();
    if (messages == nullptr || !slice_.contains(messages->time())) continue;
    if (went_at_once(run, messages->time())) continue;
    ++scan.found;
    return event;
  }
  if (scan.found != run.total) {
    return fail(ErrorCode::Corrupt, "between positions " + std::to_string(run.first) + " and " +
                                        std::to_string(run.last) + " stand " +
                                        std::to_string(scan.found) + " messages, and not " +
                                        std::to_string(run.total) + ", as were read there before");
  }
  return std::nullopt;
}

Result<HeldRuns::Runs::iterator> HeldRuns::recount(Runs::iterator at) {
  Run& run = at->second;
  uint64_t left = 0;
  std::optional<HeldMessage> least;
  Scan scan{run.first, 0};
  for (;;) {
    TIDEMARK_ASSIGN(event, next_of(run, scan));
    if (!event) break;
    const HeldMessage message{event->messages()->time(), run.source, event->position};
    if (!is_left(run, message)) continue;
    ++left;
    if (!least || message < *least) least = message;
  }
  if (!least) return drop(at);
  set_left(run, left);
  set_least(run, *least);
  growing_.erase(run.source);
  return std::next(at);
}

Result<void> HeldRuns::forget_from(const Antichain<Time>& ended, const Place& forgotten) {
  for (const Time& time : ended.elements()) ended_.insert(time);
  const auto is_over = [&](const Time& time) { return ended_.less_equal(time); };
  for (auto at = runs_.begin(); at != runs_.end();) {
    const Run& run = at->second;
    const std::pair place(run.source, run.first);
    if (std::all_of(run.minimal.begin(), run.minimal.end(), is_over)) {
      forgotten(place.first, place.second);
      at = drop(at);
      continue;
    }
    const size_t size_before = size_;
    TIDEMARK_ASSIGN(next, recount(at));
    if (size_ < size_before) forgotten(place.first, place.second);
    at = next;
  }
  return {};
}

Result<void> HeldRuns::forget_void(uint32_t source, const Antichain<Time>& frontier) {
  growing_.erase(source);
  for (auto at = runs_.lower_bound({source, 0}); at != runs_.end() && at->first.first == source;) {
    for (const Time& time : frontier.elements()) at->second.voided.insert(time);
    TIDEMARK_ASSIGN(next, recount(at));
    at = next;
  }
  return {};
}

void HeldRuns::for_each_first(const Place& place) const {
  for (auto at = runs_.begin(); at != runs_.end();) {
    const auto [source, first] = at->first;
    place(source, first);
    at = runs_.lower_bound({source + 1, 0});
  }
}

// --- in the order of times ---

Result<std::vector<HeldMessage>> HeldRuns::take_least(size_t most,
                                                      const std::optional<HeldMessage>& before) {
  growing_.clear();
  std::priority_queue<HeldMessage> least;  // the greatest of them on top
  std::vector<Runs::iterator> looked_at;
  const auto is_wanted = [&](const HeldMessage& message) {
    return (!before || message < *before) && (least.size() < most || message < least.top());
  };
  // The runs by what they have least, for as long as that may be among the least of all.
  for (const HeldMessage& first : order_) {
    if (!is_wanted(first)) break;
    auto at = runs_.lower_bound({first.source, first.position});
    // The least message stands somewhere in its run, which begins at or before it.
    if (at == runs_.end() || at->first.first != first.source || at->first.second > first.position) {
      --at;
    }
    looked_at.push_back(at);
    const Run& run = at->second;
    Scan scan{run.first, 0};
    for (;;) {
      TIDEMARK_ASSIGN(event, next_of(run, scan));
      if (!event) break;
      const HeldMessage message{event->messages()->time(), run.source, event->position};
      if (!is_left(run, message) || !is_wanted(message)) continue;
      least.push(message);
      if (least.size() > most) least.pop();
    }
  }
  std::vector<HeldMessage> taken;
  taken.reserve(least.size());
  for (; !least.empty(); least.pop()) taken.push_back(least.top());
  if (taken.empty()) return taken;

  const HeldMessage greatest = taken.front();
  std::vector<std::pair<uint32_t, uint64_t>> places;
  places.reserve(taken.size());
  for (const HeldMessage& message : taken) places.emplace_back(message.source, message.position);
  std::sort(places.begin(), places.end());
  for (const Runs::iterator at : looked_at) {
    Run& run = at->second;
    const auto from_here = static_cast<uint64_t>(
        std::upper_bound(places.begin(), places.end(), std::pair(run.source, run.last)) -
        std::lower_bound(places.begin(), places.end(), std::pair(run.source, run.first)));
    if (from_here == run.left) {
      drop(at);
      continue;
    }
    set_left(run, run.left - from_here);
    run.taken = greatest;
    // What is left comes after all that was taken. Where times are in a total order, its least is
    // found by reading once more what was just read; it lies in few runs.
    std::optional<HeldMessage> least_left;
    Scan scan{run.first, 0};
    for (;;) {
      TIDEMARK_ASSIGN(event, next_of(run, scan));
      if (!event) break;
      const HeldMessage message{event->messages()->time(), run.source, event->position};
      if (is_left(run, message) && (!least_left || message < *least_left)) least_left = message;
    }
    if (least_left) set_least(run, *least_left);
  }
  return taken;
}

void HeldRuns::add_passed_times(const Antichain<Time>& frontier, Antichain<Time>& times) const {
  if (runs_.empty()) return;
  if (totally_ordered(least().time.shape())) {
    if (!frontier.less_equal(least().time)) times.insert(least().time);
    return;
  }
  for (const auto& [key, run] : runs_) {
    for (const Time& time : run.minimal) {
      if (!frontier.less_equal(time)) times.insert(time);
    }
  }
}

// --- in the order of streams ---

bool HeldRuns::may_have_passed(const Antichain<Time>& frontier) const {
  if (runs_.empty()) return false;
  if (totally_ordered(least().time.shape())) return !frontier.less_equal(least().time);
  return std::any_of(runs_.begin(), runs_.end(),
                     [&](const auto& entry) { return !frontier.less_equal(entry.second.meet); });
}

void HeldRuns::release(const Antichain<Time>& frontier) {
  growing_.clear();
  releasing_ = true;
  releasing_upto_ = frontier;
  run_ = runs_.begin();
  scan_ = {};
}

std::optional<uint32_t> HeldRuns::next_source() {
  if (!releasing_) return std::nullopt;
  while (run_ != runs_.end() && scan_.position == 0 &&
         releasing_upto_.less_equal(run_->second.meet)) {
    ++run_;
  }
  if (run_ != runs_.end()) return run_->second.source;
  releasing_ = false;
  released_ = releasing_upto_;
  return std::nullopt;
}

Result<std::optional<EventView>> HeldRuns::next_released(uint32_t source) {
  while (next_source() == source) {
    Run& run = run_->second;
    if (scan_.position == 0) {
      scan_ = {run.first, 0};
      left_in_run_ = 0;
    }
    for (;;) {
      TIDEMARK_ASSIGN(event, next_of(run, scan_));
      if (!event) break;
      const HeldMessage message{event->messages()->time(), run.source, event->position};
      if (!is_left(run, message)) continue;
      if (!releasing_upto_.less_equal(message.time)) return event;
      if (left_in_run_++ == 0 || message < run.least) set_least(run, message);
    }
    scan_ = {};
    if (left_in_run_ == 0) {
      run_ = drop(run_);
    } else {
      set_left(run, left_in_run_);
      ++run_;
    }
  }
  return std::nullopt;
}

}  // namespace tidemark
