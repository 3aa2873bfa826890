#include "tidemark/purge.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <numeric>

#include "cursor_needs.h"
#include "lease.h"
#include "paths.h"
#include "purge_plan.h"
#include "stream_directory.h"
#include "tidemark/planted.h"

namespace tidemark {
namespace {

Result<void> check(const RetentionPolicy& policy) {
  if (!policy.before && !policy.keep_bytes && !policy.keep_time && !policy.to_cursors) {
    return fail(ErrorCode::InvalidArgument, "the policy does not say what may be purged");
  }
  if (policy.keep_time && policy.keep_time->count() < 0) {
    return fail(ErrorCode::InvalidArgument, "the time to keep is negative");
  }
  if (policy.max_segments == 0) {
    return fail(ErrorCode::InvalidArgument, "a purge of at most no segments purges nothing");
  }
  return {};
}

Result<std::optional<CursorNeed>> need_of(const Log& log, uint32_t stream,
                                          const RetentionPolicy& policy) {
  if (planted(Bug::CursorIgnored)) return std::nullopt;
  auto needs = read_cursor_needs(log);
  if (!needs) {
    if (policy.force && !policy.to_cursors) return std::nullopt;
    Error error = std::move(needs).error();
    error.message =
        "cursors may need what would be purged, and they cannot be read: " + error.message;
    return tl::make_unexpected(std::move(error));
  }
  const auto found = needs->find(stream);
  if (found == needs->end()) return std::nullopt;
  return found->second;
}

// Unlinks what is purged and no reader needs, the earliest first, so that what stands is the end
// of the stream at every moment.
Result<void> unlink_purged(FileSeam& files, const std::string& directory, const PurgePlan& plan,
                           const RetentionPolicy& policy, StreamPurge& result) {
  std::optional<uint64_t> lease;
  if (!policy.force && !planted(Bug::LeaseIgnored)) {
    TIDEMARK_ASSIGN(least, least_lease(files, directory, result.purged_upto));
    lease = least;
  }
  for (size_t i = 0; i + 1 < plan.names.size() && plan.names[i] < result.purged_upto; ++i) {
    // A reader needs the segment in which its lease stands, and all that follow.
    const bool needed = lease && plan.names[i + 1] > *lease;
    if (needed || result.unlinked >= policy.max_segments) {
      ++result.waiting;
      continue;
    }
    const std::string path = segment_path(directory, plan.names[i]);
    if (const int answer = files.remove_file(path); answer < 0 && answer != -ENOENT) {
      return fail_system("cannot remove a purged segment", path, -answer);
    }
    ++result.unlinked;
  }
  if (result.unlinked == 0) return {};
  if (const int answer = files.sync_directory(directory); answer < 0) {
    return fail_system("cannot sync a stream", directory, -answer);
  }
  return {};
}

}  // namespace

std::string_view name_of(KeptFor reason) {
  switch (reason) {
    case KeptFor::Nothing:
      return "nothing";
    case KeptFor::Last:
      return "last";
    case KeptFor::Policy:
      return "policy";
    case KeptFor::Incomplete:
      return "incomplete";
    case KeptFor::Cursor:
      return "cursor";
    case KeptFor::Lease:
      return "lease";
    case KeptFor::Bound:
      return "bound";
  }
  return "unknown";
}

Result<StreamPurge> purge_stream(const Log& log, uint32_t stream, const RetentionPolicy& policy,
                                 bool dry_run) {
  TIDEMARK_TRY(check(policy));
  FileSeam& files = log.files();
  const std::string directory = stream_path(log.path(), stream);
  std::optional<PurgeLock> lock;
  if (!dry_run) {
    auto acquired = PurgeLock::acquire(files, directory, stream);
    if (!acquired) return tl::make_unexpected(std::move(acquired).error());
    lock.emplace(*std::move(acquired));
  }
  TIDEMARK_ASSIGN(need, need_of(log, stream, policy));
  TIDEMARK_ASSIGN(lease, least_lease(files, directory, ~uint64_t{0} >> 1));
  if (planted(Bug::LeaseIgnored)) lease.reset();
  TIDEMARK_ASSIGN(plan, plan_purge(files, directory, stream, policy, need, lease));

  StreamPurge result;
  result.stream = stream;
  result.purged_upto = plan.segments > 0 ? plan.keep_from : plan.purged;
  result.segments = plan.segments;
  result.records = plan.records;
  result.disk_bytes = plan.disk_bytes;
  result.kept_for = plan.kept_for;
  if (plan.kept_for == KeptFor::Cursor && need) result.cursor = need->cursor;
  if (dry_run) return result;
  if (planted(Bug::UnlinkedBeforePurged)) {
    TIDEMARK_TRY(unlink_purged(files, directory, plan, policy, result));
  }
  if (plan.segments > 0) {
    TIDEMARK_TRY(write_purged(files, directory, plan.keep_from));
    // A reader that takes a lease now either is seen by the look at the leases below, or sees
    // `purged`: least_lease() and Lease::hold() order these calls.
  }
  TIDEMARK_TRY(unlink_purged(files, directory, plan, policy, result));
  return result;
}

Retention::Retention(Log log, RetentionPolicy policy, std::vector<uint32_t> streams)
    : log_(std::move(log)), policy_(policy), streams_(std::move(streams)) {
  if (!streams_.empty()) return;
  streams_.resize(log_.peers());
  std::iota(streams_.begin(), streams_.end(), 0U);
}

Result<StreamPurge> Retention::step() {
  const uint32_t stream = streams_[turn_];
  turn_ = (turn_ + 1) % streams_.size();
  return purge_stream(log_, stream, policy_);
}

}  // namespace tidemark
