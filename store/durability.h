// What of a stream survives power loss, and how it gets there (SPEC.md section 7).
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "control_page.h"
#include "tidemark/event_writer.h"
#include "tidemark/file_seam.h"
#include "tidemark/result.h"

namespace tidemark {

// Syncs the segments of one opening in their order, and keeps the durable position: below it
// everything was synced, in all segments. A failed sync is final: the kernel marks the pages that
// it could not write as clean, so that a second sync would succeed and mean nothing.
class Durability {
 public:
  // `committed`: the writer's position, stored with release after each commit.
  // The control page is told of every advance.
  Durability(FileSeam& files, ControlPage& control, const SyncPolicy& policy,
             const std::atomic<uint64_t>& committed, uint64_t durable);
  ~Durability();
  // Stops the background thread and closes the descriptors; syncs nothing.
  void stop();

  // The writer goes on in this segment. Takes the descriptor, and keeps it until its last sync.
  void add_segment(int descriptor, uint64_t first_position);
  // After a commit, for the policies that count bytes.
  void after_commit(uint64_t committed) {
    if (committed >= next_request_.load(std::memory_order_relaxed)) [[unlikely]]
      request(committed);
  }

  // Makes everything durable that was committed before the call. Any thread. Errors: Poisoned.
  Result<uint64_t> sync();
  Result<void> wait(uint64_t position, std::chrono::nanoseconds limit);

  uint64_t durable() const { return durable_.load(std::memory_order_acquire); }
  // For the frames' headers: a value that is at most a little behind.
  uint64_t durable_hint() const { return durable_.load(std::memory_order_relaxed); }
  bool poisoned() const { return poisoned_.load(std::memory_order_acquire); }
  Error poison() const;

 private:
  struct Unsynced {
    int descriptor;
    uint64_t first_position;
  };
  void run();
  void request(uint64_t committed);
  Result<uint64_t> sync_once();

  FileSeam& files_;
  ControlPage& control_;
  const SyncPolicy policy_;
  const std::atomic<uint64_t>& committed_;
  std::atomic<uint64_t> durable_;
  std::atomic<bool> poisoned_{false};
  std::atomic<uint64_t> next_request_{~uint64_t{0}};

  std::mutex sync_mutex_;  // one sync at a time; taken before mutex_
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Unsynced> unsynced_;  // in order; the last one is being written
  std::optional<Error> poison_;
  bool requested_ = false;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace tidemark
