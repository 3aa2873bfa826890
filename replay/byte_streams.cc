#include "tidemark/byte_streams.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <utility>
#include <vector>

#include "tidemark/check.h"
#include "tidemark/deadline.h"

namespace tidemark {

// What the two ends share; the mutex guards all of it.
class MemoryPipe {
 public:
  explicit MemoryPipe(size_t capacity_bytes) : capacity_(capacity_bytes) {}

  Result<size_t> write(std::span<const std::byte> bytes) {
    const std::lock_guard lock(mutex_);
    if (source_gone_) return fail(ErrorCode::Closed, "nobody is left to read the pipe");
    const size_t taken = std::min(bytes.size(), capacity_ - held());
    const auto part = bytes.first(taken);
    bytes_.insert(bytes_.end(), part.begin(), part.end());
    changed_.notify_one();
    return taken;
  }

  std::optional<size_t> read(std::span<std::byte> bytes) {
    const std::lock_guard lock(mutex_);
    if (held() == 0) return sink_gone_ ? std::optional<size_t>(0) : std::nullopt;
    const size_t given = std::min(bytes.size(), held());
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(read_), given, bytes.begin());
    read_ += given;
    // Moved together only when half of it is waste, so that each byte is moved once at most.
    if (2 * read_ >= bytes_.size()) {
      bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(read_));
      read_ = 0;
    }
    changed_.notify_one();
    return given;
  }

  void end_sink() {
    const std::lock_guard lock(mutex_);
    sink_gone_ = true;
    changed_.notify_one();
  }
  void end_source() {
    const std::lock_guard lock(mutex_);
    source_gone_ = true;
    changed_.notify_one();
  }

  bool wait_for_room(std::chrono::nanoseconds limit) {
    std::unique_lock lock(mutex_);
    return changed_.wait_until(lock, deadline_after(limit),
                               [&] { return source_gone_ || held() < capacity_; });
  }
  bool wait_for_bytes(std::chrono::nanoseconds limit) {
    std::unique_lock lock(mutex_);
    return changed_.wait_until(lock, deadline_after(limit),
                               [&] { return sink_gone_ || held() > 0; });
  }

 private:
  size_t held() const { return bytes_.size() - read_; }

  const size_t capacity_;
  std::mutex mutex_;
  // One end waits at most: the pipe is not full and empty at once.
  std::condition_variable changed_;
  std::vector<std::byte> bytes_;
  size_t read_ = 0;  // bytes at the beginning that are gone
  bool sink_gone_ = false;
  bool source_gone_ = false;
};

MemorySink::MemorySink(std::shared_ptr<MemoryPipe> pipe) : pipe_(std::move(pipe)) {}
MemorySink::MemorySink(MemorySink&&) noexcept = default;
MemorySink& MemorySink::operator=(MemorySink&& other) noexcept {
  std::swap(pipe_, other.pipe_);
  return *this;
}
MemorySink::~MemorySink() {
  if (pipe_) pipe_->end_sink();
}
Result<size_t> MemorySink::write(std::span<const std::byte> bytes) {
  if (!pipe_) return fail(ErrorCode::Closed, "the pipe was finished");
  return pipe_->write(bytes);
}
Result<void> MemorySink::finish() {
  if (pipe_) std::exchange(pipe_, nullptr)->end_sink();
  return {};
}
Result<bool> MemorySink::wait(std::chrono::nanoseconds limit) {
  return !pipe_ || pipe_->wait_for_room(limit);
}

MemorySource::MemorySource(std::shared_ptr<MemoryPipe> pipe) : pipe_(std::move(pipe)) {}
MemorySource::MemorySource(MemorySource&&) noexcept = default;
MemorySource& MemorySource::operator=(MemorySource&& other) noexcept {
  std::swap(pipe_, other.pipe_);
  return *this;
}
MemorySource::~MemorySource() {
  if (pipe_) pipe_->end_source();
}
Result<std::optional<size_t>> MemorySource::read(std::span<std::byte> bytes) {
  TIDEMARK_CHECK(pipe_ != nullptr);
  return pipe_->read(bytes);
}
Result<bool> MemorySource::wait(std::chrono::nanoseconds limit) {
  TIDEMARK_CHECK(pipe_ != nullptr);
  return pipe_->wait_for_bytes(limit);
}

MemoryPipeEnds memory_pipe(size_t capacity_bytes) {
  TIDEMARK_CHECK(capacity_bytes > 0);
  auto pipe = std::make_shared<MemoryPipe>(capacity_bytes);
  return {MemorySink(pipe), MemorySource(pipe)};
}

}  // namespace tidemark
