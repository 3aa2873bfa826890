// What a replay asks of one stream. In a log that is an EventReader with a PositionReader beside
// it; tests put streams made by hand in its place.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "tidemark/event.h"
#include "tidemark/event_reader.h"
#include "tidemark/log.h"
#include "tidemark/protocol.h"
#include "tidemark/result.h"
#include "tidemark/time.h"

namespace tidemark {

class StreamEvents {
 public:
  StreamEvents() = default;
  StreamEvents(const StreamEvents&) = delete;
  StreamEvents& operator=(const StreamEvents&) = delete;
  virtual ~StreamEvents() = default;

  virtual uint32_t stream() const = 0;
  // As EventReader's: looks once; errors stay; a view of the event lives until the next call.
  virtual Result<EventReader::Status> poll() = 0;
  virtual const EventView& event() const = 0;
  // The shape of the stream's times and the capabilities it begins with, once a segment is found.
  virtual std::optional<TimeShape> shape() const = 0;
  virtual const std::vector<Change>& opening() const = 0;
  // The stream's own frontier after the last poll.
  virtual const Antichain<Time>& frontier() const = 0;
  // As EventReader's; counts() are the capabilities where the next event is looked for, or, after
  // Passed::Rest, at the end of what was passed over.
  using Passed = EventReader::Passed;
  virtual Result<Passed> pass_over(const SegmentFilter& /*filter*/, uint64_t /*upto*/) {
    return Passed::Nothing;
  }
  virtual std::vector<Change> counts() const { return {}; }
  virtual bool writer_alive() const = 0;
  // The event at a position that poll() came past. Its view lives until the next call of at().
  virtual Result<EventView> at(uint64_t position) = 0;
  // The first event at or after such a position, in the same segment; the same of its view.
  virtual Result<EventView> from(uint64_t position) = 0;
  // What to wait for; nothing where the stream is no log's.
  virtual EventReader* reader() = 0;
};

// The stream of a log. `log` may go before it.
std::unique_ptr<StreamEvents> stream_of(const Log& log, EventReader reader);

// Sleeps until one of the streams may have something new or `limit` is over. Errors: Io.
Result<void> wait_for(std::span<StreamEvents* const> streams, std::chrono::nanoseconds limit);

}  // namespace tidemark
