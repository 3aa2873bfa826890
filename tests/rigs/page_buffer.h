// The bytes of a simulated file: pages that processes have mapped, and that know what a failed sync
// did to them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "tidemark/layout.h"

namespace tidemark::rig {

// Page-aligned memory. A page that a failed sync left *clean* is not written by later syncs until
// somebody stores to it, which is how Linux treats it: it is write-protected, as by the kernel, so
// that a store of the same value counts too.
class PageBuffer {
 public:
  explicit PageBuffer(uint64_t bytes);  // zeros
  // All bytes of `from`, as far as there is room, then zeros.
  PageBuffer(uint64_t bytes, const PageBuffer& from);
  ~PageBuffer();
  PageBuffer(const PageBuffer&) = delete;
  PageBuffer& operator=(const PageBuffer&) = delete;

  std::byte* data() { return data_; }
  const std::byte* data() const { return data_; }
  uint64_t size() const { return bytes_; }
  uint64_t pages() const { return (bytes_ + kPageBytes - 1) / kPageBytes; }
  const std::byte* page(uint64_t index) const { return data_ + index * kPageBytes; }

  // The same contents, and the same pages clean.
  std::shared_ptr<PageBuffer> clone() const;

  void leave_clean(uint64_t page);
  bool is_clean(uint64_t page) const { return !clean_.empty() && clean_[page] != 0; }
  bool same_page(uint64_t page, const PageBuffer* other) const;

  // Called by the handler of SIGSEGV: whether the store was to a page of some buffer that is clean.
  static bool take_store(const void* address);

 private:
  void forget();
  std::byte* data_;
  uint64_t bytes_;
  std::vector<uint8_t> clean_;  // by page; empty: none
};

}  // namespace tidemark::rig
