// Salvage of one stream (SPEC.md section 9): everything valid in it, through a normal writer.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "tidemark/file_seam.h"
#include "tidemark/log.h"
#include "tidemark/salvage.h"

namespace tidemark {

// Copies the stream that stands in `directory` into `destination`. `examined` is called with the
// bytes that were examined since the last call. Errors: those of writing, and Io and NotFound where
// the directory cannot be examined at all.
Result<StreamSalvage> salvage_stream(FileSeam& files, const std::string& directory, uint32_t stream,
                                     const Log& destination,
                                     const std::function<void(uint64_t)>& examined);

}  // namespace tidemark
