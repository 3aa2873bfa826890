#include "catalog_values.h"

#include <bit>
#include <cstring>

#include "tidemark/hash.h"

namespace tidemark {
namespace {

constexpr size_t kChecksumBytes = sizeof(uint64_t);

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

uint64_t checksum(std::string_view database, std::span<const std::byte> key,
                  std::span<const std::byte> content) {
  return hash_bytes(content, hash_bytes(key, hash_bytes(bytes_of(database))));
}

void append(std::vector<std::byte>& value, const void* from, size_t count) {
  const auto* bytes = static_cast<const std::byte*>(from);
  value.insert(value.end(), bytes, bytes + count);
}

void seal(std::vector<std::byte>& value, std::string_view database,
          std::span<const std::byte> key) {
  const uint64_t sum = checksum(database, key, value);
  append(value, &sum, sizeof sum);
}

// What stands before the checksum, or nothing where that does not match.
std::optional<std::span<const std::byte>> unseal(std::string_view database,
                                                 std::span<const std::byte> key,
                                                 std::span<const std::byte> value) {
  if (value.size() < kChecksumBytes) return std::nullopt;
  const auto content = value.first(value.size() - kChecksumBytes);
  uint64_t stored = 0;
  std::memcpy(&stored, value.data() + content.size(), sizeof stored);
  if (stored != checksum(database, key, content)) return std::nullopt;
  return content;
}

// Reads a value's fixed part from the front of `content` and takes it away.
template <typename Part>
std::optional<Part> take(std::span<const std::byte>& content) {
  if (content.size() < sizeof(Part)) return std::nullopt;
  Part part;
  std::memcpy(&part, content.data(), sizeof part);
  content = content.subspan(sizeof part);
  return part;
}

std::optional<Time> take_time(std::span<const std::byte>& content, TimeShape shape) {
  std::array<uint64_t, kMaxTimeWords> words{};
  const size_t bytes = sizeof(uint64_t) * shape.words;
  if (content.size() < bytes) return std::nullopt;
  std::memcpy(words.data(), content.data(), bytes);
  content = content.subspan(bytes);
  return Time(shape, std::span(words.data(), shape.words));
}

}  // namespace

SegmentKey segment_key(uint32_t stream, uint64_t first_position) {
  SegmentKey key;
  const uint32_t big_stream = __builtin_bswap32(stream);
  const uint64_t big_position = __builtin_bswap64(first_position);
  std::memcpy(key.data(), &big_stream, sizeof big_stream);
  std::memcpy(key.data() + sizeof big_stream, &big_position, sizeof big_position);
  return key;
}

std::optional<std::pair<uint32_t, uint64_t>> parse_segment_key(std::span<const std::byte> key) {
  if (key.size() != sizeof(SegmentKey)) return std::nullopt;
  uint32_t stream = 0;
  uint64_t position = 0;
  std::memcpy(&stream, key.data(), sizeof stream);
  std::memcpy(&position, key.data() + sizeof stream, sizeof position);
  return std::pair(__builtin_bswap32(stream), __builtin_bswap64(position));
}

std::vector<std::byte> encode_format(uint32_t major) {
  std::vector<std::byte> value;
  const std::array<uint32_t, 2> content = {major, 0};
  append(value, content.data(), sizeof content);
  seal(value, kMetaDatabase, bytes_of(kFormatKey));
  return value;
}

std::vector<std::byte> encode_segment(const SegmentKey& key, TimeShape shape,
                                      const SegmentSurvey& segment) {
  SegmentValue fixed{};
  fixed.segment_bytes = segment.segment_bytes;
  fixed.disk_bytes = segment.disk_bytes;
  fixed.incarnation = segment.incarnation;
  fixed.end = segment.end;
  fixed.events_before = segment.before.events;
  fixed.records_before = segment.before.records;
  fixed.data_bytes_before = segment.before.data_bytes;
  fixed.events_after = segment.after.events;
  fixed.records_after = segment.after.records;
  fixed.data_bytes_after = segment.after.data_bytes;
  fixed.state = static_cast<uint8_t>(segment.state);
  fixed.has_bounds = segment.bounds.has_value() ? 1 : 0;
  fixed.time_words = shape.words;
  fixed.time_wide_mask = shape.wide_mask;
  fixed.time_signed_mask = shape.signed_mask;

  std::vector<std::byte> value;
  append(value, &fixed, sizeof fixed);
  if (segment.bounds) {
    for (const Time* time : {&segment.bounds->meet, &segment.bounds->join}) {
      append(value, time->words().data(), time->words().size_bytes());
    }
  }
  seal(value, kSegmentsDatabase, key);
  return value;
}

std::vector<std::byte> encode_cursor(const Cursor& cursor) {
  CursorValue fixed{};
  fixed.moved_at_ns = cursor.moved_at_ns;
  fixed.positions = static_cast<uint32_t>(cursor.positions.size());
  fixed.form = kCursorPlaces;
  std::vector<std::byte> value;
  append(value, &fixed, sizeof fixed);
  for (const CursorPlace& place : cursor.positions) {
    const CursorPlaceEntry entry{place.stream, 0, place.position, place.incarnation, place.check};
    append(value, &entry, sizeof entry);
  }
  seal(value, kCursorsDatabase, bytes_of(cursor.name));
  return value;
}

std::optional<uint32_t> decode_format(std::span<const std::byte> value) {
  auto content = unseal(kMetaDatabase, bytes_of(kFormatKey), value);
  if (!content) return std::nullopt;
  return take<uint32_t>(*content);
}

std::optional<SegmentSurvey> decode_segment(std::span<const std::byte> key,
                                            std::span<const std::byte> value) {
  const auto place = parse_segment_key(key);
  auto content = unseal(kSegmentsDatabase, key, value);
  if (!place || !content) return std::nullopt;
  const auto fixed = take<SegmentValue>(*content);
  if (!fixed) return std::nullopt;
  const TimeShape shape{fixed->time_words, fixed->time_wide_mask, fixed->time_signed_mask};
  if (!shape.validate() || fixed->state > static_cast<uint8_t>(SegmentState::SetAside)) {
    return std::nullopt;
  }

  SegmentSurvey segment;
  segment.first_position = place->second;
  segment.segment_bytes = fixed->segment_bytes;
  segment.disk_bytes = fixed->disk_bytes;
  segment.incarnation = fixed->incarnation;
  segment.state = static_cast<SegmentState>(fixed->state);
  segment.end = fixed->end;
  segment.before = {fixed->events_before, fixed->records_before, fixed->data_bytes_before};
  segment.after = {fixed->events_after, fixed->records_after, fixed->data_bytes_after};
  if (fixed->has_bounds != 0) {
    const auto meet = take_time(*content, shape);
    const auto join = take_time(*content, shape);
    if (!meet || !join) return std::nullopt;
    segment.bounds = TimeBounds{*meet, *join};
  }
  if (!content->empty()) return std::nullopt;
  return segment;
}

std::optional<Cursor> decode_cursor(std::string_view name, std::span<const std::byte> value) {
  auto content = unseal(kCursorsDatabase, bytes_of(name), value);
  if (!content) return std::nullopt;
  const auto fixed = take<CursorValue>(*content);
  if (!fixed || fixed->form > kCursorPlaces) return std::nullopt;
  const uint64_t entry_bytes =
      fixed->form == kCursorPositions ? sizeof(CursorPosition) : sizeof(CursorPlaceEntry);
  if (content->size() != fixed->positions * entry_bytes) return std::nullopt;
  Cursor cursor;
  cursor.name = name;
  cursor.moved_at_ns = fixed->moved_at_ns;
  for (uint32_t i = 0; i < fixed->positions; ++i) {
    if (fixed->form == kCursorPositions) {
      const auto entry = take<CursorPosition>(*content);
      cursor.positions.push_back({entry->stream, entry->position, 0, 0});
    } else {
      const auto entry = take<CursorPlaceEntry>(*content);
      cursor.positions.push_back(
          {entry->stream, entry->position, entry->incarnation, entry->check});
    }
  }
  return cursor;
}

}  // namespace tidemark
