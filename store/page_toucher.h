// Touching pages ahead of the writer (SPEC.md section 8). The first touch of a page costs far more
// than the copy that follows it, so a helper thread does it, in the segment that is written: to a
// writer that never rests, what was just cleared is still in the processor's cache.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "segment_preparer.h"
#include "tidemark/file_seam.h"
#include "tidemark/result.h"

namespace tidemark {

// A writer says how far it is each time that it has written so much.
inline constexpr uint64_t kTouchStepBytes = kLargePageBytes;

// Owns the mappings of the segment that is written, whose pages it touches, and of those that were
// written, which it unmaps. One caller's thread at a time.
class PageToucher {
 public:
  explicit PageToucher(FileSeam& files) : files_(files) {}
  ~PageToucher() { stop(); }
  PageToucher(const PageToucher&) = delete;
  PageToucher& operator=(const PageToucher&) = delete;
  // Joins the thread: no page is touched any more, and nothing may be asked afterwards.
  void stop_touching();
  // The same, and all segments are unmapped.
  void stop();

  // From now on this segment is written, and the one before is not.
  void begin(const PreparedSegment& segment);
  // The segment is written up to this offset. Errors: Io, where pages further on cannot be had;
  // each call tries them again.
  Result<void> advance(uint64_t offset);

 private:
  struct Mapping {
    std::byte* base = nullptr;
    uint64_t bytes = 0;
  };
  void run();
  void wake();
  bool is_due() const { return failure_ == 0 && touched_upto_ < wanted_upto_; }
  int touch_next(std::unique_lock<std::mutex>& lock);
  void unmap_some(std::unique_lock<std::mutex>& lock);

  FileSeam& files_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stop_ = false;
  Mapping written_;
  std::string path_;  // of what is written
  uint64_t touched_upto_ = 0;
  uint64_t wanted_upto_ = 0;
  int failure_ = 0;  // of the pages at touched_upto_, -errno
  std::vector<Mapping> retired_;
  std::thread thread_;
};

}  // namespace tidemark
