#include "page_buffer.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <mutex>

#include <sys/mman.h>

#include "tidemark/check.h"

namespace tidemark::rig {
namespace {

// The buffers that have clean pages, for the handler: it may not lock.
constexpr size_t kMaxGuarded = 256;
std::array<std::atomic<PageBuffer*>, kMaxGuarded> guarded;

void on_fault(int, siginfo_t* info, void*) {
  if (PageBuffer::take_store(info->si_addr)) return;
  std::signal(SIGSEGV, SIG_DFL);  // the access is made again, and ends the process
}

void handle_faults() {
  static const bool installed = [] {
    struct sigaction action {};
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO;
    return ::sigaction(SIGSEGV, &action, nullptr) == 0;
  }();
  TIDEMARK_CHECK(installed);
}

uint64_t whole_pages(uint64_t bytes) {
  return std::max<uint64_t>((bytes + kPageBytes - 1) & ~uint64_t{kPageBytes - 1}, kPageBytes);
}

std::byte* allocate(uint64_t bytes) {
  void* const memory = std::aligned_alloc(kPageBytes, whole_pages(bytes));
  TIDEMARK_CHECK(memory != nullptr);
  return static_cast<std::byte*>(memory);
}

}  // namespace

PageBuffer::PageBuffer(uint64_t bytes) : data_(allocate(bytes)), bytes_(bytes) {
  std::memset(data_, 0, whole_pages(bytes));
}

PageBuffer::PageBuffer(uint64_t bytes, const PageBuffer& from)
    : data_(allocate(bytes)), bytes_(bytes) {
  const uint64_t copied = std::min(bytes, from.bytes_);
  std::memcpy(data_, from.data_, copied);
  std::memset(data_ + copied, 0, whole_pages(bytes) - copied);
}

PageBuffer::~PageBuffer() {
  forget();
  std::free(data_);
}

void PageBuffer::forget() {
  if (clean_.empty()) return;
  for (auto& slot : guarded) {
    PageBuffer* self = this;
    if (slot.compare_exchange_strong(self, nullptr)) break;
  }
  ::mprotect(data_, whole_pages(bytes_), PROT_READ | PROT_WRITE);
  clean_.clear();
}

std::shared_ptr<PageBuffer> PageBuffer::clone() const {
  auto made = std::make_shared<PageBuffer>(bytes_, *this);
  for (uint64_t page = 0; page < pages(); ++page) {
    if (is_clean(page)) made->leave_clean(page);
  }
  return made;
}

void PageBuffer::leave_clean(uint64_t page) {
  handle_faults();
  if (clean_.empty()) {
    clean_.resize(pages());
    bool found = false;
    for (auto& slot : guarded) {
      PageBuffer* nobody = nullptr;
      found = slot.compare_exchange_strong(nobody, this);
      if (found) break;
    }
    TIDEMARK_CHECK(found);
  }
  clean_[page] = 1;
  TIDEMARK_CHECK(::mprotect(data_ + page * kPageBytes, kPageBytes, PROT_READ) == 0);
}

bool PageBuffer::take_store(const void* address) {
  const auto at = reinterpret_cast<uintptr_t>(address);
  for (auto& slot : guarded) {
    PageBuffer* const buffer = slot.load();
    if (buffer == nullptr) continue;
    const auto begin = reinterpret_cast<uintptr_t>(buffer->data_);
    if (at < begin || at >= begin + whole_pages(buffer->bytes_)) continue;
    const uint64_t page = (at - begin) / kPageBytes;
    if (!buffer->is_clean(page)) return false;
    buffer->clean_[page] = 0;
    ::mprotect(buffer->data_ + page * kPageBytes, kPageBytes, PROT_READ | PROT_WRITE);
    return true;
  }
  return false;
}

bool PageBuffer::same_page(uint64_t page, const PageBuffer* other) const {
  static const std::array<std::byte, kPageBytes> kZeros{};
  const uint64_t from = page * kPageBytes;
  const bool exists = other != nullptr && from < other->size();
  return std::memcmp(data_ + from, exists ? other->data_ + from : kZeros.data(), kPageBytes) == 0;
}

}  // namespace tidemark::rig
