#include "scale_runs.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <random>
#include <span>
#include <utility>
#include <vector>

#include "measure/bare_loops.h"
#include "measure/clock.h"
#include "measure/mapped_file.h"
#include "measure/samples.h"
#include "measure/threads.h"
#include "measure/two_processes.h"
#include "tidemark/log.h"
#include "tidemark/replay.h"

namespace tidemark::bench {
namespace {

using namespace measure;
using namespace std::chrono_literals;
using Status = EventReader::Status;

tl::unexpected<Error> lacks_events(const std::string& path) {
  return fail(ErrorCode::Corrupt, "the log " + path + " that was just written lacks events");
}

// Memory that is this process's alone; mapped segments are the page cache's.
uint64_t private_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("RssAnon:")) return std::strtoull(line.c_str() + 8, nullptr, 10);
  }
  return 0;
}

// The greatest growth of this process's memory, kept where its parent sees it.
class MemoryWatch {
 public:
  explicit MemoryWatch(std::atomic<uint64_t>& most) : most_(most), before_(private_kib()) {}
  void look() {
    const uint64_t now = private_kib();
    most_.store(std::max(most_.load(), now > before_ ? now - before_ : 0));
  }

 private:
  std::atomic<uint64_t>& most_;
  const uint64_t before_;
};

constexpr uint64_t kEventsALook = 1 << 16;

double mib(const Shared<std::atomic<uint64_t>>& kib) {
  return static_cast<double>(kib->load()) / 1024;
}

Result<void> tail_to_the_end(const std::string& path, const TailedPlan& plan,
                             std::atomic<uint32_t>& ready) {
  if (plan.spinning) stay_apart_from_parent();
  const Waiting waiting = plan.spinning ? Waiting::Spin : Waiting::Sleep;
  TIDEMARK_ASSIGN(log, Log::open(path));
  TIDEMARK_ASSIGN(reader, log.reader(0));
  ready.fetch_add(1);
  for (uint64_t seen = 0;;) {
    TIDEMARK_ASSIGN(status, reader.next(10s, waiting));
    if (status == Status::Event) {
      if (reader.event().messages() != nullptr) ++seen;
      continue;
    }
    if (status != Status::Finished || seen != plan.events) return lacks_events(path);
    return {};
  }
}

}  // namespace

Result<double> append_to_streams(const std::string& path, uint32_t streams, const Shape& shape,
                                 uint64_t events) {
  const Input input(shape);
  TIDEMARK_ASSIGN(log, Log::open(path, {.peers = streams, .refuse_existing = true}));
  std::vector<EventWriter> writers;
  for (uint32_t i = 0; i < streams; ++i) {
    TIDEMARK_ASSIGN(writer, log.writer(i, unsynced_options(shape)));
    writers.push_back(std::move(writer));
  }
  TIDEMARK_ASSIGN(ns, in_threads(streams, [&](uint32_t i) -> Result<void> {
                    for (uint64_t event = 0; event < events; ++event) {
                      auto done = append(writers[i], shape, input, 0);
                      if (!done) return tl::make_unexpected(std::move(done).error());
                    }
                    return {};
                  }));
  return ns / static_cast<double>(events * streams);
}

Result<double> append_barely_in_threads(const std::string& directory, uint32_t threads,
                                        const Shape& shape, uint64_t events) {
  const Input input(shape);
  std::vector<MappedFile> files;
  for (uint32_t i = 0; i < threads; ++i) {
    TIDEMARK_ASSIGN(file, MappedFile::create(directory, events * bare_bytes(shape.data_bytes())));
    files.push_back(std::move(file));
  }
  const auto append = bare_loops().append;
  TIDEMARK_ASSIGN(ns, in_threads(threads, [&](uint32_t i) -> Result<void> {
                    append(files[i].base(), input.data.data(), input.data.size(), events);
                    return {};
                  }));
  return ns / static_cast<double>(events * threads);
}

Result<double> append_while_tailed(const std::string& path, const TailedPlan& plan) {
  const Shape shape = {1, 1024};
  const Input input(shape);
  TIDEMARK_ASSIGN(ready, Shared<std::atomic<uint32_t>>::create());
  TIDEMARK_ASSIGN(log, Log::open(path, {.refuse_existing = true}));
  std::vector<ChildProcess> tailers;
  for (uint32_t i = 0; i < plan.tailers; ++i) {
    TIDEMARK_ASSIGN(tailer,
                    ChildProcess::start([&] { return tail_to_the_end(path, plan, *ready); }));
    tailers.push_back(std::move(tailer));
  }
  TIDEMARK_ASSIGN(writer, log.writer(0, unsynced_options(shape)));
  if (!spin_until([&] { return ready->load() == plan.tailers; })) {
    for (ChildProcess& tailer : tailers) TIDEMARK_TRY(tailer.finish(1));
    return fail(ErrorCode::Io, "a tailer did not begin in 10 s");
  }
  std::optional<ApartFromChild> apart;
  if (plan.spinning && plan.tailers > 0) apart.emplace();
  const uint64_t interval = ticks_of(std::chrono::nanoseconds(
      static_cast<int64_t>(plan.ns_an_event * static_cast<double>(TailedPlan::kBurst))));
  uint64_t busy = 0;
  uint64_t due = ticks();
  for (uint64_t i = 0; i < plan.events;) {
    const uint64_t end = std::min(i + TailedPlan::kBurst, plan.events);
    const uint64_t start = ticks();
    for (; i < end; ++i) {
      auto done = append(writer, shape, input, 0);
      if (!done) return tl::make_unexpected(std::move(done).error());
    }
    const uint64_t now = ticks();
    busy += now - start;
    // Who is late does not hurry afterwards.
    due = std::max(due + interval, now);
    while (ticks() < due) pause_briefly();
  }
  const Change last[] = {{Time(0), -1}};
  TIDEMARK_TRY(writer.append_progress(last));
  TIDEMARK_TRY(writer.close());
  for (ChildProcess& tailer : tailers) TIDEMARK_TRY(tailer.finish(60));
  return static_cast<double>(busy) * ns_per_tick() / static_cast<double>(plan.events);
}

