// One run of `tidemark capture`, from the first line of its inputs to the last.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "capture_resume.h"
#include "capture_streams.h"
#include "capture_times.h"
#include "command.h"
#include "event_times.h"
#include "tidemark/event_writer.h"

namespace tidemark::tools {

struct CaptureOptions {
  std::string log;
  std::vector<std::string> files;
  std::optional<uint32_t> workers;
  std::string key_field;
  std::string time_field;
  TimeFormat time_format = TimeFormat::Integer;
  uint64_t lateness = 0;
  Late late = Late::Clamp;
  bool skip_bad_lines = false;
  BatchLimits batch;
  SyncPolicy sync;
  uint64_t segment_bytes = WriterOptions{}.segment_bytes;
  bool acknowledge = false;
  bool leave_open = false;
  bool fresh = false;
  bool resume = false;

  // What decides which records are captured with which times, for marks.
  std::vector<std::pair<std::string, std::string>> deciding() const;
  bool parses_lines() const { return !key_field.empty() || !time_field.empty(); }
};

struct CaptureCounts {
  uint64_t lines = 0;  // of all files
  uint64_t bytes = 0;  // of these lines
  uint64_t captured = 0;
  uint64_t clamped = 0;
  uint64_t dropped = 0;
  uint64_t skipped = 0;
};

struct CaptureRun {
  CaptureCounts counts;
  Outcome<void> outcome;
};

// Begins where `resume` says, at the beginning by default. Whatever happens, what was read is
// appended and synced in the end. `total`: bytes of all inputs, where that is known. `marks`: so
// that the capture can be resumed.
CaptureRun run_capture(const CaptureOptions& options, CaptureStreams& streams,
                       std::optional<uint64_t> total, const ResumePlan& resume, bool marks);

}  // namespace tidemark::tools
