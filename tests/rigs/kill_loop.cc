// Kills at random moments, on the real file system: a child appends and says through shared memory
// what returned, SIGKILL ends it, and what it left must be that, and at most one event more.

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <new>
#include <thread>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rig.h"
#include "stream_oracle.h"
#include "tidemark/verify.h"

namespace tidemark::rig {
namespace {

constexpr uint64_t kKillsOfOneLog = 50;

struct Shared {
  std::atomic<uint64_t> returned{0};
  std::atomic<uint64_t> closes{0};
  std::atomic<uint64_t> failed{0};
};

std::string text_at(uint64_t index) {
  return std::to_string(index) + std::string(Random(index).below(600), 'k');
}

[[noreturn]] void write_until_killed(const std::string& path, uint64_t seed, Shared& shared) {
  Random random(seed);
  const auto log = Log::open(path);
  while (log) {
    const SyncPolicy policies[] = {SyncPolicy::none(),
                                   SyncPolicy::every(std::chrono::milliseconds(1)),
                                   SyncPolicy::every_bytes(20'000)};
    auto writer = log->writer(0, small_segments(policies[random.below(3)]));
    if (!writer) break;
    uint64_t index = writer->totals().events;
    if (index < shared.returned.load()) break;
    for (const uint64_t last = index + 50 + random.below(2000); index < last; ++index) {
      const std::string text = text_at(index);
      const std::string_view records[] = {text};
      const uint64_t time = 0;
      if (!writer->append_messages(std::span(&time, 1), records)) ::_exit(1);
      shared.returned.store(index + 1, std::memory_order_release);
    }
    if (!writer->close()) break;
    shared.closes.fetch_add(1);
  }
  shared.failed.store(1);
  ::_exit(1);
}

std::string check(const std::string& path, uint64_t returned, uint64_t& events) {
  const auto log = Log::open(path);
  if (!log) return log.error().text();
  const Served served = serve(*log, 0, Access::Map);
  if (served.error) return served.error->text();
  events = served.events.size();
  if (events < returned || events > returned + 1) {
    return std::to_string(returned) + " appends returned, " + std::to_string(events) +
           " events are there";
  }
  const uint64_t time = 0;
  for (uint64_t i = 0; i < events; ++i) {
    const std::string text = text_at(i);
    const std::string_view records[] = {text};
    if (served.events[i] != number_of_messages(time, records))
      return "event " + std::to_string(i) + " is another one";
  }
  return "";
}

}  // namespace

// --count: kills. --directory: where the logs are written; the working directory by default.
int kill_loop(Rig& rig) {
  const uint64_t kills = rig.options().count > 0 ? rig.options().count : 2000;
  auto& killed = rig.counter("kills");
  auto& events_seen = rig.counter("events");
  const std::string base =
      (rig.options().directory.empty() ? std::string(".") : rig.options().directory) +
      "/kill_loop-" + std::to_string(::getpid());
  for_each_case(rig, (kills + kKillsOfOneLog - 1) / kKillsOfOneLog, [&](uint64_t number) {
    Random random(rig.options().seed, number);
    const std::string path = base + "-" + std::to_string(number);
    std::filesystem::remove_all(path);
    LogOptions create;
    create.create_if_missing = true;
    if (const auto made = Log::open(path, create); !made)
      return rig.fail(made.error().text(), number);
    void* const memory =
        ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return rig.fail("no shared memory", number);
    auto& shared = *new (memory) Shared;
    std::string wrong;
    uint64_t events = 0;
    for (uint64_t i = 0; wrong.empty() && i < kKillsOfOneLog && !rig.should_stop(); ++i) {
      const uint64_t seed = random();
      const pid_t child = ::fork();
      if (child == 0) write_until_killed(path, seed, shared);
      // Mostly while it appends, now and then while it opens.
      std::this_thread::sleep_for(std::chrono::microseconds(
          random.below(8) == 0 ? random.below(400) : random.below(12'000)));
      ::kill(child, SIGKILL);
      int status = 0;
      ::waitpid(child, &status, 0);
      if (shared.failed.load() != 0 || !WIFSIGNALED(status)) {
        wrong = "the writer failed by itself";
        break;
      }
      wrong = check(path, shared.returned.load(), events);
      shared.returned.store(events);
      killed.fetch_add(1);
    }
    events_seen.fetch_add(events);
    ::munmap(memory, sizeof(Shared));
    if (!wrong.empty()) return rig.fail(wrong + "; left in " + path, number);
    std::filesystem::remove_all(path);
  });
  return rig.finish();
}

}  // namespace tidemark::rig
