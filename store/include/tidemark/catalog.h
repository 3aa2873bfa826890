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
#include <vector>

#include "tidemark/log.h"
#include "tidemark/survey.h"

namespace tidemark {

// A consumer's place in one stream.
struct CursorPlace {
  uint32_t stream = 0;
  uint64_t position = 0;  // of the next event
  // The segment that the position lies in, so that a cursor never means another log's bytes: its
  // incarnation, and the checksum of its identity. 0: not known, as at a stream's beginning.
  uint64_t incarnation = 0;
  uint64_t check = 0;

  friend bool operator==(const CursorPlace&, const CursorPlace&) = default;
};

// A named, durable reading place of one consumer. `Consumer` (cursor.h) is the way to use one.
struct Cursor {
  std::string name;
  uint64_t moved_at_ns = 0;
  std::vector<CursorPlace> positions;  // each stream once
};

// One environment a process and log, shared by all that open it. Thread-safe. A value that does
// not match its checksum is treated as absent where it is a cache, and is Corrupt where it is a
// cursor. Every call can also give Corrupt, Busy (too many readers), NoSpace, Io, Forked (the
// catalog was opened before a fork: open another), and those that write NotFound (it was deleted
// or replaced since it was opened).
class Catalog {
 public:
  class Implementation;

  // Creates the environment where there is none, and checks its structure where there is one.
  // Errors: Corrupt (LMDB cannot use it), Unsupported (another version), NoSpace, Io.
  static Result<Catalog> open(const Log& log);

  // The streams of which the cache knows segments, in order.
  Result<std::vector<uint32_t>> cached_streams() const;
  // The cache of one stream's sealed and abandoned segments.
  Result<std::vector<SegmentSurvey>> segments(uint32_t stream) const;
  // Replaces the cache of one stream.
  Result<void> replace_segments(uint32_t stream, TimeShape shape,
                                const std::vector<SegmentSurvey>& segments);

  // A cursor's name has 1 to 255 bytes of any kind: InvalidArgument otherwise. The list is in the
  // order of names.
  Result<std::vector<Cursor>> cursors() const;
  Result<std::optional<Cursor>> cursor(const std::string& name) const;
  Result<void> put_cursor(const Cursor& cursor);
  // The same, but streams that `cursor` does not name stay where they are: in one transaction.
  Result<void> move_cursor(const Cursor& cursor);
  Result<bool> remove_cursor(const std::string& name);

 private:
  explicit Catalog(std::shared_ptr<Implementation> implementation)
      : implementation_(std::move(implementation)) {}
  std::shared_ptr<Implementation> implementation_;
};

// Rebuilds the catalog's cache from the segments. A catalog that cannot be used is set aside
// (renamed to catalog.damaged-<ns>) and its cursors are lost, which the report says. A damaged
// cursor alone stays as it is: it can be removed by its name.
struct ReindexReport {
  uint64_t streams = 0;
  uint64_t segments = 0;
  bool catalog_was_unusable = false;
};
Result<ReindexReport> reindex(const Log& log);

}  // namespace tidemark
