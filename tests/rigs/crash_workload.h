// A writer's life on a simulated disk, as a sequence of operations, and every moment of it at which
// the power may go. New operations are added to `Operation` and Workload::run() alone.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "crash_check.h"
#include "crash_image.h"
#include "stream_oracle.h"

namespace tidemark::rig {

enum class Operation : uint8_t {
  Append,  // messages, and progress after each second one
  Batch,   // many records in one event, over several pages
  Sync,
  Roll,      // appends until the next segment is published
  Reopen,    // close and open again
  Kill,      // the process dies, another one opens
  FailSync,  // a sync that fails, once; then as Kill
  Abandon,   // bytes stored for an append that never came to its commit, and then an append
  Resume,    // a mark; then as Kill, and what was not complete is void
  Purge,     // of all that is complete, durable, and before the cursor
  Cursor,    // a consumer moves its cursor to the last durable event
};
inline constexpr int kOperations = static_cast<int>(Operation::Cursor) + 1;
std::string_view name_of(Operation operation);

class Workload {
 public:
  struct Moment {
    Snapshot snapshot;
    Past past;
  };

  Workload(SyncPolicy policy, uint64_t seed);
  ~Workload();
  // Whether moments are kept from here on.
  void watch(bool on);
  // "" or what failed that must not.
  std::string open(Resume resume = Resume::KeepAll);
  std::string run(Operation operation);
  const std::vector<Moment>& moments() const { return moments_; }
  Past past() const;

 private:
  std::string append(std::vector<std::string> records);
  std::string advance();
  std::string wrote(Result<uint64_t> end);
  std::string reopen(Resume resume = Resume::KeepAll);
  std::string append_one();
  std::string sync();
  std::string purge();
  void move_cursor();
  uint64_t events_before(uint64_t segment) const;
  void settle();
  void note_moment();  // with the disk locked

  SyncPolicy policy_;
  Random random_;
  SimulatedDisk disk_;
  std::unique_ptr<SimulatedProcess> process_;
  std::optional<Log> log_;
  std::optional<EventWriter> writer_;
  uint64_t time_ = 0;
  uint64_t appended_ = 0;

  mutable std::mutex mutex_;  // of what follows: helper threads make calls too
  Past past_;
  std::vector<uint64_t> ends_;   // of past_.written, as far as their appends returned
  std::vector<uint64_t> times_;  // of past_.written
  const EventWriter* seen_ = nullptr;
  bool watching_ = false;
  bool fail_syncs_ = false;
  std::vector<Moment> moments_;
};

}  // namespace tidemark::rig
