#include "single_step.h"

#include <csignal>
#include <cstring>

#include <sys/syscall.h>
#include <unistd.h>

#include "tidemark/check.h"

namespace tidemark::rig {
namespace {

#if defined(__x86_64__)
constexpr bool kPossible = true;
constexpr unsigned long long kTrapFlag = 0x100;

inline void set_trap_flag() {
  __asm__ volatile("sub $128, %%rsp\n pushfq\n orq $0x100, (%%rsp)\n popfq\n add $128, %%rsp" ::
                       : "memory", "cc");
}
inline void clear_trap_flag() {
  __asm__ volatile("sub $128, %%rsp\n pushfq\n andq $~0x100, (%%rsp)\n popfq\n add $128, %%rsp" ::
                       : "memory", "cc");
}
inline void stop_stepping(void* context) {
  static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_EFL] &=
      ~static_cast<long long>(kTrapFlag);
}
#else
constexpr bool kPossible = false;
inline void set_trap_flag() {}
inline void clear_trap_flag() {}
inline void stop_stepping(void*) {}
#endif

// All that the handler uses, made before it is needed: it may interrupt malloc.
constexpr size_t kMaxStores = size_t{1} << 20;
struct Region {
  const std::byte* memory = nullptr;
  std::byte* known = nullptr;
  size_t bytes = 0;
};
std::vector<Region> regions;
std::vector<std::byte> known_bytes;
StoredWord* stores = nullptr;
size_t store_count = 0;
uint64_t steps = 0;
pid_t stepped_thread = 0;

void on_trap(int, siginfo_t*, void* context) {
  if (static_cast<pid_t>(::syscall(SYS_gettid)) != stepped_thread) {
    // A thread that was started under the flag inherits it.
    stop_stepping(context);
    return;
  }
  ++steps;
  for (size_t index = 0; index < regions.size(); ++index) {
    Region& region = regions[index];
    if (std::memcmp(region.memory, region.known, region.bytes) == 0) continue;
    for (size_t at = 0; at < region.bytes; at += sizeof(uint64_t)) {
      uint64_t value = 0;
      uint64_t before = 0;
      std::memcpy(&value, region.memory + at, sizeof value);
      std::memcpy(&before, region.known + at, sizeof before);
      if (value == before || store_count == kMaxStores) continue;
      std::memcpy(region.known + at, &value, sizeof value);
      stores[store_count++] = {static_cast<uint32_t>(index), static_cast<uint32_t>(at), value,
                               steps};
    }
  }
}

}  // namespace

bool can_single_step() { return kPossible; }
uint64_t steps_taken() { return steps; }

void watch(const std::vector<std::span<const std::byte>>& wanted) {
  size_t bytes = 0;
  for (const auto& region : wanted) bytes += region.size();
  known_bytes.resize(bytes);
  regions.clear();
  store_count = 0;
  size_t at = 0;
  for (const auto& region : wanted) {
    std::memcpy(known_bytes.data() + at, region.data(), region.size());
    regions.push_back({region.data(), known_bytes.data() + at, region.size()});
    at += region.size();
  }
}

void single_step(const std::function<void()>& code) {
  if (stores == nullptr) stores = new StoredWord[kMaxStores];
  struct sigaction action {};
  action.sa_sigaction = on_trap;
  action.sa_flags = SA_SIGINFO;
  TIDEMARK_CHECK(::sigaction(SIGTRAP, &action, nullptr) == 0);
  stepped_thread = static_cast<pid_t>(::syscall(SYS_gettid));
  steps = 0;
  set_trap_flag();
  code();
  clear_trap_flag();
  TIDEMARK_CHECK(store_count < kMaxStores);
}

void without_stepping(const std::function<void()>& code) {
  clear_trap_flag();
  code();
  set_trap_flag();
}

std::vector<StoredWord> take_stores() {
  std::vector<StoredWord> taken(stores, stores + store_count);
  store_count = 0;
  return taken;
}

}  // namespace tidemark::rig
