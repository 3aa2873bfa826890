// A reader that passes over whole segments, and over sections of one (SPEC.md section 11).

#include <algorithm>
#include <utility>

#include "event_reader_implementation.h"
#include "header_facts.h"
#include "paths.h"

namespace tidemark {

using Implementation = EventReader::Implementation;
using Passed = EventReader::Passed;

Result<Passed> Implementation::pass_over(const SegmentFilter& filter, uint64_t upto) {
  if (position() < look_from_ || !segment) [[likely]]
    return Passed::Nothing;
  if (error_) return tl::make_unexpected(*error_);
  auto passed = pass_over_segments(filter, upto);
  if (!passed) error_ = passed.error();
  return passed;
}

// Whether what stands at the segment's end may stand there: as for a reader that crosses.
bool Implementation::ends_well(const SegmentHeader& successor) {
  const auto frame = segment->frame(offset_);
  const bool sound =
      frame && (!*frame || ((*frame)->kind == FrameKind::Seal && accept_seal(**frame)));
  return sound || recorded_a_drop(successor);
}

Result<std::optional<Passed>> Implementation::pass_over_sections(const SegmentFilter& filter,
                                                                 const Seal& seal, bool last) {
  const auto& waypoints = seal.waypoints;
  const auto after = std::upper_bound(waypoints.begin(), waypoints.end(), position());
  const auto here = static_cast<size_t>(after - waypoints.begin());
  const size_t end = seal.sections.size();
  size_t wanted = here;
  while (wanted < end && !(seal.sections[wanted] && filter.wants(*seal.sections[wanted]))) {
    ++wanted;
  }
  if (wanted == end) {
    if (filter.over(seal.counts)) {
      rest = seal.counts;
      return Passed::Rest;
    }
    if (!last) return std::nullopt;
    --wanted;  // a stream's end is found by reading
  }
  if (wanted > here) {
    TIDEMARK_ASSIGN(there, go_to_waypoint(waypoints[wanted - 1]));
    if (!there) return Passed::Nothing;
  }
  look_from_ = wanted + 1 < end ? waypoints[wanted] : seal.end;
  return wanted > here ? Passed::Segments : Passed::Nothing;
}

// From the end of this segment on; `early`: nothing of what is left of it is wanted.
Result<Passed> Implementation::pass_over_from(const Segment& successor, const SegmentFilter& filter,
                                              uint64_t upto, bool early) {
  const uint64_t first = segment->first_position();
  TIDEMARK_ASSIGN(found, search_->first_wanted(successor.first_position(), filter, upto));
  if (found.rest) {
    rest = *std::move(found.rest);
    return Passed::Rest;
  }
  if (!early && found.segment == successor.first_position()) return Passed::Nothing;
  TIDEMARK_ASSIGN(
      next, Segment::open(files, segment_path(directory, found.segment), stream, options.access));
  // A producer that was restarted meanwhile made messages void that this reader has handed out: it
  // has to come through the segment that says so.
  const SegmentHeader& header = next->header();
  if (header.void_segment > first && !void_.knows(header.void_segment)) return Passed::Nothing;
  walk.pass_over();
  TIDEMARK_TRY(enter(std::move(next)));
  look_from_ = 0;
  return Passed::Segments;
}

Result<Passed> Implementation::pass_over_segments(const SegmentFilter& filter, uint64_t upto) {
  if (!search_) search_.emplace(files, directory, stream);
  // Unless something is found below: not before the next segment was entered.
  const uint64_t first = segment->first_position();
  look_from_ = first + segment->bytes();
  if (walk.protocol().finished()) return Passed::Nothing;
  TIDEMARK_ASSIGN(successor, search_->successor_of(first));
  const uint64_t visible = std::min(upto, visible_upto());
  if (successor && position() >= successor->header().previous_end) {
    // Whatever is wrong here, the next poll reports it.
    const SegmentHeader& header = successor->header();
    if (position() > header.previous_end || !ends_well(header)) return Passed::Nothing;
    return pass_over_from(*successor, filter, visible, /*early=*/false);
  }
  if (successor) look_from_ = successor->header().previous_end;
  TIDEMARK_ASSIGN(seal, search_->seal_of(first));
  if (!seal || seal->waypoints.empty() || position() >= seal->end || seal->end > visible) {
    return Passed::Nothing;
  }
  TIDEMARK_ASSIGN(passed, pass_over_sections(filter, *seal, /*last=*/!successor));
  if (passed) return *passed;
  return pass_over_from(*successor, filter, visible, /*early=*/true);
}

Result<Passed> EventReader::pass_over(const SegmentFilter& filter, uint64_t upto) {
  return implementation_->pass_over(filter, upto);
}
const std::vector<Change>& EventReader::rest() const { return implementation_->rest; }

}  // namespace tidemark
