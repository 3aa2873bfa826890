// Where the bytes of a stream of events go and come from: `ByteSink` and `ByteSource`, and a pipe
// in memory that is both. Files, pipes and sockets are in `descriptor_streams.h`.
//
// The rule of all of them: no call waits. What cannot be done at once is said to be so; who wants
// to wait calls `wait`.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <limits>
#include <memory>
#include <optional>
#include <span>

#include "tidemark/result.h"

namespace tidemark {

// Takes bytes. `write` takes as many from the beginning as it can at once, 0 where it would have to
// wait, and is given at least one. `finish` says that none will follow; what was taken is on its
// way. Errors are final: nothing is written after one. Closed: nobody is left to read.
template <typename S>
concept ByteSink = std::movable<S> && requires(S& sink, std::span<const std::byte> bytes) {
  { sink.write(bytes) } -> std::same_as<Result<size_t>>;
  { sink.finish() } -> std::same_as<Result<void>>;
};

// Gives bytes out. `read` fills a beginning of `bytes`, which has room for at least one, and says
// how much; 0: no byte will come any more; nothing: none is there now. Errors are final.
template <typename S>
concept ByteSource = std::movable<S> && requires(S& source, std::span<std::byte> bytes) {
  { source.read(bytes) } -> std::same_as<Result<std::optional<size_t>>>;
};

// A sink or source that can wait: until another call may do something or fail, or `limit` is over,
// false then.
template <typename S>
concept WaitableBytes = requires(S& stream, std::chrono::nanoseconds limit) {
  { stream.wait(limit) } -> std::same_as<Result<bool>>;
};

class MemoryPipe;

// The two ends of a pipe in memory. Each belongs to one thread at a time, the two may be in
// different ones.
class MemorySink {
 public:
  explicit MemorySink(std::shared_ptr<MemoryPipe> pipe);
  MemorySink(MemorySink&&) noexcept;
  MemorySink& operator=(MemorySink&&) noexcept;
  ~MemorySink();

  // Errors: Closed, after finish() or where the source is gone.
  Result<size_t> write(std::span<const std::byte> bytes);
  Result<void> finish();
  Result<bool> wait(std::chrono::nanoseconds limit);

 private:
  std::shared_ptr<MemoryPipe> pipe_;
};

class MemorySource {
 public:
  explicit MemorySource(std::shared_ptr<MemoryPipe> pipe);
  MemorySource(MemorySource&&) noexcept;
  MemorySource& operator=(MemorySource&&) noexcept;
  ~MemorySource();

  // Never fails. The end comes once the sink is finished or gone and everything was read.
  Result<std::optional<size_t>> read(std::span<std::byte> bytes);
  Result<bool> wait(std::chrono::nanoseconds limit);

 private:
  std::shared_ptr<MemoryPipe> pipe_;
};

struct MemoryPipeEnds {
  MemorySink sink;
  MemorySource source;
};

// An empty pipe that holds up to `capacity_bytes`, at least 1.
MemoryPipeEnds memory_pipe(size_t capacity_bytes = std::numeric_limits<size_t>::max());

}  // namespace tidemark
