#include "cursor_needs.h"

#include "tidemark/cursor.h"

namespace tidemark {

Result<std::map<uint32_t, CursorNeed>> read_cursor_needs(const Log& log) {
  std::map<uint32_t, CursorNeed> needs;
  TIDEMARK_ASSIGN(cursors, list_cursors(log));
  for (const Cursor& cursor : cursors) {
    for (const CursorPlace& place : cursor.positions) {
      const auto [at, first] = needs.try_emplace(place.stream);
      if (!first && at->second.position <= place.position) continue;
      at->second = {place.position, cursor.name};
    }
  }
  return needs;
}

}  // namespace tidemark
