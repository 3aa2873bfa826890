// The restart token that a capture of files marks its streams with: a JSON object that says how the
// capture was begun and where it goes on (tools/README.md, resuming).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "input_file.h"
#include "tidemark/result.h"

namespace tidemark::tools {

struct CaptureMark {
  // Options that decide what is captured, by name: they must be the same when it goes on.
  std::vector<std::pair<std::string, std::string>> options;
  InputPlace place;
  uint64_t fingerprint = 0;  // fingerprint_before(place)
};

std::vector<std::byte> encode_mark(const CaptureMark& mark);
// Errors: InvalidArgument where it is no mark of a capture.
Result<CaptureMark> decode_mark(std::span<const std::byte> token);

}  // namespace tidemark::tools