Result<double> append_in_order(const std::string& path, uint64_t events) {
  const Shape shape;
  const Input input(shape);
  TIDEMARK_ASSIGN(log, Log::open(path, {.refuse_existing = true}));
  TIDEMARK_ASSIGN(writer, log.writer(0, unsynced_options(shape)));
  const auto start = Clock::now();
  for (uint64_t i = 0; i < events; ++i) {
    auto done = append(writer, shape, input, i);
    if (!done) return tl::make_unexpected(std::move(done).error());
  }
  const double ns = ns_since(start) / static_cast<double>(events);
  TIDEMARK_TRY(writer.close());
  return ns;
}

Result<double> read_in_order(const std::string& path, uint64_t events) {
  TIDEMARK_ASSIGN(log, Log::open(path));
  TIDEMARK_ASSIGN(reader, log.reader(0));
  const auto start = Clock::now();
  for (uint64_t i = 0; i < events; ++i) {
    auto status = reader.poll();
    if (!status) return tl::make_unexpected(std::move(status).error());
    if (*status != Status::Event) return lacks_events(path);
  }
  return ns_since(start) / static_cast<double>(events);
}

Result<double> seek_in_order(const std::string& path, uint64_t events) {
  constexpr int kSeeks = 21;
  std::mt19937_64 random(events);  // the same times in each run
  std::vector<double> taken;
  for (int i = 0; i < kSeeks; ++i) {
    const uint64_t wanted = random() % events;
    const auto start = Clock::now();
    TIDEMARK_ASSIGN(log, Log::open(path));
    ReplayOptions options;
    options.from = Time(wanted);
    options.until = Time(wanted + 1);
    const uint32_t streams[] = {0};
    TIDEMARK_ASSIGN(replay, Replay::open(log, streams, options));
    for (;;) {
      TIDEMARK_ASSIGN(status, replay.next(10s));
      if (status != Replay::Status::Event) return lacks_events(path);
      const MessagesView* messages = replay.event().messages();
      if (messages == nullptr) continue;
      if (messages->time().word(0) != wanted) return lacks_events(path);
      break;
    }
    taken.push_back(ns_since(start));
  }
  return median(taken);
}

Result<double> write_until_killed(const std::string& path, uint64_t position) {
  TIDEMARK_ASSIGN(kib, Shared<std::atomic<uint64_t>>::create());
  TIDEMARK_ASSIGN(child, ChildProcess::start([&]() -> Result<void> {
                    const Shape shape = {1, 1024};
                    const Input input(shape);
                    MemoryWatch memory(*kib);
                    TIDEMARK_ASSIGN(log, Log::open(path));
                    WriterOptions options;
                    options.encoding = shape.encoding;
                    TIDEMARK_ASSIGN(writer, log.writer(0, options));
                    for (uint64_t i = 1; writer.committed() < position; ++i) {
                      TIDEMARK_TRY(append(writer, shape, input, 0));
                      if (i % kEventsALook == 0) memory.look();
                    }
                    memory.look();
                    ::raise(SIGKILL);
                    return {};
                  }));
  TIDEMARK_TRY(child.await_kill());
  return mib(kib);
}

Result<double> open_after_kill(const std::string& path) {
  const auto start = Clock::now();
  TIDEMARK_ASSIGN(log, Log::open(path));
  WriterOptions options;
  options.encoding = RecordEncoding::Fixed;
  TIDEMARK_ASSIGN(writer, log.writer(0, options));
  const double ns = ns_since(start);
  TIDEMARK_TRY(writer.close());
  return ns;
}

Result<double> memory_of_replay(const std::string& path) {
  TIDEMARK_ASSIGN(kib, Shared<std::atomic<uint64_t>>::create());
  TIDEMARK_ASSIGN(child, ChildProcess::start([&]() -> Result<void> {
                    MemoryWatch memory(*kib);
                    TIDEMARK_ASSIGN(log, Log::open(path));
                    const uint32_t streams[] = {0};
                    TIDEMARK_ASSIGN(replay, Replay::open(log, streams));
                    for (uint64_t i = 1;; ++i) {
                      TIDEMARK_ASSIGN(status, replay.next(10s));
                      if (i % kEventsALook == 0 || status == Replay::Status::Finished)
                        memory.look();
                      if (status == Replay::Status::Finished) return {};
                      if (status != Replay::Status::Event) return lacks_events(path);
                    }
                  }));
  TIDEMARK_TRY(child.finish(3600));
  return mib(kib);
}

}  // namespace tidemark::bench
