// The streams that a capture writes: records wait here until their batch is appended.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tidemark/log.h"

namespace tidemark::tools {

struct BatchLimits {
  uint64_t records = 128;                // of one Messages event
  std::chrono::milliseconds linger{10};  // longest wait of a record
};

// All streams share one frontier, which the caller moves forward. A stream's own progress follows
// it lazily and never overtakes it: what waits is appended first, so that no record is ever behind
// its stream's progress. One thread.
class CaptureStreams {
 public:
  using Clock = std::chrono::steady_clock;

  // Opens every stream of the log for writing. Where the options say that it resumes, those that
  // are finished are left as they are, and records are left out that their stream has already.
  static Result<CaptureStreams> open(const Log& log, const WriterOptions& options,
                                     const BatchLimits& limits);

  size_t size() const { return lane_of_.size(); }
  // The longest record that fits into an event.
  uint64_t max_record_bytes() const;
  // What opening each stream found.
  std::vector<std::pair<uint32_t, RecoveryReport>> recoveries() const;

  // At first the greatest frontier that a stream was left with.
  uint64_t frontier() const { return frontier_; }
  // Instead of that: for a capture that resumes, the frontier at the place where it does.
  void start_at(uint64_t frontier) { frontier_ = frontier; }
  // Marks all streams now, and each one again now and then after its progress, with what `token`
  // gives for a frontier: it stands for all records at or after that.
  using Token = std::function<Result<std::vector<std::byte>>(uint64_t frontier)>;
  Result<void> mark_with(Token token);
  // Records left out because their stream has them.
  uint64_t already_there() const { return already_there_; }
  // Records that are added from now on have times at or after `frontier`, which never decreases.
  void advance(uint64_t frontier) { frontier_ = frontier; }

  // Adds input record `index` to `stream`, and appends the batch that waits there if it is full or
  // of another time.
  Result<void> add(size_t stream, uint64_t time, std::string_view record, uint64_t index);
  // The same with the time at which its batch began: now, or the frontier where the clock is
  // behind it. The frontier then moves past each batch as soon as that is appended.
  Result<void> add_now(size_t stream, std::string_view record, uint64_t index);

  // Appends what has waited long enough, and lets progress follow the frontier. Call it often.
  Result<void> tend(Clock::time_point now);
  // When tend() will have something to do; unset: never, unless records are added.
  std::optional<Clock::time_point> next_deadline() const;

  // Appends all that waits, lets the progress of all streams reach the frontier, and marks them.
  Result<void> flush();
  // Makes everything durable that was appended.
  Result<void> sync();
  // Whether the disk will soon be full.
  bool low_on_space() const;

  // Ends all streams: their frontier becomes empty, and nothing can follow. After flush().
  Result<void> finish();
  // Releases all streams, each as well as it can be; the first error is returned.
  Result<void> close();

  // The first input record that still waits; `read` where none does.
  uint64_t first_waiting(uint64_t read) const;
  // Of each stream: the position after its last committed event, and the durable one.
  std::vector<uint64_t> committed() const;
  std::vector<uint64_t> durable() const;
  // Counts appends, so that a caller sees whether there were any.
  uint64_t appends() const { return appends_; }

 private:
  struct Lane {
    explicit Lane(EventWriter stream) : writer(std::move(stream)) {}

    EventWriter writer;
    uint64_t complete_before = 0;  // what is earlier was there when the stream was opened
    uint64_t progress = 0;         // the frontier that was written to the stream
    Clock::time_point progress_at;
    Clock::time_point marked_at;
    uint64_t marked_progress = 0;
    uint64_t records_since_progress = 0;
    // What waits: one batch.
    uint64_t time = 0;
    uint64_t first_index = 0;
    Clock::time_point waiting_since;
    std::string data;
    std::vector<size_t> ends;

    bool waiting() const { return !ends.empty(); }
  };

  CaptureStreams(std::vector<Lane> lanes, std::vector<std::optional<size_t>> lane_of, bool resumes,
                 const BatchLimits& limits);

  // nullptr where the stream is finished, or has all that is at `time`: then that was counted.
  Lane* lane_for(size_t stream, uint64_t time);
  Result<void> mark(Lane& lane);
  bool has_room(const Lane& lane, size_t record_bytes) const;
  void put(Lane& lane, std::string_view record, uint64_t index);
  Result<void> append(Lane& lane);
  Result<void> follow(Lane& lane);

  std::vector<Lane> lanes_;                     // of the streams that are not finished
  std::vector<std::optional<size_t>> lane_of_;  // by number of the stream
  BatchLimits limits_;
  uint64_t frontier_ = 0;
  bool arrival_ = false;
  uint64_t appends_ = 0;
  uint64_t already_there_ = 0;
  Token token_;
  Clock::time_point now_ = Clock::now();   // of the last tend(): near enough for waiting_since
  std::vector<std::string_view> records_;  // scratch of append()
  std::vector<Change> changes_;            // scratch of follow() and finish()
};

}  // namespace tidemark::tools
