// `EventWriter`: the one writer of one stream (SPEC.md section 8).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tidemark/file_seam.h"
#include "tidemark/layout.h"
#include "tidemark/protocol.h"
#include "tidemark/result.h"
#include "tidemark/summary_frames.h"

namespace tidemark {

// When what was committed is made to survive power loss without being asked to.
struct SyncPolicy {
  enum class Kind : uint8_t { None, Interval, Bytes, EveryCommit };

  Kind kind = Kind::Interval;
  std::chrono::milliseconds interval{100};
  uint64_t bytes = 0;

  static SyncPolicy none() { return {Kind::None, {}, 0}; }
  static SyncPolicy every(std::chrono::milliseconds interval) {
    return {Kind::Interval, interval, 0};
  }
  // Whenever this many bytes of frames were committed since the last sync.
  static SyncPolicy every_bytes(uint64_t bytes) { return {Kind::Bytes, {}, bytes}; }
  // Each append returns only when it is durable.
  static SyncPolicy every_commit() { return {Kind::EveryCommit, {}, 0}; }
};

// How the page cache holds segments while they are written, where the file system can: ext4 and
// XFS, of recent kernels.
enum class SegmentPages : uint8_t {
  Automatic,  // large without a sync policy, else small
  Small,      // a sync writes no more than what was appended: for who syncs after few events
  Large,      // 2 MiB: cheaper to prepare, to write and to read; each sync writes whole ones
};

// Where `captured_at_ns` comes from.
enum class CaptureClock : uint8_t {
  Precise,   // the system's clock, to a microsecond
  Coarse,    // the same at a tick's resolution (about 4 ms), cheaper
  Supplied,  // what the caller last gave to `set_captured_at`
};

// What becomes of records that a former incarnation left at times that are not complete.
enum class Resume : uint8_t {
  KeepAll,            // they stay: the producer goes on where it was
  DiscardIncomplete,  // they are void: the producer offers them again (SPEC.md section 5.8)
};

// Records that have no more bytes together, with 4 more for each where they have lengths of their
// own, fit into one event of any stream.
inline constexpr uint64_t kAlwaysFitBytes = kMinSegmentBytes / 8;

// The longest restart token of a producer.
inline constexpr size_t kMaxMarkBytes = 4096;

struct WriterOptions {
  // The size that segments grow up to: the first has at most 1 MiB, and each doubles.
  // A multiple of 4 KiB between kMinSegmentBytes and kMaxSegmentBytes.
  uint64_t segment_bytes = uint64_t{128} << 20;
  SyncPolicy sync = {};
  SegmentPages pages = SegmentPages::Automatic;
  CaptureClock clock = CaptureClock::Precise;
  Resume resume = Resume::KeepAll;

  // What the stream's events are. A stream that exists must agree: InvalidArgument otherwise.
  TimeShape time = {};
  std::string time_name = "u64";  // at most 31 bytes
  RecordEncoding encoding = RecordEncoding::Variable;
  std::string container_name = "bytes";  // at most 63 bytes
  // The records' FlatBuffers schema as `flatc --binary --schema` writes it, at most
  // kMaxSchemaBytes; it is stored with the stream, in each segment. Empty: none.
  std::vector<std::byte> schema = {};
  // Where there is no schema: a hash of what the records are, of the application's choosing.
  uint64_t schema_hash = 0;

  // What a segment never takes of the file system's free space: before one is prepared that would,
  // the append is refused with NoSpace, while a purge, a cursor and the system itself still have
  // room. Unset: a 64th of the file system, at most 64 MiB.
  std::optional<uint64_t> reserve_bytes = std::nullopt;
  // low_on_space() once less than this is free beyond the reserve. Unset: two segments.
  std::optional<uint64_t> low_space_bytes = std::nullopt;
};

// What opening a stream for writing found and did (SPEC.md section 9).
struct RecoveryReport {
  uint64_t incarnation = 1;
  bool existed = false;          // the stream had events before
  bool was_closed = false;       // its last writer closed it; false: it was killed, or lost power
  uint64_t previous_end = 0;     // where its events end
  uint64_t rewritten_bytes = 0;  // kept beyond the durable position, made durable now
  uint64_t dropped_bytes = 0;    // beyond the end after a power loss
  uint64_t dropped_frames = 0;
  uint64_t set_aside_segments = 0;
  // Where the stream stood: its frontier, and the restart token that was marked last (empty: none).
  // A record at a time that is not at or after an element of the frontier is complete.
  std::vector<Time> frontier;
  std::vector<std::byte> mark;
};

// Appends events to one stream, which it holds by the kernel's lock for its life.
//
// `append_*`, `set_captured_at` and `close` belong to one thread at a time; `sync`,
// `wait_durable`, `durable` and `committed` may be called from any thread beside it. No append
// allocates, locks or makes a system call outside a roll to the next segment, except to wake a
// sleeping reader, to wake a helper thread each 2 MiB, or where the sync policy says so. After a
// failed sync every call is `Poisoned`.
class EventWriter {
 public:
  class Implementation;

