// Files, pipes and sockets as sinks and sources of bytes, and TCP between programs of one machine.
//
// No read or write waits, whether the descriptor is in blocking mode or not: a pipe or socket is
// asked first whether it is ready. And none raises SIGPIPE: a reader that went away is an error.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "tidemark/byte_streams.h"
#include "tidemark/result.h"

namespace tidemark {

// Owns a file descriptor.
class Descriptor {
 public:
  // Takes over `number`, which is open, or -1 for none.
  explicit Descriptor(int number = -1) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept;
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor();

  int number() const { return number_; }
  bool open() const { return number_ >= 0; }
  void close();
  // Another descriptor of the same file, pipe or socket: one for a sink and one for a source.
  Result<Descriptor> duplicate() const;
  // Concerns all duplicates, in other processes too. Sinks and sources here work either way.
  Result<void> set_non_blocking(bool non_blocking) const;

 private:
  int number_;
};

// Appends at the descriptor's own offset. Nothing else may write to the same pipe meanwhile: a
// write could wait then. One thread at a time.
class DescriptorSink {
 public:
  explicit DescriptorSink(Descriptor descriptor);

  // Errors, with the system's number: Closed where nobody is left to read (EPIPE, ECONNRESET), or
  // after finish(); NoSpace; Io.
  Result<size_t> write(std::span<const std::byte> bytes);
  // Syncs and closes a file, closes a pipe; of a socket only this direction is shut down, so that
  // what is on its way arrives, and the descriptor is closed by the destructor.
  Result<void> finish();
  Result<bool> wait(std::chrono::nanoseconds limit);

  const Descriptor& descriptor() const { return descriptor_; }

 private:
  enum class Kind : uint8_t { File, Socket, Pipe };

  Descriptor descriptor_;
  Kind kind_ = Kind::Pipe;  // and whatever else is neither
  bool finished_ = false;
};

// Reads from the descriptor's own offset. Nothing else may read from it meanwhile. A file has its
// end where it ends now. One thread at a time.
class DescriptorSource {
 public:
  explicit DescriptorSource(Descriptor descriptor);

  // Errors, with the system's number: Io, a connection that was reset (ECONNRESET) among them.
  Result<std::optional<size_t>> read(std::span<std::byte> bytes);
  Result<bool> wait(std::chrono::nanoseconds limit);

  const Descriptor& descriptor() const { return descriptor_; }

 private:
  Descriptor descriptor_;
};

// Listens on the loopback interface; connections of the same machine only.
class TcpListener {
 public:
  uint16_t port() const { return port_; }
  // The next connection, waited for up to `limit`. Errors: Interrupted where none came, Io.
  Result<Descriptor> accept(std::chrono::nanoseconds limit) const;

 private:
  friend Result<TcpListener> tcp_listen(uint16_t port);
  TcpListener(Descriptor descriptor, uint16_t port)
      : descriptor_(std::move(descriptor)), port_(port) {}

  Descriptor descriptor_;
  uint16_t port_;
};

// 0: the system chooses a free port. Errors: Io.
Result<TcpListener> tcp_listen(uint16_t port = 0);
// Errors: Interrupted where `limit` is over, Io (ECONNREFUSED among them).
Result<Descriptor> tcp_connect(uint16_t port, std::chrono::nanoseconds limit);

}  // namespace tidemark
