// Salvage: everything that is valid in a damaged log, into a new one (SPEC.md section 9).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tidemark/log.h"
#include "tidemark/verify.h"

namespace tidemark {

// What was not carried over, and why.
struct LeftBehind {
  Error reason;                  // with stream, segment and offset
  uint64_t bytes = 0;            // between the hole and where reading went on, or the segment's end
  uint64_t progress_events = 0;  // valid, but about capabilities that the hole changed unseen
};

struct StreamSalvage {
  uint32_t stream = 0;
  Totals saved;
  std::vector<LeftBehind> left_behind;
  bool finished = false;  // the new stream is finished, as the old one was
};

struct SalvageReport {
  std::vector<StreamSalvage> streams;
  bool lost_anything() const;
};

// Writes a log at `destination`, which must not exist, with the streams, times and records of
// `source`; then verifies it. Events keep their order and capture clock, not their positions.
// Errors: NotFound, AlreadyExists, NoSpace, Io; Corrupt if the new log does not verify.
Result<SalvageReport> salvage_log(const std::string& source, const std::string& destination,
                                  const ByteProgress& progress = {},
                                  FileSeam& files = system_files());

}  // namespace tidemark
