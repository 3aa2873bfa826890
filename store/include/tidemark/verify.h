// Verification of a whole log: every frame, every link, and the replay protocol (SPEC.md
// section 11). Reads by pread, changes nothing, opens no catalog.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tidemark/log.h"
#include "tidemark/survey.h"

namespace tidemark {

struct StreamVerdict {
  uint32_t stream = 0;
  StreamState state = StreamState::Empty;
  uint64_t segments = 0;
  uint64_t frames = 0;
  Totals totals;
  uint64_t end = 0;
  std::vector<Error> damage;       // in stream order: stream, segment, offset and rule
  std::vector<std::string> notes;  // what is no damage but worth knowing: a killed writer, a
                                   // recovery that dropped bytes, segments set aside
};

struct VerifyReport {
  std::vector<StreamVerdict> streams;
  std::vector<Error> log_damage;  // identity, missing streams

  bool damaged() const;
};

// `progress(done, total)` is called now and then with bytes of segments.
using ByteProgress = std::function<void(uint64_t done, uint64_t total)>;

// After damage, a stream's later segments are still examined, each from its own checkpoint.
// Errors only where nothing can be examined at all: NotFound, Io.
Result<VerifyReport> verify_log(const std::string& path, const ByteProgress& progress = {},
                                FileSeam& files = system_files());

}  // namespace tidemark
