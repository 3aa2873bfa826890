#include "interrupt.h"

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "support/catch.h"

using namespace tidemark::tools;
using namespace std::chrono_literals;

namespace {

constexpr int kStopsInGoodOrder = 40;
constexpr int kNotAsked = 41;
constexpr int kTooSlow = 42;  // the machine let so much time pass between two signals

// How a process ends that gets two signals, one so long after the other.
int status_after_two(int first, int second, std::chrono::milliseconds between) {
  const pid_t child = fork();
  if (child == 0) {
    catch_interrupts();
    const auto begin = std::chrono::steady_clock::now();
    raise(first);
    if (!interrupted()) _exit(kNotAsked);
    std::this_thread::sleep_for(between);
    if (between == 0ms && std::chrono::steady_clock::now() - begin > kOneInterrupt / 2) {
      _exit(kTooSlow);
    }
    raise(second);
    _exit(kStopsInGoodOrder);
  }
  int status = 0;
  REQUIRE(child > 0);
  REQUIRE(waitpid(child, &status, 0) == child);
  return status;
}

}  // namespace

// timeout(1) signals its child, and then the group that both are in.
TEST_CASE("A signal that comes twice at once is one interrupt") {
  for (const auto& [first, second] :
       {std::pair(SIGTERM, SIGTERM), {SIGINT, SIGINT}, {SIGINT, SIGTERM}}) {
    int status = 0;
    do status = status_after_two(first, second, 0ms);
    while (WIFEXITED(status) && WEXITSTATUS(status) == kTooSlow);
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == kStopsInGoodOrder);
  }
}

TEST_CASE("A second interrupt ends the process at once") {
  const int status = status_after_two(SIGINT, SIGTERM, kOneInterrupt + 100ms);
  REQUIRE(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGTERM);
}
