// One run of an append or a replay, ours and its limit. Files are in the page cache all the time:
// what is measured is warm.
#pragma once

#include <cstdint>
#include <string>

#include "shape.h"
#include "tidemark/result.h"

namespace tidemark::measure {

// Events of one shape, appended without a roll: they stand in one segment, one after the other but
// for the waypoints between them.
struct AppendedEvents {
  double ns_an_event = 0;
  uint64_t from = 0;  // the position of the first one
  uint64_t upto = 0;
  uint64_t events = 0;
  uint64_t bytes_an_event() const { return (upto - from) / events & ~uint64_t{7}; }
};

// So many of them go into the part of a segment that is timed.
uint64_t timed_events(const Shape& shape);

// Options of a writer that syncs nothing and takes the coarse clock.
WriterOptions unsynced_options(const Shape& shape);

// Appends to a new log at `path`, into a segment that the writer's helper prepared, while the next
// one is prepared already: what an append costs by itself. Errors: as the writer's.
Result<AppendedEvents> append_prepared(const std::string& path, const Shape& shape,
                                       const Input& input, uint64_t events);
// The same events of one record of one length each, kEventsACall by one call; so many fewer than
// `events` that they are whole calls.
inline constexpr uint32_t kEventsACall = 64;
Result<AppendedEvents> append_prepared_by_many(const std::string& path, const Shape& shape,
                                               uint64_t events);
// From an empty log on, with all rolls on the way; ns an event.
Result<double> append_with_rolls(const std::string& path, const Shape& shape, const Input& input,
                                 uint64_t events);
// The limit of both: the bare loop into a file as segments are; ns an event.
Result<double> append_barely(const std::string& directory, const Input& input, uint64_t events);

// Reads what append_prepared() wrote, every frame verified; ns an event.
Result<double> poll_all(const std::string& path, const AppendedEvents& events);
// The limits of reading the same: an XXH3-64 of all bytes that are verified, of those of the
// records alone, and a look at each commit word. ns an event.
enum class Scan { Verified, Records, Words };
Result<double> scan_barely(const std::string& path, const Shape& shape,
                           const AppendedEvents& events, Scan what);

}  // namespace tidemark::measure
