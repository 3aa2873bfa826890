// What a log does at this moment, in numbers, readable by any process that may read its files.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "tidemark/log.h"
#include "tidemark/survey.h"

namespace tidemark {

struct StreamMetrics {
  uint32_t stream = 0;
  StreamState state = StreamState::Empty;
  uint64_t committed = 0;  // position after the last event
  // The durable position, where this boot's writer left word of it, and how many positions are
  // committed beyond it: what a power loss would take.
  std::optional<uint64_t> durable;
  uint64_t durable_lag_bytes = 0;
  Totals totals;  // since the stream's beginning, what was purged included
  uint64_t segments = 0;
  uint64_t disk_bytes = 0;
  std::vector<Time> frontier;  // empty: finished, or no segment yet
  uint64_t last_captured_at_ns = 0;
  uint64_t purged_upto = 0;  // 0: nothing was purged
  // The least position that a live reader holds a lease on: no purge passes it.
  std::optional<uint64_t> least_lease;
};

struct LogMetrics {
  std::vector<StreamMetrics> streams;
  FileSystemSpace space;  // of the log's file system
};

// Costs what survey_stream() costs for each stream: headers and seals, and a walk over the last
// segment. A damaged stream has the state Damaged and what could be read. Errors: NotFound, Io.
Result<LogMetrics> read_metrics(const Log& log);
// The same from a survey that was just made.
Result<StreamMetrics> metrics_of(const Log& log, const StreamSurvey& survey);

}  // namespace tidemark
