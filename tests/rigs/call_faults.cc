// Every call of the seam fails, the first to the last of its kind, once and for ever, with each
// error (SPEC.md sections 7.1 and 8): nothing crashes, every error has a type, what was
// acknowledged is there, and without the fault everything goes on.

#include <array>
#include <cerrno>
#include <thread>

#include "crash_check.h"
#include "crash_image.h"
#include "rig.h"
#include "stream_oracle.h"
#include "tidemark/salvage.h"
#include "tidemark/verify.h"

namespace tidemark::rig {
namespace {

// 1 stands for a read that returns half of what it was asked for.
constexpr int kShort = 1;
constexpr std::array kErrors = {-EIO, -ENOSPC, -EROFS, -ENOMEM, kShort};

struct Fault {
  Call call{};
  uint64_t from = 0;  // calls of that kind before it
  bool for_ever = false;
  int error = 0;
};

std::string text_of(const Fault& fault) {
  return std::string(name_of(fault.call)) + " number " + std::to_string(fault.from) +
         (fault.for_ever ? " and all after it" : "") + " fails with " +
         (fault.error == kShort ? "half of the bytes" : std::to_string(-fault.error));
}

// One life of a log, in which anything may fail.
class Scenario {
 public:
  Scenario(std::optional<Fault> fault, SyncPolicy policy) : fault_(fault), policy_(policy) {}

  std::string run(Random& random, CrashCounters& counters);
  const std::array<uint64_t, kCalls>& calls() const { return calls_; }

 private:
  void arm(SimulatedProcess& process);
  std::string write(bool close);
  std::string append(EventWriter& writer, size_t bytes);
  std::string check_poisoned(EventWriter& writer);
  std::string refuse_second_writer(const Log& log);
  std::string look();

