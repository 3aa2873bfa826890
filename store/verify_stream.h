// Verification of one stream (SPEC.md section 11).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "tidemark/file_seam.h"
#include "tidemark/layout.h"
#include "tidemark/verify.h"

namespace tidemark {

// What the log's identity says, as far as it is known.
struct ExpectedIdentity {
  std::optional<Uuid> log_uuid;
  std::optional<uint32_t> peers;
};

// Called with the bytes that were examined since the last call.
using ExaminedBytes = std::function<void(uint64_t bytes)>;

// Errors: NotFound, Io, where the directory cannot be examined at all.
Result<StreamVerdict> verify_stream(FileSeam& files, const std::string& directory, uint32_t stream,
                                    const ExpectedIdentity& identity,
                                    const ExaminedBytes& examined);

}  // namespace tidemark
