// A file seam that passes everything on; tests override the calls that they want to see or break.

#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "tidemark/file_seam.h"

namespace tidemark::test {

class ForwardingFiles : public FileSeam {
 public:
  explicit ForwardingFiles(FileSeam& to = system_files()) : to_(to) {}

  int open(const std::string& path, OpenMode mode) override { return to_.open(path, mode); }
  int close(int descriptor) override { return to_.close(descriptor); }
  int status(int descriptor, FileStatus& result) override { return to_.status(descriptor, result); }
  int status(const std::string& path, FileStatus& result) override {
    return to_.status(path, result);
  }
  int64_t read(int descriptor, std::span<std::byte> bytes, uint64_t offset) override {
    return to_.read(descriptor, bytes, offset);
  }
  int write(int descriptor, std::span<const std::byte> bytes, uint64_t offset) override {
    return to_.write(descriptor, bytes, offset);
  }
  int allocate(int descriptor, uint64_t bytes) override { return to_.allocate(descriptor, bytes); }
  int cache_zeros(int descriptor, uint64_t offset, uint64_t bytes) override {
    return to_.cache_zeros(descriptor, offset, bytes);
  }
  int punch_hole(int descriptor, uint64_t offset, uint64_t bytes) override {
    return to_.punch_hole(descriptor, offset, bytes);
  }
  int64_t next_data(int descriptor, uint64_t offset) override {
    return to_.next_data(descriptor, offset);
  }
  int sync_data(int descriptor) override { return to_.sync_data(descriptor); }
  int sync_all(int descriptor) override { return to_.sync_all(descriptor); }
  int sync_directory(const std::string& path) override { return to_.sync_directory(path); }
  int rename_new(const std::string& from, const std::string& to) override {
    return to_.rename_new(from, to);
  }
  int rename_over(const std::string& from, const std::string& to) override {
    return to_.rename_over(from, to);
  }
  int remove_file(const std::string& path) override { return to_.remove_file(path); }
  int remove_directory(const std::string& path) override { return to_.remove_directory(path); }
  int make_directory(const std::string& path) override { return to_.make_directory(path); }
  int link(const std::string& from, const std::string& to) override { return to_.link(from, to); }
  int clone(int from, int to) override { return to_.clone(from, to); }
  int list(const std::string& path, std::vector<std::string>& names) override {
    return to_.list(path, names);
  }
  int lock(int descriptor, LockMode mode) override { return to_.lock(descriptor, mode); }
  int lock_byte(int descriptor, uint64_t offset, bool locked) override {
    return to_.lock_byte(descriptor, offset, locked);
  }
  int find_locked_byte(int descriptor, uint64_t end, std::optional<uint64_t>& found) override {
    return to_.find_locked_byte(descriptor, end, found);
  }
  int space(const std::string& path, FileSystemSpace& result) override {
    return to_.space(path, result);
  }
  int file_system(int descriptor, uint64_t& magic) override {
    return to_.file_system(descriptor, magic);
  }
  int disable_copy_on_write(int descriptor) override {
    return to_.disable_copy_on_write(descriptor);
  }
  std::byte* map(int descriptor, uint64_t bytes, bool writable, int& error) override {
    return to_.map(descriptor, bytes, writable, error);
  }
  int unmap(std::byte* address, uint64_t bytes) override { return to_.unmap(address, bytes); }
  int use_large_pages(std::byte* address, uint64_t bytes) override {
    return to_.use_large_pages(address, bytes);
  }
  int populate(std::byte* address, uint64_t bytes, bool for_writing) override {
    return to_.populate(address, bytes, for_writing);
  }
  int futex_wait(std::span<const FutexWait> words, std::chrono::nanoseconds limit) override {
    return to_.futex_wait(words, limit);
  }
  int futex_wake_all(uint32_t* word) override { return to_.futex_wake_all(word); }
  int membarrier() override { return to_.membarrier(); }
  int register_membarrier() override { return to_.register_membarrier(); }
  uint64_t now_ns() override { return to_.now_ns(); }
  uint64_t coarse_now_ns() override { return to_.coarse_now_ns(); }
  int random(std::span<std::byte> bytes) override { return to_.random(bytes); }
  std::string boot_id() override { return to_.boot_id(); }

 private:
  FileSeam& to_;
};

// Knows which path a descriptor belongs to.
class PathTrackingFiles : public ForwardingFiles {
 public:
  int open(const std::string& path, OpenMode mode) override {
    const int descriptor = ForwardingFiles::open(path, mode);
    if (descriptor >= 0) {
      const std::lock_guard lock(mutex_);
      paths_[descriptor] = path;
    }
    return descriptor;
  }
  int close(int descriptor) override {
    {
      const std::lock_guard lock(mutex_);
      paths_.erase(descriptor);
    }
    return ForwardingFiles::close(descriptor);
  }
  std::string path_of(int descriptor) const {
    const std::lock_guard lock(mutex_);
    const auto found = paths_.find(descriptor);
    return found == paths_.end() ? std::string() : found->second;
  }

 private:
  mutable std::mutex mutex_;
  std::map<int, std::string> paths_;
};

// Every mapping of a file is the same memory: what two processes see as two mappings, one process
// has as one, so that ThreadSanitizer sees both sides of each access.
class OneMappingFiles : public ForwardingFiles {
 public:
  // Whoever maps a file first maps it for all, writers too.
  int open(const std::string& path, OpenMode mode) override {
    return ForwardingFiles::open(path, mode == OpenMode::Read ? OpenMode::ReadWrite : mode);
  }
  std::byte* map(int descriptor, uint64_t bytes, bool /*writable*/, int& error) override {
    FileStatus status_now;
    if (error = status(descriptor, status_now); error < 0) return nullptr;
    const std::lock_guard lock(mutex_);
    auto& entry = mappings_[{status_now.inode, bytes}];
    if (entry.users == 0) {
      entry.address = ForwardingFiles::map(descriptor, bytes, true, error);
      if (entry.address == nullptr) return nullptr;
    }
    error = 0;
    ++entry.users;
    return entry.address;
  }
  int unmap(std::byte* address, uint64_t bytes) override {
    const std::lock_guard lock(mutex_);
    for (auto at = mappings_.begin(); at != mappings_.end(); ++at) {
      if (at->second.address != address) continue;
      if (--at->second.users > 0) return 0;
      mappings_.erase(at);
      return ForwardingFiles::unmap(address, bytes);
    }
    return -22;
  }

 private:
  struct Mapping {
    std::byte* address = nullptr;
    int users = 0;
  };
  std::mutex mutex_;
  std::map<std::pair<uint64_t, uint64_t>, Mapping> mappings_;
};

}  // namespace tidemark::test
