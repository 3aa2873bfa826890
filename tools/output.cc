#include "output.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "interrupt.h"
#include "terminal.h"

namespace tidemark::tools {
namespace {

constexpr size_t kBufferBytes = size_t{64} << 10;

std::string message_of(int error) { return std::generic_category().message(error); }

}  // namespace

Outcome<Output> Output::open(const std::string& path) {
  if (path.empty() || path == "-") return standard_output();
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor < 0) return failed(fmt::format("cannot write {}: {}", path, message_of(errno)));
  return Output(descriptor, path);
}

Output Output::standard_output() { return Output(STDOUT_FILENO, {}); }

Output::Output(int descriptor, std::string path)
    : descriptor_(descriptor),
      path_(std::move(path)),
      is_terminal_(tools::is_terminal(descriptor)) {
  buffer_.reserve(kBufferBytes);
}

Output::Output(Output&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      path_(std::move(other.path_)),
      is_terminal_(other.is_terminal_),
      error_(other.error_),
      buffer_(std::move(other.buffer_)) {}

Output::~Output() {
  if (descriptor_ > STDERR_FILENO) ::close(descriptor_);
}

bool Output::is_file() const {
  struct stat status {};
  return fstat(descriptor_, &status) == 0 && S_ISREG(status.st_mode);
}

bool Output::reader_is_gone() const {
  pollfd pipe{descriptor_, 0, 0};
  return ::poll(&pipe, 1, 0) == 1 && (pipe.revents & POLLERR) != 0;
}

bool Output::pipe_closed() const { return error_ == EPIPE; }

bool Output::write(std::string_view text) {
  if (error_ != 0) return false;
  if (buffer_.size() + text.size() > kBufferBytes && !flush()) return false;
  if (text.size() >= kBufferBytes) return write_all(text);
  buffer_.append(text);
  return true;
}

bool Output::flush() {
  if (error_ != 0) return false;
  const bool written = write_all(buffer_);
  buffer_.clear();
  return written;
}

bool Output::sync() {
  if (!flush()) return false;
  if (!is_file() || ::fdatasync(descriptor_) == 0) return true;
  error_ = errno;
  return false;
}

bool Output::write_all(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor_, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<size_t>(written));
    } else if (errno == EAGAIN) {  // somebody else made the pipe non-blocking
      pollfd writable{descriptor_, POLLOUT, 0};
      ::poll(&writable, 1, 100);
    } else if (errno != EINTR) {
      error_ = errno;
      return false;
    }
    // An interrupt shall end a command whose reader has stopped reading.
    if (!text.empty() && interrupted()) {
      error_ = EINTR;
      return false;
    }
  }
  return true;
}

Outcome<void> Output::finish() {
  flush();
  if (descriptor_ > STDERR_FILENO && ::close(std::exchange(descriptor_, -1)) != 0 && error_ == 0) {
    error_ = errno;
  }
  if (error_ == 0 || error_ == EPIPE) return {};
  if (error_ == EINTR) return stopped_by_interrupt();
  return failed(fmt::format("cannot write {}: {}", path_.empty() ? "standard output" : path_,
                            message_of(error_)));
}

}  // namespace tidemark::tools
