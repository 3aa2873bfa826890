// `Notificator`: what an operator wants to do once a time is complete.
#pragma once

#include <cstdint>
#include <map>
#include <utility>

#include "tidemark/antichain.h"
#include "tidemark/dataflow/capability.h"
#include "tidemark/dataflow/timestamp.h"

namespace tidemark::dataflow {

// Holds capabilities until the frontier has passed their times. As long as one is held, so is its
// time downstream.
template <PartiallyOrdered T>
class Notificator {
 public:
  // Asks for a notification at the capability's time. Asked more than once, it comes once.
  void notify_at(Capability<T> capability) {
    waiting_.try_emplace(capability.time(), std::move(capability));
  }

  // Calls `f(capability)` for each time that can no longer appear, in the total order of times. `f`
  // may ask for further notifications.
  template <typename F>
  void for_each(const Antichain<T>& frontier, F&& f) {
    for (auto at = waiting_.begin(); at != waiting_.end();) {
      if (frontier.less_equal(at->first)) {
        ++at;
        continue;
      }
      const Capability<T> capability = std::move(at->second);
      at = waiting_.erase(at);
      f(capability);
    }
  }

  size_t waiting() const { return waiting_.size(); }

 private:
  std::map<T, Capability<T>> waiting_;
};

}  // namespace tidemark::dataflow
