#include "crash_check.h"

#include <algorithm>
#include <optional>

#include "crash_image.h"
#include "stream_oracle.h"
#include "tidemark/verify.h"

namespace tidemark::rig {
namespace {

// Whether these are the events of the stream from that one on.
bool is_part(const Served& served, const std::vector<uint64_t>& of) {
  return served.first <= of.size() && served.events.size() <= of.size() - served.first &&
         std::equal(served.events.begin(), served.events.end(),
                    of.begin() + static_cast<ptrdiff_t>(served.first));
}

// What is missing at the beginning was purged.
bool is_purged(const Served& served, const Past& past) {
  return served.first >= past.purged_least && served.first <= past.purged_most;
}

std::string count_of(const char* what, size_t count) {
  return std::string(what) + ' ' + std::to_string(count);
}

void call_synced(Node& node) {
  for (auto& [name, child] : node.entries) call_synced(*child);
  if (node.live) node.synced = node.is_shared ? node.live : node.live->clone();
}

struct Moment {
  Snapshot snapshot;
  Past past;
};

// Reading never repairs: it serves a beginning of what was written, all that was acknowledged, and
// then says that something is wrong or that there is no more.
std::string check_reading(SimulatedDisk& disk, const Past& past, Crash crash, Random& random) {
  SimulatedProcess process(disk);
  const auto log = Log::open(kLogPath, {}, process);
  if (!log) return "the log cannot be opened: " + log.error().text();
  const Served served = serve(*log, 0, random.below(2) == 0 ? Access::Map : Access::Copy);
  if (!is_part(served, past.written)) return "a reader was served a wrong event";
  const size_t least = crash == Crash::Kill ? past.returned : past.acknowledged;
  if (served.first + served.events.size() < least) {
    return count_of("a reader was served", served.events.size()) + count_of(" events of", least) +
           (served.error ? ": " + served.error->text() : "");
  }
  if ((!served.error || !served.events.empty()) && !is_purged(served, past)) {
    return count_of("what is left begins with event", served.first);
  }
  if (!served.error) return "";
  if (crash == Crash::Kill) return "after a mere kill: " + served.error->text();
  // A first segment that lost its header looks like one that was never published.
  const bool typed =
      served.error->code == ErrorCode::Corrupt || served.error->code == ErrorCode::Missing;
  return typed ? "" : "unexpected: " + served.error->text();
}

// The consumer comes back after the crash, and goes on at its cursor.
std::string check_cursor(const Log& log, const Past& past) {
  const Served served = serve(log, 0, Access::Map, past.cursor->position);
  if (served.error) return "a cursor's place is lost: " + served.error->text();
  if (served.first == past.cursor->index && is_part(served, past.written) &&
      served.first + served.events.size() == past.written.size()) {
    return "";
  }
  return "a consumer that comes back is not served what follows its cursor";
}

std::string check_after(SimulatedDisk& disk, const Past& past, bool verify) {
  SimulatedProcess process(disk);
  const auto log = Log::open(kLogPath, {}, process);
  if (!log) return "the recovered log cannot be opened: " + log.error().text();
  const Served served = serve(*log, 0, Access::Map);
  if (served.error) return "the recovered stream is damaged: " + served.error->text();
  if (!is_part(served, past.written) || !is_purged(served, past) ||
      served.first + served.events.size() != past.written.size()) {
    return "the recovered stream is not what was recovered";
  }
  if (past.cursor) {
    if (auto wrong = check_cursor(*log, past); !wrong.empty()) return wrong;
  }
  if (!verify) return "";
  const auto report = verify_log(kLogPath, {}, process);
  if (!report) return "verification failed: " + report.error().text();
  if (!report->damaged()) return "";
  const auto& damage =
      report->log_damage.empty() ? report->streams.at(0).damage : report->log_damage;
  return "verification finds damage: " + damage.at(0).text();
}

}  // namespace

std::string check_crash(const NodePtr& root, const Past& past, Crash crash, unsigned nested,
                        Random& random, CrashCounters& counters) {
  counters.images.fetch_add(1, std::memory_order_relaxed);
  SimulatedDisk disk(root, crash == Crash::Kill ? 1 : 2 + random.below(1'000'000));
  disk.random = random();
  disk.tracks_the_medium = nested > 0;
  if (nested > 0) call_synced(*root);
  if (auto wrong = check_reading(disk, past, crash, random); !wrong.empty()) return wrong;

  std::vector<Moment> moments;
  Past present = past;
  {
    SimulatedProcess process(disk);
    if (nested > 0) {
      process.before = [&](Call call, const std::string&) {
        if (changes_the_medium(call)) moments.push_back({Snapshot(disk), present});
        return 0;
      };
    }
    const auto log = Log::open(kLogPath, {}, process);
    if (!log) return "the log cannot be opened again: " + log.error().text();
    const SyncPolicy policies[] = {SyncPolicy::none(), SyncPolicy::every_commit()};
    auto writer = log->writer(0, small_segments(policies[random.below(2)]));
    if (!writer) return "opening for writing is refused: " + writer.error().text();
    const size_t recovered = writer->totals().events;
    const size_t least = crash == Crash::Kill ? past.returned : past.acknowledged;
    if (recovered < least) {
      return count_of("recovery kept", recovered) + count_of(" events of", least);
    }
    if (recovered > past.written.size()) return "recovery found more than was written";
    present.written.resize(recovered);
    present.acknowledged = recovered;
    // Once more, after what recovery left behind.
    const uint64_t time = writer->protocol().counts().front().first.word(0);
    const std::string_view records[] = {"appended after a crash"};
    present.written.push_back(number_of_messages(time, records));
    const auto end = writer->append_messages(std::span(&time, 1), records);
    if (!end) return "nothing can be appended after recovery: " + end.error().text();
    if (*end <= past.highest) return "a position is used again: " + std::to_string(*end);
    if (const auto synced = writer->sync(); !synced) return "sync: " + synced.error().text();
    present.acknowledged = recovered + 1;
    if (random.below(2) == 0) {
      if (const auto closed = writer->close(); !closed) return "close: " + closed.error().text();
    } else {
      process.die();
    }
  }
  present.returned = present.acknowledged;
  if (auto wrong = check_after(disk, present, random.below(16) == 0); !wrong.empty()) {
    return wrong;
  }
  if (nested == 0) return "";
  {
    const std::lock_guard lock(disk.mutex);
    moments.push_back({Snapshot(disk), present});
  }
  for (size_t i = 0; i < moments.size(); ++i) {
    const Moment& moment = moments[i];
    std::string wrong;
    moment.snapshot.for_each_choice(nested, random, [&](const Choice& choice) {
      counters.in_recovery.fetch_add(1, std::memory_order_relaxed);
      wrong = check_crash(moment.snapshot.build(choice), moment.past, Crash::PowerLoss, 0, random,
                          counters);
      if (!wrong.empty()) {
        wrong += "; crashed again at call " + std::to_string(i) +
                 " of recovery, which left:" + moment.snapshot.describe(choice);
      }
      return wrong.empty();
    });
    if (!wrong.empty()) return wrong;
  }
  return "";
}

}  // namespace tidemark::rig
