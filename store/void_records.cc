#include "void_records.h"

#include <algorithm>
#include <memory>

#include "paths.h"
#include "stream_directory.h"
#include "stream_walk.h"

namespace tidemark {
namespace {

// nullptr where there is no such segment, or none that can be read.
Result<std::shared_ptr<Segment>> open_if_sound(FileSeam& files, const std::string& directory,
                                               uint32_t stream, uint64_t position, Access access) {
  auto opened = Segment::open(files, segment_path(directory, position), stream, access);
  if (!opened && opened.error().code != ErrorCode::Io) return std::shared_ptr<Segment>();
  return opened;
}

}  // namespace

Result<VoidRecords> VoidRecords::find(FileSeam& files, const std::string& directory,
                                      uint32_t stream, uint64_t from, Access access) {
  VoidRecords found;
  TIDEMARK_ASSIGN(positions, list_segment_names(files, directory));
  std::shared_ptr<Segment> segment;
  for (auto at = positions.rbegin(); at != positions.rend() && *at > from && !segment; ++at) {
    TIDEMARK_ASSIGN(opened, open_if_sound(files, directory, stream, *at, access));
    segment = std::move(opened);
  }
  // From the last segment that voids something to the one before it, and so on. Each is below the
  // one that names it, so this ends whatever the headers say.
  while (segment && segment->header().void_segment > from) {
    if (!segment->header().voids()) {
      TIDEMARK_ASSIGN(
          voiding, open_if_sound(files, directory, stream, segment->header().void_segment, access));
      if (!voiding || !voiding->header().voids()) break;
      segment = std::move(voiding);
    }
    found.add(*segment);
    TIDEMARK_ASSIGN(before, open_if_sound(files, directory, stream,
                                          segment->header().previous_first_position, access));
    segment = std::move(before);
  }
  return found;
}

void VoidRecords::add(Segment& segment) {
  StreamWalk walk;
  if (!walk.enter_by_checkpoint(segment)) return;
  rules_.push_back({segment.first_position(), walk.protocol().frontier()});
}

bool VoidRecords::knows(uint64_t first_position) const {
  return std::any_of(rules_.begin(), rules_.end(),
                     [&](const Rule& rule) { return rule.segment == first_position; });
}

bool VoidRecords::covers(uint64_t position, const Time& time) const {
  return std::any_of(rules_.begin(), rules_.end(), [&](const Rule& rule) {
    return position < rule.segment && rule.frontier.less_equal(time);
  });
}

void VoidRecords::pass(uint64_t first_position) {
  std::erase_if(rules_, [&](const Rule& rule) { return rule.segment <= first_position; });
}

}  // namespace tidemark
