#include "tidemark/file_seam.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <memory>

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

// Newer than the headers of the oldest system that is supported.
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif
#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

namespace tidemark {
namespace {

int result_of(int64_t answer) { return answer < 0 ? -errno : static_cast<int>(answer); }

// Signals may interrupt a call that was given no work yet; it is then simply made again.
template <typename Call>
int64_t retry_on_signal(Call call) {
  int64_t answer = 0;
  do {
    answer = call();
  } while (answer < 0 && errno == EINTR);
  return answer;
}

timespec timespec_of(std::chrono::nanoseconds duration) {
  const auto ns = std::max<int64_t>(duration.count(), 0);
  return {ns / 1'000'000'000, ns % 1'000'000'000};
}

struct flock one_range(uint64_t offset, uint64_t bytes) {
  struct flock range {};
  range.l_whence = SEEK_SET;
  range.l_start = static_cast<off_t>(offset);
  range.l_len = static_cast<off_t>(bytes);
  return range;
}

bool is_aligned(const void* address) {
  return reinterpret_cast<uintptr_t>(address) % kLargePageBytes == 0;
}

// Reserves more addresses than are needed, maps at a multiple of kLargePageBytes among them, and
// gives back the rest.
void* map_aligned(int descriptor, uint64_t bytes, int protection) {
  const uint64_t reserved = bytes + kLargePageBytes;
  void* const reservation =
      ::mmap(nullptr, reserved, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (reservation == MAP_FAILED) return MAP_FAILED;
  auto* const begin = static_cast<std::byte*>(reservation);
  const uint64_t before = (kLargePageBytes - reinterpret_cast<uintptr_t>(begin)) % kLargePageBytes;
  void* const mapped =
      ::mmap(begin + before, bytes, protection, MAP_SHARED | MAP_FIXED, descriptor, 0);
  if (mapped == MAP_FAILED) {
    const int error = errno;
    ::munmap(reservation, reserved);
    errno = error;
    return MAP_FAILED;
  }
  constexpr uint64_t kPage = 4096;
  const uint64_t used = (before + bytes + kPage - 1) & ~(kPage - 1);
  if (before > 0) ::munmap(begin, before);
  if (used < reserved) ::munmap(begin + used, reserved - used);
  return mapped;
}

uint64_t clock_ns(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

void fill(FileStatus& result, const struct stat& from) {
  result.bytes = static_cast<uint64_t>(from.st_size);
  result.disk_bytes = static_cast<uint64_t>(from.st_blocks) * 512;
  result.device = from.st_dev;
  result.inode = from.st_ino;
  result.is_directory = S_ISDIR(from.st_mode);
}

// The kernel's struct futex_waitv, for systems whose headers do not have it yet.
struct WaitVectorEntry {
  uint64_t expected;
  uint64_t address;
  uint32_t flags;
  uint32_t reserved;
};
constexpr uint32_t kFutex32 = 2;
constexpr size_t kWaitVectorLimit = 128;

class SystemFiles final : public FileSeam {
 public:
  int open(const std::string& path, OpenMode mode) override {
    int flags = O_CLOEXEC;
    switch (mode) {
      case OpenMode::Read:
        flags |= O_RDONLY;
        break;
      case OpenMode::ReadWrite:
        flags |= O_RDWR;
        break;
      case OpenMode::Create:
        flags |= O_RDWR | O_CREAT | O_EXCL;
        break;
      case OpenMode::Directory:
        flags |= O_RDONLY | O_DIRECTORY;
        break;
    }
    return result_of(retry_on_signal([&] { return ::open(path.c_str(), flags, 0666); }));
  }
  int close(int descriptor) override { return result_of(::close(descriptor)); }

  int status(int descriptor, FileStatus& result) override {
    struct stat found {};
    if (::fstat(descriptor, &found) != 0) return -errno;
    fill(result, found);
    return 0;
  }
  int status(const std::string& path, FileStatus& result) override {
    struct stat found {};
    if (::stat(path.c_str(), &found) != 0) return -errno;
    fill(result, found);
    return 0;
  }

  int64_t read(int descriptor, std::span<std::byte> bytes, uint64_t offset) override {
    size_t done = 0;
    while (done < bytes.size()) {
      const auto count = retry_on_signal([&] {
        return ::pread(descriptor, bytes.data() + done, bytes.size() - done,
                       static_cast<off_t>(offset + done));
      });
      if (count < 0) return -errno;
      if (count == 0) break;
      done += static_cast<size_t>(count);
    }
    return static_cast<int64_t>(done);
  }
  int write(int descriptor, std::span<const std::byte> bytes, uint64_t offset) override {
    size_t done = 0;
    while (done < bytes.size()) {
      const auto count = retry_on_signal([&] {
        return ::pwrite(descriptor, bytes.data() + done, bytes.size() - done,
                        static_cast<off_t>(offset + done));
      });
      if (count < 0) return -errno;
      if (count == 0) return -EIO;
      done += static_cast<size_t>(count);
    }
    return 0;
  }
  int allocate(int descriptor, uint64_t bytes) override {
    return result_of(
        retry_on_signal([&] { return ::fallocate(descriptor, 0, 0, static_cast<off_t>(bytes)); }));
  }
  int cache_zeros(int descriptor, uint64_t offset, uint64_t bytes) override {
    // Never written to: it costs no memory, and is read from the processor's cache.
    static std::array<std::byte, kLargePageBytes> zeros;
    while (bytes > 0) {
      const uint64_t some = std::min<uint64_t>(bytes, zeros.size());
      if (const int answer = write(descriptor, std::span(zeros).first(some), offset); answer < 0) {
        return answer;
      }
      offset += some;
      bytes -= some;
    }
    return 0;
  }
  int punch_hole(int descriptor, uint64_t offset, uint64_t bytes) override {
    return result_of(retry_on_signal([&] {
      return ::fallocate(descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                         static_cast<off_t>(offset), static_cast<off_t>(bytes));
    }));
  }
  int64_t next_data(int descriptor, uint64_t offset) override {
    const off_t found = ::lseek(descriptor, static_cast<off_t>(offset), SEEK_DATA);
    if (found >= 0) return found;
    if (errno != ENXIO) return -errno;
    const off_t end = ::lseek(descriptor, 0, SEEK_END);
    return end < 0 ? -errno : end;
  }

  int sync_data(int descriptor) override {
    return result_of(retry_on_signal([&] { return ::fdatasync(descriptor); }));
  }
  int sync_all(int descriptor) override {
    return result_of(retry_on_signal([&] { return ::fsync(descriptor); }));
  }
  int sync_directory(const std::string& path) override {
    const int descriptor = open(path, OpenMode::Directory);
    if (descriptor < 0) return descriptor;
    const int answer = sync_all(descriptor);
    close(descriptor);
    return answer;
  }

  int rename_new(const std::string& from, const std::string& to) override {
    return result_of(::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE));
  }
  int rename_over(const std::string& from, const std::string& to) override {
    return result_of(::rename(from.c_str(), to.c_str()));
  }
  int remove_file(const std::string& path) override { return result_of(::unlink(path.c_str())); }
  int remove_directory(const std::string& path) override {
    return result_of(::rmdir(path.c_str()));
  }
  int make_directory(const std::string& path) override {
    return result_of(::mkdir(path.c_str(), 0777));
  }
  int link(const std::string& from, const std::string& to) override {
    return result_of(::link(from.c_str(), to.c_str()));
  }
  int clone(int from, int to) override { return result_of(::ioctl(to, FICLONE, from)); }
  int list(const std::string& path, std::vector<std::string>& names) override {
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path.c_str()), ::closedir);
    if (directory == nullptr) return -errno;
    for (;;) {
      errno = 0;
      const dirent* entry = ::readdir(directory.get());
      if (entry == nullptr) return -errno;
      const std::string name(entry->d_name);
      if (name != "." && name != "..") names.push_back(name);
    }
  }
  int lock(int descriptor, LockMode mode) override {
    const int operation = mode == LockMode::Exclusive ? LOCK_EX
                          : mode == LockMode::Shared  ? LOCK_SH
                                                      : LOCK_UN;
    return result_of(retry_on_signal([&] { return ::flock(descriptor, operation | LOCK_NB); }));
  }
  int lock_byte(int descriptor, uint64_t offset, bool locked) override {
    struct flock range = one_range(offset, 1);
    range.l_type = locked ? F_RDLCK : F_UNLCK;
    return result_of(retry_on_signal([&] { return ::fcntl(descriptor, F_OFD_SETLK, &range); }));
  }
  int find_locked_byte(int descriptor, uint64_t end, std::optional<uint64_t>& found) override {
    found.reset();
    if (end == 0) return 0;
    struct flock range = one_range(0, end);
    // Asked as one that would keep out every other: then any lock is in the way.
    range.l_type = F_WRLCK;
    const int answer =
        result_of(retry_on_signal([&] { return ::fcntl(descriptor, F_OFD_GETLK, &range); }));
    if (answer == 0 && range.l_type != F_UNLCK) found = static_cast<uint64_t>(range.l_start);
    return answer;
  }
  int space(const std::string& path, FileSystemSpace& result) override {
    struct statvfs found {};
    if (retry_on_signal([&] { return ::statvfs(path.c_str(), &found); }) != 0) return -errno;
    result.bytes = uint64_t{found.f_frsize} * found.f_blocks;
    result.free_bytes = uint64_t{found.f_frsize} * found.f_bavail;
    return 0;
  }
  int file_system(int descriptor, uint64_t& magic) override {
    struct statfs found {};
    if (::fstatfs(descriptor, &found) != 0) return -errno;
    magic = static_cast<uint64_t>(found.f_type);
    return 0;
  }
  int disable_copy_on_write(int descriptor) override {
    int flags = 0;
    if (::ioctl(descriptor, FS_IOC_GETFLAGS, &flags) != 0) return -errno;
    flags |= FS_NOCOW_FL;
    return result_of(::ioctl(descriptor, FS_IOC_SETFLAGS, &flags));
  }

