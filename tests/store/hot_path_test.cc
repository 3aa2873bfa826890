// What an append costs apart from time: allocations and system calls, counted.

#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "support/allocations.h"
#include "support/catch.h"
#include "support/stream_helpers.h"
#include "support/temporary_directory.h"
#include "tidemark/log.h"

using namespace tidemark;
using namespace tidemark::test;

namespace {

// Room for all appends of a test in the first eighth of one segment, so that none of them rolls,
// nor hands the next segment's preparation to the helper, which happens once a segment.
WriterOptions one_large_segment(RecordEncoding encoding) {
  WriterOptions options;
  options.sync = SyncPolicy::none();
  options.encoding = encoding;
  options.segment_bytes = uint64_t{1} << 20;
  return options;
}

constexpr int kAppends = 200;

// Appends of every kind; nothing else may happen here.
bool append_all(EventWriter& writer, bool fixed) {
  const uint64_t data[8] = {};
  const std::string_view records[] = {"a record", "and another"};
  for (int i = 0; i < kAppends; ++i) {
    const uint64_t time = writer.protocol().frontier().elements().front().word(0) + 1;
    const auto appended =
        fixed ? writer.append_messages(std::span(&time, 1), 1, std::as_bytes(std::span(data)))
              : writer.append_messages(std::span(&time, 1), records);
    const auto each =
        fixed ? writer.append_each(std::span(&time, 1), 32, std::as_bytes(std::span(data)))
              : writer.append_each(std::span(&time, 1), records);
    const Change changes[] = {{time - 1, -1}, {time, 1}};
    if (!appended || !each || !writer.append_progress(changes)) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("An append allocates nothing outside a roll") {
  const bool fixed = GENERATE(true, false);
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  EventWriter writer = must(
      log.writer(0, one_large_segment(fixed ? RecordEncoding::Fixed : RecordEncoding::Variable)));
  advance(writer, 0, 1);  // scratch space grows once
  const uint64_t before = allocations.load();
  const bool appended = append_all(writer, fixed);
  const uint64_t counted = allocations.load() - before;
  REQUIRE(appended);
  CHECK(counted == 0);
}

TEST_CASE("A poll allocates nothing while it stays in a segment") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  EventWriter writer = must(log.writer(0, one_large_segment(RecordEncoding::Variable)));
  REQUIRE(append_all(writer, false));
  EventReader reader = must(log.reader(0));
  for (int i = 0; i < 4; ++i) REQUIRE(must(reader.poll()) == EventReader::Status::Event);
  const uint64_t before = allocations.load();
  int polled = 0;
  for (; polled < kAppends; ++polled) {
    const auto status = reader.poll();
    if (!status || *status != EventReader::Status::Event) break;
  }
  const uint64_t counted = allocations.load() - before;
  CHECK(polled == kAppends);
  CHECK(counted == 0);
}

TEST_CASE("An append makes no system call outside a roll") {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  WARN("skipped: a sanitizer's runtime makes system calls of its own");
  return;
#endif
  // The child appends between two marks, calls of getppid; its tracer counts what the kernel is
  // asked from the first mark on.
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    auto writer = log.writer(0, one_large_segment(RecordEncoding::Variable));
    if (!writer) ::_exit(1);
    advance(*writer, 0, 1);
    if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(77);
    ::raise(SIGSTOP);
    (void)::getppid();
    const bool appended = append_all(*writer, false);
    (void)::getppid();
    ::_exit(appended ? 0 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
    WARN("skipped: this system does not let a process trace its child");
    return;
  }
  REQUIRE(WIFSTOPPED(status));
  REQUIRE(::ptrace(PTRACE_SETOPTIONS, child, nullptr, PTRACE_O_TRACESYSGOOD) == 0);
  int calls = 0;
  for (;;) {
    REQUIRE(::ptrace(PTRACE_SYSCALL, child, nullptr, nullptr) == 0);
    REQUIRE(::waitpid(child, &status, 0) == child);
    if (WIFEXITED(status)) break;
    if (WIFSTOPPED(status) && WSTOPSIG(status) == (SIGTRAP | 0x80)) ++calls;
  }
  CHECK(WEXITSTATUS(status) == 0);
  // Each call stops the child twice, exit_group once.
  CHECK(calls == 2 + 2 + 1);
}
