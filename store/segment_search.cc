#include "segment_search.h"

#include <algorithm>
#include <utility>

#include "control_page.h"
#include "header_facts.h"
#include "paths.h"
#include "stream_directory.h"

namespace tidemark {

std::optional<Seal> seal_before(Segment& segment, const SegmentHeader& successor) {
  if (successor.previous_first_position != segment.first_position()) return std::nullopt;
  const uint64_t offset = successor.previous_end - segment.first_position();
  if (offset + sizeof(FrameHeader) > segment.bytes()) return std::nullopt;
  const auto frame = segment.frame(offset);
  if (!frame || !*frame || (*frame)->kind != FrameKind::Seal) return std::nullopt;
  auto seal = decode_seal((*frame)->payload, segment.header().time_shape());
  if (!seal || seal->end != successor.previous_end || seal->totals != totals_before(successor)) {
    return std::nullopt;
  }
  return *std::move(seal);
}

std::optional<Seal> closing_seal(FileSeam& files, const std::string& directory, Segment& last) {
  const auto control = ControlPage::open_for_reading(files, directory);
  if (!control || control->state() != WriterState::Closed) return std::nullopt;
  const uint64_t end = control->durable().value_or(0);
  if (end % kFrameAlignment != 0 || !last.holds(end)) return std::nullopt;
  const auto frame = last.frame(end - last.first_position());
  if (!frame || !*frame || (*frame)->kind != FrameKind::Seal) return std::nullopt;
  auto seal = decode_seal((*frame)->payload, last.header().time_shape());
  if (!seal || seal->end != end || !seal->closed) return std::nullopt;
  return *std::move(seal);
}

Result<StatedPoint> stated_at(Segment& segment, uint64_t offset, FrameKind kind) {
  TIDEMARK_ASSIGN(frame, segment.frame(offset));
  if (!frame || frame->kind != kind) {
    return segment.fail_at(offset, ErrorCode::Corrupt,
                           "no " + std::string(name_of(kind)) + " stands here");
  }
  auto state = decode_checkpoint(frame->payload, segment.header().time_shape());
  if (!state) return segment.fail_at(offset, std::move(state).error());
  return StatedPoint{*std::move(state), frame->captured_at_ns};
}

Result<std::optional<Seal>> SegmentSearch::seal_of(uint64_t first_position) {
  TIDEMARK_ASSIGN(successor, successor_of(first_position));
  TIDEMARK_ASSIGN(segment, try_open(first_position));
  if (!segment) return std::nullopt;
  if (successor) return seal_before(*segment, successor->header());
  return closing_seal(files_, directory_, *segment);
}

Result<void> SegmentSearch::list() {
  TIDEMARK_ASSIGN(names, list_segment_names(files_, directory_));
  TIDEMARK_ASSIGN(purged, read_purged(files_, directory_));
  names_ = std::move(names);
  std::erase_if(names_, [&](uint64_t name) { return name < purged.value_or(0); });
  return {};
}

Result<std::shared_ptr<Segment>> SegmentSearch::try_open(uint64_t first_position) {
  if (recent_ && recent_->first_position() == first_position) return recent_;
  auto opened = Segment::open_narrowly(files_, segment_path(directory_, first_position), stream_);
  if (opened) return recent_ = *std::move(opened);
  // Without memory or descriptors there is nothing to be found out at all.
  if (opened.error().code == ErrorCode::Io && opened.error().system_error != 0 &&
      !opened.error().offset) {
    return tl::make_unexpected(std::move(opened).error());
  }
  return std::shared_ptr<Segment>();
}

Result<std::shared_ptr<Segment>> SegmentSearch::successor_of(uint64_t first_position) {
  // What was listed before may do; what was published since shows when it is listed anew.
  for (const bool anew : {false, true}) {
    if (anew || names_.empty()) TIDEMARK_TRY(list());
    for (auto at = std::upper_bound(names_.begin(), names_.end(), first_position);
         at != names_.end(); ++at) {
      TIDEMARK_ASSIGN(found, try_open(*at));
      if (!found) continue;
      if (found->header().previous_first_position == first_position) return found;
      break;  // whatever this means, a reader finds out
    }
  }
  return std::shared_ptr<Segment>();
}

Result<SegmentSearch::Found> SegmentSearch::first_wanted(uint64_t from, const SegmentFilter& filter,
                                                         uint64_t upto) {
  TIDEMARK_ASSIGN(segment, try_open(from));
  while (segment) {
    const uint64_t here = segment->first_position();
    from = here;
    TIDEMARK_ASSIGN(successor, successor_of(here));
    if (!successor || successor->header().previous_end > upto) break;
    const auto seal = seal_before(*segment, successor->header());
    if (!seal || (seal->bounds && filter.wants(*seal->bounds))) break;
    if (filter.over(seal->counts)) return Found{here, seal->counts};
    segment = successor;
  }
  return Found{from, std::nullopt};
}

// Damage in front of the first one is for readers to report: then there is none here.
Result<std::shared_ptr<Segment>> SegmentSearch::first() {
  TIDEMARK_TRY(list());
  if (names_.empty()) return std::shared_ptr<Segment>();
  return try_open(names_.front());
}

Result<std::shared_ptr<Segment>> SegmentSearch::last() {
  TIDEMARK_TRY(list());
  for (size_t i = names_.size(); i-- > 0;) {
    TIDEMARK_ASSIGN(found, try_open(names_[i]));
    if (found) return found;
  }
  return std::shared_ptr<Segment>();
}

Result<std::shared_ptr<Segment>> SegmentSearch::last_before(const Test& before) {
  TIDEMARK_TRY(list());
  std::shared_ptr<Segment> best;
  // Of names_[0, low) nothing needs to be looked at any more, nor from names_[high] on.
  size_t low = 0;
  size_t high = names_.size();
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    // The nearest one at or below the middle that can be read.
    size_t at = middle + 1;
    std::shared_ptr<Segment> probed;
    while (!probed && at > low) {
      TIDEMARK_ASSIGN(opened, try_open(names_[--at]));
      probed = opened;
    }
    if (!probed) {
      low = middle + 1;
      continue;
    }
    const auto answer = before(*probed);
    // Where it cannot tell, it counts as one that cannot be read: what is below is looked at.
    if (answer && *answer) {
      best = probed;
      low = middle + 1;
    } else {
      high = at;
    }
  }
  return best;
}

}  // namespace tidemark
