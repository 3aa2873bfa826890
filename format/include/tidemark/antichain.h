// Frontiers, in timely dataflow's terms: `Antichain` is a set of mutually incomparable times;
// `MutableAntichain` counts capabilities and keeps the antichain of the minimal ones.
//
// Standard library only, for any `T` with a free `less_equal(a, b)` (the partial order, found by
// argument-dependent lookup; integers have theirs here) and an `operator<` that extends it to a
// total order. The model is timely's module `progress::frontier`.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <utility>
#include <vector>

namespace tidemark {

__extension__ using Int128 = __int128;  // the keyword keeps -Wpedantic quiet
__extension__ using UInt128 = unsigned __int128;

constexpr bool less_equal(std::integral auto a, std::integral auto b) { return a <= b; }
constexpr bool less_equal(Int128 a, Int128 b) { return a <= b; }
constexpr bool less_equal(UInt128 a, UInt128 b) { return a <= b; }

namespace order {
// The partial order's free function, callable from members that are named like it.
template <typename T>
bool precedes_or_equals(const T& a, const T& b) {
  return less_equal(a, b);
}
}  // namespace order

// Mutually incomparable times, kept in the total order. Not thread-safe.
template <typename T>
class Antichain {
 public:
  Antichain() = default;
  explicit Antichain(T time) : elements_{std::move(time)} {}

  // Adds `time` unless an element already is less than or equal to it, and drops the elements
  // that it precedes. Returns whether it was added.
  bool insert(const T& time) {
    if (less_equal(time)) return false;
    std::erase_if(elements_, [&](const T& e) { return order::precedes_or_equals(time, e); });
    elements_.insert(std::upper_bound(elements_.begin(), elements_.end(), time), time);
    return true;
  }

  // Whether some element is less than or equal to `time`: whether `time` may still appear.
  bool less_equal(const T& time) const {
    // One element is the common case, and no loop.
    if (elements_.size() == 1) [[likely]]
      return order::precedes_or_equals(elements_.front(), time);
    return any_less_equal(time);
  }
  // Whether some element is strictly less than `time`.
  bool less_than(const T& time) const {
    return std::any_of(elements_.begin(), elements_.end(), [&](const T& e) {
      return !(e == time) && order::precedes_or_equals(e, time);
    });
  }

  // Puts `time` in the place of the only element.
  void replace_only(const T& time) { elements_.front() = time; }

  // No time can appear any more.
  bool empty() const { return elements_.empty(); }
  const std::vector<T>& elements() const { return elements_; }
  void clear() { elements_.clear(); }

  friend bool operator==(const Antichain&, const Antichain&) = default;

 private:
  // Out of the way, so that the common case is inlined.
  [[gnu::noinline]] bool any_less_equal(const T& time) const {
    return std::any_of(elements_.begin(), elements_.end(),
                       [&](const T& e) { return order::precedes_or_equals(e, time); });
  }

  std::vector<T> elements_;
};

// Counts of capabilities by time, and the frontier of those that are positive. Counts may pass
// through negative values while updates from several sources arrive in any order. Not thread-safe.
template <typename T>
class MutableAntichain {
 public:
  using Update = std::pair<T, int64_t>;

  MutableAntichain() = default;

  // Adds `diff` to the count of `time`. The caller has excluded overflow.
  void update(const T& time, int64_t diff) {
    if (diff == 0) return;
    auto at = std::lower_bound(counts_.begin(), counts_.end(), time,
                               [](const Update& u, const T& t) { return u.first < t; });
    const bool present = at != counts_.end() && at->first == time;
    const int64_t before = present ? at->second : 0;
    const int64_t after = before + diff;
    if (!present) {
      counts_.insert(at, {time, diff});
    } else if (after == 0) {
      counts_.erase(at);
    } else {
      at->second = after;
    }
    if ((before > 0) != (after > 0)) rebuild(time, after > 0);
  }

  // As update(from, -1) and update(to, 1), where `from` has the only count, which is 1: without a
  // search, and without the frontier being built anew.
  void move_only(const T& to) {
    counts_.front().first = to;
    frontier_.replace_only(to);
  }

  // Applies all of `updates`, and returns what changed of the frontier: -1 for each element that
  // left it, +1 for each that joined. An intermediate state of the frontier is never reported.
  template <typename Updates>
  std::vector<Update> update_all(const Updates& updates) {
    const Antichain<T> before = frontier_;
    for (const auto& [time, diff] : updates) update(time, diff);
    std::vector<Update> changes;
    const auto& old_elements = before.elements();
    const auto& new_elements = frontier_.elements();
    for (const T& e : old_elements) {
      if (!std::binary_search(new_elements.begin(), new_elements.end(), e)) {
        changes.emplace_back(e, -1);
      }
    }
    for (const T& e : new_elements) {
      if (!std::binary_search(old_elements.begin(), old_elements.end(), e)) {
        changes.emplace_back(e, 1);
      }
    }
    return changes;
  }

  const Antichain<T>& frontier() const { return frontier_; }
  bool less_equal(const T& time) const { return frontier_.less_equal(time); }
  bool less_than(const T& time) const { return frontier_.less_than(time); }
  bool empty() const { return frontier_.empty(); }

  int64_t count_of(const T& time) const {
    const auto at = std::lower_bound(counts_.begin(), counts_.end(), time,
                                     [](const Update& u, const T& t) { return u.first < t; });
    return at != counts_.end() && at->first == time ? at->second : 0;
  }
  // Every time whose count is not zero, in the total order.
  const std::vector<Update>& counts() const { return counts_; }

 private:
  // `time` became positive, or ceased to be: only then can the frontier move.
  void rebuild(const T& time, bool became_positive) {
    if (became_positive) {
      frontier_.insert(time);
      return;
    }
    const auto& elements = frontier_.elements();
    if (!std::binary_search(elements.begin(), elements.end(), time)) return;
    frontier_.clear();
    for (const auto& [t, count] : counts_) {
      if (count > 0) frontier_.insert(t);
    }
  }

  std::vector<Update> counts_;
  Antichain<T> frontier_;
};

}  // namespace tidemark