  explicit EventWriter(std::unique_ptr<Implementation> implementation);
  EventWriter(EventWriter&&) noexcept;
  EventWriter& operator=(EventWriter&&) noexcept;
  // Closes without saying whether it could; call close() to know.
  ~EventWriter();

  // Each append returns the position after its event: below it everything is committed.
  // Errors: ProtocolViolation and Finished (nothing was appended), TooLarge, NoSpace (the disk is
  // full, or but for the reserve) and Io at a roll (nothing was appended; a retry is possible),
  // Forked, Closed, Poisoned. Under the policy "every commit" Poisoned may also be the answer for
  // an event that was committed, is visible, and could not be made durable.
  //
  // `time` has as many words as the stream's shape. Records of any length:
  Result<uint64_t> append_messages(std::span<const uint64_t> time,
                                   std::span<const std::string_view> records);
  // Records of one length each, one after the other in `data`:
  Result<uint64_t> append_messages(std::span<const uint64_t> time, uint32_t records,
                                   std::span<const std::byte> data);
  // Many events by one call, each of one record, as append_messages() would append them one by one,
  // but for what it does once for many: it looks at the clock, wakes sleeping readers and, where
  // the policy says so, syncs. Readers see each event as soon as it stands. `times`: one time for
  // all records, or one for each, one after the other. Returns the position after the last one. At
  // the first record that cannot be appended it stops, with that error: those before it are
  // appended, and totals() says how many they were. Records of `record_bytes` each:
  Result<uint64_t> append_each(std::span<const uint64_t> times, uint32_t record_bytes,
                               std::span<const std::byte> data);
  // Records of any length:
  Result<uint64_t> append_each(std::span<const uint64_t> times,
                               std::span<const std::string_view> records);
  Result<uint64_t> append_progress(std::span<const Change> changes);
  // Notes where the producer would go on should it be killed: `token`, 1 to kMaxMarkBytes bytes of
  // its own, is what recovery().mark is after the next opening, unless another one follows. As the
  // stream survives as a prefix, so does all that was appended before it. It is no event.
  Result<uint64_t> append_mark(std::span<const std::byte> token);

  // For CaptureClock::Supplied: ns since the Unix epoch, for the appends that follow.
  void set_captured_at(uint64_t ns);

  // Makes everything durable that was committed before the call. Returns the durable position.
  Result<uint64_t> sync();
  // Waits until `position` is durable, by this policy's syncs or by one of its own where the
  // policy would not make any. Errors: Poisoned; Interrupted when `limit` is over.
  Result<void> wait_durable(uint64_t position,
                            std::chrono::nanoseconds limit = std::chrono::hours(1));

  // The position after the last committed event, and that below which everything is durable.
  uint64_t committed() const;
  uint64_t durable() const;

  // Whether the file system was nearly full when the next segment was prepared: a purge, or another
  // disk, is due before appends are refused. May be called from any thread.
  bool low_on_space() const;

  // The stream's capabilities after the last append.
  const Protocol& protocol() const;
  const Totals& totals() const;
  const RecoveryReport& recovery() const;
  uint32_t stream() const;
  // The most bytes of records that one event can carry when there are `records` of them.
  uint64_t max_data_bytes(uint32_t records) const;

  // Syncs, seals and syncs again; gives unused space back and releases the stream. The stream is
  // not finished by it: another incarnation may follow. A second call does nothing.
  Result<void> close();

 private:
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace tidemark
