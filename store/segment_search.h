// `SegmentSearch`: walks the segments of a stream by their headers and seals alone, a page or two
// of each, to tell which of them have to be read (SPEC.md section 11). It maps nothing, follows the
// links of headers, and where anything is not as it should be, the answer is to read the segment:
// reading is what reports damage.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "segment.h"
#include "tidemark/file_seam.h"
#include "tidemark/result.h"
#include "tidemark/seek.h"
#include "tidemark/summary_frames.h"

namespace tidemark {

// The seal of `segment`, which stands where its successor says that it ends. Nothing where none is
// there, or one that contradicts the successor.
std::optional<Seal> seal_before(Segment& segment, const SegmentHeader& successor);

// The seal of a stream's last segment, which was closed: where that was in this boot, the control
// page says where it stands. A writer seals so only after a sync, hence no hole is before it.
// Nothing where there is none.
std::optional<Seal> closing_seal(FileSeam& files, const std::string& directory, Segment& last);

// What a checkpoint or a waypoint says, as a seal names it. Errors: Corrupt, Io.
struct StatedPoint {
  Checkpoint state;
  uint64_t captured_at_ns = 0;  // of what precedes, no later
};
Result<StatedPoint> stated_at(Segment& segment, uint64_t offset, FrameKind kind);

// One thread at a time.
class SegmentSearch {
 public:
  SegmentSearch(FileSeam& files, std::string directory, uint32_t stream)
      : files_(files), directory_(std::move(directory)), stream_(stream) {}

  // The published segment that names `first_position` as its predecessor; nullptr where there is
  // none, or it cannot be read.
  Result<std::shared_ptr<Segment>> successor_of(uint64_t first_position);

  // The seal of a segment, where it can be relied on: its successor agrees, or it was closed as the
  // stream's last. Nothing where there is none, or it cannot be read.
  Result<std::optional<Seal>> seal_of(uint64_t first_position);

  struct Found {
    uint64_t segment = 0;                     // to be read
    std::optional<std::vector<Change>> rest;  // instead: nothing follows; the counts there
  };
  // The first segment from `from` on that has to be read: one that `filter` wants, that ends above
  // `upto`, or of which that cannot be told.
  Result<Found> first_wanted(uint64_t from, const SegmentFilter& filter, uint64_t upto);

  // The published segment with the greatest first position of which `before(segment)` holds, where
  // it holds of the stream's segments up to some one and of none after it. Looks at few of them,
  // and passes over those that cannot be read. nullptr where it holds of none: the beginning.
  using Test = std::function<Result<bool>(Segment&)>;
  Result<std::shared_ptr<Segment>> last_before(const Test& before);
  // The first segment, and the last one that can be read, or nullptr.
  Result<std::shared_ptr<Segment>> first();
  Result<std::shared_ptr<Segment>> last();

 private:
  Result<void> list();
  // nullptr where there is no such published segment, or it cannot be used.
  Result<std::shared_ptr<Segment>> try_open(uint64_t first_position);

  FileSeam& files_;
  std::string directory_;
  uint32_t stream_;
  std::vector<uint64_t> names_;
  std::shared_ptr<Segment> recent_;  // the last that was opened: most often the next one asked for
};

}  // namespace tidemark
