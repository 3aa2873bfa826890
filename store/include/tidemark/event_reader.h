// `EventReader`: replays and tails one stream, verified and without copies (SPEC.md section 11).
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tidemark/event.h"
#include "tidemark/file_seam.h"
#include "tidemark/layout.h"
#include "tidemark/protocol.h"
#include "tidemark/result.h"
#include "tidemark/summary_frames.h"

namespace tidemark {

class Segment;  // an open segment; views into it live as long as a handle to it does
class SegmentFilter;

// What a reader lets itself see.
enum class Visibility : uint8_t {
  Committed,  // everything that was committed
  Durable,    // only what survives power loss
};

// How a reader gets at the bytes.
enum class Access : uint8_t {
  Map,   // a shared mapping: no copies, for logs whose writer is trusted not to rewrite
  Copy,  // private copies by pread: a file that changes or goes bad underneath cannot hurt
};

enum class Waiting : uint8_t {
  Sleep,  // on a futex; wakes in tens of microseconds
  Spin,   // on the commit word; wakes in about 100 ns and takes a core
};

// Whether a reader keeps purges away from what it still needs (SPEC.md section 2.5).
enum class Leasing : uint8_t {
  None,       // a purge may overtake it: it is told Purged then
  Automatic,  // it holds what it reads and all that follows
  Manual,     // it holds all from where it began, until release_before()
};

struct ReaderOptions {
  Visibility visibility = Visibility::Committed;
  Access access = Access::Map;
  // Void records (SPEC.md section 5.8) are left out, where their producer had declared them void
  // before the reader was opened. false: they are handed out, and Voided tells what became of them.
  bool hide_void = true;
  // Where to start: the first position of a segment. Unset: the earliest that is left.
  std::optional<uint64_t> segment = std::nullopt;
  // And within that segment, at a waypoint of it that find_start() has found: what stands before it
  // is neither verified nor handed out. Where it cannot be used, at the segment's beginning.
  std::optional<uint64_t> waypoint = std::nullopt;
  // Or: a position that a reader of this stream stood at, an event's or the one after it; 0 is the
  // stream's beginning. What stands before it in its segment is verified and not handed out, and
  // opening() and protocol() are those of this place. Errors: Purged, with the earliest position
  // that is left; CursorLost where the stream does not reach so far (any more); InvalidArgument
  // where no event begins or ends there.
  std::optional<uint64_t> position = std::nullopt;
  // Where the system refuses a lease, or the stream has no file for them (it was never opened for
  // writing or purged by a version that makes one), reading works as with None.
  Leasing leasing = Leasing::Automatic;
};

// What the headers say of a stream.
struct StreamTraits {
  uint32_t stream = 0;
  uint32_t peers = 1;
  Uuid log_uuid{};
  TimeShape time;
  std::string time_name;
  RecordEncoding encoding = RecordEncoding::Variable;
  std::string container_name;
  // The records' schema, for RecordSchema::parse; nullptr where the stream has none. Its hash was
  // checked, its content was not.
  std::shared_ptr<const std::vector<std::byte>> schema = nullptr;
  uint64_t schema_hash = 0;  // of these bytes; without them, the application's
};

// Walks one stream from a segment's beginning or from a position, and goes on while it is written,
// in this process or another. Every frame's checksum, payload and protocol are verified before an
// event is handed out. Opening or reading never changes a log. One thread at a time.
class EventReader {
 public:
  class Implementation;

  enum class Status : uint8_t {
    Event,     // event() holds the next one
    Voided,    // the producer was restarted, and offers again what was not complete: messages that
               // were handed out at times at or after an element of protocol().frontier() are void
    Pending,   // nothing yet; the stream may go on
    Finished,  // the stream holds no capability: nothing can follow
  };

  explicit EventReader(std::unique_ptr<Implementation> implementation);
  EventReader(EventReader&&) noexcept;
  EventReader& operator=(EventReader&&) noexcept;
  ~EventReader();

  // Looks once. Errors, which stay: Corrupt (stream, segment, offset), Missing, Purged,
  // CursorLost, ProtocolViolation, Unsupported, Io. Where no writer is alive, the end of the
  // stream is examined for anything valid beyond it before it counts as Pending.
  Result<Status> poll();
  // Polls until there is an event or the stream is finished, or until `limit` is over: Pending.
  Result<Status> next(std::chrono::nanoseconds limit, Waiting waiting = Waiting::Sleep);

  // For Leasing::Manual: what stands before `position` is not needed any more.
  void release_before(uint64_t position);
  enum class Passed : uint8_t {
    Nothing,   // the next poll goes on where the last one ended
    Segments,  // the next poll goes on in a later segment; position and capabilities are its own
    Rest,      // `filter` says that nothing follows; rest() are the capabilities there
  };
  // Where a segment ends: passes over the segments after it that `filter` has no use for, as their
  // seals tell, but over none that ends above `upto` or, for Visibility::Durable, is not durable.
  // Elsewhere it does nothing, at the price of a comparison. What is passed over is not verified.
  // Errors: as poll()'s, and they stay.
  Result<Passed> pass_over(const SegmentFilter& filter, uint64_t upto);
  const std::vector<Change>& rest() const;

  // The event that poll() or next() found. It and all views of it are valid until the next call
  // of either, and longer while a copy of segment() is held.
  const EventView& event() const;
  std::shared_ptr<const Segment> segment() const;

  // Where the next event will be looked for.
  uint64_t position() const;
  // Events before that position.
  uint64_t sequence() const;
  // The capabilities at that position: of the checkpoint first, then of every event handed out.
  const Protocol& protocol() const;
  // Totals at that position.
  const Totals& totals() const;
  // The capabilities with which this reader began, those of its first segment's checkpoint or of
  // the position it was asked to start at, once a segment was found.
  const std::vector<Change>& opening() const;
  // What the stream's headers say; nothing while the stream has no segment.
  const std::optional<StreamTraits>& traits() const;
  uint32_t stream() const;

  // Whether a process holds the stream for writing at this moment.
  bool writer_alive() const;
  // Whether the last writer closed the stream at position(): it was not killed there.
  bool at_seal() const;

 private:
  friend Result<bool> wait_any(std::span<EventReader* const>, std::chrono::nanoseconds);
  std::unique_ptr<Implementation> implementation_;
};

// Sleeps until one of the streams may have something new or `limit` is over; false then. At least
// one reader. Call poll() of each one afterwards.
Result<bool> wait_any(std::span<EventReader* const> readers, std::chrono::nanoseconds limit);

}  // namespace tidemark
