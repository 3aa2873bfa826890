#include "tidemark/descriptor_streams.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <ctime>
#include <string>
#include <utility>

#include "tidemark/deadline.h"

namespace tidemark {
namespace {

// A signal that is handled is no reason to give up.
template <typename Call>
auto retry_on_signal(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

static_assert(EAGAIN == EWOULDBLOCK, "one question is enough");
bool would_block(int error) { return error == EAGAIN; }

tl::unexpected<Error> fail_with(const char* action, int error) {
  return fail_system(action, "", error);
}

// The failure of a write: that nobody reads any more is no fault of the system.
tl::unexpected<Error> fail_write(const char* action, int error) {
  auto failure = fail_with(action, error);
  if (error == EPIPE || error == ECONNRESET || error == ENOTCONN) {
    failure.value().code = ErrorCode::Closed;
  }
  return failure;
}

// Whether `events` came, or an error or end that the next call will tell.
Result<bool> poll_until(int descriptor, short events, std::chrono::nanoseconds limit) {
  if (descriptor < 0) return true;  // poll(2) would pass over it
  const auto deadline = deadline_after(limit);
  for (;;) {
    const auto left = time_until(deadline);
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
    const timespec timeout{seconds.count(), (left - seconds).count()};
    pollfd polled{descriptor, events, 0};
    const int ready = ::ppoll(&polled, 1, &timeout, nullptr);
    if (ready >= 0) return ready > 0;
    if (errno != EINTR) return fail_with("cannot wait for a descriptor", errno);
  }
}

bool is_ready(int descriptor, short events) {
  if (descriptor < 0) return true;
  pollfd polled{descriptor, events, 0};
  // Where it cannot be asked, the read or write itself tells why.
  return retry_on_signal([&] { return ::poll(&polled, 1, 0); }) != 0;
}

// write(2) to a pipe that has lost its reader raises SIGPIPE, for which there is no flag as sockets
// have one. It is raised in this thread and at once, so here it can be blocked and taken away.
class WithoutBrokenPipeSignal {
 public:
  WithoutBrokenPipeSignal() {
    sigset_t pending;
    ::sigpending(&pending);
    was_pending_ = ::sigismember(&pending, SIGPIPE) == 1;
    if (was_pending_) return;
    ::sigemptyset(&signal_);
    ::sigaddset(&signal_, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &signal_, &before_);
  }
  WithoutBrokenPipeSignal(const WithoutBrokenPipeSignal&) = delete;
  WithoutBrokenPipeSignal& operator=(const WithoutBrokenPipeSignal&) = delete;
  ~WithoutBrokenPipeSignal() {
    if (was_pending_) return;
    const int kept = errno;
    const timespec at_once{0, 0};
    retry_on_signal([&] { return ::sigtimedwait(&signal_, nullptr, &at_once); });
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    errno = kept;
  }

 private:
  sigset_t signal_{};
  sigset_t before_{};
  // Blocked already, and somebody else's.
  bool was_pending_ = false;
};

ssize_t write_to_pipe(int descriptor, std::span<const std::byte> bytes) {
  // A pipe that is ready has room for this much and perhaps no more.
  const size_t count = std::min<size_t>(bytes.size(), PIPE_BUF);
  const WithoutBrokenPipeSignal guard;
  return retry_on_signal([&] { return ::write(descriptor, bytes.data(), count); });
}

// Frames are written as wholes, and shall not wait for more of them.
void send_at_once(int socket) {
  const int yes = 1;
  (void)::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

sockaddr_in loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

}  // namespace

Descriptor::Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  std::swap(number_, other.number_);
  return *this;
}
Descriptor::~Descriptor() { close(); }

void Descriptor::close() {
  // Never tried again: on Linux the number is free whatever the answer, and may be another's.
  if (number_ >= 0) (void)::close(std::exchange(number_, -1));
}

Result<Descriptor> Descriptor::duplicate() const {
  const int copy = ::fcntl(number_, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) return fail_with("cannot duplicate a descriptor", errno);
  return Descriptor(copy);
}

Result<void> Descriptor::set_non_blocking(bool non_blocking) const {
  const int flags = ::fcntl(number_, F_GETFL);
  if (flags < 0) return fail_with("cannot ask for a descriptor's mode", errno);
  const int wanted = non_blocking ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
  if (::fcntl(number_, F_SETFL, wanted) < 0) {
    return fail_with("cannot set a descriptor's mode", errno);
  }
  return {};
}

DescriptorSink::DescriptorSink(Descriptor descriptor) : descriptor_(std::move(descriptor)) {
  struct stat status {};
  if (::fstat(descriptor_.number(), &status) < 0) return;  // the first write tells why
  if (S_ISREG(status.st_mode)) kind_ = Kind::File;
  if (S_ISSOCK(status.st_mode)) kind_ = Kind::Socket;
}

Result<size_t> DescriptorSink::write(std::span<const std::byte> bytes) {
  if (finished_) return fail(ErrorCode::Closed, "the sink was finished");
  const int number = descriptor_.number();
  ssize_t count = 0;
  switch (kind_) {
    case Kind::File:
      count = retry_on_signal([&] { return ::write(number, bytes.data(), bytes.size()); });
      break;
    case Kind::Socket:
      count = retry_on_signal(
          [&] { return ::send(number, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT); });
      break;
    case Kind::Pipe:
      if (!is_ready(number, POLLOUT)) return size_t{0};
      count = write_to_pipe(number, bytes);
      break;
  }
  if (count >= 0) return static_cast<size_t>(count);
  if (would_block(errno)) return size_t{0};
  return fail_write("cannot write", errno);
}

Result<void> DescriptorSink::finish() {
  if (finished_) return {};
  finished_ = true;
  if (kind_ == Kind::Socket) {
    // A peer that has read the end may be gone already; then there is nothing left to shut down.
    if (::shutdown(descriptor_.number(), SHUT_WR) < 0 && errno != ENOTCONN) {
      return fail_write("cannot shut a connection down", errno);
    }
    return {};
  }
  int error = 0;
  if (kind_ == Kind::File && ::fdatasync(descriptor_.number()) < 0) error = errno;
  descriptor_.close();
  if (error != 0) return fail_with("cannot sync a file", error);
  return {};
}

Result<bool> DescriptorSink::wait(std::chrono::nanoseconds limit) {
  return poll_until(descriptor_.number(), POLLOUT, limit);
}

DescriptorSource::DescriptorSource(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}

Result<std::optional<size_t>> DescriptorSource::read(std::span<std::byte> bytes) {
  const int number = descriptor_.number();
  if (!is_ready(number, POLLIN)) return std::nullopt;
  const ssize_t count = retry_on_signal([&] { return ::read(number, bytes.data(), bytes.size()); });
  if (count >= 0) return static_cast<size_t>(count);
  if (would_block(errno)) return std::nullopt;
  return fail_with("cannot read", errno);
}

Result<bool> DescriptorSource::wait(std::chrono::nanoseconds limit) {
  return poll_until(descriptor_.number(), POLLIN, limit);
}

Result<TcpListener> tcp_listen(uint16_t port) {
  Descriptor listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!listener.open()) return fail_with("cannot make a socket", errno);
  // A port is free again as soon as its listener is gone.
  const int yes = 1;
  (void)::setsockopt(listener.number(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address = loopback(port);
  if (::bind(listener.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0 ||
      ::listen(listener.number(), SOMAXCONN) < 0) {
    return fail_with(("cannot listen on port " + std::to_string(port)).c_str(), errno);
  }
  socklen_t size = sizeof address;
  if (::getsockname(listener.number(), reinterpret_cast<sockaddr*>(&address), &size) < 0) {
    return fail_with("cannot ask for a port", errno);
  }
  return TcpListener(std::move(listener), ntohs(address.sin_port));
}

Result<Descriptor> TcpListener::accept(std::chrono::nanoseconds limit) const {
  const auto deadline = deadline_after(limit);
  for (;;) {
    TIDEMARK_ASSIGN(ready, poll_until(descriptor_.number(), POLLIN, time_until(deadline)));
    if (!ready) return fail(ErrorCode::Interrupted, "nobody connected within the limit");
    Descriptor accepted(retry_on_signal(
        [&] { return ::accept4(descriptor_.number(), nullptr, nullptr, SOCK_CLOEXEC); }));
    if (accepted.open()) {
      send_at_once(accepted.number());
      return accepted;
    }
    // Whoever connected may be gone again.
    if (!would_block(errno) && errno != ECONNABORTED) {
      return fail_with("cannot accept a connection", errno);
    }
  }
}

Result<Descriptor> tcp_connect(uint16_t port, std::chrono::nanoseconds limit) {
  Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.open()) return fail_with("cannot make a socket", errno);
  const sockaddr_in address = loopback(port);
  const std::string action = "cannot connect to port " + std::to_string(port);
  if (::connect(socket.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) {
    // After a signal, too, the connection is still being made.
    if (errno != EINPROGRESS && errno != EINTR) return fail_with(action.c_str(), errno);
    TIDEMARK_ASSIGN(ready, poll_until(socket.number(), POLLOUT, limit));
    if (!ready) return fail(ErrorCode::Interrupted, action + " within the limit");
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(socket.number(), SOL_SOCKET, SO_ERROR, &error, &size) < 0) error = errno;
    if (error != 0) return fail_with(action.c_str(), error);
  }
  send_at_once(socket.number());
  TIDEMARK_TRY(socket.set_non_blocking(false));
  return socket;
}

}  // namespace tidemark
