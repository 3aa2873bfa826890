// The bytes that stand before frames: a segment's header, a log's identity, a connection's hello
// (SPEC.md sections 4, 2 and 18).
//
// Every layout stands here once. All integers are little-endian; a big-endian host is refused at
// compile time, because readers hand out views into the file.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "tidemark/result.h"
#include "tidemark/time.h"

namespace tidemark {

static_assert(std::endian::native == std::endian::little, "records are viewed in place");

using Uuid = std::array<uint8_t, 16>;

// The bytes "TIDEMRK2" as stored; the last character is the major version.
inline constexpr uint64_t kSegmentMagic = 0x324B524D45444954;
// The minor version that a segment needs to be understood in full: 1 if it has a schema, 2 if
// records of its stream are void.
inline constexpr uint16_t kFormatMinor = 0;
inline constexpr uint16_t kFormatMinorOfSchemas = 1;
inline constexpr uint16_t kFormatMinorOfVoids = 2;

// Bits of `incompatible_features`.
inline constexpr uint32_t kVoidFeature = 1;  // `void_segment` says what is void (section 5.8)
inline constexpr uint32_t kIncompatibleFeatures = kVoidFeature;  // those that this version knows

// Bits of `compatible_features`.
inline constexpr uint32_t kSchemaFeature = 1;  // a schema frame follows the checkpoint
inline constexpr uint32_t kCompatibleFeatures = kSchemaFeature;  // those that this version knows
inline constexpr uint64_t kNoPosition = ~uint64_t{0};

inline constexpr size_t kPageBytes = 4096;
inline constexpr size_t kSegmentHeaderBytes = 4096;
inline constexpr uint64_t kMinSegmentBytes = uint64_t{64} << 10;
inline constexpr uint64_t kMaxSegmentBytes = uint64_t{1} << 30;    // within FlatBuffers' 2 GiB
inline constexpr uint64_t kFirstSegmentBytes = uint64_t{1} << 20;  // at most; later ones double
inline constexpr uint32_t kMaxPeers = 100'000;                     // stream names have five digits

// How the records of Messages frames are laid out, as the segment header states it.
enum class RecordEncoding : uint8_t {
  Variable = 0,  // `offsets` delimit records of any length
  Fixed = 1,     // no `offsets`: all records of one event have the same length
};

// The first 4 KiB of a segment. Bytes 8..255 are the *identity*, written and synced while the
// segment is prepared; the rest and, last of all, the magic are stored when it is published.
struct SegmentHeader {
  uint64_t magic;  // 0: not published
  uint16_t format_minor;
  uint16_t reserved_0;
  uint8_t time_words;
  uint8_t time_wide_mask;
  uint8_t time_signed_mask;
  uint8_t record_encoding;
  uint32_t incompatible_features;  // any unknown bit: do not read
  uint32_t compatible_features;    // any unknown bit: do not append
  uint8_t log_uuid[16];
  uint32_t stream;
  uint32_t worker_index;
  uint32_t peers;  // streams of the log when it was captured
  uint32_t reserved_1;
  uint64_t segment_bytes;   // the file's size, this header included
  uint64_t first_position;  // the position of this header's first byte
  uint64_t incarnation;     // counts a stream's openings for writing, from 1
  uint64_t salt;            // random; in the seed of every checksum of a frame
  uint64_t prepared_at_ns;
  uint64_t schema_hash;  // of the schema frame's payload, or the application's own; 0: none
  char time_name[32];    // for people and bindings, for instance "u64"; padded with NUL
  char container_name[64];
  uint8_t reserved_2[48];
  uint64_t identity_checksum;  // of bytes 8..247

  uint64_t first_sequence;  // events of the stream before this segment
  uint64_t records_before;
  uint64_t data_bytes_before;
  uint64_t previous_first_position;  // kNoPosition: this is the stream's first segment
  uint64_t previous_end;             // where the previous segment's events end, its seal excluded
  uint64_t dropped_bytes;     // recovery: bytes from that end to the last one that is not zero
  uint64_t dropped_frames;    // recovery: valid frames among them
  uint64_t dropped_segments;  // recovery: segments set aside
  uint64_t published_at_ns;
  uint64_t void_segment;  // the last segment up to this one that voids what is before it; 0: none
  uint8_t reserved_3[3752];
  uint64_t checksum;  // of bytes 0..4087, with the magic as published

