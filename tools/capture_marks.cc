#include "capture_marks.h"

#include <algorithm>

namespace tidemark::tools {

Result<std::vector<std::byte>> CaptureMarks::token(uint64_t frontier, const InputPlace& here) {
  const InputPlace* const first = points_.first_from(frontier);
  CaptureMark mark{options_, first != nullptr ? *first : here, 0};
  const std::pair fingerprinted(mark.place.file, std::min(mark.place.offset, kFingerprintBytes));
  if (!fingerprint_ || fingerprinted != fingerprinted_) {
    const auto fingerprint = fingerprint_before(files_, mark.place);
    if (!fingerprint) return fail(ErrorCode::Io, fingerprint.error().text);
    fingerprint_ = *fingerprint;
    fingerprinted_ = fingerprinted;
  }
  mark.fingerprint = *fingerprint_;
  return encode_mark(mark);
}

}  // namespace tidemark::tools
