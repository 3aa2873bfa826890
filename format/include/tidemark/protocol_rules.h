// The capture protocol for times of any type: SPEC.md section 10, rules P1 to P5.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tidemark/antichain.h"
#include "tidemark/result.h"
#include "tidemark/time_text.h"

namespace tidemark {

namespace protocol_error {
tl::unexpected<Error> violation(std::string_view rule, std::string message);
tl::unexpected<Error> nothing_can_follow();
tl::unexpected<Error> too_many(size_t most, size_t found);
}  // namespace protocol_error

// The counts of capabilities, and the judge of what may follow. Not thread-safe.
template <typename T>
class ProtocolRules {
 public:
  using Count = std::pair<T, int64_t>;

  // Begins with `count` capabilities at the minimum time: one for a stream, n for a replay of n of
  // them. At most `times_limit` times may have a count at once.
  explicit ProtocolRules(const T& minimum, int64_t count = 1, size_t times_limit = ~size_t{0})
      : times_limit_(times_limit) {
    counts_.update(minimum, count);
  }
  // Begins with these counts. Errors: ProtocolViolation where one is not positive or a time
  // repeats, TooLarge.
  template <typename Counts>
  static Result<ProtocolRules> restore(const Counts& counts, size_t times_limit) {
    ProtocolRules rules;
    rules.times_limit_ = times_limit;
    if (counts.size() > times_limit) return protocol_error::too_many(times_limit, counts.size());
    for (const auto& [time, count] : counts) {
      if (count <= 0 || rules.counts_.count_of(time) != 0) {
        return protocol_error::violation(
            "P2", "the count of time " + time_text(time) + " is not positive or repeated");
      }
      rules.counts_.update(time, count);
    }
    return rules;
  }

  // P1, P2, P4 and P5: judges a progress event as a whole and applies it, or changes nothing.
  // `changes` is a range of pairs of time and difference. Errors: ProtocolViolation with its rule;
  // TooLarge beyond the limit of times; Finished.
  template <typename Changes>
  Result<void> progress(const Changes& changes) {
    if (moves_the_only_capability(changes)) return {};
    if (finished()) return protocol_error::nothing_can_follow();
    TIDEMARK_TRY(sum_up(changes));

    size_t times = counts_.counts().size();
    for (const auto& [time, diff] : net_) {
      if (diff == 0) continue;
      const int64_t before = counts_.count_of(time);
      int64_t after = 0;
      if (__builtin_add_overflow(before, diff, &after)) {
        return protocol_error::violation("P4",
                                         "the count of time " + time_text(time) + " overflows");
      }
      if (after < 0) {
        return protocol_error::violation(
            "P2", "the count of time " + time_text(time) + " would be " + std::to_string(after));
      }
      if (diff > 0 && !counts_.less_equal(time)) {
        return protocol_error::violation(
            "P1", "time " + time_text(time) + " is raised, but no capability is at or before it");
      }
      if (before == 0) ++times;
      if (after == 0) --times;
    }
    if (times > times_limit_) return protocol_error::too_many(times_limit_, times);
    for (const auto& [time, diff] : net_) counts_.update(time, diff);
    return {};
  }

  // The same as a yes or no: whether messages() has no error.
  bool allows_messages(const T& time) const { return counts_.less_equal(time); }

  // P3 and P5: whether a message may bear `time`. Errors: ProtocolViolation, Finished.
  Result<void> messages(const T& time) const {
    if (allows_messages(time)) [[likely]] {
      return {};
    }
    if (finished()) return protocol_error::nothing_can_follow();
    return protocol_error::violation(
        "P3", "time " + time_text(time) + " is used, but no capability is at or before it");
  }

  // P5: no count is positive, so that nothing can follow.
  bool finished() const { return counts_.empty(); }
  // Positive counts only, in the total order of times.
  const std::vector<Count>& counts() const { return counts_.counts(); }
  const Antichain<T>& frontier() const { return counts_.frontier(); }

 private:
  ProtocolRules() = default;  // for restore(): no counts yet

  // What nearly all progress of a stream with one capability is: it goes on from its time to a
  // later one. Judges and applies that without sums and sorting: P1 holds because the one time is
  // at or before the other, P2 and P4 because the counts become 0 and 1. False: it is something
  // else, and nothing was changed.
  template <typename Changes>
  bool moves_the_only_capability(const Changes& changes) {
    if constexpr (requires { changes.size(), changes[0]; }) {
      const auto& counts = counts_.counts();
      if (changes.size() != 2 || counts.size() != 1 || counts.front().second != 1) return false;
      const auto& [first_time, first_diff] = changes[0];
      const auto& [second_time, second_diff] = changes[1];
      const bool falls_first = first_diff == -1 && second_diff == 1;
      if (!falls_first && !(first_diff == 1 && second_diff == -1)) return false;
      const T from = falls_first ? first_time : second_time;
      const T to = falls_first ? second_time : first_time;
      if (!(counts.front().first == from) || to == from || !order::precedes_or_equals(from, to)) {
        return false;
      }
      counts_.move_only(to);
      return true;
    } else {
      return false;
    }
  }

  // Adds up the changes of each time, into net_.
  template <typename Changes>
  Result<void> sum_up(const Changes& changes) {
    net_.clear();
    for (const auto& [time, diff] : changes) net_.emplace_back(time, diff);
    std::sort(net_.begin(), net_.end(),
              [](const Count& a, const Count& b) { return a.first < b.first; });
    size_t kept = 0;
    for (const Count& change : net_) {
      if (kept > 0 && net_[kept - 1].first == change.first) {
        if (__builtin_add_overflow(net_[kept - 1].second, change.second, &net_[kept - 1].second)) {
          return protocol_error::violation(
              "P4", "the changes of time " + time_text(change.first) + " overflow");
        }
      } else {
        net_[kept++] = change;
      }
    }
    net_.erase(net_.begin() + static_cast<std::ptrdiff_t>(kept), net_.end());
    return {};
  }

  size_t times_limit_ = 0;
  MutableAntichain<T> counts_;
  std::vector<Count> net_;  // scratch of progress(), kept so that it allocates only to grow
};

}  // namespace tidemark
