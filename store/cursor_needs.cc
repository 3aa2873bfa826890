#include "cursor_needs.h"

#include <cerrno>

#include "paths.h"
#include "tidemark/catalog.h"

namespace tidemark {

Result<std::map<uint32_t, CursorNeed>> read_cursor_needs(const Log& log) {
  std::map<uint32_t, CursorNeed> needs;
  const std::string data = catalog_data_path(log.path());
  FileStatus status;
  const int answer = log.files().status(data, status);
  if (answer == -ENOENT || answer == -ENOTDIR) return needs;
  if (answer < 0) return fail_system("looking for the catalog", data, -answer);
  TIDEMARK_ASSIGN(catalog, Catalog::open(log));
  TIDEMARK_ASSIGN(cursors, catalog.cursors());
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
