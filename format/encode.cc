#include "tidemark/encode.h"

#include <algorithm>

namespace tidemark {
namespace {

using namespace written;

// A vector whose first element stands at `elements_at`, and the reference to it.
void put_vector(std::byte* payload, uint32_t reference_at, uint64_t elements_at, uint32_t count) {
  const auto length_at = static_cast<uint32_t>(elements_at - sizeof(uint32_t));
  put(payload, reference_at, static_cast<uint32_t>(length_at - reference_at));
  put(payload, length_at, count);
}

constexpr bool compact(TimeShape shape, bool variable) { return !variable && shape.words <= 1; }

}  // namespace

MessagesLayout messages_layout_of_any_time(TimeShape shape, bool variable, uint32_t records,
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

void encode_messages_of_any_time(std::byte* payload, const MessagesLayout& layout, TimeShape shape,
                                 std::span<const uint64_t> time, uint32_t records,
                                 uint64_t data_bytes) {
  const bool variable = layout.offsets_at != 0;
  const bool has_more = shape.words > 1;
  const bool is_compact = compact(shape, variable);
  put(payload, 0, messages_word_0(is_compact));
  put(payload, 8, messages_word_1(has_more, variable));
  put(payload, 16, kMessagesWord2);
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

void encode_progress_of_any_time(std::byte* payload, TimeShape shape,
                                 std::span<const Change> changes) {
  put(payload, 0, kProgressWord0);
  put(payload, 8, kProgressWord1);
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

uint64_t waypoint_payload_bytes(TimeShape shape, size_t capabilities) {
  return elements_after(kWaypointTimesAt + 8 * uint64_t{shape.words} * capabilities, 8) +
         8 * capabilities;
}

void encode_waypoint(std::byte* payload, const Totals& totals, const Protocol& protocol) {
  const auto& counts = protocol.counts();
  const size_t words = protocol.shape().words;
  const auto size = static_cast<uint32_t>(counts.size());
  const uint64_t times_end = kWaypointTimesAt + 8 * words * size;
  const uint64_t counts_at = elements_after(times_end, 8);
  put(payload, 0, kWaypointWord0);
  put(payload, 8, kWaypointWord1);
  put(payload, 16, kWaypointWord2);
  put(payload, kWaypointTotalsAt, totals);
  put(payload, kWaypointTotalsAt + sizeof totals, uint64_t{0});
  put(payload, times_end, uint64_t{0});
  put_vector(payload, kWaypointTimesReferenceAt, kWaypointTimesAt,
             static_cast<uint32_t>(size * words));
  put_vector(payload, kWaypointCountsReferenceAt, counts_at, size);
  for (size_t i = 0; i < size; ++i) {
    const auto& [time, count] = counts[i];
    for (size_t j = 0; j < words; ++j) {
      put(payload, kWaypointTimesAt + 8 * (i * words + j), time.word(j));
    }
    put(payload, counts_at + 8 * i, count);
  }
}

}  // namespace tidemark
