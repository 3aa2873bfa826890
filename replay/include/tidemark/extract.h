// `extract`: what was captured, as a program's test wants to see it.
#pragma once

#include <algorithm>
#include <chrono>
#include <iterator>
#include <map>
#include <thread>
#include <utility>
#include <vector>

#include "tidemark/captured_event.h"
#include "tidemark/replay_into.h"
#include "tidemark/result.h"

namespace tidemark {

// Reads `events` to their end: times in the total order, each once, with all of its records sorted;
// times without records are left out. The model is timely's `Extract`. Errors: the iterator's, and
// Interrupted where no event came for as long as `limit`.
template <typename Iterator>
auto extract(Iterator&& events, std::chrono::nanoseconds limit = std::chrono::minutes(1)) {
  using Data = ReplayedData<Iterator>;
  using Record = typename Data::value_type;
  using EventTime = decltype(events.event().messages()->time);
  using Extracted = std::vector<std::pair<EventTime, std::vector<Record>>>;

  return [&]() -> Result<Extracted> {
    std::map<EventTime, std::vector<Record>> gathered;
    auto last = std::chrono::steady_clock::now();
    for (;;) {
      TIDEMARK_ASSIGN(polled, events.poll());
      if (polled == Polled::Ended) break;
      if (polled == Polled::Pending) {
        if (std::chrono::steady_clock::now() - last >= limit) {
          return fail(ErrorCode::Interrupted, "no event came, and the stream has not ended");
        }
        std::this_thread::sleep_for(std::chrono::microseconds(100));
        continue;
      }
      last = std::chrono::steady_clock::now();
      const auto* messages = events.event().messages();
      if (messages == nullptr || messages->data.size() == 0) continue;
      auto& records = gathered[messages->time];
      records.insert(records.end(), messages->data.begin(), messages->data.end());
    }
    Extracted extracted;
    for (auto& [time, records] : gathered) {
      std::sort(records.begin(), records.end());
      extracted.emplace_back(time, std::move(records));
    }
    return extracted;
  }();
}

}  // namespace tidemark
