// Preparing segments: allocated, mapped and synced before the writer needs them, by a helper thread
// (SPEC.md section 8).
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "tidemark/file_seam.h"
#include "tidemark/layout.h"
#include "tidemark/result.h"

namespace tidemark {

// A segment with its identity in place, mapped for writing. Not published.
struct PreparedSegment {
  int descriptor = -1;
  std::string path;
  std::byte* base = nullptr;
  SegmentHeader header{};      // the identity; the rest is zero
  uint64_t touched_bytes = 0;  // its first pages, which were touched

  uint64_t bytes() const { return header.segment_bytes; }
};

// What all segments of one opening have in common.
struct SegmentPlan {
  std::string directory;
  SegmentHeader identity{};     // but for size, first position, salt and time of preparation
  bool sync_populated = false;  // commits will be synced: convert the extents beforehand
  bool large_pages = false;     // pages of kLargePageBytes where the file system has them
  std::optional<uint64_t> reserve_bytes = std::nullopt;  // as in WriterOptions
  uint64_t low_space_bytes = 0;
};

// Creates the file, allocates, maps, syncs name and identity, and touches the first pages. Where
// commits will be synced, all pages are touched and synced as well: their extents are converted
// once here instead of at each commit; `cancel`, if given, ends that early, and the segment is
// usable then. On failure nothing is left behind. Errors: NoSpace, Io, Unsupported (a file system
// that cannot be mapped safely).
Result<PreparedSegment> prepare_segment(FileSeam& files, const SegmentPlan& plan,
                                        uint64_t first_position, uint64_t bytes,
                                        const std::atomic<bool>* cancel = nullptr);

// Unlinks a segment that was never published.
void discard_segment(FileSeam& files, const PreparedSegment& segment);

// Prepares one segment ahead on a thread of its own. One caller's thread at a time.
class SegmentPreparer {
 public:
  SegmentPreparer(FileSeam& files, SegmentPlan plan);
  ~SegmentPreparer();
  // Joins the thread and discards the spare. Nothing may be asked of it afterwards.
  void stop();

  // Begins to prepare, where nothing is prepared or being prepared.
  void prepare_ahead(uint64_t first_position, uint64_t bytes);
  // The prepared segment, if it is the one at `first_position` with at least `least_bytes`; else
  // one of `bytes` is prepared here and now. Errors: as prepare_segment; a retry is possible.
  Result<PreparedSegment> take(uint64_t first_position, uint64_t least_bytes, uint64_t bytes);
  // Any thread.
  bool low_on_space() const { return low_on_space_.load(std::memory_order_relaxed); }

 private:
  struct Request {
    uint64_t first_position = 0;
    uint64_t bytes = 0;
  };
  void run();
  Result<PreparedSegment> prepare(uint64_t first_position, uint64_t bytes,
                                  const std::atomic<bool>* cancel = nullptr);
  Result<void> check_space(uint64_t bytes);

  FileSeam& files_;
  const SegmentPlan plan_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Request> request_;
  bool busy_ = false;
  bool stop_ = false;
  std::atomic<bool> cancel_{false};
  // Stored by whoever prepares a segment, loaded by any thread; orders nothing.
  std::atomic<bool> low_on_space_{false};
  std::optional<Result<PreparedSegment>> ready_;
  std::thread thread_;
};

}  // namespace tidemark
