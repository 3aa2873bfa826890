// `LoggedStream`: one stream of a log, from the capabilities that it opens with to its end (SPEC.md
// section 10). What `LogReader` reads with; it knows nothing of an application's types.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "tidemark/event.h"
#include "tidemark/event_reader.h"
#include "tidemark/log.h"
#include "tidemark/protocol.h"
#include "tidemark/replay.h"
#include "tidemark/result.h"
#include "tidemark/seek.h"

namespace tidemark {

// How one stream is read to its end; the same words as ReplayOptions.
struct LogReaderOptions {
  // What an unfinished stream does once its end is reached and no writer is alive: end (Release,
  // Hold), or go on with the next writer (Wait).
  EndMode end = EndMode::Release;
  // false: it ends where it ended when the reader was opened, even where a writer is alive.
  bool follow = false;
  // Where it begins to be told; what precedes is summed up in the opening. Unset: at the earliest
  // event that is left. Not together with `reader.segment` or `reader.position`.
  std::optional<StartPoint> start = std::nullopt;
  ReaderOptions reader = {};
};

// One thread at a time.
class LoggedStream {
 public:
  enum class Step : uint8_t {
    Opened,    // the first segment was found: opening() leads to what the stream begins with
    Messages,  // event() holds messages
    Progress,  // event() holds progress
    Pending,   // nothing yet; the stream may go on
    Over,      // nothing will come: the stream is finished, or this is its end
  };

  // Errors: those of Log::reader; InvalidArgument where it is to start at two places.
  static Result<LoggedStream> open(const Log& log, uint32_t stream,
                                   const LogReaderOptions& options);
  LoggedStream(LoggedStream&&) noexcept;
  LoggedStream& operator=(LoggedStream&&) noexcept;
  ~LoggedStream();

  // Reads one event at most. Errors are those of EventReader::poll, and stay. Voided: the producer
  // was restarted, and some of the messages that were read at times that were not complete are
  // void; whoever opens the stream anew reads what is left of it.
  Result<Step> step();

  // After Step::Messages and Step::Progress; valid until the next step, and longer while a copy of
  // reader().segment() is held.
  const EventView& event() const;
  // After Step::Opened: the difference between {minimum: 1} and the capabilities that the stream
  // begins with here; none at a stream's own beginning.
  std::span<const Change> opening() const;

  // Behind the last event that step() told of: its position is where another reader goes on.
  // sequence() counts the events of the stream before it; capabilities() are those that the steps
  // up to now tell, from one at the minimum on.
  uint64_t position() const;
  uint64_t sequence() const;
  const MutableAntichain<Time>& capabilities() const;

  // What to wait on. It may stand one event ahead, and polling it directly would skip events.
  EventReader& reader();
  const EventReader& reader() const;

 private:
  class Implementation;
  explicit LoggedStream(std::unique_ptr<Implementation> implementation);
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace tidemark
