// Counts the instructions that a piece of code executes in user space, by single-stepping a child
// process: exact, the same on every run, and possible wherever a process may trace its child, which
// a processor's counters are not.

#pragma once

#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <optional>

namespace tidemark::test {

// `prepare()` returns a callable, both run in the child; the instructions of one call of it are
// counted, those of the marks around it, fewer than 200, included. The callable returns whether it
// did what it should. Nothing where this system does not allow it, or where the callable failed.
template <typename Prepare>
std::optional<uint64_t> count_instructions(Prepare prepare) {
  constexpr int kNotAllowed = 77;
  const pid_t child = ::fork();
  if (child < 0) return std::nullopt;
  if (child == 0) {
    auto run = prepare();
    if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(kNotAllowed);
    ::raise(SIGSTOP);
    const bool done = run();
    ::raise(SIGSTOP);
    ::_exit(done ? 0 : 1);
  }
  int status = 0;
  const auto wait_for_stop = [&] {
    return ::waitpid(child, &status, __WALL) == child && WIFSTOPPED(status);
  };
  if (!wait_for_stop()) return std::nullopt;  // it has ended
  uint64_t steps = 0;
  bool stopped = false;
  while (::ptrace(PTRACE_SINGLESTEP, child, nullptr, nullptr) == 0 && wait_for_stop()) {
    stopped = WSTOPSIG(status) == SIGSTOP;
    if (stopped || WSTOPSIG(status) != SIGTRAP) break;
    ++steps;
  }
  if (WIFSTOPPED(status)) {
    // Signal 0: the stop that it asked for is not delivered, and it goes on to its end.
    ::ptrace(PTRACE_DETACH, child, nullptr, nullptr);
    if (!stopped) ::kill(child, SIGKILL);
    ::waitpid(child, &status, 0);
  }
  if (!stopped || !WIFEXITED(status) || WEXITSTATUS(status) != 0) return std::nullopt;
  return steps;
}

}  // namespace tidemark::test
