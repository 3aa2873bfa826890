#include "page_toucher.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace tidemark {
namespace {

// A burst of so much finds its pages there. A writer that goes on and on is as quick as the thread,
// which is then little ahead of it.
constexpr uint64_t kTouchAheadBytes = uint64_t{64} << 20;
constexpr uint64_t kTouchWindowBytes = kLargePageBytes;

// So that the touching does not wait long for an unmapping, which has less haste; but what has to
// be unmapped must not pile up either.
constexpr uint64_t kUnmapWindowBytes = uint64_t{8} << 20;
constexpr size_t kMostRetired = 2;

}  // namespace

void PageToucher::wake() {
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  changed_.notify_all();
}

void PageToucher::begin(const PreparedSegment& segment) {
  const std::lock_guard lock(mutex_);
  const bool retired = written_.base != nullptr;
  if (retired) retired_.push_back(written_);
  written_ = {segment.base, segment.bytes()};
  path_ = segment.path;
  touched_upto_ = segment.touched_bytes;
  wanted_upto_ = std::min(kTouchAheadBytes, written_.bytes);
  failure_ = 0;
  if (retired || is_due()) wake();
}

Result<void> PageToucher::advance(uint64_t offset) {
  std::unique_lock lock(mutex_);
  // What is behind the writer was touched by it.
  touched_upto_ = std::max(touched_upto_, offset / kTouchWindowBytes * kTouchWindowBytes);
  wanted_upto_ = std::min(offset + kTouchAheadBytes, written_.bytes);
  if (failure_ != 0) {
    // Once more here, where the answer is heard.
    failure_ = 0;
    if (is_due()) failure_ = touch_next(lock);
    if (failure_ != 0) return fail_system("cannot touch the pages of", path_, -failure_);
  }
  // Also where nothing is due yet, so that the thread is there before a roll has need of it.
  wake();
  return {};
}

// The next pages, without the lock. Returns what became of them.
int PageToucher::touch_next(std::unique_lock<std::mutex>& lock) {
  const Mapping mapping = written_;
  const uint64_t from = touched_upto_;
  const uint64_t upto = std::min((from / kTouchWindowBytes + 1) * kTouchWindowBytes, mapping.bytes);
  lock.unlock();
  const int answer = files_.populate(mapping.base + from, upto - from, /*for_writing=*/true);
  lock.lock();
  if (mapping.base != written_.base) return 0;  // the writer has gone on to another segment
  // An older kernel cannot: then the writer's own touch does it.
  if (answer == 0 || answer == -EINVAL) {
    touched_upto_ = std::max(touched_upto_, answer == 0 ? upto : mapping.bytes);
    return 0;
  }
  return answer;
}

void PageToucher::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stop_ || is_due() || !retired_.empty(); });
    if (stop_) return;
    if (is_due() && retired_.size() < kMostRetired) {
      failure_ = touch_next(lock);
    } else if (!retired_.empty()) {
      unmap_some(lock);
    }
  }
}

void PageToucher::unmap_some(std::unique_lock<std::mutex>& lock) {
  Mapping& first = retired_.front();
  const uint64_t bytes = std::min(first.bytes, kUnmapWindowBytes);
  first.bytes -= bytes;
  std::byte* const from = first.base + first.bytes;
  if (first.bytes == 0) retired_.erase(retired_.begin());
  lock.unlock();
  files_.unmap(from, bytes);
  lock.lock();
}

void PageToucher::stop_touching() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void PageToucher::stop() {
  stop_touching();
  if (const Mapping last = std::exchange(written_, {}); last.base != nullptr) {
    retired_.push_back(last);
  }
  for (const Mapping& mapping : std::exchange(retired_, {})) {
    files_.unmap(mapping.base, mapping.bytes);
  }
}

}  // namespace tidemark
