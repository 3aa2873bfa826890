// The catalog: an LMDB environment in the log's directory, with the cursors of consumers and a
// cache of segment summaries that may be deleted at any time (SPEC.md section 2 lists its keys).
//
// It is in no durability chain, and nothing that writes events ever opens it: a process stopped
// inside one of its transactions delays only other users of the catalog.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tidemark/log.h"
#include "tidemark/survey.h"

namespace tidemark {

// A named, durable reading place of one consumer.
struct Cursor {
  std::string name;
  uint64_t moved_at_ns = 0;
  std::vector<std::pair<uint32_t, uint64_t>> positions;  // stream, position of its next event
};

// One environment a process and log, shared by all that open it. Thread-safe. A value that does
// not match its checksum is treated as absent where it is a cache, and is Corrupt where it is a
// cursor.
class Catalog {
 public:
  class Implementation;

  // Creates the environment where there is none. Errors: Corrupt (LMDB cannot use it), NoSpace, Io.
  static Result<Catalog> open(const Log& log);

  // The cache of one stream's sealed and abandoned segments.
  Result<std::vector<SegmentSurvey>> segments(uint32_t stream) const;
  // Replaces the cache of one stream.
  Result<void> replace_segments(uint32_t stream, TimeShape shape,
                                const std::vector<SegmentSurvey>& segments);

  Result<std::vector<Cursor>> cursors() const;
  Result<std::optional<Cursor>> cursor(const std::string& name) const;
  Result<void> put_cursor(const Cursor& cursor);
  Result<bool> remove_cursor(const std::string& name);

 private:
  explicit Catalog(std::shared_ptr<Implementation> implementation)
      : implementation_(std::move(implementation)) {}
  std::shared_ptr<Implementation> implementation_;
};

// Rebuilds the catalog's cache from the segments. A catalog that LMDB cannot open is set aside
// (renamed to catalog.damaged-<ns>) and its cursors are lost, which the report says.
struct ReindexReport {
  uint64_t streams = 0;
  uint64_t segments = 0;
  bool catalog_was_unusable = false;
};
Result<ReindexReport> reindex(const Log& log);

}  // namespace tidemark
