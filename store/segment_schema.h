// The schema frame of a segment (SPEC.md section 5.7):
//
//   S1  where the header says that there is a schema, it stands right after the checkpoint
//   S2  and nowhere else
//   S3  it is the one whose hash is in the header
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "segment.h"
#include "tidemark/frame.h"
#include "tidemark/result.h"

namespace tidemark {

using SchemaBytes = std::shared_ptr<const std::vector<std::byte>>;

// Corrupt at `offset` of a segment, by one of the rules above.
tl::unexpected<Error> fail_schema(const Segment& segment, uint64_t offset, std::string_view rule,
                                  std::string message);

// The frame at `offset`, right after the checkpoint of a segment that has a schema. Its payload is
// the schema that the header means; whether it makes sense is for RecordSchema to say. Errors:
// Corrupt (S1, S3), Io.
Result<FrameView> schema_frame(Segment& segment, uint64_t offset);

// The schema of a segment on its own; nullptr where it has none. Errors: Corrupt, Io.
Result<SchemaBytes> read_schema(Segment& segment);

// Whether the frames that open a segment stand there and are valid frames: the checkpoint, and the
// schema where the header says that there is one. A power loss can take either from the last
// segments, which hold nothing then. Errors: Io, Unsupported.
Result<bool> has_opening(Segment& segment);

}  // namespace tidemark
