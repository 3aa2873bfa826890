#include "tidemark/encode.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "tidemark/check.h"
#include "tidemark/frame.h"

namespace tidemark {
namespace {

// A FlatBuffer begins with the offset of its root table; here a vtable follows, then the table.
// Places are bytes from the payload's beginning, so that every one of them can be read off here:
//
//   Messages, records of one length, at most one word of time ("compact")
//      0  root = 20      4  vtable: 14, 20, time 4, more -, records 12, offsets -, data 16
//     20  table: soffset 16 | 24 time | 32 records | 36 -> data
//     44  length, 48 data
//   Messages, general: as above with offsets 20, more 24, and a table of 28 bytes
//     40  -> offsets | 44 -> more
//     52  length, 56 more (k-1 words) ... length, offsets ... length, data
//   Progress
//      0  root = 12      4  vtable: 8, 12, times 4, diffs 8
//     12  table: soffset 8 | 16 -> times | 20 -> diffs
//     28  length, 32 times (n*k words), length, diffs (n words)
constexpr uint32_t kMessagesTable = 20;
constexpr uint32_t kTimeAt = 24;
constexpr uint32_t kRecordsAt = 32;
constexpr uint32_t kDataReferenceAt = 36;
constexpr uint32_t kOffsetsReferenceAt = 40;
constexpr uint32_t kMoreReferenceAt = 44;
constexpr uint32_t kCompactTableEnd = 40;
constexpr uint32_t kGeneralTableEnd = 48;
constexpr uint32_t kMoreAt = 56;

constexpr uint32_t kProgressTable = 12;
constexpr uint32_t kTimesReferenceAt = 16;
constexpr uint32_t kDiffsReferenceAt = 20;
constexpr uint32_t kTimesAt = 32;

void put(std::byte* payload, uint64_t at, const auto& value) {
  std::memcpy(payload + at, &value, sizeof value);
}

// A vector whose first element stands at `elements_at`, and the reference to it.
void put_vector(std::byte* payload, uint32_t reference_at, uint64_t elements_at, uint32_t count) {
  const auto length_at = static_cast<uint32_t>(elements_at - sizeof(uint32_t));
  put(payload, reference_at, static_cast<uint32_t>(length_at - reference_at));
  put(payload, length_at, count);
}

// The place of the next vector's elements after `end`: their length stands right before them.
constexpr uint64_t elements_after(uint64_t end, uint64_t alignment) {
  return align_up(end + sizeof(uint32_t), alignment);
}
static_assert(elements_after(kCompactTableEnd, 8) == 48);
static_assert(elements_after(kGeneralTableEnd, 8) == kMoreAt);
static_assert(elements_after(24, 8) == kTimesAt);

constexpr bool compact(TimeShape shape, bool variable) { return !variable && shape.words <= 1; }

}  // namespace

MessagesLayout messages_layout(TimeShape shape, bool variable, uint32_t records,
                               uint64_t data_bytes) {
  MessagesLayout layout;
  uint64_t end = kCompactTableEnd;
  if (!compact(shape, variable)) {
    end = kGeneralTableEnd;
    if (shape.words > 1) end = kMoreAt + 8 * (uint64_t{shape.words} - 1);
    if (variable) {
      layout.offsets_at = static_cast<uint32_t>(elements_after(end, 4));
      end = layout.offsets_at + uint64_t{4} * records;
    }
  }
  layout.data_at = elements_after(end, variable ? 4 : kFrameAlignment);
  layout.payload_bytes = layout.data_at + data_bytes;
  return layout;
}

void encode_messages(std::byte* payload, const MessagesLayout& layout, TimeShape shape,
                     std::span<const uint64_t> time, uint32_t records, uint64_t data_bytes) {
  TIDEMARK_CHECK(time.size() == shape.words);
  const bool variable = layout.offsets_at != 0;
  const bool has_more = shape.words > 1;
  const bool is_compact = compact(shape, variable);
  const std::array<uint16_t, 10> head = {kMessagesTable,
                                         0,  // the root's offset, 32 bits
                                         14,
                                         static_cast<uint16_t>(is_compact ? 20 : 28),
                                         4,
                                         static_cast<uint16_t>(has_more ? 24 : 0),
                                         12,
                                         static_cast<uint16_t>(variable ? 20 : 0),
                                         16,
                                         0};
  put(payload, 0, head);
  put(payload, kMessagesTable, uint32_t{kMessagesTable - 4});
  put(payload, kTimeAt, time.empty() ? uint64_t{0} : time[0]);
  put(payload, kRecordsAt, records);
  if (is_compact) {
    put(payload, kCompactTableEnd, uint32_t{0});
  } else {
    std::memset(payload + kCompactTableEnd, 0,
                layout.data_at - kCompactTableEnd - (variable ? 4 * uint64_t{records} : 0));
    if (has_more) {
      put_vector(payload, kMoreReferenceAt, kMoreAt, static_cast<uint32_t>(shape.words - 1));
      std::memcpy(payload + kMoreAt, time.data() + 1, 8 * (time.size() - 1));
    }
    if (variable) put_vector(payload, kOffsetsReferenceAt, layout.offsets_at, records);
  }
  put_vector(payload, kDataReferenceAt, layout.data_at, static_cast<uint32_t>(data_bytes));
}

uint64_t progress_payload_bytes(TimeShape shape, size_t changes) {
  return elements_after(kTimesAt + 8 * uint64_t{shape.words} * changes, 8) + 8 * changes;
}

void encode_progress(std::byte* payload, TimeShape shape, std::span<const Change> changes) {
  const std::array<uint16_t, 6> head = {kProgressTable, 0, 8, 12, 4, 8};
  put(payload, 0, head);
  put(payload, kProgressTable, uint32_t{kProgressTable - 4});
  const auto count = static_cast<uint32_t>(changes.size());
  const uint64_t times_bytes = 8 * uint64_t{shape.words} * count;
  const uint64_t diffs_at = elements_after(kTimesAt + times_bytes, 8);
  put(payload, 24, uint32_t{0});
  put(payload, kTimesAt + times_bytes, uint32_t{0});
  put_vector(payload, kTimesReferenceAt, kTimesAt, count * shape.words);
  put_vector(payload, kDiffsReferenceAt, diffs_at, count);
  for (size_t i = 0; i < changes.size(); ++i) {
    const auto words = changes[i].time.words();
    std::copy(words.begin(), words.end(),
              reinterpret_cast<uint64_t*>(payload + kTimesAt) + i * shape.words);
    put(payload, diffs_at + 8 * i, changes[i].diff);
  }
}

}  // namespace tidemark
