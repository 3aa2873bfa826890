// `ChangeBatch`: changes of counts, summed up when somebody looks. The model is timely's
// `progress::change_batch`.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace tidemark {

// For any `T` with `==` and an `operator<` that is a total order. Not thread-safe.
template <typename T>
class ChangeBatch {
 public:
  using Change = std::pair<T, int64_t>;

  ChangeBatch() = default;
  ChangeBatch(const T& time, int64_t diff) { update(time, diff); }

  // Adds `diff` to the change of `time`. The caller has excluded overflow.
  void update(const T& time, int64_t diff) {
    if (diff == 0) return;
    if (!changes_.empty() && changes_.back().first == time) {
      // What follows itself, as messages of one time do, needs no sorting.
      changes_.back().second += diff;
      if (changes_.back().second == 0) changes_.pop_back();
      compacted_ = std::min(compacted_, changes_.size());
      return;
    }
    changes_.emplace_back(time, diff);
    // What is already summed up is not looked at again until it has doubled, so that a long batch
    // costs O(n log n) and takes memory by its distinct times.
    if (changes_.size() > 32 && changes_.size() / 2 >= compacted_) compact();
  }

  template <typename Changes>
  void extend(const Changes& changes) {
    for (const auto& [time, diff] : changes) update(time, diff);
  }

  // Each time once, in the total order, none with a change of zero. Valid until the next call.
  const std::vector<Change>& changes() {
    if (compacted_ != changes_.size()) compact();
    return changes_;
  }
  bool empty() { return changes().empty(); }
  void clear() {
    changes_.clear();
    compacted_ = 0;
  }

  // The changes, leaving none.
  std::vector<Change> take() {
    changes();
    compacted_ = 0;
    return std::exchange(changes_, {});
  }

 private:
  void compact() {
    if (changes_.size() > 1) {
      std::sort(changes_.begin(), changes_.end(),
                [](const Change& a, const Change& b) { return a.first < b.first; });
    }
    size_t kept = 0;
    for (size_t i = 0; i < changes_.size();) {
      Change sum = std::move(changes_[i]);
      for (++i; i < changes_.size() && changes_[i].first == sum.first; ++i) {
        sum.second += changes_[i].second;
      }
      if (sum.second != 0) changes_[kept++] = std::move(sum);
    }
    changes_.erase(changes_.begin() + static_cast<std::ptrdiff_t>(kept), changes_.end());
    compacted_ = kept;
  }

  std::vector<Change> changes_;
  size_t compacted_ = 0;  // so many at the beginning are summed up already
};

}  // namespace tidemark
