#include "two_processes.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <optional>
#include <thread>
#include <utility>

#include "clock.h"

namespace tidemark::measure {
namespace {

// The processors that may be used, and the last of them, where there are several.
std::optional<size_t> last_processor(cpu_set_t& usable) {
  if (sched_getaffinity(0, sizeof usable, &usable) != 0 || CPU_COUNT(&usable) < 2) return {};
  size_t last = CPU_SETSIZE - 1;
  while (!CPU_ISSET(last, &usable)) --last;
  return last;
}

}  // namespace

Result<std::byte*> map_shared(uint64_t bytes) {
  void* const memory =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return fail_system("mapping shared memory of", "this process", errno);
  std::memset(memory, 0, bytes);  // touched before anybody measures in it
  return static_cast<std::byte*>(memory);
}

void unmap_shared(std::byte* memory, uint64_t bytes) { ::munmap(memory, bytes); }

Result<ChildProcess> ChildProcess::start(const std::function<Result<void>()>& body) {
  TIDEMARK_ASSIGN(words, Shared<Words>::create());
  const pid_t child = ::fork();
  if (child < 0) return fail_system("starting", "a second process", errno);
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // no parent, no use
    const auto done = body();
    if (done) ::_exit(0);
    const std::string text = done.error().text();
    std::memcpy(words->text, text.data(), std::min(text.size(), sizeof words->text - 1));
    ::_exit(1);
  }
  return ChildProcess(child, std::move(words));
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : process_(std::exchange(other.process_, 0)), words_(std::move(other.words_)) {}

ChildProcess::~ChildProcess() { kill(); }

void ChildProcess::kill() {
  if (process_ == 0) return;
  ::kill(process_, SIGKILL);
  ::waitpid(std::exchange(process_, 0), nullptr, 0);
}

Result<void> ChildProcess::finish(double seconds) {
  const auto start = Clock::now();
  int status = 0;
  for (;;) {
    const pid_t ended = ::waitpid(process_, &status, WNOHANG);
    if (ended == process_) break;
    if (ended < 0) return fail_system("waiting for", "a second process", errno);
    if (ns_since(start) > seconds * 1e9) {
      kill();
      return fail(ErrorCode::Io, "a second process took too long");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  process_ = 0;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return fail(ErrorCode::Io, WIFEXITED(status) ? "in a second process: " + std::string(words_->text)
                                               : "a second process was ended by signal " +
                                                     std::to_string(WTERMSIG(status)));
}

Result<void> ChildProcess::await_kill() {
  int status = 0;
  if (::waitpid(std::exchange(process_, 0), &status, 0) < 0) {
    return fail_system("waiting for", "a second process", errno);
  }
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) return {};
  return fail(ErrorCode::Io, "in a second process: " + std::string(words_->text));
}

ApartFromChild::ApartFromChild() {
  const auto childs = last_processor(before_);
  if (!childs) return;
  cpu_set_t ours = before_;
  CPU_CLR(*childs, &ours);
  sched_setaffinity(0, sizeof ours, &ours);
}

ApartFromChild::~ApartFromChild() { sched_setaffinity(0, sizeof before_, &before_); }

void stay_apart_from_parent() {
  cpu_set_t usable;
  const auto last = last_processor(usable);
  if (!last) return;
  CPU_ZERO(&usable);
  CPU_SET(*last, &usable);
  sched_setaffinity(0, sizeof usable, &usable);
}

}  // namespace tidemark::measure
