// Encoding of progress, messages and waypoint payloads in place, at their final address in a
// segment.
//
// The bytes are FlatBuffers of format/event.fbs, laid out by hand (`written_layout.h`): the tables'
// shapes are known beforehand, so vtable and offsets are constants, and there is neither a builder
// nor a copy on the way of an append (DESIGN: 15 ns against 80 ns). A test holds them against the
// generated verifier and accessors. What every append runs through is here, to be inlined; the
// rarer times of several words are in encode.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "tidemark/check.h"
#include "tidemark/protocol.h"
#include "tidemark/summary_frames.h"
#include "tidemark/time.h"
#include "tidemark/written_layout.h"

namespace tidemark {

// Where the parts of a messages payload stand, in bytes from its beginning.
struct MessagesLayout {
  uint32_t offsets_at = 0;  // of the first end offset; 0: records of one length
  uint64_t data_at = 0;     // of the first record; a multiple of 8 where records have one length
  uint64_t payload_bytes = 0;
};

// For times of several words, or of none.
MessagesLayout messages_layout_of_any_time(TimeShape shape, bool variable, uint32_t records,
                                           uint64_t data_bytes);
void encode_messages_of_any_time(std::byte* payload, const MessagesLayout& layout, TimeShape shape,
                                 std::span<const uint64_t> time, uint32_t records,
                                 uint64_t data_bytes);
void encode_progress_of_any_time(std::byte* payload, TimeShape shape,
                                 std::span<const Change> changes);

// `variable`: the records have end offsets.
inline MessagesLayout messages_layout(TimeShape shape, bool variable, uint32_t records,
                                      uint64_t data_bytes) {
  using namespace written;
  if (shape.words != 1) [[unlikely]]
    return messages_layout_of_any_time(shape, variable, records, data_bytes);
  if (!variable) return {0, kCompactDataAt, kCompactDataAt + data_bytes};
  const uint64_t data_at = elements_after(kOffsetsAt + uint64_t{4} * records, 4);
  return {kOffsetsAt, data_at, data_at + data_bytes};
}

// Writes all but the records and, where variable, their end offsets: those the caller stores at
// `layout`'s places, the latter by encode_records(). `payload` is aligned to 8 bytes. `time` has as
// many words as `shape`.
inline void encode_messages(std::byte* payload, const MessagesLayout& layout, TimeShape shape,
                            std::span<const uint64_t> time, uint32_t records, uint64_t data_bytes) {
  using namespace written;
  TIDEMARK_CHECK(time.size() == shape.words);
  if (shape.words != 1) [[unlikely]]
    return encode_messages_of_any_time(payload, layout, shape, time, records, data_bytes);
  const bool variable = layout.offsets_at != 0;
  const auto length_at = static_cast<uint32_t>(layout.data_at - sizeof(uint32_t));
  put(payload, 0, messages_word_0(!variable));
  put(payload, 8, messages_word_1(false, variable));
  put(payload, 16, kMessagesWord2);
  put(payload, kTimeAt, time[0]);
  put(payload, kRecordsAt, word_of(records, length_at - kDataReferenceAt));
  if (!variable) {
    put(payload, kCompactTableEnd, word_of(0, data_bytes));
  } else {
    put(payload, kOffsetsReferenceAt, word_of(kOffsetsAt - 4 - kOffsetsReferenceAt, 0));
    put(payload, kOffsetsAt - 4, records);
    put(payload, length_at, static_cast<uint32_t>(data_bytes));
  }
}

// Stores records and end offsets at the places of a `layout` for just these.
inline void encode_records(std::byte* payload, const MessagesLayout& layout,
                           std::span<const std::string_view> records) {
  std::byte* offsets = payload + layout.offsets_at;
  std::byte* data = payload + layout.data_at;
  uint32_t end = 0;
  for (const std::string_view record : records) {
    // An empty view may point nowhere, which memcpy does not take.
    if (!record.empty()) std::memcpy(data + end, record.data(), record.size());
    end += static_cast<uint32_t>(record.size());
    std::memcpy(offsets, &end, sizeof end);
    offsets += sizeof end;
  }
}

inline uint64_t progress_payload_bytes(TimeShape shape, size_t changes) {
  using namespace written;
  return elements_after(kTimesAt + 8 * uint64_t{shape.words} * changes, 8) + 8 * changes;
}

inline void encode_progress(std::byte* payload, TimeShape shape, std::span<const Change> changes) {
  using namespace written;
  if (shape.words != 1) [[unlikely]]
    return encode_progress_of_any_time(payload, shape, changes);
  const auto count = static_cast<uint32_t>(changes.size());
  const uint64_t diffs_at = kTimesAt + 8 * uint64_t{count} + 8;
  put(payload, 0, kProgressWord0);
  put(payload, 8, kProgressWord1);
  put(payload, kTimesReferenceAt,
      word_of(kTimesAt - 4 - kTimesReferenceAt, diffs_at - 4 - kDiffsReferenceAt));
  put(payload, 24, word_of(0, count));
  put(payload, diffs_at - 8, word_of(0, count));
  for (size_t i = 0; i < count; ++i) {
    put(payload, kTimesAt + 8 * i, changes[i].time.word(0));
    put(payload, diffs_at + 8 * i, changes[i].diff);
  }
}

// A waypoint: the state of a stream, as a checkpoint holds it.
uint64_t waypoint_payload_bytes(TimeShape shape, size_t capabilities);
void encode_waypoint(std::byte* payload, const Totals& totals, const Protocol& protocol);

}  // namespace tidemark
