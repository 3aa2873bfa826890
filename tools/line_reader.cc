#include "line_reader.h"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "interrupt.h"

namespace tidemark::tools {
namespace {

constexpr size_t kReadBytes = size_t{64} << 10;

bool is_regular_file(int descriptor) {
  struct stat status {};
  return fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
}

}  // namespace

LineReader::LineReader(int descriptor, size_t max_line_bytes)
    : descriptor_(descriptor),
      max_line_bytes_(max_line_bytes),
      is_file_(is_regular_file(descriptor)),
      buffer_(2 * kReadBytes) {}

std::optional<std::string_view> LineReader::next() {
  if (too_long_) return std::nullopt;
  const char* const data = buffer_.data();
  const void* newline =
      end_ > scanned_ ? std::memchr(data + scanned_, '\n', end_ - scanned_) : nullptr;
  const size_t line_end =
      newline != nullptr ? static_cast<size_t>(static_cast<const char*>(newline) - data) : end_;
  if (line_end - begin_ > max_line_bytes_) {
    too_long_ = true;
    return std::nullopt;
  }
  scanned_ = line_end;
  if (newline == nullptr && (!ended_ || begin_ == end_)) return std::nullopt;

  const std::string_view line(data + begin_, line_end - begin_);
  const size_t taken = line.size() + (newline != nullptr ? 1 : 0);
  begin_ += taken;
  scanned_ = begin_;
  bytes_ += taken;
  ++lines_;
  return line;
}

LineReader::Fill LineReader::fill(std::optional<std::chrono::milliseconds> limit) {
  if (ended_) return Fill::End;
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    scanned_ -= begin_;
    end_ -= begin_;
    begin_ = 0;
  }
  // A line beyond the limit is refused by next(), so this ends at about twice the limit.
  if (buffer_.size() - end_ < kReadBytes) buffer_.resize(buffer_.size() * 2);

  while (true) {
    if (interrupted()) return Fill::Interrupted;
    if (!is_file_) {
      if (const auto outcome = wait(limit)) return *outcome;
    }
    const ssize_t bytes = read(descriptor_, buffer_.data() + end_, kReadBytes);
    if (bytes > 0) {
      end_ += static_cast<size_t>(bytes);
      return Fill::More;
    }
    if (bytes == 0) {
      ended_ = true;
      return Fill::End;
    }
    if (errno == EAGAIN && limit) return Fill::TimedOut;
    if (errno != EINTR && errno != EAGAIN) {
      error_ = errno;
      return Fill::Failed;
    }
  }
}

std::optional<LineReader::Fill> LineReader::wait(
    std::optional<std::chrono::milliseconds> limit) const {
  std::array<pollfd, 2> sources = {{{descriptor_, POLLIN, 0}, {interrupt_descriptor(), POLLIN, 0}}};
  const auto milliseconds = limit ? std::min<int64_t>(limit->count(), 60'000) : -1;
  const int ready = poll(sources.data(), sources.size(), static_cast<int>(milliseconds));
  if (interrupted()) return Fill::Interrupted;
  if (ready == 0) return Fill::TimedOut;
  return std::nullopt;  // readable, at its end, or in error: read() tells which
}

}  // namespace tidemark::tools
