// Cursors: named, durable reading places of consumers, in the log's catalog (SPEC.md section 2.4).
//
//   auto consumer = Consumer::open(log, "billing", streams);
//   ReaderOptions options;
//   options.position = consumer->position(0);          // unset at first: the earliest that is left
//   auto reader = log.reader(0, options);
//   ... handle events, then: consumer->commit({{{0, reader->position()}}});
//
// What was handled and not committed is seen again after a crash: at least once, never less.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tidemark/catalog.h"
#include "tidemark/log.h"
#include "tidemark/result.h"

namespace tidemark {

struct StreamPosition {
  uint32_t stream = 0;
  uint64_t position = 0;  // of the next event

  friend bool operator==(const StreamPosition&, const StreamPosition&) = default;
};

struct ConsumerOptions {
  // false: no cursor is ever ahead of what survives a power loss. Where a position is not durable
  // yet, the durable position before it is committed in its place, and what lies between may be
  // seen twice. true: the position as it is given; after a power loss it may be CursorLost.
  bool ahead_of_durable = false;
};

// A consumer of some streams of a log, and its cursor. The log's files may go before it, the log
// object too. One thread at a time; two consumers of one name overwrite each other's places.
class Consumer {
 public:
  // Reads the cursor, and changes nothing. Errors: those of Catalog; CursorLost where the log is
  // not the one that the cursor was in, or has lost that place. Whether the place was purged, or
  // lies beyond the stream's end, says the reader that is opened there.
  static Result<Consumer> open(const Log& log, const std::string& name,
                               std::span<const uint32_t> streams,
                               const ConsumerOptions& options = {});

  // Whether there was a cursor of this name. Cursors are lost with the catalog, and then this is
  // how it shows.
  bool found() const { return found_; }
  // Where to start, for ReaderOptions::position; nothing where the cursor has no place in the
  // stream: at the earliest that is left.
  std::optional<uint64_t> position(uint32_t stream) const;
  const std::string& name() const { return name_; }

  // Moves the cursor in these streams, in one transaction: all of them or none. It is durable when
  // this returns. Streams that are not named stay where they are. A position may lie behind the
  // last one, to read again. Whether it is one of the log, the next opening tells. Errors: those
  // of Catalog.
  Result<void> commit(std::span<const StreamPosition> positions);

 private:
  struct Known {  // the segment in which a position was last
    uint64_t first_position = 0;
    uint64_t end = 0;
    uint64_t incarnation = 0;
    uint64_t check = 0;
  };

  Consumer(Log log, std::string name, ConsumerOptions options)
      : log_(std::move(log)), name_(std::move(name)), options_(options) {}
  Result<CursorPlace> place_of(const StreamPosition& position);

  Log log_;
  std::string name_;
  ConsumerOptions options_;
  bool found_ = false;
  std::optional<Catalog> catalog_;  // opened, and made where there is none, with the first commit
  std::map<uint32_t, uint64_t> positions_;
  std::map<uint32_t, Known> known_;
};

// All cursors of a log, by name. A log without a catalog has none, and gets none by asking.
// Errors: those of Catalog.
Result<std::vector<Cursor>> list_cursors(const Log& log);
// Whether the cursor was there. Errors: those of Catalog.
Result<bool> delete_cursor(const Log& log, const std::string& name);

// Whether the place is one of this log as it is now. Looks at headers only. Errors: CursorLost,
// Purged (offset: the earliest that is left), NotFound (no such stream), Io.
Result<void> check_cursor_place(const Log& log, const std::string& name, const CursorPlace& place);

}  // namespace tidemark
