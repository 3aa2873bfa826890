// The layout of messages, progress and waypoint payloads that this implementation writes (SPEC.md
// section 5.6): here once, for encode.h, which writes it, and for event.h, which recognises it.
//
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
//   Waypoint, which nobody recognises: there is one in a MiB
//      0  root = 20      4  vtable: 14, 36, times 4, counts 8, events 12, records 20, data_bytes 28
//     20  table: soffset 16 | 24 -> times | 28 -> counts | 32 events | 40 records | 48 data_bytes
//     60  length, 64 times (n*k words), length, counts (n words)
//
// All of it is stored and compared as words of 8 bytes: a checksum that loads words which were
// just stored in other sizes waits for them (15 ns an append against 21).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "tidemark/frame.h"

namespace tidemark::written {

inline constexpr uint32_t kMessagesTable = 20;
inline constexpr uint32_t kTimeAt = 24;
inline constexpr uint32_t kRecordsAt = 32;
inline constexpr uint32_t kDataReferenceAt = 36;
inline constexpr uint32_t kOffsetsReferenceAt = 40;
inline constexpr uint32_t kMoreReferenceAt = 44;
inline constexpr uint32_t kCompactTableEnd = 40;
inline constexpr uint32_t kCompactDataAt = 48;
inline constexpr uint32_t kGeneralTableEnd = 48;
inline constexpr uint32_t kOffsetsAt = 52;  // where k is at most 1
inline constexpr uint32_t kMoreAt = 56;

inline constexpr uint32_t kProgressTable = 12;
inline constexpr uint32_t kTimesReferenceAt = 16;
inline constexpr uint32_t kDiffsReferenceAt = 20;
inline constexpr uint32_t kTimesAt = 32;

inline constexpr uint32_t kWaypointTable = 20;
inline constexpr uint32_t kWaypointTimesReferenceAt = 24;
inline constexpr uint32_t kWaypointCountsReferenceAt = 28;
inline constexpr uint32_t kWaypointTotalsAt = 32;
inline constexpr uint32_t kWaypointTimesAt = 64;

// A word of two or four smaller numbers, the first one at its lowest bytes.
constexpr uint64_t word_of(uint64_t low, uint64_t high) { return low | high << 32; }
constexpr uint64_t word_of(uint64_t a, uint64_t b, uint64_t c, uint64_t d) {
  return a | b << 16 | c << 32 | d << 48;
}

// Words 0 to 2: the root's place, the vtable, and the table's offset to it.
constexpr uint64_t messages_word_0(bool compact) {
  return word_of(kMessagesTable, 0, 14, compact ? 20 : 28);
}
constexpr uint64_t messages_word_1(bool has_more, bool variable) {
  return word_of(4, has_more ? 24 : 0, 12, variable ? 20 : 0);
}
inline constexpr uint64_t kMessagesWord2 = word_of(16, 0, kMessagesTable - 4, 0);
inline constexpr uint64_t kProgressWord0 = word_of(kProgressTable, 0, 8, 12);
inline constexpr uint64_t kProgressWord1 = word_of(4, 8, kProgressTable - 4, 0);
inline constexpr uint64_t kWaypointWord0 = word_of(kWaypointTable, 0, 14, 36);
inline constexpr uint64_t kWaypointWord1 = word_of(4, 8, 12, 20);
inline constexpr uint64_t kWaypointWord2 = word_of(28, 0, kWaypointTable - 4, 0);

// The place of the next vector's elements after `end`: their length stands right before them.
constexpr uint64_t elements_after(uint64_t end, uint64_t alignment) {
  return align_up(end + sizeof(uint32_t), alignment);
}
static_assert(elements_after(kCompactTableEnd, 8) == kCompactDataAt);
static_assert(elements_after(kGeneralTableEnd, 4) == kOffsetsAt);
static_assert(elements_after(kGeneralTableEnd, 8) == kMoreAt);
static_assert(elements_after(24, 8) == kTimesAt);

template <typename Value>
void put(std::byte* payload, uint64_t at, Value value) {
  std::memcpy(payload + at, &value, sizeof value);
}
inline uint64_t word_at(const std::byte* payload, uint64_t at) {
  uint64_t word = 0;
  std::memcpy(&word, payload + at, sizeof word);
  return word;
}
inline uint32_t half_at(const std::byte* payload, uint64_t at) {
  uint32_t half = 0;
  std::memcpy(&half, payload + at, sizeof half);
  return half;
}

}  // namespace tidemark::written
