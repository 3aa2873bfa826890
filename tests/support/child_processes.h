// Child processes of a test.

#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "support/catch.h"

namespace tidemark::test {

// A child that runs `body` and exits with what it returns.
template <typename Body>
pid_t in_child(Body body) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) ::_exit(body());
  return child;
}

inline int exit_code_of(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

// Waits for it: its exit code, or 1000 and the signal that ended it.
inline int exit_of(pid_t child) {
  int status = 0;
  return ::waitpid(child, &status, 0) == child ? exit_code_of(status) : -1;
}

// The same where it has ended already, in `code`.
inline bool has_ended(pid_t child, int& code) {
  int status = 0;
  if (::waitpid(child, &status, WNOHANG) != child) return false;
  code = exit_code_of(status);
  return true;
}

inline bool ends_within(pid_t child, std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  int code = 0;
  while (std::chrono::steady_clock::now() < deadline) {
    if (has_ended(child, code)) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

inline void kill_and_wait(pid_t child) {
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
}

}  // namespace tidemark::test
