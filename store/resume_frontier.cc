// `Log::resume_frontier`: where the streams of a log stand, for a producer that goes on (SPEC.md
// sections 5.8 and 9).

#include <algorithm>
#include <memory>
#include <optional>

#include "control_page.h"
#include "paths.h"
#include "recovery.h"
#include "stream_directory.h"
#include "stream_walk.h"
#include "tidemark/log.h"

namespace tidemark {
namespace {

struct Standing {
  std::optional<Protocol> protocol;  // none: no segment yet
  std::vector<std::byte> mark;
  Totals totals;
};

// A stream that is being written: to the end of its last segment, as a reader would.
Result<Standing> read_live(FileSeam& files, const std::string& directory, uint32_t stream) {
  TIDEMARK_ASSIGN(positions, list_segment_names(files, directory));
  std::reverse(positions.begin(), positions.end());
  for (const uint64_t position : positions) {
    auto opened = Segment::open(files, segment_path(directory, position), stream, Access::Copy);
    if (!opened && opened.error().code == ErrorCode::NotFound) continue;  // a spare
    if (!opened) return tl::make_unexpected(std::move(opened).error());
    Segment& segment = **opened;
    StreamWalk walk;
    TIDEMARK_ASSIGN(offset, walk.enter(segment));
    for (;;) {
      TIDEMARK_ASSIGN(frame, segment.frame(offset));
      if (!frame || frame->kind == FrameKind::Seal) break;
      TIDEMARK_TRY(walk.apply(segment, offset, *frame));
      offset = frame->end_position() - segment.first_position();
    }
    return Standing{walk.protocol(), walk.mark(), walk.totals()};
  }
  return Standing{};
}

Result<Standing> standing_of(FileSeam& files, const std::string& directory, uint32_t stream) {
  TIDEMARK_ASSIGN(written, is_locked(files, directory));
  if (!written) {
    const auto control = ControlPage::open_for_reading(files, directory);
    auto found = inspect_stream(files, directory, stream,
                                control ? control->durable() : std::optional<uint64_t>());
    if (found) {
      return Standing{std::move(found->protocol), std::move(found->report.mark), found->totals};
    }
    // A writer that came meanwhile may have confused it.
    TIDEMARK_ASSIGN(written_now, is_locked(files, directory));
    if (!written_now) return tl::make_unexpected(std::move(found).error());
  }
  return read_live(files, directory, stream);
}

}  // namespace

Result<ResumeFrontier> Log::resume_frontier() const {
  ResumeFrontier resume;
  TIDEMARK_ASSIGN(streams, all_streams());
  std::optional<TimeShape> shape;
  for (const uint32_t stream : streams) {
    TIDEMARK_ASSIGN(standing, standing_of(*files_, stream_path(path_, stream), stream));
    StreamResume found{stream, {}, std::move(standing.mark), standing.totals};
    if (standing.protocol) {
      shape = standing.protocol->shape();
      found.frontier = standing.protocol->frontier();
    }
    resume.streams.push_back(std::move(found));
    if (!standing.protocol) resume.streams.back().frontier = Antichain<Time>(Time::minimum({}));
  }
  for (StreamResume& stream : resume.streams) {
    // A stream without a segment is at the minimum of whatever times the others have.
    const auto& elements = stream.frontier.elements();
    if (shape && !elements.empty() && elements.front().shape() != *shape) {
      stream.frontier = Antichain<Time>(Time::minimum(*shape));
    }
    for (const Time& time : stream.frontier.elements()) resume.meet.insert(time);
  }
  return resume;
}

}  // namespace tidemark
