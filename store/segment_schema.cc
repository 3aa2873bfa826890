#include "segment_schema.h"

#include <optional>
#include <utility>

#include "tidemark/record_schema.h"

namespace tidemark {
namespace {

// What frame() finds, where damage is no more than nothing.
Result<std::optional<FrameView>> valid_frame(Segment& segment, uint64_t offset) {
  auto frame = segment.frame(offset);
  if (!frame && frame.error().code == ErrorCode::Corrupt) return std::nullopt;
  return frame;
}

}  // namespace

tl::unexpected<Error> fail_schema(const Segment& segment, uint64_t offset, std::string_view rule,
                                  std::string message) {
  auto error = segment.fail_at(offset, ErrorCode::Corrupt, std::move(message));
  error.value().rule = rule;
  return error;
}

Result<FrameView> schema_frame(Segment& segment, uint64_t offset) {
  TIDEMARK_ASSIGN(frame, segment.frame(offset));
  if (!frame || frame->kind != FrameKind::Schema) {
    return fail_schema(segment, offset, "S1",
                       "the schema that the segment's header speaks of does not stand here");
  }
  if (schema_hash_of(frame->payload) != segment.header().schema_hash) {
    return fail_schema(segment, offset, "S3",
                       "the schema is not the one that the segment's header means");
  }
  return *frame;
}

Result<SchemaBytes> read_schema(Segment& segment) {
  if (!segment.header().has_schema()) return nullptr;
  const uint64_t offset = kSegmentHeaderBytes;
  TIDEMARK_ASSIGN(checkpoint, segment.frame(offset));
  if (!checkpoint || checkpoint->kind != FrameKind::Checkpoint) {
    return segment.fail_at(offset, ErrorCode::Corrupt,
                           "the segment does not open with a checkpoint");
  }
  TIDEMARK_ASSIGN(frame,
                  schema_frame(segment, checkpoint->end_position() - segment.first_position()));
  return std::make_shared<const std::vector<std::byte>>(frame.payload.begin(), frame.payload.end());
}

Result<bool> has_opening(Segment& segment) {
  TIDEMARK_ASSIGN(checkpoint, valid_frame(segment, kSegmentHeaderBytes));
  if (!checkpoint || !segment.header().has_schema()) return checkpoint.has_value();
  TIDEMARK_ASSIGN(schema,
                  valid_frame(segment, checkpoint->end_position() - segment.first_position()));
  return schema.has_value();
}

}  // namespace tidemark
