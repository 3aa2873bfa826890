// What a stream that is sent says of its events before the first one, so that both ends agree
// (SPEC.md section 18.1).
#pragma once

#include <cstdint>
#include <string>

#include "tidemark/codec.h"
#include "tidemark/layout.h"
#include "tidemark/result.h"
#include "tidemark/time.h"
#include "tidemark/time_codec.h"

namespace tidemark {

// A frame's length in bytes, its header and padding included, is bounded on both ends: by the least
// that holds the largest progress event and end frame, and by what a segment can hold.
inline constexpr uint64_t kMinFrameLimit = kMinSegmentBytes;
inline constexpr uint64_t kMaxFrameLimit = kMaxSegmentBytes;
inline constexpr uint64_t kDefaultFrameLimit = uint64_t{64} << 20;
// Errors: InvalidArgument.
Result<void> check_frame_limit(uint64_t max_frame_bytes);

struct WireKind {
  TimeShape time;
  std::string time_name;
  RecordEncoding encoding = RecordEncoding::Variable;
  std::string container_name;

  friend bool operator==(const WireKind&, const WireKind&) = default;
};

template <LoggedTime T, Encodable C>
WireKind wire_kind() {
  return {TimeCodec<T>::shape, TimeCodec<T>::name(), Codec<C>::encoding, Codec<C>::name()};
}

// A hello that says so. Errors: InvalidArgument where a name is too long or a shape impossible.
Result<WireHello> hello_of(const WireKind& kind, uint64_t salt);
// What a checked hello says.
WireKind kind_of(const WireHello& hello);
// Whether a stream of `found` can be read as `expected`. A name that is empty on either side says
// nothing. Errors: InvalidArgument, which names both.
Result<void> check_agreement(const WireKind& found, const WireKind& expected);

}  // namespace tidemark
