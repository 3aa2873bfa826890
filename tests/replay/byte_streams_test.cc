// Streams over files, pipes, socket pairs and TCP, in blocking and in non-blocking mode.

#include "tidemark/byte_streams.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "replay/wire_helpers.h"
#include "support/catch.h"
#include "support/temporary_directory.h"
#include "tidemark/descriptor_streams.h"

using namespace tidemark;
using namespace tidemark::test;
using namespace std::chrono_literals;

namespace {

using FdWriter = WireWriter<uint64_t, Texts, DescriptorSink>;
using FdReader = WireReader<uint64_t, Texts, DescriptorSource>;

constexpr auto kPatience = 60s;

struct DescriptorPair {
  Descriptor writes;
  Descriptor reads;
};

DescriptorPair make_pipe() {
  int ends[2] = {};
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  return {Descriptor(ends[1]), Descriptor(ends[0])};
}
DescriptorPair make_socket_pair() {
  int ends[2] = {};
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  return {Descriptor(ends[0]), Descriptor(ends[1])};
}
DescriptorPair make_tcp() {
  const TcpListener listener = must(tcp_listen());
  REQUIRE(listener.port() != 0);
  Descriptor connected = must(tcp_connect(listener.port(), kPatience));
  return {std::move(connected), must(listener.accept(kPatience))};
}

// Every pair, in both modes.
template <typename Check>
void for_each_pair(Check check) {
  using Make = DescriptorPair (*)();
  const std::pair<const char*, Make> makes[] = {
      {"pipe", make_pipe}, {"socket pair", make_socket_pair}, {"tcp", make_tcp}};
  for (const auto& [name, make] : makes) {
    for (const bool non_blocking : {false, true}) {
      INFO(name << (non_blocking ? ", non-blocking" : ", blocking"));
      DescriptorPair pair = make();
      must(pair.writes.set_non_blocking(non_blocking));
      must(pair.reads.set_non_blocking(non_blocking));
      check(std::move(pair));
    }
  }
}

std::vector<TextEvent> long_stream() {
  std::vector<TextEvent> events;
  for (uint64_t i = 0; i < 100; ++i) {
    events.emplace_back(
        Messages<uint64_t, Texts>{i, {std::to_string(i), std::string(1'000 * (i % 50), 'x')}});
  }
  return events;
}

Descriptor open_file(const std::string& path, int flags) {
  return Descriptor(::open(path.c_str(), flags | O_CLOEXEC, 0600));
}

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

// Reads as a whole what comes within the limit of a test.
Received<TextEvent> read_to_end(Descriptor descriptor) {
  auto reader = must(FdReader::open(DescriptorSource(std::move(descriptor))));
  Received<TextEvent> received;
  for (;;) {
    const auto polled = reader.next(kPatience);
    if (!polled) {
      received.error = polled.error();
      return received;
    }
    received.last = *polled;
    if (*polled != Polled::Event) return received;
    received.events.push_back(reader.take());
  }
}

}  // namespace

static_assert(ByteSink<DescriptorSink> && ByteSource<DescriptorSource>);
static_assert(WaitableBytes<DescriptorSink> && WaitableBytes<DescriptorSource>);

TEST_CASE("bytes: a pipe in memory gives what it took, and says when it has to wait") {
  auto [sink, source] = memory_pipe(4);
  std::array<std::byte, 10> room{};
  CHECK_FALSE(must(source.read(room)));
  CHECK_FALSE(must(source.wait(1ms)));
  CHECK(must(sink.write(bytes_of("tide"))) == 4);
  CHECK(must(sink.write(bytes_of("mark"))) == 0);
  CHECK_FALSE(must(sink.wait(1ms)));
  CHECK(must(source.read(std::span(room).first(3))) == 3);
  CHECK(must(sink.write(bytes_of("mark"))) == 3);
  CHECK(must(source.read(std::span(room).subspan(3))) == 4);
  CHECK(std::memcmp(room.data(), "tidemar", 7) == 0);
  CHECK_FALSE(must(source.read(room)));
  must(sink.finish());
  CHECK(must(source.wait(kPatience)));
  CHECK(must(source.read(room)) == 0);
  CHECK(sink.write(bytes_of("x")).error().code == ErrorCode::Closed);
}

TEST_CASE("bytes: a pipe in memory whose reader is gone takes nothing") {
  auto ends = memory_pipe();
  { const MemorySource last = std::move(ends.source); }
  CHECK(ends.sink.write(bytes_of("x")).error().code == ErrorCode::Closed);
  CHECK(must(ends.sink.wait(kPatience)));
}

TEST_CASE("bytes: a stream goes through pipes and sockets, written and read in turns") {
  for_each_pair([](DescriptorPair pair) {
    auto writer = must(FdWriter::open(DescriptorSink(std::move(pair.writes))));
    auto reader = must(FdReader::open(DescriptorSource(std::move(pair.reads))));
    CHECK(must(reader.poll()) == Polled::Pending);
    for (const TextEvent& event : short_stream()) {
      must(writer.push(event));
      REQUIRE(must(reader.next(kPatience)) == Polled::Event);
      CHECK(reader.take() == event);
      CHECK(must(reader.poll()) == Polled::Pending);
    }
    CHECK(must(reader.next(1ms)) == Polled::Pending);
    must(writer.finish());
    CHECK(must(reader.next(kPatience)) == Polled::Ended);
  });
}

TEST_CASE("bytes: a stream that is longer than any buffer goes through pipes and sockets") {
  for_each_pair([](DescriptorPair pair) {
    std::thread thread([sink = DescriptorSink(std::move(pair.writes))]() mutable {
      auto writer =
          FdWriter::open(std::move(sink), {.unsent_limit_bytes = 1'000, .wait_limit = kPatience});
      for (const TextEvent& event : long_stream()) (void)writer->push(event);
      (void)writer->finish();
    });
    const auto received = read_to_end(std::move(pair.reads));
    thread.join();
    CHECK_FALSE(received.error);
    CHECK(received.last == Polled::Ended);
    CHECK(received.events == long_stream());
  });
}

TEST_CASE("bytes: a peer that reads nothing does not hold a push for ever") {
  for_each_pair([](DescriptorPair pair) {
    auto writer = must(FdWriter::open(DescriptorSink(std::move(pair.writes)),
                                      {.unsent_limit_bytes = 100'000, .wait_limit = 10ms}));
    const TextEvent event = Messages<uint64_t, Texts>{0, {std::string(100'000, 'x')}};
    Result<void> pushed;
    // More than loopback sockets buffer.
    for (int i = 0; i < 1'000 && pushed; ++i) pushed = writer.push(event);
    REQUIRE_FALSE(pushed);
    CHECK(pushed.error().code == ErrorCode::NoSpace);
    CHECK(writer.unsent_bytes() <= 300'000);
  });
}

TEST_CASE("bytes: a reader that is gone is an error of the push, and no signal") {
  struct sigaction before {};
  struct sigaction deadly {};
  deadly.sa_handler = SIG_DFL;
  REQUIRE(::sigaction(SIGPIPE, &deadly, &before) == 0);
  for_each_pair([](DescriptorPair pair) {
    auto writer = must(FdWriter::open(DescriptorSink(std::move(pair.writes))));
    pair.reads.close();
    const TextEvent event = Messages<uint64_t, Texts>{0, {"to nobody"}};
    Result<void> pushed;
    // TCP learns it by the answer to the first bytes.
    for (int i = 0; i < 1'000 && pushed; ++i) {
      pushed = writer.push(event);
      std::this_thread::sleep_for(1ms);
    }
    REQUIRE_FALSE(pushed);
    CHECK(pushed.error().code == ErrorCode::Closed);
    CHECK((pushed.error().system_error == EPIPE || pushed.error().system_error == ECONNRESET));
    CHECK_FALSE(writer.finish());
  });
  sigset_t pending;
  REQUIRE(::sigpending(&pending) == 0);
  CHECK(::sigismember(&pending, SIGPIPE) == 0);
  REQUIRE(::sigaction(SIGPIPE, &before, nullptr) == 0);
}

TEST_CASE("bytes: a writer that is gone without finishing is a stream that was cut") {
  for_each_pair([](DescriptorPair pair) {
    {
      auto writer = must(FdWriter::open(DescriptorSink(std::move(pair.writes))));
      must(writer.push(short_stream()[0]));
    }
    const auto received = read_to_end(std::move(pair.reads));
    CHECK(received.events == std::vector{short_stream()[0]});
    REQUIRE(received.error);
    CHECK(received.error->code == ErrorCode::Io);
    CHECK(received.error->message.find("cut at byte") != std::string::npos);
  });
}

TEST_CASE("bytes: a writer that is killed within a frame leaves a stream that was cut there") {
  for_each_pair([](DescriptorPair pair) {
    const Bytes bytes = bytes_of_stream(short_stream());
    const size_t cut = bytes.size() - 5;
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      (void)!::write(pair.writes.number(), bytes.data(), cut);
      ::kill(::getpid(), SIGKILL);
    }
    pair.writes.close();
    const auto received = read_to_end(std::move(pair.reads));
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status));
    CHECK(received.events == short_stream());
    REQUIRE(received.error);
    CHECK(received.error->code == ErrorCode::Corrupt);
    CHECK(received.error->offset == cut);
  });
}

TEST_CASE("bytes: a connection that was reset is a stream that was cut, with the system's reason") {
  DescriptorPair pair = make_tcp();
  auto reader = must(FdReader::open(DescriptorSource(std::move(pair.reads))));
  {
    auto writer = must(FdWriter::open(DescriptorSink(std::move(pair.writes))));
    must(writer.push(short_stream()[0]));
    REQUIRE(must(reader.next(kPatience)) == Polled::Event);
    // Closed with a linger of no time, a connection is reset.
    const linger at_once{1, 0};
    REQUIRE(::setsockopt(writer.sink().descriptor().number(), SOL_SOCKET, SO_LINGER, &at_once,
                         sizeof at_once) == 0);
  }
  const auto polled = reader.next(kPatience);
  REQUIRE_FALSE(polled);
  CHECK(polled.error().code == ErrorCode::Io);
  CHECK(polled.error().system_error == ECONNRESET);
  CHECK(polled.error().message.find("cut at byte") != std::string::npos);
}

TEST_CASE("bytes: one socket can carry a stream each way") {
  DescriptorPair pair = make_tcp();
  auto there = must(FdWriter::open(DescriptorSink(must(pair.writes.duplicate()))));
  auto back = must(FdReader::open(DescriptorSource(std::move(pair.writes))));
  auto here = must(FdReader::open(DescriptorSource(must(pair.reads.duplicate()))));
  auto answer = must(FdWriter::open(DescriptorSink(std::move(pair.reads))));
  must(there.push(short_stream()[0]));
  must(there.finish());
  CHECK(must(here.next(kPatience)) == Polled::Event);
  CHECK(must(here.next(kPatience)) == Polled::Ended);
  must(answer.push(short_stream()[3]));
  must(answer.finish());
  CHECK(must(back.next(kPatience)) == Polled::Event);
  CHECK(must(back.next(kPatience)) == Polled::Ended);
}

TEST_CASE("bytes: a stream in a file is read back, and so is what a killed writer left of it") {
  const TemporaryDirectory directory;
  const std::string path = directory / "stream";
  auto writer = must(FdWriter::open(DescriptorSink(open_file(path, O_WRONLY | O_CREAT))));
  for (const TextEvent& event : long_stream()) must(writer.push(event));
  const auto unfinished = read_to_end(open_file(path, O_RDONLY));
  CHECK(unfinished.events == long_stream());
  REQUIRE(unfinished.error);
  CHECK(unfinished.error->code == ErrorCode::Io);
  must(writer.finish());
  const auto received = read_to_end(open_file(path, O_RDONLY));
  CHECK_FALSE(received.error);
  CHECK(received.last == Polled::Ended);
  CHECK(received.events == long_stream());
}

TEST_CASE("bytes: what the system refuses is an error with its number") {
  const TemporaryDirectory directory;
  const std::string path = directory / "file";
  DescriptorSink read_only(open_file(path, O_RDONLY | O_CREAT));
  const auto written = read_only.write(bytes_of("x"));
  REQUIRE_FALSE(written);
  CHECK(written.error().code == ErrorCode::Io);
  CHECK(written.error().system_error == EBADF);
  DescriptorSource write_only(open_file(path, O_WRONLY));
  std::array<std::byte, 1> room{};
  CHECK(write_only.read(room).error().system_error == EBADF);
  DescriptorSink full(open_file("/dev/full", O_WRONLY));
  CHECK(full.write(bytes_of("x")).error().code == ErrorCode::NoSpace);
  DescriptorSink none{Descriptor()};
  CHECK(none.write(bytes_of("x")).error().system_error == EBADF);
}

TEST_CASE("bytes: connecting and accepting end at their limits, and where nobody listens") {
  uint16_t port = 0;
  {
    const TcpListener listener = must(tcp_listen());
    port = listener.port();
    const auto accepted = listener.accept(5ms);
    REQUIRE_FALSE(accepted);
    CHECK(accepted.error().code == ErrorCode::Interrupted);
    const auto again = tcp_listen(port);
    REQUIRE_FALSE(again);
    CHECK(again.error().system_error == EADDRINUSE);
  }
  const auto connected = tcp_connect(port, kPatience);
  REQUIRE_FALSE(connected);
  CHECK(connected.error().system_error == ECONNREFUSED);
}
