// What stands in a log, without reading all of it: totals, times, segments and states.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tidemark/log.h"
#include "tidemark/summary_frames.h"

namespace tidemark {

// SPEC.md section 4: the states of a segment.
enum class SegmentState : uint8_t {
  Prepared,   // allocated, not published
  Open,       // published; its writer may be appending
  Sealed,     // rolled or closed: ends with a seal
  Abandoned,  // its writer was killed; a successor names its end
  SetAside,   // lost in a power loss, renamed by recovery
};
std::string_view name_of(SegmentState state);

struct SegmentSurvey {
  uint64_t first_position = 0;
  uint64_t segment_bytes = 0;
  uint64_t disk_bytes = 0;
  uint64_t incarnation = 0;
  SegmentState state = SegmentState::Open;
  uint64_t end = 0;  // position after the last event
  Totals before;     // totals of the stream at its beginning
  Totals after;
  std::optional<TimeBounds> bounds;
};

enum class StreamState : uint8_t {
  Empty,     // no event was ever written
  Writing,   // a process holds it for writing
  Closed,    // its writer closed it and left capabilities: another may go on
  Crashed,   // its writer was killed or lost power
  Finished,  // it holds no capability, whether or not its writer has closed it yet
  Damaged,   // it cannot be read to its end
};
std::string_view name_of(StreamState state);

struct StreamSurvey {
  uint32_t stream = 0;
  StreamState state = StreamState::Empty;
  std::optional<StreamTraits> traits;
  Totals totals;
  std::vector<Change> counts;
  std::vector<Time> frontier;
  std::optional<TimeBounds> bounds;  // of all message times
  uint64_t end = 0;
  std::optional<uint64_t> durable;  // where this boot's writer left word of it
  std::optional<uint64_t> purged_upto;
  uint64_t last_captured_at_ns = 0;  // 0: no event
  std::vector<SegmentSurvey> segments;
  uint64_t disk_bytes = 0;
  std::optional<Error> damage;
};

// Reads headers and seals, and frame by frame only segments without a seal and the last one, where
// nothing says beforehand how far it goes. So damage within a sealed segment is not seen here:
// verify_log() sees it. A damaged stream is a survey with `damage`, the first that was met, not an
// error; totals and times then tell of what could be read. `last_captured_at_ns` may be that of
// the stream's last seal. Errors: NotFound, Io.
Result<StreamSurvey> survey_stream(const Log& log, uint32_t stream);

// The bytes of a stream's largest segment, which comes closest to what its writer was configured
// to: no event of the stream is larger than such a segment can take. kMinSegmentBytes where there
// is none. Looks at the files' sizes alone. Errors: NotFound, Io.
Result<uint64_t> largest_segment(const Log& log, uint32_t stream);

}  // namespace tidemark
