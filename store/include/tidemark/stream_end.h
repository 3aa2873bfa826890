// Where a stream ends at this moment, without reading it.
#pragma once

#include <cstdint>

#include "tidemark/event_reader.h"
#include "tidemark/log.h"
#include "tidemark/result.h"

namespace tidemark {

// The position below which every event lies that is committed now; later ones lie at or above it.
// 0 where the stream has no segment. Walks the commit words of the last segment and verifies
// nothing: damage before the end it returns shows when the stream is read. Errors: NotFound,
// Corrupt and Unsupported (the last segment cannot be read, or not to its end), Io.
Result<uint64_t> committed_end(const Log& log, uint32_t stream, Access access = Access::Map);

}  // namespace tidemark
