// Bugs on purpose: each breaks one rule of SPEC.md where the rule is kept, so that the rigs of
// tests/rigs can show that they would find it. In the library `planted()` is the constant false and
// nothing of this is left; only tests/rigs compiles the sources with TIDEMARK_PLANTED_BUGS.
#pragma once

#include <cstdint>

#ifdef TIDEMARK_PLANTED_BUGS
#include <string_view>
#include <utility>
#endif

namespace tidemark {

enum class Bug : uint8_t {
  None,
  NextWordNotZeroed,        // 8: stale bytes may be taken for the next frame
  CommitWordFirst,          // 8: the word is stored before what it commits
  RelaxedCommitWord,        // 7.3: the store of the commit word orders nothing
  MagicFirst,               // 8: a segment is published before its header stands
  LengthOutsideChecksum,    // 5.1: the commit word is not in the checksum
  PositionOutsideChecksum,  // 5.1: the position is not
  SameSalt,                 // 4.1: every segment has the same salt
  NoDirectorySync,          // 8: a segment's name is not durable when it is published
  IdentityNotSynced,        // 8: a segment's identity is not durable when it is published
  FailedAllocateAdopted,    // 8: the part of a file that a full disk left is used
  SyncRetried,              // 7.1: a sync that failed is tried again, and trusted
  PoisonForgotten,          // 7.1: after a sync that failed, the next one counts
  DurableBeforeSync,        // 7.1: the durable position advances before the sync
  OnlyLastSegmentSynced,    // 7.1: segments before the last one are not synced
  SealedBeforeSync,         // 8: closing seals, and claims as durable, what was not synced
  KeptPagesNotRewritten,    // 9: recovery trusts pages that a failed sync left clean
  PositionsReused,          // 4: a new segment may lie where another one was
  DamageTakenForLostTail,   // 9: evidence that the stream was durable beyond a hole is ignored
  LockNotTaken,             // 2.5: a second writer is let in
  WakeWithoutBarrier,       // 6: a reader sleeps without the barrier
  WakeDropped,              // 6: the writer wakes nobody
  PurgedNotSynced,          // 2.3: segments are unlinked before `purged` is durable
  UnlinkedBeforePurged,     // 2.3: segments are unlinked before `purged` covers them
  LeaseIgnored,             // 2.5: a purge takes what a live reader needs
  CursorIgnored,            // 2.3: a purge takes what a cursor needs
  WaypointTooNew,           // 5.4: a waypoint has the counts from behind the next event
};

#ifdef TIDEMARK_PLANTED_BUGS

inline constexpr std::pair<Bug, std::string_view> kPlantedBugs[] = {
    {Bug::NextWordNotZeroed, "NextWordNotZeroed"},
    {Bug::CommitWordFirst, "CommitWordFirst"},
    {Bug::RelaxedCommitWord, "RelaxedCommitWord"},
    {Bug::MagicFirst, "MagicFirst"},
    {Bug::LengthOutsideChecksum, "LengthOutsideChecksum"},
    {Bug::PositionOutsideChecksum, "PositionOutsideChecksum"},
    {Bug::SameSalt, "SameSalt"},
    {Bug::NoDirectorySync, "NoDirectorySync"},
    {Bug::IdentityNotSynced, "IdentityNotSynced"},
    {Bug::FailedAllocateAdopted, "FailedAllocateAdopted"},
    {Bug::SyncRetried, "SyncRetried"},
    {Bug::PoisonForgotten, "PoisonForgotten"},
    {Bug::DurableBeforeSync, "DurableBeforeSync"},
    {Bug::OnlyLastSegmentSynced, "OnlyLastSegmentSynced"},
    {Bug::SealedBeforeSync, "SealedBeforeSync"},
    {Bug::KeptPagesNotRewritten, "KeptPagesNotRewritten"},
    {Bug::PositionsReused, "PositionsReused"},
    {Bug::DamageTakenForLostTail, "DamageTakenForLostTail"},
    {Bug::LockNotTaken, "LockNotTaken"},
    {Bug::WakeWithoutBarrier, "WakeWithoutBarrier"},
    {Bug::WakeDropped, "WakeDropped"},
    {Bug::PurgedNotSynced, "PurgedNotSynced"},
    {Bug::UnlinkedBeforePurged, "UnlinkedBeforePurged"},
    {Bug::LeaseIgnored, "LeaseIgnored"},
    {Bug::CursorIgnored, "CursorIgnored"},
    {Bug::WaypointTooNew, "WaypointTooNew"},
};

inline Bug planted_bug = Bug::None;  // stored before any thread starts

inline bool planted(Bug bug) { return planted_bug == bug; }
inline bool plant(std::string_view name) {
  for (const auto& [bug, known] : kPlantedBugs) {
    if (known == name) planted_bug = bug;
  }
  return planted_bug != Bug::None;
}

#else

constexpr bool planted(Bug /*bug*/) { return false; }

#endif

}  // namespace tidemark
