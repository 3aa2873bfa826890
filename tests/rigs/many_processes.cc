// Many processes on one log, in the file system of the working directory: a writer that is killed
// every 10 to 50 ms and comes back, eight tailers of all kinds, two of them consumers with cursors
// in the catalog, and a purger; any of them is stopped or killed at any moment. Every event has one
// content and one place that follow from its number, so that whoever reads it can tell.

#include <array>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <new>
#include <thread>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rig.h"
#include "stream_oracle.h"
#include "tidemark/cursor.h"
#include "tidemark/purge.h"
#include "tidemark/survey.h"
#include "tidemark/verify.h"

namespace tidemark::rig {
namespace {

using namespace std::chrono_literals;

constexpr size_t kTailers = 8;
constexpr size_t kConsumers = 2;  // the last of them have cursors
// Of so many events it is known where each one stands.
constexpr uint64_t kPlacesKnown = uint64_t{1} << 24;

// What a tailer has come to, for the next process in its place.
struct TailerState {
  std::atomic<uint64_t> next{0};      // number of the event that it has not seen yet
  std::atomic<uint64_t> position{0};  // and where it stands
  std::atomic<uint64_t> read{0};
  std::atomic<uint64_t> overtaken{0};
  std::atomic<bool> has_cursor{false};
};

// In memory that all processes share.
struct Shared {
  std::atomic<bool> end{false};       // the writer shall finish the stream
  std::atomic<uint64_t> returned{0};  // appends that returned
  std::atomic<uint64_t> purged{0};    // segments
  std::array<TailerState, kTailers> tailers;
  std::array<std::atomic<uint64_t>, kPlacesKnown> places;  // by event: its end, as first seen
  char failure[512];
};

// Messages and progress take turns: event 2n is record n, and then n is complete.
std::string record_text(uint64_t number) {
  Random random(number);
  return std::to_string(number) + ':' +
         std::string(random.below(900), static_cast<char>('a' + random.below(26)));
}
uint64_t number_of_event(uint64_t sequence) {
  const uint64_t record = sequence / 2;
  if (sequence % 2 == 1) {
    const Change changes[] = {{record, -1}, {record + 1, 1}};
    return number_of_progress(changes);
  }
  const std::string text = record_text(record);
  const std::string_view records[] = {text};
  return number_of_messages(record, records);
}

int failed(Shared& shared, const std::string& what) {
  std::snprintf(shared.failure, sizeof shared.failure, "%s", what.c_str());
  return 1;
}

int write(const Log& log, uint64_t seed, Shared& shared) {
  Random random(seed);
  const SyncPolicy policies[] = {SyncPolicy::none(), SyncPolicy::every(1ms),
                                 SyncPolicy::every_bytes(20'000), SyncPolicy::every_commit()};
  auto writer = log.writer(0, small_segments(policies[random.below(4)]));
  if (!writer) {
    if (writer.error().code == ErrorCode::Finished) return 0;
    return failed(shared, "writer: " + writer.error().text());
  }
  uint64_t sequence = writer->totals().events;
  if (sequence < shared.returned.load()) return failed(shared, "a kill lost what was committed");
  for (;;) {
    const uint64_t record = sequence / 2;
    Result<uint64_t> end = 0;
    if (sequence % 2 == 1) {
      const Change changes[] = {{record, -1}, {record + 1, 1}};
      end = writer->append_progress(changes);
    } else if (shared.end.load()) {
      const Change last[] = {{record, -1}};
      if (end = writer->append_progress(last); end && writer->close()) return 0;
    } else {
      const std::string text = record_text(record);
      const std::string_view texts[] = {text};
      end = writer->append_messages(std::span(&record, 1), texts);
    }
    if (!end) return failed(shared, "append: " + end.error().text());
    shared.returned.store(++sequence);
    if (sequence % 64 == 0) std::this_thread::sleep_for(1ms);
    if (random.below(20'000) == 0) return writer->close() ? 0 : failed(shared, "close");
  }
}

// One process of a tailer. It goes on where the one before it was killed.
class Tailer {
 public:
  Tailer(const Log& log, size_t index, uint64_t seed, Shared& shared)
      : log_(log), index_(index), random_(seed), shared_(shared), state_(shared.tailers[index]) {}

  int run() {
    options_.leasing = index_ % 2 == 0 ? Leasing::Automatic : Leasing::None;
    options_.access = index_ % 3 == 0 ? Access::Copy : Access::Map;
    options_.visibility = index_ % 4 == 3 ? Visibility::Durable : Visibility::Committed;
    if (const std::string wrong = begin(); !wrong.empty()) return failed(shared_, wrong);
    for (;;) {
      std::string wrong;
      const auto answer = read(wrong);
      if (!wrong.empty()) return failed(shared_, wrong);
      if (answer == EventReader::Status::Finished) return 0;
    }
  }

 private:
  bool is_consumer() const { return index_ >= kTailers - kConsumers; }

  std::string begin() {
    const uint64_t position = state_.position.load();
    if (position > 0) options_.position = position;
    if (!is_consumer()) return "";
    const uint32_t streams[] = {0};
    auto consumer = Consumer::open(log_, "consumer " + std::to_string(index_), streams);
    if (!consumer) return consumer.error().text();
    if (!consumer->found() && state_.has_cursor.load()) return "its cursor is gone";
    options_.position = consumer->position(0);
    consumer_.emplace(*std::move(consumer));
    return "";
  }

  // Reads until there is a reason to open again.
  EventReader::Status read(std::string& wrong) {
    auto opened = log_.reader(0, options_);
    if (!opened) {
      wrong = overtaken(opened.error());
      return EventReader::Status::Pending;
    }
    EventReader& reader = *opened;
    bool first = true;
    for (uint64_t left = 1 + random_.below(20'000); left > 0; --left) {
      const auto status = reader.next(50ms);
      if (!status) {
        // With a lease at its place, nothing from there on can go.
        wrong = options_.leasing == Leasing::Automatic && !first
                    ? "a purge overtook a lease: " + status.error().text()
                    : overtaken(status.error());
        return EventReader::Status::Pending;
      }
      if (*status == EventReader::Status::Finished) return *status;
      if (*status != EventReader::Status::Event) continue;
      if (wrong = take(reader, first); !wrong.empty()) return EventReader::Status::Pending;
      first = false;
      if (random_.below(2000) == 0) std::this_thread::sleep_for(3ms);
    }
    options_.segment.reset();
    options_.position = reader.position();
    return EventReader::Status::Pending;
  }

  std::string take(const EventReader& reader, bool first) {
    const uint64_t sequence = reader.sequence() - 1;
    const uint64_t next = state_.next.load();
    // The last event ends all capabilities, and is no other event.
    const bool last = reader.protocol().counts().empty();
    if (!last && number_of(reader.event()) != number_of_event(sequence)) {
      return "event " + std::to_string(sequence) + " is another one";
    }
    // A process before this one may have been killed between its look and its word, and a cursor
    // is where it was last committed.
    const bool again = first && sequence < next;
    if (sequence > next && !(may_skip_ && first)) {
      return "events " + std::to_string(next) + " to " + std::to_string(sequence) + " are skipped";
    }
    if (sequence < next && !again && !repeating_) {
      return "event " + std::to_string(sequence) + " comes again";
    }
    repeating_ = sequence + 1 < next;
    may_skip_ = false;
    if (sequence < kPlacesKnown) {
      uint64_t known = 0;
      const uint64_t end = reader.position();
      if (!shared_.places[sequence].compare_exchange_strong(known, end) && known != end) {
        return "event " + std::to_string(sequence) + " ends at " + std::to_string(end) +
               ", and another reader saw it end at " + std::to_string(known);
      }
    }
    if (sequence >= next) state_.next.store(sequence + 1);
    state_.position.store(reader.position());
    state_.read.fetch_add(1, std::memory_order_relaxed);
    if (consumer_ && random_.below(300) == 0) {
      const StreamPosition at[] = {{0, reader.position()}};
      if (const auto moved = consumer_->commit(at); !moved) return moved.error().text();
      state_.has_cursor.store(true);
    }
    return "";
  }

  // Purged is the only error that there may be, where a purge really passed this place.
  std::string overtaken(const Error& error) {
    if (error.code != ErrorCode::Purged || !error.offset) return error.text();
    const auto survey = survey_stream(log_, 0);
    if (!survey) return "survey: " + survey.error().text();
    if (!survey->purged_upto || *survey->purged_upto < *error.offset) {
      return "nothing was purged there: " + error.text();
    }
    if (*error.offset <= state_.position.load() && options_.position != state_.position.load()) {
      return "it is purged up to before its place: " + error.text();
    }
    if (consumer_ && state_.has_cursor.load()) return "a cursor was overtaken: " + error.text();
    state_.overtaken.fetch_add(1);
    options_.position.reset();
    options_.segment = *error.offset;
    may_skip_ = true;
    repeating_ = true;
    return "";
  }

  const Log& log_;
  const size_t index_;
  Random random_;
  Shared& shared_;
  TailerState& state_;
  ReaderOptions options_;
  std::optional<Consumer> consumer_;
  bool may_skip_ = true;  // the first look of all may come after a purge
  bool repeating_ = true;
};

int purge(const Log& log, Shared& shared) {
  RetentionPolicy policy;
  policy.keep_bytes = 3 * kMinSegmentBytes;
  policy.max_segments = 3;
  for (;;) {
    const auto done = purge_stream(log, 0, policy);
    if (!done && done.error().code != ErrorCode::Busy) {
      return failed(shared, "purge: " + done.error().text());
    }
    if (done) shared.purged.fetch_add(done->segments);
    std::this_thread::sleep_for(2ms);
  }
}

// The children, by their place: the writer, the purger, and the tailers.
constexpr size_t kWriter = 0;
constexpr size_t kPurger = 1;
constexpr size_t kFirstTailer = 2;

class Processes {
 public:
  Processes(Rig& rig, const Log& log, Shared& shared)
      : rig_(rig), log_(log), shared_(shared), random_(rig.options().seed) {}
  ~Processes() {
    for (size_t i = 0; i < children_.size(); ++i) kill(i);
  }

  void start(size_t place) {
    const uint64_t seed = random_();
    const pid_t child = ::fork();
    if (child == 0) {
      if (place == kWriter) ::_exit(write(log_, seed, shared_));
      if (place == kPurger) ::_exit(purge(log_, shared_));
      ::_exit(Tailer(log_, place - kFirstTailer, seed, shared_).run());
    }
    children_[place] = {child, false};
  }

  void kill(size_t place) {
    Child& child = children_[place];
    if (child.pid <= 0) return;
    ::kill(child.pid, SIGKILL);
    int status = 0;
    ::waitpid(child.pid, &status, 0);
    child.pid = 0;
    note(place, status);
  }

  // Whether it has ended by itself; waits for at most so long.
  bool ended(size_t place, std::chrono::milliseconds limit) {
    Child& child = children_[place];
    const auto deadline = std::chrono::steady_clock::now() + limit;
    int status = 0;
    while (child.pid > 0) {
      if (::waitpid(child.pid, &status, WNOHANG) == child.pid) {
        child.pid = 0;
        note(place, status);
      } else if (std::chrono::steady_clock::now() >= deadline) {
        return false;
      } else {
        std::this_thread::sleep_for(1ms);
      }
    }
    return true;
  }

  void stop_or_continue(size_t place) {
    Child& child = children_[place];
    if (child.pid <= 0) return;
    ::kill(child.pid, child.stopped ? SIGCONT : SIGSTOP);
    child.stopped = !child.stopped;
    if (child.stopped) rig_.counter("stops").fetch_add(1);
  }
  bool stopped(size_t place) const { return children_[place].stopped; }
  void continue_all() {
    for (size_t i = 0; i < children_.size(); ++i) {
      if (children_[i].stopped) stop_or_continue(i);
    }
  }

 private:
  struct Child {
    pid_t pid = 0;
    bool stopped = false;
  };

  void note(size_t place, int status) {
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) return;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
    const std::string who = place == kWriter   ? "the writer"
                            : place == kPurger ? "the purger"
                                               : "tailer " + std::to_string(place - kFirstTailer);
    const std::string how = WIFSIGNALED(status)
                                ? "died of signal " + std::to_string(WTERMSIG(status))
                                : std::string(shared_.failure);
    rig_.fail(who + ": " + how, 0);
  }

  Rig& rig_;
  const Log& log_;
  Shared& shared_;
  Random random_;
  std::array<Child, kFirstTailer + kTailers> children_;
};

std::string check_log(const Log& log) {
  const auto report = verify_log(log.path());
  if (!report) return "verification: " + report.error().text();
  if (!report->damaged()) return "";
  const auto& damage =
      report->log_damage.empty() ? report->streams.at(0).damage : report->log_damage;
  return "verification finds damage: " + damage.at(0).text();
}

void disturb(Rig& rig, Processes& processes, const Log& log, double seconds) {
  Random random(rig.options().seed, 2);
  auto& kills = rig.counter("writers_killed");
  auto& others = rig.counter("others_killed");
  auto& checks = rig.counter("verifications");
  double next_check = 1;
  while (!rig.failed() && rig.seconds() < seconds) {
    rig.progress(static_cast<uint64_t>(rig.seconds()), static_cast<uint64_t>(seconds));
    std::this_thread::sleep_for(std::chrono::milliseconds(10 + random.below(40)));
    // Now and then a stopped writer is left alone for a while: nobody waits for it for ever.
    if (!processes.stopped(kWriter) || random.below(4) == 0) {
      processes.kill(kWriter);
      processes.start(kWriter);
      kills.fetch_add(1);
    }
    for (size_t place = 0; place < kFirstTailer + kTailers; ++place) {
      if (random.below(processes.stopped(place) ? 3 : 12) == 0) processes.stop_or_continue(place);
      if (place == kWriter) continue;
      if (place >= kFirstTailer && processes.ended(place, 0ms)) processes.start(place);
      if (random.below(place == kPurger ? 3 : 40) != 0) continue;
      processes.kill(place);
      processes.start(place);
      others.fetch_add(1);
    }
    if (rig.seconds() < next_check) continue;
    next_check = rig.seconds() + 1;
    if (const auto wrong = check_log(log); !wrong.empty()) rig.fail(wrong, 0);
    checks.fetch_add(1);
  }
}

}  // namespace

// --seconds: how long; 45 by default. --directory: where; the working directory by default.
int many_processes(Rig& rig) {
  const double seconds = rig.options().seconds > 0 ? rig.options().seconds : 45;
  const std::string path =
      (rig.options().directory.empty() ? std::string(".") : rig.options().directory) +
      "/many_processes-" + std::to_string(::getpid());
  std::filesystem::remove_all(path);
  LogOptions create;
  create.create_if_missing = true;
  const auto log = Log::open(path, create);
  if (!log) {
    rig.fail(log.error().text(), 0);
    return rig.finish();
  }
  void* const memory = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    rig.fail("no shared memory", 0);
    return rig.finish();
  }
  // Zeros, as the system gives them: constructing the places would touch them all.
  auto& shared = *static_cast<Shared*>(memory);
  {
    Processes processes(rig, *log, shared);
    for (size_t place = 0; place < kFirstTailer + kTailers; ++place) processes.start(place);
    disturb(rig, processes, *log, seconds);
    // Now all come to the end.
    shared.end.store(true);
    processes.kill(kWriter);
    processes.kill(kPurger);
    processes.start(kWriter);
    processes.continue_all();
    if (!rig.failed() && !processes.ended(kWriter, 60s)) rig.fail("the writer does not end", 0);
    for (size_t i = 0; i < kTailers && !rig.failed(); ++i) {
      if (!processes.ended(kFirstTailer + i, 60s)) {
        rig.fail("tailer " + std::to_string(i) + " does not come to the end", 0);
      } else if (shared.tailers[i].next.load() < shared.returned.load()) {
        rig.fail("tailer " + std::to_string(i) + " ended before the stream's end", 0);
      }
    }
  }
  for (const TailerState& tailer : shared.tailers) {
    rig.counter("events_read").fetch_add(tailer.read.load());
    rig.counter("overtaken").fetch_add(tailer.overtaken.load());
  }
  rig.counter("events_written").store(shared.returned.load());
  rig.counter("segments_purged").store(shared.purged.load());
  if (!rig.failed()) {
    if (const auto wrong = check_log(*log); !wrong.empty()) rig.fail(wrong, 0);
    if (shared.purged.load() == 0 && seconds >= 10) rig.fail("nothing was purged", 0);
  }
  ::munmap(memory, sizeof(Shared));
  if (!rig.failed()) std::filesystem::remove_all(path);
  return rig.finish();
}

}  // namespace tidemark::rig
