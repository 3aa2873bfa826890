#include "held_messages.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <string>

namespace tidemark {
namespace {

constexpr auto kLeastFirst = std::greater<>();

bool totally_ordered(TimeShape shape) { return shape.words <= 1 + std::popcount(shape.wide_mask); }

}  // namespace

Result<void> HeldMessages::add(const HeldMessage& message) {
  if (heap_.size() >= limit_) {
    return fail(ErrorCode::TooLarge, "a replay holds back at most " + std::to_string(limit_) +
                                         " messages whose times are not settled");
  }
  lower_ = heap_.empty() ? message.time : meet(*lower_, message.time);
  heap_.push_back(message);
  std::push_heap(heap_.begin(), heap_.end(), kLeastFirst);
  return {};
}

HeldMessage HeldMessages::take_first() {
  std::pop_heap(heap_.begin(), heap_.end(), kLeastFirst);
  const HeldMessage message = heap_.back();
  heap_.pop_back();
  return message;
}

void HeldMessages::take_passed(const Antichain<Time>& frontier, std::vector<HeldMessage>& passed) {
  if (heap_.empty()) return;
  if (totally_ordered(first().time.shape())) {
    while (!heap_.empty() && !frontier.less_equal(first().time)) passed.push_back(take_first());
  } else if (!quick(frontier)) {
    const auto rest = std::partition(heap_.begin(), heap_.end(), [&](const HeldMessage& message) {
      return frontier.less_equal(message.time);
    });
    passed.insert(passed.end(), rest, heap_.end());
    heap_.erase(rest, heap_.end());
    std::make_heap(heap_.begin(), heap_.end(), kLeastFirst);
    tighten();
  }
  std::sort(passed.begin(), passed.end(), [](const HeldMessage& a, const HeldMessage& b) {
    return a.source != b.source ? a.source < b.source : a.position < b.position;
  });
}

void HeldMessages::forget_from(const Antichain<Time>& frontier, std::optional<uint32_t> source) {
  std::erase_if(heap_, [&](const HeldMessage& m) {
    return (!source || m.source == *source) && frontier.less_equal(m.time);
  });
  std::make_heap(heap_.begin(), heap_.end(), kLeastFirst);
}

Antichain<Time> HeldMessages::passed_times(const Antichain<Time>& frontier) {
  Antichain<Time> times;
  if (heap_.empty()) return times;
  if (totally_ordered(first().time.shape())) {
    if (!frontier.less_equal(first().time)) times.insert(first().time);
  } else if (!quick(frontier)) {
    for (const HeldMessage& message : heap_) {
      if (!frontier.less_equal(message.time)) times.insert(message.time);
    }
    tighten();
  }
  return times;
}

bool HeldMessages::quick(const Antichain<Time>& frontier) const {
  return heap_.empty() || totally_ordered(first().time.shape()) || frontier.less_equal(*lower_);
}

// What was taken since may have been what kept the bound low. Searches can afford to look.
void HeldMessages::tighten() {
  if (heap_.empty()) return;
  lower_ = first().time;
  for (const HeldMessage& message : heap_) lower_ = meet(*lower_, message.time);
}

}  // namespace tidemark
