// The slice {t : from <= t, not until <= t}, and what is left of a stream's progress in it
// (SPEC.md section 10).
//
// A capability at t stands for the messages at times x with t <= x. Of these, the slice has those
// with join(t, from) <= x and not until <= x: so its image is a capability at join(t, from), or
// none where until is at or before that. The image of a valid stream is valid: images keep the
// order, and where an image is none, so is that of every later time.
//
// Example: in [10, 20), progress {3: -1, 15: +1} becomes {10: -1, 15: +1}, and {15: -1, 20: +1}
// becomes {15: -1}: nothing can follow in the slice, though the stream goes on.
#pragma once

#include <optional>
#include <vector>

#include "tidemark/protocol.h"
#include "tidemark/result.h"
#include "tidemark/seek.h"
#include "tidemark/time.h"

namespace tidemark {

class Slice : public SegmentFilter {
 public:
  // All times.
  Slice() = default;
  Slice(std::optional<Time> from, std::optional<Time> until) : from_(from), until_(until) {}

  // InvalidArgument where a bound has another shape.
  Result<void> check(TimeShape shape) const;

  bool everything() const { return !from_ && !until_; }
  // Whether it may be over before a stream is.
  bool bounded_above() const { return until_.has_value(); }
  bool contains(const Time& time) const;
  // Whether a time of the slice lies between them; and whether these capabilities have no image.
  bool wants(const TimeBounds& bounds) const override;
  bool over(std::span<const Change> counts) const override;
  // The least time of the slice at or after `time`.
  std::optional<Time> image(const Time& time) const;
  // Replaces each change by its image; netted then. Errors: ProtocolViolation (P4).
  Result<void> restrict(std::vector<Change>& changes) const;

 private:
  std::optional<Time> from_;
  std::optional<Time> until_;
};

}  // namespace tidemark
