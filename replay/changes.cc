#include "changes.h"

#include <algorithm>
#include <cstdint>
#include <string>

namespace tidemark {
namespace {

tl::unexpected<Error> overflow(const Time& time) {
  auto error = fail(ErrorCode::ProtocolViolation,
                    "the count of time " + time.text() + ", all of the replay together, overflows");
  error.value().rule = "P4";
  return error;
}

}  // namespace

Result<void> net(std::vector<Change>& changes) {
  std::sort(changes.begin(), changes.end(),
            [](const Change& a, const Change& b) { return a.time < b.time; });
  size_t kept = 0;
  for (const Change& change : changes) {
    if (kept == 0 || changes[kept - 1].time != change.time) {
      changes[kept++] = change;
    } else if (int64_t& sum = changes[kept - 1].diff;
               __builtin_add_overflow(sum, change.diff, &sum)) {
      return overflow(change.time);
    }
  }
  changes.resize(kept);
  std::erase_if(changes, [](const Change& change) { return change.diff == 0; });
  return {};
}

Result<void> add_to(MutableAntichain<Time>& counts, std::span<const Change> changes) {
  for (const Change& change : changes) {
    int64_t after = 0;
    if (__builtin_add_overflow(counts.count_of(change.time), change.diff, &after)) {
      return overflow(change.time);
    }
  }
  for (const Change& change : changes) counts.update(change.time, change.diff);
  return {};
}

void append_removal(const MutableAntichain<Time>& counts, std::vector<Change>& changes) {
  for (const auto& [time, count] : counts.counts()) changes.push_back({time, -count});
}

}  // namespace tidemark
