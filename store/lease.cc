#include "lease.h"

#include <atomic>
#include <cerrno>
#include <utility>

#include "fork_guard.h"
#include "paths.h"

namespace tidemark {
namespace {

// Between two system calls: what the first one did before what the second one sees.
void order_system_calls() {
#ifndef __SANITIZE_THREAD__  // it knows no fences, and nothing of what these order
  std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
}

}  // namespace

Result<void> create_leases(FileSeam& files, const std::string& directory) {
  const std::string path = leases_path(directory);
  FileStatus status;
  if (files.status(path, status) == 0) return {};
  const int descriptor = files.open(path, OpenMode::Create);
  if (descriptor == -EEXIST) return {};
  if (descriptor < 0) return fail_system("cannot create", path, -descriptor);
  files.close(descriptor);
  return {};
}

bool Lease::hold(FileSeam& files, const std::string& directory, uint64_t position) {
  if (descriptor_ >= 0 && fork_generation_ != fork_generation()) {
    // In a fork's child: the descriptor is closed, and its number may be another file's.
    descriptor_ = -1;
    position_.reset();
  }
  if (position_ == position) return true;
  if (descriptor_ < 0) {
    descriptor_ = files.open(leases_path(directory), OpenMode::Read);
    if (descriptor_ < 0) return false;
    files_ = &files;
    fork_generation_ = fork_generation();
    close_in_fork_children(descriptor_);
  }
  // The new place first, so that there is no moment without a lease.
  if (files.lock_byte(descriptor_, position, /*locked=*/true) < 0) return position_.has_value();
  if (position_) files.lock_byte(descriptor_, *position_, /*locked=*/false);
  position_ = position;
  // The lock before what its holder looks at next; its counterpart is in a purge, between the
  // file `purged` and the look at the locks.
  order_system_calls();
  return true;
}

void Lease::release() {
  if (descriptor_ >= 0 && forget_in_fork_children(descriptor_)) files_->close(descriptor_);
  descriptor_ = -1;
  position_.reset();
}

Result<std::optional<uint64_t>> least_lease(FileSeam& files, const std::string& directory,
                                            uint64_t end) {
  const std::string path = leases_path(directory);
  const int descriptor = files.open(path, OpenMode::Read);
  if (descriptor == -ENOENT) return std::nullopt;
  if (descriptor < 0) return fail_system("cannot open", path, -descriptor);
  order_system_calls();
  // The kernel names some lock in the range, not the first. Each answer shortens the range.
  std::optional<uint64_t> least;
  int answer = 0;
  for (uint64_t below = end;;) {
    std::optional<uint64_t> found;
    answer = files.find_locked_byte(descriptor, below, found);
    if (answer < 0 || !found) break;
    least = found;
    below = *found;
  }
  files.close(descriptor);
  if (answer < 0) return fail_system("cannot ask for the leases in", path, -answer);
  return least;
}

Result<PurgeLock> PurgeLock::acquire(FileSeam& files, const std::string& directory,
                                     uint32_t stream) {
  TIDEMARK_TRY(create_leases(files, directory));
  const std::string path = leases_path(directory);
  const int descriptor = files.open(path, OpenMode::Read);
  if (descriptor < 0) return fail_system("cannot open", path, -descriptor);
  const int answer = files.lock(descriptor, LockMode::Exclusive);
  if (answer == 0) {
    close_in_fork_children(descriptor);
    return PurgeLock(files, descriptor);
  }
  files.close(descriptor);
  if (answer != -EWOULDBLOCK) return fail_system("cannot lock", path, -answer);
  auto error = fail(ErrorCode::Busy, "another purge of the stream is at work");
  error.value().stream = stream;
  error.value().path = path;
  return error;
}

PurgeLock::PurgeLock(PurgeLock&& other) noexcept
    : files_(other.files_), descriptor_(std::exchange(other.descriptor_, -1)) {}

PurgeLock::~PurgeLock() {
  if (descriptor_ >= 0 && forget_in_fork_children(descriptor_)) files_->close(descriptor_);
}

}  // namespace tidemark
