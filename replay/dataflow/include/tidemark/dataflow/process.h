// What the workers of one process share: how they wake each other, and what they meet at.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <typeindex>
#include <utility>
#include <vector>

#include "tidemark/check.h"
#include "tidemark/dataflow/activations.h"

namespace tidemark::dataflow {

// Thread-safe.
class Process {
 public:
  explicit Process(size_t peers) {
    for (size_t i = 0; i < peers; ++i) signals_.push_back(std::make_shared<WorkerSignal>());
  }

  size_t peers() const { return signals_.size(); }
  const std::shared_ptr<WorkerSignal>& signal(size_t worker) const { return signals_[worker]; }
  void notify_all() {
    for (const auto& signal : signals_) signal->notify();
  }

  // The object that all workers share under (dataflow, part): the first one to ask makes it. It is
  // forgotten here when each has asked once.
  template <typename Shared, typename Make>
  std::shared_ptr<Shared> meet(size_t dataflow, size_t part, Make&& make) {
    const std::lock_guard lock(mutex_);
    const auto [at, first] = meetings_.try_emplace({dataflow, part});
    Meeting& meeting = at->second;
    if (first) {
      meeting = {std::shared_ptr<Shared>(make()), typeid(Shared), 0};
    }
    // Workers that build different dataflows under one number would corrupt each other.
    TIDEMARK_CHECK(meeting.type == typeid(Shared));
    auto shared = std::static_pointer_cast<Shared>(meeting.object);
    if (++meeting.asked == peers()) meetings_.erase(at);
    return shared;
  }

  void add_failure(std::string reason) {
    const std::lock_guard lock(mutex_);
    failures_.push_back(std::move(reason));
  }
  std::vector<std::string> failures() const {
    const std::lock_guard lock(mutex_);
    return failures_;
  }

 private:
  struct Meeting {
    std::shared_ptr<void> object;
    std::type_index type = typeid(void);
    size_t asked = 0;
  };

  std::vector<std::shared_ptr<WorkerSignal>> signals_;
  mutable std::mutex mutex_;
  std::map<std::pair<size_t, size_t>, Meeting> meetings_;
  std::vector<std::string> failures_;
};

}  // namespace tidemark::dataflow
