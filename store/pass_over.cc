// A reader that passes over whole segments (SPEC.md section 11).

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

Result<Passed> Implementation::pass_over_segments(const SegmentFilter& filter, uint64_t upto) {
  if (!search_) search_.emplace(files, directory, stream);
  // Unless something is found below: not before the next segment was entered.
  const uint64_t first = segment->first_position();
  look_from_ = first + segment->bytes();
  TIDEMARK_ASSIGN(successor, search_->successor_of(first));
  if (!successor || walk.protocol().finished()) return Passed::Nothing;
  const uint64_t end = successor->header().previous_end;
  if (position() < end) {
    look_from_ = end;
    return Passed::Nothing;
  }
  // Whatever is wrong here, the next poll reports it.
  if (position() > end || !ends_well(successor->header())) return Passed::Nothing;

  const uint64_t visible = std::min(upto, visible_upto());
  TIDEMARK_ASSIGN(found, search_->first_wanted(successor->first_position(), filter, visible));
  if (found.rest) {
    rest = *std::move(found.rest);
    return Passed::Rest;
  }
  if (found.segment == successor->first_position()) return Passed::Nothing;
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

Result<Passed> EventReader::pass_over(const SegmentFilter& filter, uint64_t upto) {
  return implementation_->pass_over(filter, upto);
}
const std::vector<Change>& EventReader::rest() const { return implementation_->rest; }

}  // namespace tidemark
