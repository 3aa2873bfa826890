// The one door to the operating system: every system call of the library goes through a
// `FileSeam`, so that the crash and fault rigs can stand in its place (SPEC.md section 7).
//
// Calls answer as the kernel does: a result that is not negative, or -errno. Callers turn that
// into an `Error` that says what was attempted and on which path.
#pragma once

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tidemark {

// How a file is opened. Descriptors are always close-on-exec.
enum class OpenMode : uint8_t {
  Read,       // an existing file
  ReadWrite,  // an existing file
  Create,     // a new file, for reading and writing; -EEXIST where there is one
  Directory,  // an existing directory, to be locked, listed or synced
};

// Of a file system, what may be allocated without special rights.
struct FileSystemSpace {
  uint64_t bytes = 0;  // its size
  uint64_t free_bytes = 0;
};

struct FileStatus {
  uint64_t bytes = 0;
  uint64_t disk_bytes = 0;  // what is allocated
  uint64_t device = 0;
  uint64_t inode = 0;
  bool is_directory = false;
};

enum class LockMode : uint8_t { Exclusive, Shared, Unlock };

// The largest pages that a file may be mapped in: a leaf of the second level on x86-64, and on
// 64-bit ARM with pages of 4 KiB.
inline constexpr uint64_t kLargePageBytes = uint64_t{2} << 20;

// What a futex word is expected to hold while its waiter sleeps.
struct FutexWait {
  uint32_t* word = nullptr;
  uint32_t expected = 0;
};

// All paths are absolute or relative to the process's working directory. Thread-safe.
class FileSeam {
 public:
  FileSeam() = default;
  FileSeam(const FileSeam&) = delete;
  FileSeam& operator=(const FileSeam&) = delete;
  virtual ~FileSeam() = default;

  virtual int open(const std::string& path, OpenMode mode) = 0;
  virtual int close(int descriptor) = 0;
  virtual int status(int descriptor, FileStatus& result) = 0;
  virtual int status(const std::string& path, FileStatus& result) = 0;
  // All of `bytes`, unless the file ends before; returns how many there were.
  virtual int64_t read(int descriptor, std::span<std::byte> bytes, uint64_t offset) = 0;
  // All of `bytes`, or an error.
  virtual int write(int descriptor, std::span<const std::byte> bytes, uint64_t offset) = 0;
  // Allocates blocks for the file's first `bytes` and makes it that long; they read as zeros.
  virtual int allocate(int descriptor, uint64_t bytes) = 0;
  // Brings zeros into memory where a file was allocated and nothing was ever written, as a write
  // of `bytes` zeros would: in pages as large as the file system makes for so long a write.
  virtual int cache_zeros(int descriptor, uint64_t offset, uint64_t bytes) = 0;
  // Gives back the blocks of a range; the file keeps its length and reads as zeros there.
  virtual int punch_hole(int descriptor, uint64_t offset, uint64_t bytes) = 0;
  // The next offset at or after `offset` that may hold data, or the file's end.
  virtual int64_t next_data(int descriptor, uint64_t offset) = 0;

  virtual int sync_data(int descriptor) = 0;  // fdatasync
  virtual int sync_all(int descriptor) = 0;   // fsync
  virtual int sync_directory(const std::string& path) = 0;

  // Never replaces what stands at `to`: -EEXIST then.
  virtual int rename_new(const std::string& from, const std::string& to) = 0;
  virtual int rename_over(const std::string& from, const std::string& to) = 0;
  virtual int remove_file(const std::string& path) = 0;
  virtual int remove_directory(const std::string& path) = 0;
  virtual int make_directory(const std::string& path) = 0;
  // A second name for a file: -EEXIST where `to` is taken, -EXDEV between file systems. This and
  // clone() are not needed for anything else than to copy a log cheaply: a seam may be without.
  virtual int link(const std::string& /*from*/, const std::string& /*to*/) { return -EOPNOTSUPP; }
  // Makes the content of an empty file that of another, sharing its blocks until one is written to.
  virtual int clone(int /*from*/, int /*to*/) { return -EOPNOTSUPP; }
  // The names in a directory, without "." and "..", in no order.
  virtual int list(const std::string& path, std::vector<std::string>& names) = 0;
  virtual int lock(int descriptor, LockMode mode) = 0;  // flock, never waiting: -EWOULDBLOCK
  // Locks one byte of a file, whether or not it is there, shared with whoever does the same, or
  // unlocks it. The lock is that of the open file: it ends with its last descriptor. Independent of
  // lock().
  virtual int lock_byte(int descriptor, uint64_t offset, bool locked) = 0;
  // Some byte below `end` that another open file has locked; nothing where there is none.
  virtual int find_locked_byte(int descriptor, uint64_t end, std::optional<uint64_t>& found) = 0;
  // Of the file system that holds the path.
  virtual int space(const std::string& path, FileSystemSpace& result) = 0;
  // The magic number of the file system that holds the file, as statfs(2) tells it.
  virtual int file_system(int descriptor, uint64_t& magic) = 0;
  // Turns off copy-on-write for a new, empty file where the file system has such a thing.
  virtual int disable_copy_on_write(int descriptor) = 0;

  // A shared mapping of the file's first `bytes`; nullptr and -errno in `error` on failure. At an
  // address at which pages of kLargePageBytes can be mapped as such, where it is that long.
  virtual std::byte* map(int descriptor, uint64_t bytes, bool writable, int& error) = 0;
  virtual int unmap(std::byte* address, uint64_t bytes) = 0;
  // Asks that pages of the range that are brought in from now on be of kLargePageBytes, where the
  // file system has such. A failure changes nothing: -EINVAL where the kernel cannot.
  virtual int use_large_pages(std::byte* address, uint64_t bytes) = 0;
  // Brings the pages of a range into memory, for reading or writing: a bad medium or a short file
  // is an error here, and not a signal later. -EINVAL where the kernel cannot.
  virtual int populate(std::byte* address, uint64_t bytes, bool for_writing) = 0;

  // Sleeps until one of the words is woken or differs, or the time is over. Shared between
  // processes. 0, or -EAGAIN, -ETIMEDOUT, -EINTR: the caller looks again in any case.
  virtual int futex_wait(std::span<const FutexWait> words, std::chrono::nanoseconds limit) = 0;
  virtual int futex_wake_all(uint32_t* word) = 0;
  // The reader's half of an asymmetric fence with all registered processes; -ENOSYS where none.
  virtual int membarrier() = 0;
  virtual int register_membarrier() = 0;

  virtual uint64_t now_ns() = 0;         // since the Unix epoch
  virtual uint64_t coarse_now_ns() = 0;  // the same at a tick's resolution, cheaper
  virtual int random(std::span<std::byte> bytes) = 0;
  virtual std::string boot_id() = 0;  // "" where the system does not tell
};

// The real one: Linux. Lives for ever.
FileSeam& system_files();

}  // namespace tidemark
