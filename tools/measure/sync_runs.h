// One run of durable appends: each is waited for before the next one.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "samples.h"
#include "tidemark/result.h"

namespace tidemark::measure {

struct SyncPlan {
  uint32_t streams = 1;         // each with a thread of its own
  uint64_t commits = 500;       // of each stream
  uint64_t record_bytes = 256;  // one record a commit
};

struct SyncRun {
  Percentiles ns;          // of a single commit
  double ns_a_commit = 0;  // of all streams together: 1e9 by the commits a second
};

// Of a new log at `path`, under the policy "every commit".
Result<SyncRun> append_durably(const std::string& path, const SyncPlan& plan);
// The limit: pwrite and fdatasync of the same bytes one after the other into a file that was
// written and synced before, so that no sync has to change where the file's blocks are.
Result<SyncRun> write_durably(const std::string& directory, const SyncPlan& plan);

// The same for anything else that commits: `open` is called once a stream, before time counts, and
// gives what makes one commit.
using Commit = std::function<Result<void>()>;
Result<SyncRun> commit_durably(const SyncPlan& plan,
                               const std::function<Result<Commit>(uint32_t stream)>& open);

}  // namespace tidemark::measure
