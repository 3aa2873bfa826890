// Logs made of others: a slice of one, several merged into one (SPEC.md section 10).
//
// Streams keep their times, records, capture clocks, schemas and all that their headers say of
// them; positions, the log's UUID and the numbers of streams are new. A new log is built beside its
// place, verified, and renamed there: on an error nothing is left behind. Cursors are not copied.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tidemark/log.h"
#include "tidemark/result.h"
#include "tidemark/summary_frames.h"
#include "tidemark/time.h"

namespace tidemark {

// What became of one stream.
struct DerivedStream {
  uint32_t stream = 0;  // its number in the new log
  size_t source = 0;    // which of the sources it is from
  uint32_t source_stream = 0;
  Totals totals;
  bool finished = false;
};

struct SliceOptions {
  // Unset: all. The streams of the new log are numbered from 0 in the order of these numbers.
  std::optional<std::vector<uint32_t>> streams = std::nullopt;
  // Messages at times t with from <= t and not until <= t. Unset: no bound.
  std::optional<Time> from = std::nullopt;
  std::optional<Time> until = std::nullopt;
};

// Each stream's messages of the slice, and its progress as it is there: capped, so that a stream
// that can bring nothing more of the slice is finished. Each ends where it ended when it came to be
// copied. Errors: as Replay's, AlreadyExists, InvalidArgument (a stream twice, or none), NoSpace,
// Io.
Result<std::vector<DerivedStream>> slice_log(const Log& source, const std::string& destination,
                                             const SliceOptions& options = {});

// All streams of the first log, then those of the second, and so on. Errors: the same, and
// InvalidArgument where the logs differ in the shape of their times or have too many streams.
Result<std::vector<DerivedStream>> merge_logs(std::span<const Log> sources,
                                              const std::string& destination);

}  // namespace tidemark
