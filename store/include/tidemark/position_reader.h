// `PositionReader`: events of a stream by their position, for those who remember where an event
// stands instead of holding its bytes.
#pragma once

#include <cstdint>
#include <memory>

#include "tidemark/event.h"
#include "tidemark/result.h"

namespace tidemark {

// Keeps a few recently used segments open. One thread at a time.
class PositionReader {
 public:
  class Implementation;

  explicit PositionReader(std::unique_ptr<Implementation> implementation);
  PositionReader(PositionReader&&) noexcept;
  PositionReader& operator=(PositionReader&&) noexcept;
  ~PositionReader();

  // The event whose frame stands at `position`, verified again; its `sequence` is 0, for a
  // position does not tell it. Valid until the next call. Errors: Corrupt, NotFound, Purged, Io.
  Result<EventView> at(uint64_t position);
  // The first event at or after `position`, where some frame stands, in the same segment. NotFound
  // where there is none.
  Result<EventView> from(uint64_t position);

 private:
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace tidemark
