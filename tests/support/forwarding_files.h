// A FileSeam that hands every call on to another one. Tests derive from it, and replace the calls
// that they are about.

#pragma once

#include <string>
#include <vector>

#include "tidemark/file_seam.h"

namespace tidemark::test {

class ForwardingFiles : public FileSeam {
 public:
  explicit ForwardingFiles(FileSeam& files = system_files()) : files_(files) {}

  int open(const std::string& path, OpenMode mode) override { return files_.open(path, mode); }
  int close(int descriptor) override { return files_.close(descriptor); }
  int status(int descriptor, FileStatus& result) override {
    return files_.status(descriptor, result);
  }
  int status(const std::string& path, FileStatus& result) override {
    return files_.status(path, result);
  }
  int64_t read(int descriptor, std::span<std::byte> bytes, uint64_t offset) override {
    return files_.read(descriptor, bytes, offset);
  }
  int write(int descriptor, std::span<const std::byte> bytes, uint64_t offset) override {
    return files_.write(descriptor, bytes, offset);
  }
  int allocate(int descriptor, uint64_t bytes) override {
    return files_.allocate(descriptor, bytes);
  }
  int punch_hole(int descriptor, uint64_t offset, uint64_t bytes) override {
    return files_.punch_hole(descriptor, offset, bytes);
  }
  int64_t next_data(int descriptor, uint64_t offset) override {
    return files_.next_data(descriptor, offset);
  }
  int sync_data(int descriptor) override { return files_.sync_data(descriptor); }
  int sync_all(int descriptor) override { return files_.sync_all(descriptor); }
  int sync_directory(const std::string& path) override { return files_.sync_directory(path); }
  int rename_new(const std::string& from, const std::string& to) override {
    return files_.rename_new(from, to);
  }
  int rename_over(const std::string& from, const std::string& to) override {
    return files_.rename_over(from, to);
  }
  int remove_file(const std::string& path) override { return files_.remove_file(path); }
  int remove_directory(const std::string& path) override { return files_.remove_directory(path); }
  int make_directory(const std::string& path) override { return files_.make_directory(path); }
  int list(const std::string& path, std::vector<std::string>& names) override {
    return files_.list(path, names);
  }
  int lock(int descriptor, LockMode mode) override { return files_.lock(descriptor, mode); }
  int file_system(int descriptor, uint64_t& magic) override {
    return files_.file_system(descriptor, magic);
  }
  int disable_copy_on_write(int descriptor) override {
    return files_.disable_copy_on_write(descriptor);
  }
  std::byte* map(int descriptor, uint64_t bytes, bool writable, int& error) override {
    return files_.map(descriptor, bytes, writable, error);
  }
  int unmap(std::byte* address, uint64_t bytes) override { return files_.unmap(address, bytes); }
  int populate(std::byte* address, uint64_t bytes, bool for_writing) override {
    return files_.populate(address, bytes, for_writing);
  }
  int futex_wait(std::span<const FutexWait> words, std::chrono::nanoseconds limit) override {
    return files_.futex_wait(words, limit);
  }
  int futex_wake_all(uint32_t* word) override { return files_.futex_wake_all(word); }
  int membarrier() override { return files_.membarrier(); }
  int register_membarrier() override { return files_.register_membarrier(); }
  uint64_t now_ns() override { return files_.now_ns(); }
  uint64_t coarse_now_ns() override { return files_.coarse_now_ns(); }
  int random(std::span<std::byte> bytes) override { return files_.random(bytes); }
  std::string boot_id() override { return files_.boot_id(); }

 protected:
  FileSeam& files_;
};

}  // namespace tidemark::test
