// Keys and values of the catalog as bytes (SPEC.md section 2). Knows nothing of LMDB.
//
// All integers of values are little-endian. Those of keys are big-endian, so that LMDB's order of
// bytes is the order of numbers.
//
//   database   key                                        value
//   meta       "format"                                   u32 major, u32 zero
//   segments   u32 stream, u64 first_position             a segment, below
//   cursors    the name: 1 to kMaxCursorNameBytes bytes   a cursor, below
//
// Every value ends with 8 more bytes: XXH3-64 of what stands before them, seeded with the XXH3-64
// of the key, which is seeded with the XXH3-64 of the database's name. So a value that was moved
// to another key fails as one that was changed does: LMDB's own pages have no checksums.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tidemark/catalog.h"

namespace tidemark {

inline constexpr std::string_view kMetaDatabase = "meta";
inline constexpr std::string_view kSegmentsDatabase = "segments";
inline constexpr std::string_view kCursorsDatabase = "cursors";
inline constexpr std::string_view kFormatKey = "format";
inline constexpr uint32_t kCatalogMajor = 1;

// LMDB takes keys of at most 511 bytes.
inline constexpr size_t kMaxCursorNameBytes = 255;

// The value of a segment: this, then `time_words` words each of meet and join where there are
// bounds.
struct SegmentValue {
  uint64_t segment_bytes;
  uint64_t disk_bytes;
  uint64_t incarnation;
  uint64_t end;
  uint64_t events_before;
  uint64_t records_before;
  uint64_t data_bytes_before;
  uint64_t events_after;
  uint64_t records_after;
  uint64_t data_bytes_after;
  uint8_t state;  // SegmentState
  uint8_t has_bounds;
  uint8_t time_words;
  uint8_t time_wide_mask;
  uint8_t time_signed_mask;
  uint8_t reserved[3];
};
static_assert(sizeof(SegmentValue) == 88);

// The value of a cursor: this, then `positions` entries, as `form` says.
struct CursorValue {
  uint64_t moved_at_ns;
  uint32_t positions;
  uint32_t form;  // kCursorPositions or kCursorPlaces
};
static_assert(sizeof(CursorValue) == 16);

inline constexpr uint32_t kCursorPositions = 0;  // CursorPosition: as older versions wrote them
inline constexpr uint32_t kCursorPlaces = 1;     // CursorPlaceEntry

struct CursorPosition {
  uint32_t stream;
  uint32_t reserved;
  uint64_t position;
};
static_assert(sizeof(CursorPosition) == 16);

struct CursorPlaceEntry {
  uint32_t stream;
  uint32_t reserved;
  uint64_t position;
  uint64_t incarnation;
  uint64_t check;
};
static_assert(sizeof(CursorPlaceEntry) == 32);

using SegmentKey = std::array<std::byte, 12>;
SegmentKey segment_key(uint32_t stream, uint64_t first_position);
// Stream and first position, or nothing where the key has another size.
std::optional<std::pair<uint32_t, uint64_t>> parse_segment_key(std::span<const std::byte> key);

// The value with its checksum.
std::vector<std::byte> encode_format(uint32_t major);
std::vector<std::byte> encode_segment(const SegmentKey& key, TimeShape shape,
                                      const SegmentSurvey& segment);
std::vector<std::byte> encode_cursor(const Cursor& cursor);

// Nothing where the value is not what was written.
std::optional<uint32_t> decode_format(std::span<const std::byte> value);
std::optional<SegmentSurvey> decode_segment(std::span<const std::byte> key,
                                            std::span<const std::byte> value);
std::optional<Cursor> decode_cursor(std::string_view name, std::span<const std::byte> value);

}  // namespace tidemark
