// Leases: what live readers of a stream still need, as locks of the kernel that end with them
// (SPEC.md section 2.5).
//
// The file `leases` is empty for ever. A reader holds a shared lock on one byte of it: the byte
// whose offset is the position from which on it needs the stream. So there is nothing to write, to
// clean up or to believe: a lock is there as long as its reader lives, and its place says all.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tidemark/file_seam.h"
#include "tidemark/result.h"

namespace tidemark {

// Creates the file where there is none. By writers and purgers, which may change a log; readers
// only look for it. It need not survive a power loss: no lease does.
Result<void> create_leases(FileSeam& files, const std::string& directory);

// One reader's lease. One thread at a time.
class Lease {
 public:
  Lease() = default;
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  ~Lease() { release(); }

  // Moves the lease to `position`, or takes it there. False where there is no file to lock, or the
  // system refuses: the reader goes on without a lease, and may find itself purged.
  bool hold(FileSeam& files, const std::string& directory, uint64_t position);
  void release();
  std::optional<uint64_t> position() const { return position_; }

 private:
  FileSeam* files_ = nullptr;
  int descriptor_ = -1;
  std::optional<uint64_t> position_;
  uint32_t fork_generation_ = 0;
};

// The least position below `end` on which a lease is held; nothing where there is none, or no
// file. Errors: Io.
Result<std::optional<uint64_t>> least_lease(FileSeam& files, const std::string& directory,
                                            uint64_t end);

// What keeps purges apart: a lock on the same file, of another kind. Held until destroyed or the
// process ends.
class PurgeLock {
 public:
  // Errors: Busy, at once, where another purge is at work; NoSpace, Io.
  static Result<PurgeLock> acquire(FileSeam& files, const std::string& directory, uint32_t stream);
  PurgeLock(PurgeLock&& other) noexcept;
  PurgeLock& operator=(PurgeLock&&) = delete;
  ~PurgeLock();

 private:
  PurgeLock(FileSeam& files, int descriptor) : files_(&files), descriptor_(descriptor) {}
  FileSeam* files_;
  int descriptor_;
};

}  // namespace tidemark
