// Where a reader starts that was given a position (SPEC.md section 11): the segment that holds it
// is walked from its checkpoint or its last waypoint before, so that the state there is known, and
// nothing of that is handed out.

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "event_reader_implementation.h"
#include "header_facts.h"
#include "paths.h"
#include "stream_directory.h"

namespace tidemark {

using Implementation = EventReader::Implementation;

tl::unexpected<Error> Implementation::purged_at(uint64_t wanted, uint64_t earliest) const {
  auto error =
      fail(ErrorCode::Purged, "position " + std::to_string(wanted) +
                                  " was purged; the earliest left is " + std::to_string(earliest));
  error.value().stream = stream;
  error.value().offset = earliest;
  error.value().path = directory;
  return error;
}

Result<bool> Implementation::purged_since(const std::optional<uint64_t>& purged) const {
  TIDEMARK_ASSIGN(now, read_purged(files, directory));
  return now != purged;
}

// A lease and a purge cannot miss each other: the reader locks first and then reads `purged`, a
// purge replaces that file first and then looks at the locks, before it unlinks anything.
Result<bool> Implementation::lease_from(uint64_t first_position,
                                        const std::optional<uint64_t>& purged) {
  if (options.leasing == Leasing::None) return false;
  if (!lease_.hold(files, directory, first_position)) return false;
  return purged_since(purged);
}

void Implementation::release_before(uint64_t position) {
  if (options.leasing != Leasing::Manual || !segment) return;
  if (!lease_.position() || *lease_.position() < position) {
    lease_.hold(files, directory, position);
  }
}

// Nothing where no segment of this name is published.
Result<std::shared_ptr<Segment>> Implementation::open_published(uint64_t first_position) const {
  auto opened =
      Segment::open(files, segment_path(directory, first_position), stream, options.access);
  if (opened || opened.error().code != ErrorCode::NotFound) return opened;
  const auto examined = examine_segment(files, directory, stream, first_position);
  if (examined && examined->damage) return tl::make_unexpected(*examined->damage);
  return std::shared_ptr<Segment>();
}

Result<bool> Implementation::open_at(uint64_t wanted) {
  if (options.segment) {
    return fail(ErrorCode::InvalidArgument,
                "a reader starts at a segment or at a position, not at both");
  }
  for (;;) {
    // In this order: a segment that a purge unlinks after this look is below what is read then.
    TIDEMARK_ASSIGN(positions, list_segment_names(files, directory));
    TIDEMARK_ASSIGN(purged, read_purged(files, directory));
    const uint64_t earliest = purged.value_or(0);
    std::shared_ptr<Segment> found;
    auto at = std::upper_bound(positions.begin(), positions.end(), wanted);
    while (!found && at != positions.begin() && *(at - 1) >= earliest) {
      TIDEMARK_ASSIGN(overtaken, lease_from(*--at, purged));
      if (overtaken) return open_at(wanted);
      TIDEMARK_ASSIGN(opened, open_published(*at));
      found = std::move(opened);
    }
    if (found) {
      TIDEMARK_TRY(enter(std::move(found)));
      TIDEMARK_TRY(learn_void());
      TIDEMARK_TRY(pass_events_before(wanted));
      return true;
    }
    auto opened = open_before_earliest(wanted, earliest);
    if (opened) return opened;
    TIDEMARK_ASSIGN(since, purged_since(purged));
    if (!since) return opened;
  }
}

// No segment holds the position: it lies before all that are left, or there are none.
Result<bool> Implementation::open_before_earliest(uint64_t wanted, uint64_t earliest) {
  TIDEMARK_ASSIGN(positions, list_segment_names(files, directory));
  for (const uint64_t position : positions) {
    if (position < earliest) continue;
    if (options.leasing != Leasing::None) lease_.hold(files, directory, position);
    TIDEMARK_ASSIGN(head, open_published(position));
    if (!head) continue;
    const SegmentHeader& header = head->header();
    // The beginning of all; or the end of what was purged, where nothing is lost to this reader.
    const bool from_start = wanted == 0 && header.previous_first_position == kNoPosition;
    const bool at_boundary =
        header.previous_first_position != kNoPosition && header.previous_end == wanted;
    if (from_start || at_boundary) {
      TIDEMARK_TRY(enter(std::move(head)));
      TIDEMARK_TRY(learn_void());
      return true;
    }
    if (wanted < earliest) return purged_at(wanted, earliest);
    if (header.previous_first_position == kNoPosition) {
      return head->fail_at(0, ErrorCode::CursorLost,
                           "position " + std::to_string(wanted) +
                               " was lost: the stream begins at " + std::to_string(position));
    }
    return head->fail_at(0, ErrorCode::Missing, "the segments before this one are missing");
  }
  if (wanted == 0 && earliest == 0) return false;  // it may come later
  if (wanted < earliest) return purged_at(wanted, earliest);
  auto error = fail(ErrorCode::CursorLost, "the stream holds nothing, and no position " +
                                               std::to_string(wanted) + " any more");
  error.value().stream = stream;
  error.value().path = directory;
  return error;
}

Result<bool> Implementation::go_to_waypoint(uint64_t wanted) {
  if (wanted % kFrameAlignment != 0 || !segment->holds(wanted) || wanted > visible_upto()) {
    return false;
  }
  const auto frame = segment->frame(wanted - segment->first_position());
  if (!frame && frame.error().code == ErrorCode::Io) return tl::make_unexpected(frame.error());
  if (!frame || !*frame || !walk.go_to_waypoint(**frame)) return false;
  offset_ = wanted - segment->first_position();
  return true;
}

Result<void> Implementation::begin_at_waypoint() {
  if (!options.waypoint) return {};
  TIDEMARK_ASSIGN(there, go_to_waypoint(*options.waypoint));
  if (there) walk.begin_here();
  return {};
}

Result<void> Implementation::approach(uint64_t wanted) {
  if (wanted < position() + kWaypointBytes) return {};
  SegmentSearch search(files, directory, stream);
  TIDEMARK_ASSIGN(seal, search.seal_of(segment->first_position()));
  if (!seal) return {};
  const auto after = std::upper_bound(seal->waypoints.begin(), seal->waypoints.end(), wanted);
  if (after == seal->waypoints.begin()) return {};
  const uint64_t nearest = *(after - 1);
  // A seal may say anything; its positions were not looked at yet.
  if (nearest < position() || nearest >= seal->end) return {};
  TIDEMARK_TRY(go_to_waypoint(nearest));
  return {};
}

Result<void> Implementation::pass_events_before(uint64_t wanted) {
  if (wanted == segment->first_position()) return {};
  TIDEMARK_TRY(approach(wanted));
  while (position() < wanted) {
    const auto frame = segment->frame(offset_);
    if (!frame && frame.error().code != ErrorCode::Corrupt) {
      return tl::make_unexpected(frame.error());
    }
    if (!frame) return judge_short_stream(wanted, frame.error());
    if (!*frame || (*frame)->kind == FrameKind::Seal) {
      return judge_short_stream(wanted, std::nullopt);
    }
    TIDEMARK_TRY(walk.apply(*segment, offset_, **frame));
    offset_ = (*frame)->end_position() - segment->first_position();
  }
  if (position() > wanted) {
    return segment->fail_at(wanted - segment->first_position(), ErrorCode::InvalidArgument,
                            "no event begins or ends here");
  }
  walk.begin_here();
  return {};
}

// The segment's events end before the position that was asked for. That is its loss, unless the
// stream itself goes on beyond this place: then it is a hole.
tl::unexpected<Error> Implementation::judge_short_stream(uint64_t wanted,
                                                         std::optional<Error> torn) {
  const auto successor = find_successor();
  if (!successor) return tl::make_unexpected(successor.error());
  const auto hole = [&](const std::string& reason) {
    return torn ? tl::make_unexpected(*torn)
                : segment->fail_at(offset_, ErrorCode::Corrupt, reason);
  };
  if (*successor) {
    const SegmentHeader& header = (*successor)->header();
    const bool follows = header.previous_first_position == segment->first_position();
    if (follows && header.previous_end > position()) {
      return hole("nothing stands here, but the stream goes on at " +
                  std::to_string(header.previous_end));
    }
    if (torn && !(follows && recorded_a_drop(header))) return tl::make_unexpected(*torn);
  } else if (torn) {
    return tl::make_unexpected(*torn);
  } else if (!writer_alive()) {
    uint64_t budget = segment->search_budget();
    const auto beyond = segment->find_frame_after(offset_, budget);
    if (!beyond) return tl::make_unexpected(beyond.error());
    const auto word = segment->commit_word(offset_);
    // What stands here is a seal, or nothing; behind a seal stands nothing.
    if (*beyond && word && *word == 0) {
      return hole("nothing stands here, but a valid frame does at offset " +
                  std::to_string(**beyond));
    }
  }
  return segment->fail_at(offset_, ErrorCode::CursorLost,
                          "the stream ended before position " + std::to_string(wanted) + ", at " +
                              std::to_string(position()));
}

}  // namespace tidemark
