// What the tests of capture and replay look at downstream: the records of each time, and a count of
// them that is only made once the time is complete. A frontier that moves too early makes it too
// small, or twice; one that does not move leaves it out.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "support/catch.h"
#include "tidemark/dataflow.h"

namespace tidemark::test {

// Filled by all workers.
template <typename T>
class ReplayedCounts {
 public:
  using Records = std::vector<uint64_t>;

  // Attaches the operators. Records of a time are counted on one worker.
  template <typename Stream>
  dataflow::ProbeHandle<T> watch(const Stream& stream) {
    using Counts = std::vector<std::pair<T, size_t>>;
    return stream
        .inspect([this](const T& time, uint64_t record) {
          const std::lock_guard lock(mutex_);
          records_[time].push_back(record);
        })
        .map([](uint64_t record) { return record; })
        .exchange([](uint64_t record) { return record; })
        .template unary<std::vector<T>>(dataflow::Pipeline{}, "times",
                                        [](const auto&) {
                                          return [](auto& input, auto& output) {
                                            input.for_each([&](auto& message) {
                                              auto session = output.session(message.capability);
                                              for (size_t i = 0; i < message.data.size(); ++i)
                                                session.give(message.time());
                                            });
                                          };
                                        })
        .template unary_frontier<Counts>(
            dataflow::Exchange{[](const T&) { return uint64_t{0}; }}, "count",
            [](auto, const auto&) {
              return [counts = std::map<T, size_t>(), notificator = dataflow::Notificator<T>()](
                         auto& input, auto& output) mutable {
                input.for_each([&](auto& message) {
                  counts[message.time()] += message.data.size();
                  notificator.notify_at(output.retain(message.capability));
                });
                notificator.for_each(input.frontier(), [&](const auto& capability) {
                  output.session(capability).give({capability.time(), counts[capability.time()]});
                  counts.erase(capability.time());
                });
              };
            })
        .inspect([this](const std::pair<T, size_t>& count) {
          const std::lock_guard lock(mutex_);
          if (!counts_.emplace(count).second) ++repeated_;
        })
        .probe();
  }

  // Sorted; call it once no worker runs.
  std::map<T, Records> records() {
    for (auto& [time, records] : records_) std::sort(records.begin(), records.end());
    return records_;
  }
  // Whether each time of records() was counted once, in full.
  bool counted_exactly() const {
    if (repeated_ > 0 || counts_.size() != records_.size()) return false;
    for (const auto& [time, records] : records_) {
      const auto at = counts_.find(time);
      if (at == counts_.end() || at->second != records.size()) return false;
    }
    return true;
  }

 private:
  std::mutex mutex_;
  std::map<T, Records> records_;
  std::map<T, size_t> counts_;
  size_t repeated_ = 0;
};

}  // namespace tidemark::test
