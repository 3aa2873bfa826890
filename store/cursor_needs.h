// What the cursors in a log's catalog still need of each stream.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "tidemark/log.h"
#include "tidemark/result.h"

namespace tidemark {

// The least position that a cursor has in a stream, and whose it is.
struct CursorNeed {
  uint64_t position = 0;
  std::string cursor;
};

// By stream. Where the log has no catalog there are no cursors, and none is made. Errors: those of
// Catalog; without an answer nobody can tell what may go.
Result<std::map<uint32_t, CursorNeed>> read_cursor_needs(const Log& log);

}  // namespace tidemark
