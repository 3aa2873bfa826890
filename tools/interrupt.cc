#include "interrupt.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <ctime>

namespace tidemark::tools {
namespace {

// 0 until then. Written by the signal handler, in whichever thread, and read by the one that runs
// the command.
std::atomic<int64_t> requested_at_ns{0};
static_assert(std::atomic<int64_t>::is_always_lock_free, "a signal handler may take no lock");
int descriptor = -1;

int64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// Calls nothing but what a handler may call by signal-safety(7).
extern "C" void on_interrupt(int signal) {
  const int saved = errno;
  const int64_t now = now_ns();
  int64_t first = 0;
  if (requested_at_ns.compare_exchange_strong(first, now, std::memory_order_relaxed)) {
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = write(descriptor, &one, sizeof one);
  } else if (now - first > std::chrono::nanoseconds(kOneInterrupt).count()) {
    std::signal(signal, SIG_DFL);
    std::raise(signal);  // heard when this returns
  }
  errno = saved;
}

}  // namespace

void catch_interrupts() {
  descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  struct sigaction action {};
  action.sa_handler = on_interrupt;
  // No SA_RESTART: a blocked read or write shall return.
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool interrupted() { return requested_at_ns.load(std::memory_order_relaxed) != 0; }

int interrupt_descriptor() { return descriptor; }

}  // namespace tidemark::tools
