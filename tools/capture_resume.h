// Where a capture goes on that was killed, or left open (tools/README.md, resuming).
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "capture_mark.h"
#include "command.h"
#include "input_file.h"
#include "tidemark/log.h"

namespace tidemark::tools {

struct ResumePlan {
  bool finished = false;  // nothing is left to be done
  // From where all records come that a stream may lack. At the input's beginning for a new log.
  InputPlace place;
  uint64_t skipped_bytes = 0;  // of the inputs before it
  uint64_t void_records = 0;   // that the streams hold, and that will be offered again
};

// Errors: usage, where the log was not captured by `options` from the beginning of these files.
Outcome<ResumePlan> plan_resume(const Log& log, const std::vector<std::string>& files,
                                const std::vector<std::pair<std::string, std::string>>& options);

}  // namespace tidemark::tools
