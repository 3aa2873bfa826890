#include "interrupt.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>

namespace tidemark::tools {
namespace {

// Written by the signal handler, read by the thread that runs the command.
std::atomic<bool> requested{false};
int descriptor = -1;
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler may take no lock");

extern "C" void on_interrupt(int) {
  const int saved = errno;
  requested.store(true, std::memory_order_relaxed);
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(descriptor, &one, sizeof one);
  errno = saved;
}

}  // namespace

void catch_interrupts() {
  descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  struct sigaction action {};
  action.sa_handler = on_interrupt;
  // No SA_RESTART: a blocked read or write shall return. Reset: the second one is not caught.
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool interrupted() { return requested.load(std::memory_order_relaxed); }

int interrupt_descriptor() { return descriptor; }

}  // namespace tidemark::tools
