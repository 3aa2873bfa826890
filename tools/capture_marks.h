// `CaptureMarks`: the restart tokens of a running capture (tools/README.md, resuming).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "capture_mark.h"
#include "input_file.h"
#include "resume_points.h"
#include "tidemark/result.h"

namespace tidemark::tools {

// One thread.
class CaptureMarks {
 public:
  // `options`: those of CaptureMark. `files` must outlive this.
  CaptureMarks(std::vector<std::pair<std::string, std::string>> options,
               const std::vector<std::string>& files)
      : options_(std::move(options)), files_(files) {}

  // A record at `time` stands at `place`.
  void note(uint64_t time, const InputPlace& place) { points_.note(time, place); }
  // For a stream whose progress is `frontier`, when the input was read up to `here`. Frontiers
  // never decrease. Errors: Io, where an input cannot be read again.
  Result<std::vector<std::byte>> token(uint64_t frontier, const InputPlace& here);

 private:
  std::vector<std::pair<std::string, std::string>> options_;
  const std::vector<std::string>& files_;
  ResumePoints points_;
  // Of the last token: a place further on in the same file has the same most often.
  std::optional<uint64_t> fingerprint_;
  std::pair<uint64_t, uint64_t> fingerprinted_;
};

}  // namespace tidemark::tools
