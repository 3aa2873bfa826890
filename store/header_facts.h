// What a segment's header says, in the terms of those who ask.
#pragma once

#include <algorithm>
#include <iterator>

#include "tidemark/event_reader.h"
#include "tidemark/layout.h"
#include "tidemark/summary_frames.h"

namespace tidemark {

// `header` has passed check_identity(), so that its names are terminated. The schema's bytes stand
// elsewhere.
inline StreamTraits traits_of(const SegmentHeader& header) {
  StreamTraits traits;
  traits.stream = header.stream;
  traits.peers = header.peers;
  std::copy(std::begin(header.log_uuid), std::end(header.log_uuid), traits.log_uuid.begin());
  traits.time = header.time_shape();
  traits.time_name = header.time_name;
  traits.encoding = static_cast<RecordEncoding>(header.record_encoding);
  traits.container_name = header.container_name;
  traits.schema_hash = header.schema_hash;
  return traits;
}

// What the stream held before the segment.
inline Totals totals_before(const SegmentHeader& header) {
  return {header.first_sequence, header.records_before, header.data_bytes_before};
}

// A recovery cut something off when it published this segment: what stands beyond the end of the
// one before it may be anything.
inline bool recorded_a_drop(const SegmentHeader& header) {
  return header.dropped_bytes > 0 || header.dropped_frames > 0 || header.dropped_segments > 0;
}

}  // namespace tidemark