  TimeShape time_shape() const { return {time_words, time_wide_mask, time_signed_mask}; }
  uint64_t end_position() const { return first_position + segment_bytes; }
  bool has_schema() const { return (compatible_features & kSchemaFeature) != 0; }
  bool has_void() const { return (incompatible_features & kVoidFeature) != 0; }
  // It is this segment that voids what is before it.
  bool voids() const { return has_void() && void_segment == first_position; }
};
static_assert(sizeof(SegmentHeader) == kSegmentHeaderBytes);
static_assert(std::is_trivially_copyable_v<SegmentHeader>);
static_assert(offsetof(SegmentHeader, log_uuid) == 24);
static_assert(offsetof(SegmentHeader, segment_bytes) == 56);
static_assert(offsetof(SegmentHeader, time_name) == 104);
static_assert(offsetof(SegmentHeader, identity_checksum) == 248);
static_assert(offsetof(SegmentHeader, first_sequence) == 256);
static_assert(offsetof(SegmentHeader, published_at_ns) == 320);
static_assert(offsetof(SegmentHeader, void_segment) == 328);
static_assert(offsetof(SegmentHeader, checksum) == 4088);

// Fills in the identity's checksum, and that of the whole header as it will be once published.
void finish_identity(SegmentHeader& header);
void finish_header(SegmentHeader& header);

// Judges a header against its own checksums, the limits of the format, and the file's size.
// Errors: Corrupt, or Unsupported for another major version or an unknown incompatible feature.
Result<void> check_header(const SegmentHeader& header, uint64_t file_bytes);
// The same for the identity alone: what a segment that was never published can be judged by.
Result<void> check_identity(const SegmentHeader& header, uint64_t file_bytes);

// The file `control` of a stream: a hint shared between the processes of one boot (SPEC.md
// section 6). Nothing in it bounds an access; everything in it may be stale or wrong.
inline constexpr size_t kControlBytes = 4096;

// The file `identity` of a log: its UUID and the number of its streams.
inline constexpr uint64_t kLogMagic = 0x31474F4C45444954;  // "TIDELOG1"
struct LogIdentity {
  uint64_t magic;
  uint8_t log_uuid[16];
  uint32_t peers;
  uint32_t reserved_0;
  uint64_t created_at_ns;
  uint8_t reserved_1[16];
  uint64_t checksum;  // of bytes 0..55
};
static_assert(sizeof(LogIdentity) == 64);
void finish_log_identity(LogIdentity& identity);
Result<void> check_log_identity(const LogIdentity& identity);

// What opens a stream that is sent instead of stored. Frames follow, the first at byte 160. Bytes 8
// to 19 are laid out as in a segment's header.
inline constexpr uint64_t kWireMagic = 0x3252'4957'4544'4954;  // "TIDEWIR2"
struct WireHello {
  uint64_t magic;
  uint16_t format_minor;
  uint16_t reserved_0;
  uint8_t time_words;
  uint8_t time_wide_mask;
  uint8_t time_signed_mask;
  uint8_t record_encoding;
  uint32_t incompatible_features;  // any unknown bit: do not read
  uint32_t reserved_1;
  uint64_t salt;         // random; in the seed of every checksum of a frame
  uint64_t schema_hash;  // 0: no schema
  char time_name[32];    // padded with NUL, as in a segment's header
  char container_name[64];
  uint8_t reserved_2[16];
  uint64_t checksum;  // of bytes 0..151

  TimeShape time_shape() const { return {time_words, time_wide_mask, time_signed_mask}; }
};
static_assert(sizeof(WireHello) == 160 && sizeof(WireHello) % 8 == 0);
static_assert(std::is_trivially_copyable_v<WireHello>);
static_assert(offsetof(WireHello, time_words) == offsetof(SegmentHeader, time_words));
static_assert(offsetof(WireHello, salt) == 24);
static_assert(offsetof(WireHello, time_name) == 40);
static_assert(offsetof(WireHello, container_name) == 72);
static_assert(offsetof(WireHello, checksum) == 152);
void finish_hello(WireHello& hello);
// Errors: Corrupt, or Unsupported for another major version or an unknown feature.
Result<void> check_hello(const WireHello& hello);

}  // namespace tidemark