  const std::optional<Fault> fault_;
  const SyncPolicy policy_;
  SimulatedDisk disk_;
  std::array<uint64_t, kCalls> calls_{};
  uint64_t hits_ = 0;
  Past past_;
  uint64_t appended_ = 0;
  bool in_flight_ = false;
};

void Scenario::arm(SimulatedProcess& process) {
  process.before = [this](Call call, const std::string&) {
    const uint64_t number = calls_[static_cast<size_t>(call)]++;
    if (!fault_ || fault_->call != call) return 0;
    if (number < fault_->from || (number > fault_->from && !fault_->for_ever)) return 0;
    ++hits_;
    return fault_->error;
  };
}

std::string Scenario::check_poisoned(EventWriter& writer) {
  const uint64_t durable = writer.durable();
  const auto again = writer.sync();
  if (again || again.error().code != ErrorCode::Poisoned) return "a sync after a failed one counts";
  const uint64_t time = 0;
  const std::string_view records[] = {"refused"};
  const auto refused = writer.append_messages(std::span(&time, 1), records);
  if (refused || refused.error().code != ErrorCode::Poisoned) return "a poisoned writer appends";
  return writer.durable() == durable ? "" : "the durable position of a poisoned writer moves";
}

std::string Scenario::append(EventWriter& writer, size_t bytes) {
  const std::string text = std::to_string(++appended_) + std::string(bytes, 'f');
  const std::string_view records[] = {text};
  const uint64_t time = 0;
  // What fails may be tried again, twice at most; a poisoned writer is done.
  for (int attempt = 0; attempt < 3; ++attempt) {
    past_.written.push_back(number_of_messages(time, records));
    const auto end = writer.append_messages(std::span(&time, 1), records);
    if (end) {
      past_.returned = past_.written.size();
      past_.highest = *end;
      if (policy_.kind == SyncPolicy::Kind::EveryCommit) past_.acknowledged = past_.returned;
      // The helper is waited for, so that calls come in one order.
      const uint64_t first = *end / kMinSegmentBytes * kMinSegmentBytes;
      const bool expected = *end - first >= kMinSegmentBytes / 8;
      for (int i = 0; expected && i < 200 && !disk_.prepared_beyond(kStreamDirectory, first); ++i) {
        if (hits_ > 0 && i > 20) break;
        std::this_thread::sleep_for(std::chrono::microseconds(20));
      }
      return "";
    }
    if (end.error().code == ErrorCode::Poisoned) {
      in_flight_ = true;
      return check_poisoned(writer);
    }
    past_.written.pop_back();  // "nothing was appended"
    if (hits_ == 0) return "append: " + end.error().text();
  }
  return "";
}

std::string Scenario::refuse_second_writer(const Log& log) {
  const uint64_t before = hits_;
  const auto second = log.writer(0, small_segments(policy_));
  if (second) return "a second writer was let in";
  if (hits_ == before && second.error().code != ErrorCode::Busy) {
    return "a second writer: " + second.error().text();
  }
  return "";
}

std::string Scenario::write(bool close) {
  SimulatedProcess process(disk_);
  arm(process);
  LogOptions options;
  options.create_if_missing = true;
  const auto log = Log::open(kLogPath, options, process);
  if (!log) return hits_ > 0 ? "" : "the log cannot be opened: " + log.error().text();
  auto writer = log->writer(0, small_segments(policy_));
  if (!writer) return hits_ > 0 ? "" : "no writer: " + writer.error().text();
  past_.written.resize(writer->totals().events);
  past_.acknowledged = past_.returned = past_.written.size();
  in_flight_ = false;
  std::string wrong = refuse_second_writer(*log);
  for (int i = 0; wrong.empty() && !in_flight_ && i < 24; ++i) {
    wrong = append(*writer, i < 4 ? 100 : 4000);
    if (!wrong.empty() || in_flight_ || i % 10 != 9) continue;
    if (writer->sync()) {
      past_.acknowledged = past_.returned;
    } else {
      wrong = check_poisoned(*writer);
      break;
    }
  }
  if (wrong.empty() && close) {
    if (writer->close()) past_.acknowledged = past_.returned;
  }
  process.die();
  return wrong;
}

std::string Scenario::look() {
  SimulatedProcess process(disk_);
  arm(process);
  const auto log = Log::open(kLogPath, {}, process);
  if (!log) return hits_ > 0 ? "" : "the log cannot be opened: " + log.error().text();
  for (const Access access : {Access::Map, Access::Copy}) {
    const uint64_t before = hits_;
    const Served served = serve(*log, 0, access);
    if (served.events.size() > past_.written.size() ||
        !std::equal(served.events.begin(), served.events.end(), past_.written.begin())) {
      return "a reader was served a wrong event";
    }
    if (hits_ == before && served.error) return "reading: " + served.error->text();
    // Where the lock or the clock could not be asked, the end of the stream may go unexamined; but
    // every event is there.
    if (!served.error && served.events.size() < past_.returned) return "a reader ended early";
  }
  uint64_t before = hits_;
  const auto report = verify_log(kLogPath, {}, process);
  if (hits_ == before && (!report || report->damaged())) return "verification finds damage";
  before = hits_;
  const auto salvaged = salvage_log(kLogPath, "/saved", {}, process);
  if (hits_ == before && !salvaged) return "salvage: " + salvaged.error().text();
  if (!salvaged || salvaged->lost_anything()) return "";
  SimulatedProcess sound(disk_);
  const auto saved = Log::open("/saved", {}, sound);
  if (!saved) return "the salvaged log cannot be opened: " + saved.error().text();
  const Served served = serve(*saved, 0, Access::Map);
  if (served.events.size() < past_.returned) return "salvage lost events and did not say so";
  return "";
}

std::string Scenario::run(Random& random, CrashCounters& counters) {
  std::string wrong = write(/*close=*/true);
  if (wrong.empty()) wrong = write(/*close=*/false);
  if (wrong.empty()) wrong = look();
  if (!wrong.empty()) return wrong;
  if (disk_.mapped_beyond_a_file) return "more was mapped than the file has: a signal";
  // Without faults everything goes on; first, that nothing acknowledged hangs on the page cache.
  {
    SimulatedProcess sound(disk_);
    LogOptions options;
    options.create_if_missing = true;
    const auto log = Log::open(kLogPath, options, sound);
    if (!log) return "afterwards the log cannot be opened: " + log.error().text();
  }
  disk_.mutex.lock();
  const Snapshot snapshot(disk_);
  disk_.mutex.unlock();
  Choice whole;
  whole.pages.assign(snapshot.dirty_pages(), Variant::New);
  wrong = check_crash(snapshot.build(whole), past_, Crash::Kill, 0, random, counters);
  if (!wrong.empty()) return "afterwards: " + wrong;
  snapshot.for_each_choice(8, random, [&](const Choice& choice) {
    wrong = check_crash(snapshot.build(choice), past_, Crash::PowerLoss, 0, random, counters);
    if (!wrong.empty())
      wrong = "power lost afterwards: " + wrong + ", left:" + snapshot.describe(choice);
    return wrong.empty();
  });
  return wrong;
}

}  // namespace

int call_faults(Rig& rig) {
  CrashCounters counters{rig.counter("images"), rig.counter("of_those_in_recovery")};
  const std::array policies = {SyncPolicy::none(), SyncPolicy::every_commit()};
  std::vector<std::pair<Fault, SyncPolicy>> cases;
  for (const SyncPolicy& policy : policies) {
    Random random(rig.options().seed);
    Scenario sound(std::nullopt, policy);
    if (auto wrong = sound.run(random, counters); !wrong.empty()) {
      rig.fail("without any fault: " + wrong, 0);
      return rig.finish();
    }
    for (int call = 0; call < kCalls; ++call) {
      for (uint64_t from = 0; from < sound.calls()[static_cast<size_t>(call)]; ++from) {
        for (const int error : kErrors) {
          if (error == kShort && static_cast<Call>(call) != Call::Read) continue;
          for (const bool for_ever : {false, true}) {
            cases.push_back({{static_cast<Call>(call), from, for_ever, error}, policy});
          }
        }
      }
    }
  }
  rig.counter("faults").store(cases.size());
  for_each_case(rig, cases.size(), [&](uint64_t number) {
    const auto& [fault, policy] = cases[number % cases.size()];
    Random random(rig.options().seed, number);
    const std::string wrong = Scenario(fault, policy).run(random, counters);
    if (!wrong.empty()) rig.fail(text_of(fault) + ": " + wrong, number);
  });
  return rig.finish();
}

}  // namespace tidemark::rig
