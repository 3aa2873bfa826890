#include "recorded_disk.h"

#define FUSE_USE_VERSION 31
#include <fuse.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <thread>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tidemark::rig {
namespace {

constexpr size_t kMaxEntries = size_t{1} << 18;
constexpr uint64_t kJournalBytes = uint64_t{1} << 30;
constexpr uint64_t kFlush = ~uint64_t{0};
constexpr uint64_t kPageBytes = 4096;

struct Entry {
  uint64_t offset;  // kFlush: a flush
  uint64_t bytes;
  uint64_t data;  // where they stand in the journal
};

}  // namespace

// In memory that the server shares with the rig.
struct RecordedDisk::Shared {
  std::atomic<bool> noting{false};
  std::atomic<bool> failing{false};
  std::atomic<size_t> count{0};
  std::atomic<size_t> flushes{0};
  std::atomic<uint64_t> used{0};
  std::atomic<bool> full{false};
  uint64_t bytes = 0;
  Entry entries[kMaxEntries];
};

namespace {

// What the server serves: one in a process.
struct Served {
  RecordedDisk* owner = nullptr;
  std::byte* disk = nullptr;
  std::byte* journal = nullptr;
  uint64_t bytes = 0;
  std::atomic<bool>* noting = nullptr;
  std::atomic<bool>* failing = nullptr;
  std::atomic<size_t>* count = nullptr;
  std::atomic<size_t>* flushes = nullptr;
  std::atomic<uint64_t>* used = nullptr;
  std::atomic<bool>* full = nullptr;
  Entry* entries = nullptr;
} served;

bool is_disk(const char* path) { return path == nullptr || std::strcmp(path, "/disk") == 0; }

void note(uint64_t offset, const char* data, uint64_t bytes) {
  if (!served.noting->load()) return;
  const size_t at = served.count->load();
  const uint64_t used = served.used->load();
  if (at == kMaxEntries || used + bytes > kJournalBytes) {
    served.full->store(true);
    return;
  }
  if (bytes > 0) std::memcpy(served.journal + used, data, bytes);
  served.entries[at] = {offset, bytes, used};
  served.used->store(used + bytes);
  served.count->store(at + 1);
}

int get_attributes(const char* path, struct stat* result, fuse_file_info* /*file*/) {
  std::memset(result, 0, sizeof *result);
  const bool root = path != nullptr && std::strcmp(path, "/") == 0;
  if (!root && !is_disk(path)) return -ENOENT;
  result->st_mode = root ? S_IFDIR | 0700 : S_IFREG | 0600;
  result->st_nlink = root ? 2 : 1;
  if (!root) result->st_size = static_cast<off_t>(served.bytes);
  return 0;
}

int open_file(const char* path, fuse_file_info* file) {
  file->keep_cache = 1;
  return is_disk(path) ? 0 : -ENOENT;
}

uint64_t within(size_t bytes, off_t offset) {
  const auto from = static_cast<uint64_t>(offset);
  return from >= served.bytes ? 0 : std::min<uint64_t>(bytes, served.bytes - from);
}

int read_file(const char* /*path*/, char* to, size_t bytes, off_t offset, fuse_file_info* /*f*/) {
  const uint64_t count = within(bytes, offset);
  std::memcpy(to, served.disk + offset, count);
  return static_cast<int>(count);
}

int write_file(const char* /*path*/, const char* from, size_t bytes, off_t offset,
               fuse_file_info* /*file*/) {
  const uint64_t count = within(bytes, offset);
  if (count < bytes) return -ENOSPC;
  std::memcpy(served.disk + offset, from, count);
  note(static_cast<uint64_t>(offset), from, count);
  return static_cast<int>(count);
}

int flush_file(const char* /*path*/, int /*data_only*/, fuse_file_info* /*file*/) {
  if (served.failing->load()) return -EIO;
  note(kFlush, nullptr, 0);
  served.flushes->fetch_add(1);
  return 0;
}

[[noreturn]] void serve_disk(const std::string& directory) {
  fuse_operations operations{};
  operations.getattr = get_attributes;
  operations.open = open_file;
  operations.read = read_file;
  operations.write = write_file;
  operations.fsync = flush_file;
  char name[] = "tidemark_recorded_disk";
  char* words[] = {name, nullptr};
  fuse_args arguments = FUSE_ARGS_INIT(1, words);
  fuse* const server = fuse_new(&arguments, &operations, sizeof operations, nullptr);
  if (server == nullptr || fuse_mount(server, directory.c_str()) != 0) ::_exit(1);
  // One request at a time, so that the journal is the order in which they were answered.
  fuse_loop(server);
  fuse_unmount(server);
  ::_exit(0);
}

void* shared_memory(uint64_t bytes) {
  void* const memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

}  // namespace

std::string RecordedDisk::start(const std::string& directory, uint64_t bytes) {
  directory_ = directory;
  bytes_ = bytes;
  shared_ = static_cast<Shared*>(shared_memory(sizeof(Shared)));
  disk_ = static_cast<std::byte*>(shared_memory(bytes));
  journal_ = static_cast<std::byte*>(shared_memory(kJournalBytes));
  if (shared_ == nullptr || disk_ == nullptr || journal_ == nullptr) return "no shared memory";
  server_ = ::fork();
  if (server_ == 0) {
    served = {this,
              disk_,
              journal_,
              bytes,
              &shared_->noting,
              &shared_->failing,
              &shared_->count,
              &shared_->flushes,
              &shared_->used,
              &shared_->full,
              shared_->entries};
    serve_disk(directory);
  }
  struct stat status {};
  for (int i = 0; i < 500; ++i) {
    if (::stat((directory + "/disk").c_str(), &status) == 0) return "";
    if (::waitpid(server_, nullptr, WNOHANG) == server_) {
      server_ = 0;
      return "FUSE refuses to mount";
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return "the FUSE server does not answer";
}

RecordedDisk::~RecordedDisk() {
  if (server_ > 0) {
    ::umount2(directory_.c_str(), MNT_DETACH);
    ::kill(server_, SIGTERM);
    ::waitpid(server_, nullptr, 0);
  }
  if (shared_ != nullptr) ::munmap(shared_, sizeof(Shared));
  if (disk_ != nullptr) ::munmap(disk_, bytes_);
  if (journal_ != nullptr) ::munmap(journal_, kJournalBytes);
}

void RecordedDisk::begin() {
  static const std::vector<std::byte> zeros(kPageBytes);
  for (uint64_t at = 0; at < bytes_; at += kPageBytes) {
    if (std::memcmp(disk_ + at, zeros.data(), kPageBytes) == 0) continue;
    base_.emplace_back(at, std::vector<std::byte>(disk_ + at, disk_ + at + kPageBytes));
  }
  shared_->noting.store(true);
}

size_t RecordedDisk::entries() const { return shared_->count.load(); }
size_t RecordedDisk::flushes() const { return shared_->flushes.load(); }
void RecordedDisk::fail_flushes(bool on) { shared_->failing.store(on); }

size_t RecordedDisk::write_image(const std::string& path, size_t entries, uint64_t atomic_bytes,
                                 Random& random) const {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0 || ::ftruncate(file, static_cast<off_t>(bytes_)) != 0) {
    if (file >= 0) ::close(file);
    return 0;
  }
  const auto put = [&](const std::byte* from, uint64_t bytes, uint64_t offset) {
    (void)!::pwrite(file, from, bytes, static_cast<off_t>(offset));
  };
  for (const auto& [offset, page] : base_) put(page.data(), page.size(), offset);
  size_t durable = 0;
  for (size_t i = 0; i < entries; ++i) {
    if (shared_->entries[i].offset == kFlush) durable = i;
  }
  size_t chosen_from = 0;
  // Some images are nearly whole, some nearly lost; half of them are what came first.
  const uint64_t kept_in_16 = random.below(17);
  const bool prefix = random.below(2) == 0;
  const size_t stop = durable + random.below(entries - durable + 1);
  for (size_t i = 0; i < entries; ++i) {
    const Entry& entry = shared_->entries[i];
    if (entry.offset == kFlush) continue;
    const std::byte* const from = journal_ + entry.data;
    if (i < durable) {
      put(from, entry.bytes, entry.offset);
      continue;
    }
    ++chosen_from;
    if (prefix ? i > stop : random.below(16) >= kept_in_16) {
      if (random.below(4) != 0) continue;
      for (uint64_t at = 0; at < entry.bytes; at += atomic_bytes) {
        if (random.below(2) == 0) continue;
        put(from + at, std::min(atomic_bytes, entry.bytes - at), entry.offset + at);
      }
    } else {
      put(from, entry.bytes, entry.offset);
    }
  }
  ::close(file);
  return chosen_from;
}

}  // namespace tidemark::rig