  std::byte* map(int descriptor, uint64_t bytes, bool writable, int& error) override {
    const int protection = writable ? PROT_READ | PROT_WRITE : PROT_READ;
    void* address = ::mmap(nullptr, bytes, protection, MAP_SHARED, descriptor, 0);
    if (address != MAP_FAILED && bytes >= kLargePageBytes && !is_aligned(address)) {
      // Kernels before 6.7 do not care where they map a file.
      ::munmap(address, bytes);
      address = map_aligned(descriptor, bytes, protection);
    }
    if (address == MAP_FAILED) {
      error = -errno;
      return nullptr;
    }
    error = 0;
    return static_cast<std::byte*>(address);
  }
  int unmap(std::byte* address, uint64_t bytes) override {
    return result_of(::munmap(address, bytes));
  }
  int use_large_pages(std::byte* address, uint64_t bytes) override {
    return result_of(::madvise(address, bytes, MADV_HUGEPAGE));
  }
  int populate(std::byte* address, uint64_t bytes, bool for_writing) override {
    return result_of(retry_on_signal([&] {
      return ::madvise(address, bytes, for_writing ? MADV_POPULATE_WRITE : MADV_POPULATE_READ);
    }));
  }

  int futex_wait(std::span<const FutexWait> words, std::chrono::nanoseconds limit) override {
    if (words.empty()) {
      const timespec pause = timespec_of(limit);
      return result_of(::nanosleep(&pause, nullptr));
    }
    if (words.size() == 1) {
      const timespec relative = timespec_of(limit);
      return result_of(::syscall(SYS_futex, words[0].word, FUTEX_WAIT, words[0].expected, &relative,
                                 nullptr, 0));
    }
    std::array<WaitVectorEntry, kWaitVectorLimit> entries{};
    const size_t count = std::min(words.size(), kWaitVectorLimit);
    for (size_t i = 0; i < count; ++i) {
      entries[i] = {words[i].expected, reinterpret_cast<uintptr_t>(words[i].word), kFutex32, 0};
    }
    // futex_waitv takes an absolute time. Words beyond its limit are looked at each millisecond.
    const std::chrono::nanoseconds capped =
        count < words.size()
            ? std::min<std::chrono::nanoseconds>(limit, std::chrono::milliseconds(1))
            : limit;
    const auto deadline = std::chrono::nanoseconds(clock_ns(CLOCK_MONOTONIC)) + capped;
    const timespec absolute = timespec_of(deadline);
    const auto answer =
        result_of(::syscall(SYS_futex_waitv, entries.data(), count, 0, &absolute, CLOCK_MONOTONIC));
    if (answer != -ENOSYS) return answer;
    const timespec pause =
        timespec_of(std::min<std::chrono::nanoseconds>(limit, std::chrono::milliseconds(1)));
    return result_of(::nanosleep(&pause, nullptr));
  }
  int futex_wake_all(uint32_t* word) override {
    return result_of(::syscall(SYS_futex, word, FUTEX_WAKE, 0x7FFF'FFFF, nullptr, nullptr, 0));
  }
  int membarrier() override {
    return result_of(::syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0));
  }
  int register_membarrier() override {
    return result_of(::syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0));
  }

  uint64_t now_ns() override { return clock_ns(CLOCK_REALTIME); }
  uint64_t coarse_now_ns() override { return clock_ns(CLOCK_REALTIME_COARSE); }
  int random(std::span<std::byte> bytes) override {
    size_t done = 0;
    while (done < bytes.size()) {
      const auto count =
          retry_on_signal([&] { return ::getrandom(bytes.data() + done, bytes.size() - done, 0); });
      if (count < 0) return -errno;
      done += static_cast<size_t>(count);
    }
    return 0;
  }
  std::string boot_id() override {
    const int descriptor = open("/proc/sys/kernel/random/boot_id", OpenMode::Read);
    if (descriptor < 0) return "";
    std::array<std::byte, 64> bytes{};
    const auto count = read(descriptor, bytes, 0);
    close(descriptor);
    std::string id(reinterpret_cast<const char*>(bytes.data()),
                   static_cast<size_t>(std::max<int64_t>(count, 0)));
    while (!id.empty() && id.back() == '\n') id.pop_back();
    return id;
  }
};

}  // namespace

FileSeam& system_files() {
  // Never destroyed: threads may still use it while the process ends.
  static auto* files = new SystemFiles;
  return *files;
}

}  // namespace tidemark
