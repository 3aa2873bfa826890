#include "fork_guard.h"

#include <algorithm>
#include <mutex>
#include <vector>

#include <pthread.h>
#include <unistd.h>

namespace tidemark {
namespace {

// Never destroyed, for the handlers may run at any time.
struct Registry {
  std::mutex mutex;
  std::vector<int> descriptors;
};

Registry& registry() {
  static auto* instance = [] {
    auto* made = new Registry;
    // The mutex is held across the fork, so that the child finds the list whole.
    ::pthread_atfork([] { registry().mutex.lock(); }, [] { registry().mutex.unlock(); },
                     [] {
                       fork_guard::generation.fetch_add(1, std::memory_order_relaxed);
                       for (const int descriptor : registry().descriptors) ::close(descriptor);
                       registry().descriptors.clear();
                       registry().mutex.unlock();
                     });
    return made;
  }();
  return *instance;
}

}  // namespace

void close_in_fork_children(int descriptor) {
  Registry& all = registry();
  const std::lock_guard lock(all.mutex);
  all.descriptors.push_back(descriptor);
}

bool forget_in_fork_children(int descriptor) {
  Registry& all = registry();
  const std::lock_guard lock(all.mutex);
  return std::erase(all.descriptors, descriptor) > 0;
}

}  // namespace tidemark
