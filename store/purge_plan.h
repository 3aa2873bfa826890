// What a purge may take of one stream, by what stands in it (SPEC.md section 2.3). Looks, and
// changes nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cursor_needs.h"
#include "tidemark/file_seam.h"
#include "tidemark/purge.h"
#include "tidemark/result.h"

namespace tidemark {

struct PurgePlan {
  std::vector<uint64_t> names;  // first positions of all that are named like segments, in order
  uint64_t purged = 0;          // at present
  uint64_t keep_from = 0;       // first position of the first segment that stays
  uint64_t segments = 0;        // that go
  uint64_t records = 0;
  uint64_t disk_bytes = 0;
  KeptFor kept_for = KeptFor::Nothing;
};

// `need`: the least cursor in the stream, if there is one. `lease`: the least one that is held.
Result<PurgePlan> plan_purge(FileSeam& files, const std::string& directory, uint32_t stream,
                             const RetentionPolicy& policy, const std::optional<CursorNeed>& need,
                             const std::optional<uint64_t>& lease);

}  // namespace tidemark
