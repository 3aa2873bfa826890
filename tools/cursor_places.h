// Where a log's cursors are, for people and for scripts; the same in `cursors` and `info`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "describe.h"
#include "terminal.h"
#include "tidemark/cursor.h"
#include "tidemark/log.h"

namespace tidemark::tools {

enum class PlaceState : uint8_t {
  Good,
  Purged,  // what follows it is gone in part
  Lost,    // a loss took it, or it is another log's
};

struct PlaceReport {
  uint32_t stream = 0;
  uint64_t position = 0;
  PlaceState state = PlaceState::Good;
  std::optional<uint64_t> behind_bytes;  // positions between it and the stream's end, where known
};

struct CursorReport {
  std::string name;
  uint64_t moved_at_ns = 0;
  std::vector<PlaceReport> places;
};

// Makes no catalog. Errors: those of Catalog.
Result<std::vector<CursorReport>> report_cursors(const Log& log);

std::string cursors_table(const std::vector<CursorReport>& cursors, const Paint& paint);
Json json_cursors(const std::vector<CursorReport>& cursors);

}  // namespace tidemark::tools
