// `Replay`: several streams of a log as one sequence of events (SPEC.md section 10).
//
// Any interleaving of valid streams is valid, so a replay of n streams starts with n capabilities
// at the minimum time and stays within the protocol whatever its order. What it hands out:
// progress events say how the capabilities of the *replay* change, messages are those of the
// streams, and no message is ever behind the frontier that was reported before it.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tidemark/cursor.h"
#include "tidemark/end_mode.h"
#include "tidemark/event.h"
#include "tidemark/event_reader.h"
#include "tidemark/log.h"
#include "tidemark/protocol.h"
#include "tidemark/result.h"
#include "tidemark/seek.h"

namespace tidemark {

enum class Order : uint8_t {
  Stream,  // each stream's own order; streams in turns
  Time,    // messages sorted by the total order of times, which extends the partial one; where a
           // time's messages were all held back, by stream and position then
};

enum class Delivery : uint8_t {
  Eager,     // as committed
  Complete,  // a time's messages once the frontier has passed it, from durable data. Times that a
             // stream still holds where it ends are never complete, whatever the end mode: the
             // stream's next writer may add to them, or void what is there.
};

struct ReplayOptions {
  Order order = Order::Stream;
  Delivery delivery = Delivery::Eager;
  EndMode end = EndMode::Release;
  // false: ends where each stream ended when the replay was opened, even where a writer is alive.
  bool follow = false;
  // Where each stream begins to be told; what precedes is summed up in the opening. Unset: at the
  // earliest event that is left. Not together with `reader.segment`.
  std::optional<StartPoint> start = std::nullopt;
  // Only messages at times t with from <= t and not until <= t. Unset: no bound. Segments that have
  // no such message, as their seals tell, are passed over and not verified.
  std::optional<Time> from = std::nullopt;
  std::optional<Time> until = std::nullopt;
  // Order::Time and Delivery::Complete hold back messages that may not go yet, by their positions:
  // up to `held_in_memory` of them one by one, 56 bytes each, and where more wait, runs of up to
  // 4,096 that are read again, about 300 bytes each. Beyond `held_events_limit` messages the replay
  // fails with TooLarge instead of holding more.
  size_t held_events_limit = size_t{1} << 32;
  size_t held_in_memory = size_t{1} << 17;
  // What of the streams is seen. Unset: Durable for Delivery::Complete, else what `reader` says.
  std::optional<Visibility> visibility = std::nullopt;
  // `reader.segment` and `reader.position` are for a replay of one stream.
  ReaderOptions reader = {};
  // Where streams start, as ReaderOptions::position; those that are not named start as `reader`
  // says.
  std::vector<StreamPosition> positions = {};
};

// One step of a replay. Views are valid until the next call.
struct ReplayedEvent {
  // The stream of a message; for progress, the stream whose event moved the capabilities, or
  // nothing where the replay itself did: openings, ends, and all progress where messages are held
  // back (Order::Time, Delivery::Complete), for progress waits with them and is summed up.
  std::optional<uint32_t> stream;
  // messages() or progress() of the event as it stands in the stream: position, sequence (0 where
  // it was held back), captured_at. Progress that the replay makes itself has no content here.
  EventView event;
  // How the replay's capabilities change, each time once: for progress. Empty for messages.
  std::vector<Change> changes;

  const MessagesView* messages() const { return event.messages(); }
  bool is_progress() const { return messages() == nullptr; }
};

class Replay {
 public:
  class Implementation;

  enum class Status : uint8_t {
    Event,
    // The producer of the stream event().stream was restarted, and offers again what was not
    // complete: its messages that were handed out at times at or after void_frontier() are void.
    // Never under Delivery::Complete, which hands out no such message.
    Voided,
    Pending,
    Finished,
  };

  // `streams` must exist; their order does not matter. Errors: as EventReader's, InvalidArgument
  // where the streams' time shapes differ, a bound has another shape, or a stream is named twice.
  static Result<Replay> open(const Log& log, std::span<const uint32_t> streams,
                             const ReplayOptions& options = {});
  Replay(Replay&&) noexcept;
  Replay& operator=(Replay&&) noexcept;
  ~Replay();

  // Looks at no more than `budget` events of the streams; Pending too when that is used up
  // without finding anything to hand out.
  // Errors stay, and come only after everything that precedes the damage in its stream's order
  // was handed out; where messages are held back, after what the frontier had released. Besides
  // those of EventReader and PositionReader: TooLarge (held_events_limit), InvalidArgument (the
  // times of a stream that got its first segment now), ProtocolViolation (P4: counts overflow).
  Result<Status> poll(size_t budget = 1024);
  // Polls until there is an event, the replay is over, or `limit` is.
  Result<Status> next(std::chrono::nanoseconds limit);

  const ReplayedEvent& event() const;
  const Antichain<Time>& void_frontier() const;
  // The combined frontier, as reported so far.
  const Antichain<Time>& frontier() const;
  const std::vector<std::pair<Time, int64_t>>& capabilities() const;
  // The shape of the streams' times; the default where no stream has a segment yet.
  TimeShape time_shape() const;
  // Where a later replay goes on that is to see whatever this one did not hand out: for each
  // stream, the position of the first event that it has yet to hand out, or will not, because its
  // time was not complete at the stream's end. What lies there and was handed out, because another
  // time was complete before, is seen again. Takes time in proportion to held_events().
  std::vector<StreamPosition> resume_positions() const;
  // The readers. Their positions may be ahead of what was handed out.
  std::vector<const EventReader*> readers() const;
  size_t held_events() const;

 private:
  explicit Replay(std::unique_ptr<Implementation> implementation);
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace tidemark
