#include "tail_runs.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <ctime>
#include <span>
#include <thread>
#include <vector>

#include "clock.h"
#include "tidemark/log.h"
#include "two_processes.h"

namespace tidemark::measure {
namespace {

using namespace std::chrono_literals;

constexpr uint64_t kRecordBytes = 64;
// Before any is measured: they fill the first segment and start the writer's helper.
constexpr uint64_t kEventsBefore = 10'000;

// What the two processes share. Each word has a cache line of its own, but for the futex's and its
// stamp, which are written and read together.
struct Board {
  alignas(64) std::atomic<uint32_t> sequence;  // by the writer; the reader's acquire load pairs
  std::atomic<uint64_t> stamp;                 // by the writer, before `sequence`
  alignas(64) std::atomic<uint64_t> answered;  // by the reader: so many were seen
  alignas(64) std::atomic<uint32_t> stage;     // 1: the reader may begin, 2: it has begun
};

// The reader's delays, behind the board.
std::span<double> delays_of(const Shared<Board>& board, const TailPlan& plan) {
  return {reinterpret_cast<double*>(board.extra()), plan.events};
}

double delay_since(uint64_t stamp) { return static_cast<double>(ticks() - stamp) * ns_per_tick(); }

tl::unexpected<Error> no_answer() {
  return fail(ErrorCode::Io, "the other process did not answer in 10 s");
}

bool answers(const Shared<Board>& board, uint64_t events) {
  return spin_until([&] { return board->answered.load(std::memory_order_acquire) >= events; });
}

// The first ones are left out: caches and predictors fill.
Percentiles summary(std::span<const double> delays) {
  const auto kept = delays.subspan(delays.size() / 20);
  return percentiles({kept.begin(), kept.end()});
}

// When the next event is due.
class Schedule {
 public:
  explicit Schedule(const TailPlan& plan)
      : interval_(plan.events_a_second == 0
                      ? 0
                      : ticks_of(std::chrono::nanoseconds(1'000'000'000 / plan.events_a_second))),
        due_(ticks()) {}
  void wait() {
    if (interval_ == 0) return;
    due_ += interval_;
    // Who is late does not hurry afterwards, or the events would come in bursts.
    const uint64_t now = ticks();
    if (now > due_) {
      due_ = now;
      return;
    }
    while (ticks() < due_) pause_briefly();
  }

 private:
  const uint64_t interval_;
  uint64_t due_;
};

void futex_wait(std::atomic<uint32_t>& word, uint32_t value) {
  const timespec limit = {1, 0};
  ::syscall(SYS_futex, &word, FUTEX_WAIT, value, &limit, nullptr, 0);
}
void futex_wake(std::atomic<uint32_t>& word) {
  ::syscall(SYS_futex, &word, FUTEX_WAKE, 1, nullptr, nullptr, 0);
}

Result<void> read_line(const Shared<Board>& board, const TailPlan& plan) {
  stay_apart_from_parent();
  const auto delays = delays_of(board, plan);
  board->stage.store(2, std::memory_order_release);
  for (uint32_t i = 0; i < plan.events; ++i) {
    const auto arrived = [&] { return board->sequence.load(std::memory_order_acquire) != i; };
    if (plan.sleeping) {
      for (int tries = 0; !arrived(); ++tries) {
        if (tries == 10) return no_answer();
        futex_wait(board->sequence, i);
      }
    } else if (!spin_until(arrived)) {
      return no_answer();
    }
    delays[i] = delay_since(board->stamp.load(std::memory_order_relaxed));
    board->answered.store(i + 1, std::memory_order_release);
  }
  return {};
}

Result<void> read_log(const Shared<Board>& board, const std::string& path, const TailPlan& plan) {
  stay_apart_from_parent();
  while (board->stage.load(std::memory_order_acquire) != 1) std::this_thread::sleep_for(1ms);
  const auto delays = delays_of(board, plan);
  TIDEMARK_ASSIGN(log, Log::open(path));
  TIDEMARK_ASSIGN(reader, log.reader(0));
  const Waiting waiting = plan.sleeping ? Waiting::Sleep : Waiting::Spin;
  for (uint64_t i = 0; i < kEventsBefore + plan.events; ++i) {
    auto status = reader.next(10s, waiting);
    if (!status) return tl::make_unexpected(std::move(status).error());
    if (*status != EventReader::Status::Event) return no_answer();
    if (i < kEventsBefore) {
      if (i + 1 == kEventsBefore) board->stage.store(2, std::memory_order_release);
      continue;
    }
    uint64_t stamp = 0;
    std::memcpy(&stamp, reader.event().messages()->data().data(), sizeof stamp);
    delays[i - kEventsBefore] = delay_since(stamp);
    board->answered.store(i - kEventsBefore + 1, std::memory_order_release);
  }
  return {};
}

}  // namespace

Result<Percentiles> tail_line(const TailPlan& plan) {
  (void)ns_per_tick();  // found out here, for both
  TIDEMARK_ASSIGN(board, Shared<Board>::create(plan.events * sizeof(double)));
  TIDEMARK_ASSIGN(reader, ChildProcess::start([&] { return read_line(board, plan); }));
  const ApartFromChild apart;
  if (!spin_until([&] { return board->stage.load(std::memory_order_acquire) == 2; })) {
    return no_answer();
  }
  Schedule schedule(plan);
  for (uint32_t i = 0; i < plan.events; ++i) {
    schedule.wait();
    board->stamp.store(ticks(), std::memory_order_relaxed);
    board->sequence.store(i + 1, std::memory_order_release);
    if (plan.sleeping) futex_wake(board->sequence);
    if (!answers(board, i + 1)) return no_answer();
  }
  TIDEMARK_TRY(reader.finish(10));
  return summary(delays_of(board, plan));
}

Result<Percentiles> tail_log(const std::string& path, const TailPlan& plan) {
  (void)ns_per_tick();
  TIDEMARK_ASSIGN(board, Shared<Board>::create(plan.events * sizeof(double)));
  TIDEMARK_ASSIGN(reader, ChildProcess::start([&] { return read_log(board, path, plan); }));
  TIDEMARK_ASSIGN(log, Log::open(path, {.refuse_existing = true}));
  WriterOptions options;
  options.sync = SyncPolicy::none();
  options.clock = CaptureClock::Coarse;
  options.encoding = RecordEncoding::Fixed;
  TIDEMARK_ASSIGN(writer, log.writer(0, options));
  std::vector<std::byte> record(kRecordBytes);
  const uint64_t time = 0;
  const auto append = [&](uint64_t stamp) -> Result<void> {
    std::memcpy(record.data(), &stamp, sizeof stamp);
    TIDEMARK_TRY(writer.append_messages(std::span(&time, 1), 1, record));
    return {};
  };
  // The writer's helper begins here, and is not kept to the writer's processor.
  for (uint64_t i = 0; i < kEventsBefore; ++i) TIDEMARK_TRY(append(0));
  const ApartFromChild apart;
  board->stage.store(1, std::memory_order_release);
  if (!spin_until([&] { return board->stage.load(std::memory_order_acquire) == 2; })) {
    TIDEMARK_TRY(reader.finish(1));
    return no_answer();
  }
  Schedule schedule(plan);
  for (uint64_t i = 0; i < plan.events; ++i) {
    schedule.wait();
    TIDEMARK_TRY(append(ticks()));
    if (plan.events_a_second > 0 && !answers(board, i + 1)) return no_answer();
  }
  TIDEMARK_TRY(reader.finish(30));
  TIDEMARK_TRY(writer.close());
  return summary(delays_of(board, plan));
}

}  // namespace tidemark::measure
