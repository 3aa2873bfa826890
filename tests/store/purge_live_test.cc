// Retention beside everything else that goes on in a log, in processes of their own: a writer that
// is killed and comes back, tailers that are slow or quick, and a purger that is killed at any
// moment. Whatever a tailer reads is right, and what it does not get to read, it is told.

#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "segment.h"
#include "support/catch.h"
#include "support/child_processes.h"
#include "support/log_files.h"
#include "support/seed.h"
#include "support/stream_helpers.h"
#include "support/temporary_directory.h"
#include "tidemark/purge.h"
#include "tidemark/survey.h"
#include "tidemark/verify.h"

using namespace tidemark;
using namespace tidemark::test;
using namespace std::chrono_literals;

namespace {

constexpr size_t kTailers = 8;

// Record n of the stream: its number, and text that follows from it.
std::string record_text(uint64_t number) {
  std::mt19937_64 random(number);
  return std::to_string(number) + ":" +
         std::string(100 + random() % 900, static_cast<char>('a' + random() % 26));
}

// Goes on where the last writer was killed, and finishes the stream after `records`.
int write(const Log& log, uint64_t records) {
  WriterOptions options;
  options.segment_bytes = kMinSegmentBytes;
  options.sync = SyncPolicy::every_bytes(30'000);
  auto writer = log.writer(0, options);
  if (!writer) return writer.error().code == ErrorCode::Finished ? 0 : 1;
  // The frontier is at the number of the next record, or, after a kill in between, one behind.
  uint64_t number = writer->totals().records;
  uint64_t held = writer->protocol().counts().front().first.word(0);
  for (;;) {
    const Change changes[] = {{held, -1}, {number, 1}};
    if (held != number && !writer->append_progress(changes)) return 2;
    held = number;
    if (number == records) break;
    const std::string text = record_text(number);
    const std::string_view texts[] = {text};
    if (!writer->append_messages(std::span(&number, 1), texts)) return 3;
    ++number;
    if (number % 64 == 0) std::this_thread::sleep_for(1ms);
  }
  const Change last[] = {{held, -1}};
  if (!writer->append_progress(last) || !writer->close()) return 4;
  return 0;
}

struct TailReport {
  uint64_t read = 0;
  uint64_t overtaken = 0;
};

enum TailError : int { kWrongRecord = 10, kSkipped = 11, kRepeated = 12, kUnexpected = 20 };

// Reads to the stream's end. Each record is the one that its number says; each is the next one,
// but after Purged, which may only come to a reader without a lease.
int tail(const Log& log, uint64_t seed, int report) {
  std::mt19937_64 random(seed);
  TailReport done;
  uint64_t next = 0;
  ReaderOptions options;
  options.leasing = seed % 2 == 0 ? Leasing::Automatic : Leasing::None;
  options.access = seed % 3 == 0 ? Access::Copy : Access::Map;
  // A slow one with a lease holds up the purger, a slow one without is overtaken.
  const uint64_t pause_ms = options.leasing == Leasing::Automatic ? 3 : 60;
  const bool slow = seed % 8 == 2 || seed % 4 == 1;
  for (;;) {
    auto reader = log.reader(0, options);
    // On a slow machine the first look of all may come after a purge.
    bool may_skip = options.segment.has_value() || options.position.has_value() ||
                    (reader && reader->position() >= kMinSegmentBytes);
    std::optional<Error> error;
    if (!reader) error = reader.error();
    while (!error) {
      const auto status = reader->next(50ms);
      if (!status) {
        error = status.error();
        break;
      }
      if (*status == EventReader::Status::Finished) {
        return ::write(report, &done, sizeof done) == sizeof done ? 0 : 1;
      }
      if (*status != EventReader::Status::Event) continue;
      const MessagesView* messages = reader->event().messages();
      if (messages == nullptr) continue;
      const uint64_t number = messages->time().word(0);
      if (messages->text(0) != record_text(number)) return kWrongRecord;
      if (number < next) return kRepeated;
      if (number > next && !may_skip) return kSkipped;
      may_skip = false;
      next = number + 1;
      ++done.read;
      if (slow && random() % 50 == 0) {
        std::this_thread::sleep_for(std::chrono::milliseconds(random() % pause_ms));
      }
      // Consumers come and go: another reader at the same place sees what follows. Or it is told
      // that this is purged: where this reader's lease came between a purge's look at the leases
      // and what the purge decided, its segments wait for it, but `purged` has passed them.
      if (random() % 1000 == 0) {
        options.segment.reset();
        options.position = reader->position();
        auto again = log.reader(0, options);
        if (!again && again.error().code != ErrorCode::Purged) return kUnexpected;
        if (again) *reader = *std::move(again);
      }
    }
    if (error->code != ErrorCode::Purged) {
      const std::string text = error->text() + "\n";
      (void)!::write(STDERR_FILENO, text.data(), text.size());
      return kUnexpected + 1;
    }
    // The first look of all is at the earliest that is left; after that a lease holds.
    if (options.leasing == Leasing::Automatic && done.read > 0) return kUnexpected + 2;
    ++done.overtaken;
    options.position.reset();
    options.segment = error->offset;
  }
}

int purge_for_ever(const Log& log) {
  RetentionPolicy policy;
  policy.keep_bytes = 2 * kMinSegmentBytes;
  policy.max_segments = 3;
  Retention retention(log, policy);
  for (;;) {
    const auto step = retention.step();
    if (!step && step.error().code != ErrorCode::Busy) {
      const std::string text = step.error().text() + "\n";
      (void)!::write(STDERR_FILENO, text.data(), text.size());
      return 1;
    }
  }
}

}  // namespace

TEST_CASE(
    "Under a purger and a writer that are killed again and again no tailer skips unannounced") {
  const uint64_t seed = seed_or(60'601);
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  const uint64_t records = static_cast<uint64_t>(rounds_or(8)) * 1000;
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  int report[2];
  REQUIRE(::pipe(report) == 0);

  pid_t writer = in_child([&] { return write(log, records); });
  pid_t purger = in_child([&] { return purge_for_ever(log); });
  std::vector<pid_t> tailers;
  for (size_t i = 0; i < kTailers; ++i) {
    tailers.push_back(in_child([&] { return tail(log, seed + i, report[1]); }));
  }
  uint64_t writers_killed = 0;
  uint64_t purgers_killed = 0;
  // A machine that is slower than the killing would never finish: each writer has its share first.
  const uint64_t share = records / 50;
  uint64_t spared_upto = share;
  int code = -1;
  while (!has_ended(writer, code)) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1 + random() % 15));
    // Whoever looks at the log meanwhile sees no loss where there is a purge.
    const VerifyReport verified = must(verify_log(log.path()));
    for (const Error& error : verified.streams.at(0).damage) UNSCOPED_INFO(error.text());
    CHECK_FALSE(verified.damaged());
    const StreamSurvey surveyed = must(survey_stream(log, 0));
    if (surveyed.damage) UNSCOPED_INFO(surveyed.damage->text());
    CHECK_FALSE(surveyed.damage);
    int purger_code = 0;
    REQUIRE_FALSE(has_ended(purger, purger_code));
    kill_and_wait(purger);
    ++purgers_killed;
    const uint64_t written = surveyed.totals.records;
    if (written >= spared_upto && random() % 4 == 0 && !has_ended(writer, code)) {
      kill_and_wait(writer);
      ++writers_killed;
      spared_upto = written + share;
      writer = in_child([&] { return write(log, records); });
    } else if (code >= 0) {
      break;
    }
    purger = in_child([&] { return purge_for_ever(log); });
  }
  CHECK(code == 0);
  uint64_t read = 0;
  uint64_t overtaken = 0;
  for (const pid_t tailer : tailers) {
    CHECK(exit_of(tailer) == 0);
    TailReport done;
    if (::read(report[0], &done, sizeof done) == sizeof done) {
      read += done.read;
      overtaken += done.overtaken;
    }
  }
  int purger_code = 0;
  if (!has_ended(purger, purger_code)) kill_and_wait(purger);
  for (const int descriptor : report) ::close(descriptor);

  // What is left is the end of what was written, sound, and the next purge tidies up.
  const StreamSurvey survey = must(survey_stream(log, 0));
  CHECK(survey.state == StreamState::Finished);
  CHECK(survey.totals.records == records);
  REQUIRE(survey.purged_upto);
  CHECK(must(verify_log(log.path())).damaged() == false);
  RetentionPolicy policy;
  policy.keep_bytes = 0;
  must(purge_stream(log, 0, policy));
  CHECK(first_position_of(segment_paths(log.path()).front()) ==
        must(survey_stream(log, 0)).purged_upto);
  // This was a test of purging under readers, and not of an idle purger. How many are killed before
  // the writers are done is the machine's affair.
  CHECK(purgers_killed > 0);
  CHECK(read > records);
  if (rounds_or(0) > 0) {
    WARN("read " << read << " records of " << records << " by 8 tailers, overtaken " << overtaken
                 << " times; killed " << purgers_killed << " purgers and " << writers_killed
                 << " writers");
  }
}
