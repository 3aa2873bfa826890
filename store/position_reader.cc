#include "tidemark/position_reader.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "event_reader_implementation.h"
#include "paths.h"
#include "segment.h"
#include "stream_directory.h"

namespace tidemark {
namespace {

// Positions come back roughly in time order, which touches few segments at once.
constexpr size_t kOpenSegments = 2;

}  // namespace

class PositionReader::Implementation {
 public:
  Implementation(FileSeam& files, std::string directory, uint32_t stream)
      : files_(files), directory_(std::move(directory)), stream_(stream) {}

  Result<EventView> at(uint64_t position) {
    TIDEMARK_ASSIGN(segment, segment_of(position));
    const uint64_t offset = position - segment->first_position();
    TIDEMARK_ASSIGN(frame, frame_at(*segment, offset));
    TIDEMARK_ASSIGN(event, event_in(*segment, frame));
    if (!event) return segment->fail_at(offset, ErrorCode::NotFound, "no event stands here");
    return *event;
  }

  Result<EventView> from(uint64_t position) {
    TIDEMARK_ASSIGN(segment, segment_of(position));
    for (;;) {
      TIDEMARK_ASSIGN(frame, frame_at(*segment, position - segment->first_position()));
      TIDEMARK_ASSIGN(event, event_in(*segment, frame));
      if (event) return *event;
      position = frame.end_position();
    }
  }

 private:
  static Result<FrameView> frame_at(Segment& segment, uint64_t offset) {
    if (offset % kFrameAlignment != 0) {
      return segment.fail_at(offset, ErrorCode::NotFound, "no frame can begin here");
    }
    TIDEMARK_ASSIGN(frame, segment.frame(offset));
    if (!frame) return segment.fail_at(offset, ErrorCode::NotFound, "no event stands here");
    return *frame;
  }

  // Nothing where the frame is that of no event.
  static Result<std::optional<EventView>> event_in(Segment& segment, const FrameView& frame) {
    const TimeShape shape = segment.header().time_shape();
    EventView event;
    event.position = frame.position;
    event.end_position = frame.end_position();
    event.captured_at_ns = frame.captured_at_ns;
    const uint64_t offset = frame.position - segment.first_position();
    if (frame.kind == FrameKind::Messages) {
      auto messages = decode_messages(frame.payload, shape);
      if (!messages) return segment.fail_at(offset, std::move(messages).error());
      event.content = *messages;
    } else if (frame.kind == FrameKind::Progress) {
      auto progress = decode_progress(frame.payload, shape);
      if (!progress) return segment.fail_at(offset, std::move(progress).error());
      event.content = *progress;
    } else {
      return std::nullopt;
    }
    return event;
  }

  // The most recently used one is the first.
  Result<Segment*> segment_of(uint64_t position) {
    const auto held = std::find_if(open_.begin(), open_.end(),
                                   [&](const auto& segment) { return segment->holds(position); });
    if (held != open_.end()) {
      std::rotate(open_.begin(), held, held + 1);
      return open_.front().get();
    }
    // In this order: what is missing from the list because it was purged is below what is read
    // then.
    TIDEMARK_ASSIGN(positions, list_segment_names(files_, directory_));
    TIDEMARK_ASSIGN(purged, read_purged(files_, directory_));
    const auto fail_here = [&](ErrorCode code, std::string message) {
      auto error = fail(code, std::move(message));
      error.value().stream = stream_;
      error.value().path = directory_;
      return error;
    };
    if (purged && position < *purged) {
      auto error = fail_here(ErrorCode::Purged, "the position was purged");
      error.value().offset = *purged;
      return error;
    }
    const auto after = std::upper_bound(positions.begin(), positions.end(), position);
    if (after == positions.begin()) {
      return fail_here(ErrorCode::NotFound,
                       "no segment holds position " + std::to_string(position));
    }
    auto opened =
        Segment::open(files_, segment_path(directory_, *(after - 1)), stream_, Access::Map);
    if (!opened && opened.error().code == ErrorCode::NotFound) {
      // A purge may have passed since the two looks above.
      TIDEMARK_ASSIGN(now, read_purged(files_, directory_));
      if (now != purged) return segment_of(position);
    }
    if (!opened) return tl::make_unexpected(std::move(opened).error());
    std::shared_ptr<Segment> segment = *std::move(opened);
    if (!segment->holds(position)) {
      return fail_here(ErrorCode::NotFound,
                       "no segment holds position " + std::to_string(position));
    }
    if (open_.size() >= kOpenSegments) open_.pop_back();
    open_.insert(open_.begin(), std::move(segment));
    return open_.front().get();
  }

  FileSeam& files_;
  const std::string directory_;
  const uint32_t stream_;
  std::vector<std::shared_ptr<Segment>> open_;
};

Result<PositionReader> open_position_reader(FileSeam& files, std::string directory,
                                            uint32_t stream) {
  FileStatus status;
  if (const int answer = files.status(directory, status); answer < 0) {
    return fail_system("cannot open a stream", directory, -answer);
  }
  return PositionReader(
      std::make_unique<PositionReader::Implementation>(files, std::move(directory), stream));
}

PositionReader::PositionReader(std::unique_ptr<Implementation> implementation)
    : implementation_(std::move(implementation)) {}
PositionReader::PositionReader(PositionReader&&) noexcept = default;
PositionReader& PositionReader::operator=(PositionReader&&) noexcept = default;
PositionReader::~PositionReader() = default;

Result<EventView> PositionReader::at(uint64_t position) { return implementation_->at(position); }
Result<EventView> PositionReader::from(uint64_t position) {
  return implementation_->from(position);
}

}  // namespace tidemark
