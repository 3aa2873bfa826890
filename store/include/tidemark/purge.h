// Retention: dropping the beginning of streams, whole segments at a time (SPEC.md section 2.3).
//
// A purge may run beside writers, readers, recoveries and other purges, in any process, and may be
// killed at any instruction. It takes no lock that a writer or a reader ever waits for.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tidemark/log.h"
#include "tidemark/result.h"
#include "tidemark/time.h"

namespace tidemark {

// What may go. Of the first four at least one is given, and a segment goes where each one that is
// given lets it. Whatever they say, these stay: a stream's last segment; what was not made durable,
// or is followed by nothing durable; segments with a time that the stream's durable frontier has
// not passed; and, unless forced, what a cursor or a live reader's lease still needs.
struct RetentionPolicy {
  // Segments all of whose message times are before this one (in the partial order).
  std::optional<Time> before = std::nullopt;
  // Segments without which the stream still takes so many bytes on disk.
  std::optional<uint64_t> keep_bytes = std::nullopt;
  // Segments whose last event was captured so long ago.
  std::optional<std::chrono::nanoseconds> keep_time = std::nullopt;
  // Segments that all cursors of the stream have passed. A stream that no cursor names keeps all.
  bool to_cursors = false;
  // Readers that are overtaken are told Purged. Also goes on where the catalog cannot be read,
  // whose cursors may need what goes; but not with `to_cursors`.
  bool force = false;
  // The most that one call takes of one stream, so that each is short.
  size_t max_segments = 64;
};

// Why the first segment that is left was not purged.
enum class KeptFor : uint8_t {
  Nothing,     // the stream has no segment
  Last,        // it is the last one, or the last one with anything durable
  Policy,      // the policy keeps it
  Incomplete,  // the frontier has not passed all of its times
  Cursor,      // a cursor needs it
  Lease,       // a live reader needs it
  Bound,       // max_segments went: call again
};
std::string_view name_of(KeptFor reason);

// What a purge of one stream did, or would do.
struct StreamPurge {
  uint32_t stream = 0;
  uint64_t purged_upto = 0;  // afterwards; 0: nothing was ever purged
  uint64_t segments = 0;     // that went
  uint64_t records = 0;      // in them
  uint64_t disk_bytes = 0;   // that they took
  // Segments that were unlinked now: also those that a killed purge left, or a lease kept.
  uint64_t unlinked = 0;
  // Segments that are purged and stand for as long as a reader that was in them needs them.
  uint64_t waiting = 0;
  KeptFor kept_for = KeptFor::Nothing;
  std::string cursor;  // the name, for KeptFor::Cursor
};

// Purges one stream. `dry_run` changes nothing and says what would go.
// Errors: InvalidArgument (a policy without a criterion, a time of another shape), Busy (another
// purge of the stream is at work), NoSpace, Io; Corrupt, Missing and Unsupported where the stream
// or its catalog cannot be read well enough to know what may go: nothing was purged then.
Result<StreamPurge> purge_stream(const Log& log, uint32_t stream, const RetentionPolicy& policy,
                                 bool dry_run = false);

// A policy for a live program, which calls step() now and then from a thread of its own choosing.
// One thread at a time.
class Retention {
 public:
  // All streams of the log, or those that are named.
  Retention(Log log, RetentionPolicy policy, std::vector<uint32_t> streams = {});

  // Purges at most `max_segments` segments of the stream whose turn it is. Errors as those of
  // purge_stream(); the next call goes on with the next stream all the same.
  Result<StreamPurge> step();
  // How many steps go once around.
  size_t streams() const { return streams_.size(); }

 private:
  Log log_;
  RetentionPolicy policy_;
  std::vector<uint32_t> streams_;
  size_t turn_ = 0;
};

}  // namespace tidemark
