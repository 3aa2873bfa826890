#include "tidemark/stream_end.h"

#include <algorithm>
#include <vector>

#include "paths.h"
#include "segment.h"
#include "segment_search.h"
#include "stream_directory.h"
#include "tidemark/frame.h"

namespace tidemark {

Result<uint64_t> committed_end(const Log& log, uint32_t stream, Access access) {
  const std::string directory = stream_path(log.path(), stream);
  TIDEMARK_ASSIGN(purged, read_purged(log.files(), directory));
  TIDEMARK_ASSIGN(positions, list_segment_names(log.files(), directory));
  std::shared_ptr<Segment> last;
  for (auto at = positions.rbegin(); at != positions.rend() && !last; ++at) {
    auto opened = Segment::open(log.files(), segment_path(directory, *at), stream, access);
    if (opened) {
      last = *std::move(opened);
    } else if (opened.error().code != ErrorCode::NotFound) {
      return tl::make_unexpected(std::move(opened).error());
    }  // else a spare that is not published yet
  }
  if (!last) {
    // All that were listed may have been purged since, because later ones followed them.
    TIDEMARK_ASSIGN(now, read_purged(log.files(), directory));
    if (now != purged) return committed_end(log, stream, access);
    return 0;
  }

  TIDEMARK_ASSIGN(narrow, Segment::open_narrowly(log.files(), last->path(), stream));
  if (const auto seal = closing_seal(log.files(), directory, *narrow)) return seal->end;
  uint64_t offset = kSegmentHeaderBytes;
  for (;;) {
    TIDEMARK_ASSIGN(word, last->commit_word(offset));
    const auto kind = static_cast<FrameKind>((word >> 32) & 0xFF);
    if (word == 0 || kind == FrameKind::Seal) break;
    auto taken = check_commit_word(word, last->bytes() - offset);
    if (!taken) return last->fail_at(offset, std::move(taken).error());
    offset += *taken;
  }
  return last->first_position() + offset;
}

}  // namespace tidemark
