// Snapshots: a clean copy of a log at a moment, also while it is written (SPEC.md section 2.7).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tidemark/log.h"
#include "tidemark/result.h"

namespace tidemark {

struct StreamSnapshot {
  uint32_t stream = 0;
  uint64_t linked = 0;  // segments that the copy shares with the log
  uint64_t cloned = 0;  // segments whose blocks it shares
  uint64_t copied = 0;  // the others: the last one, and all where neither is possible
  uint64_t copied_bytes = 0;
  uint64_t end = 0;  // the position after the stream's last event in the copy
};

struct SnapshotReport {
  std::vector<StreamSnapshot> streams;
};

// Makes a copy at `destination`, where nothing may stand: the same log, by its UUID, each stream
// with what was committed at some moment during the call. Segments that have a successor are shared
// by hard links where that is possible, the last one is copied. The copy is synced and takes its
// place at once. Cursors are not copied: the copy has no catalog.
//
// What is linked is not read: damage in it is damage in the copy. Errors: AlreadyExists, NotFound,
// Missing, Corrupt and Unsupported (headers, or the last segment of a stream), Busy (segments were
// purged faster than they could be linked, ten times), NoSpace, Io. Nothing is left behind then.
Result<SnapshotReport> snapshot_log(const Log& log, const std::string& destination);

}  // namespace tidemark
