#include "tidemark/protocol.h"

#include <algorithm>
#include <string>

namespace tidemark {
namespace {

tl::unexpected<Error> violation(std::string_view rule, std::string message) {
  auto error = fail(ErrorCode::ProtocolViolation, std::move(message));
  error.value().rule = rule;
  return error;
}

tl::unexpected<Error> nothing_can_follow() {
  auto error = fail(ErrorCode::Finished, "the stream holds no capability, nothing can follow");
  error.value().rule = "P5";
  return error;
}

}  // namespace

Protocol::Protocol(TimeShape shape) : shape_(shape) { counts_.update(Time::minimum(shape), 1); }

Result<Protocol> Protocol::restore(TimeShape shape, std::span<const Change> counts) {
  Protocol protocol(shape);
  protocol.counts_ = {};
  if (counts.size() > max_capabilities(shape)) {
    return fail(ErrorCode::TooLarge, "a stream holds at most " +
                                         std::to_string(max_capabilities(shape)) +
                                         " capabilities, found " + std::to_string(counts.size()));
  }
  for (const auto& [time, count] : counts) {
    if (count <= 0 || protocol.counts_.count_of(time) != 0) {
      return violation("P2", "the count of time " + time.text() + " is not positive or repeated");
    }
    protocol.counts_.update(time, count);
  }
  return protocol;
}

Result<void> Protocol::progress(std::span<const Change> changes) {
  if (finished()) return nothing_can_follow();

  net_.assign(changes.begin(), changes.end());
  std::sort(net_.begin(), net_.end(),
            [](const Change& a, const Change& b) { return a.time < b.time; });
  size_t kept = 0;
  for (const Change& change : net_) {
    if (kept > 0 && net_[kept - 1].time == change.time) {
      if (__builtin_add_overflow(net_[kept - 1].diff, change.diff, &net_[kept - 1].diff)) {
        return violation("P4", "the changes of time " + change.time.text() + " overflow");
      }
    } else {
      net_[kept++] = change;
    }
  }
  net_.resize(kept);

  size_t capabilities = counts_.counts().size();
  for (const Change& change : net_) {
    if (change.diff == 0) continue;
    const int64_t before = counts_.count_of(change.time);
    int64_t after = 0;
    if (__builtin_add_overflow(before, change.diff, &after)) {
      return violation("P4", "the count of time " + change.time.text() + " overflows");
    }
    if (after < 0) {
      return violation(
          "P2", "the count of time " + change.time.text() + " would be " + std::to_string(after));
    }
    if (change.diff > 0 && !counts_.less_equal(change.time)) {
      return violation(
          "P1", "time " + change.time.text() + " is raised, but no capability is at or before it");
    }
    if (before == 0) ++capabilities;
    if (after == 0) --capabilities;
  }
  if (capabilities > max_capabilities(shape_)) {
    return fail(ErrorCode::TooLarge,
                "a stream holds at most " + std::to_string(max_capabilities(shape_)) +
                    " capabilities, this would make " + std::to_string(capabilities));
  }
  for (const Change& change : net_) counts_.update(change.time, change.diff);
  return {};
}

Result<void> Protocol::messages(const Time& time) const {
  if (counts_.less_equal(time)) [[likely]]
    return {};
  if (finished()) return nothing_can_follow();
  return violation("P3", "time " + time.text() + " is used, but no capability is at or before it");
}

std::vector<Change> counts_of(const Protocol& protocol) {
  std::vector<Change> counts;
  counts.reserve(protocol.counts().size());
  for (const auto& [time, count] : protocol.counts()) counts.push_back({time, count});
  return counts;
}

std::vector<Change> difference(const Protocol& from, const Protocol& to) {
  MutableAntichain<Time> net;
  for (const auto& [time, count] : from.counts()) net.update(time, -count);
  for (const auto& [time, count] : to.counts()) net.update(time, count);
  std::vector<Change> changes;
  for (const auto& [time, diff] : net.counts()) changes.push_back({time, diff});
  return changes;
}

}  // namespace tidemark
