#include "tidemark/layout.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "tidemark/frame.h"
#include "tidemark/hash.h"

namespace tidemark {
namespace {

constexpr uint64_t kMajorMask = uint64_t{0xFF} << 56;

std::span<const std::byte> bytes_of(const void* from, size_t offset, size_t count) {
  return {static_cast<const std::byte*>(from) + offset, count};
}

uint64_t identity_checksum(const SegmentHeader& header) {
  constexpr size_t kFrom = sizeof(header.magic);
  return hash_bytes(bytes_of(&header, kFrom, offsetof(SegmentHeader, identity_checksum) - kFrom));
}

uint64_t header_checksum(const SegmentHeader& header) {
  return hash_bytes(bytes_of(&header, 0, offsetof(SegmentHeader, checksum)));
}

// Corrupt, or Unsupported where only the major version differs and all else is as it was written.
Result<void> check_magic(uint64_t found, uint64_t expected, bool intact, const char* what) {
  if (found == expected) return {};
  if ((found & ~kMajorMask) == (expected & ~kMajorMask) && intact) {
    return fail(ErrorCode::Unsupported, std::string(what) + " has another major format version");
  }
  return fail(ErrorCode::Corrupt, std::string(what) + " does not start with its magic");
}

template <size_t N>
bool all_zero(const uint8_t (&bytes)[N]) {
  // The first is zero, and each is like the one before it: many bytes a step.
  return bytes[0] == 0 && std::memcmp(bytes, bytes + 1, N - 1) == 0;
}

uint64_t hello_checksum(const WireHello& hello) {
  return hash_bytes(bytes_of(&hello, 0, offsetof(WireHello, checksum)));
}

template <size_t N>
bool terminated(const char (&text)[N]) {
  return std::memchr(text, 0, N) != nullptr;
}

}  // namespace

void finish_identity(SegmentHeader& header) {
  header.identity_checksum = identity_checksum(header);
}

void finish_header(SegmentHeader& header) {
  header.magic = kSegmentMagic;
  finish_identity(header);
  header.checksum = header_checksum(header);
}

Result<void> check_identity(const SegmentHeader& header, uint64_t file_bytes) {
  if (header.identity_checksum != identity_checksum(header)) {
    return fail(ErrorCode::Corrupt, "the header's identity does not match its checksum");
  }
  if ((header.incompatible_features & ~kIncompatibleFeatures) != 0) {
    return fail(ErrorCode::Unsupported, "the segment uses features that this version cannot read");
  }
  if (header.segment_bytes < kMinSegmentBytes || header.segment_bytes > kMaxSegmentBytes ||
      header.segment_bytes % kPageBytes != 0) {
    return fail(ErrorCode::Corrupt, "a segment of " + std::to_string(header.segment_bytes) +
                                        " bytes is outside the format's limits");
  }
  if (header.segment_bytes != file_bytes) {
    return fail(ErrorCode::Corrupt, "the header says " + std::to_string(header.segment_bytes) +
                                        " bytes, the file has " + std::to_string(file_bytes));
  }
  if (header.first_position % kPageBytes != 0 ||
      header.first_position > kNoPosition - header.segment_bytes) {
    return fail(ErrorCode::Corrupt, "the first position is not one that a segment can have");
  }
  if (header.record_encoding > static_cast<uint8_t>(RecordEncoding::Fixed)) {
    return fail(ErrorCode::Unsupported, "the record encoding is unknown");
  }
  if (header.peers == 0 || header.peers > kMaxPeers || header.stream >= kMaxPeers ||
      header.incarnation == 0 || !terminated(header.time_name) ||
      !terminated(header.container_name) || header.reserved_0 != 0 || header.reserved_1 != 0 ||
      !all_zero(header.reserved_2)) {
    return fail(ErrorCode::Corrupt, "the header's identity has an impossible field");
  }
  return header.time_shape().validate();
}

Result<void> check_header(const SegmentHeader& header, uint64_t file_bytes) {
  const bool intact = header.checksum == header_checksum(header);
  TIDEMARK_TRY(check_magic(header.magic, kSegmentMagic, intact, "the segment"));
  if (!intact) {
    return fail(ErrorCode::Corrupt, "the header does not match its checksum");
  }
  TIDEMARK_TRY(check_identity(header, file_bytes));
  const bool first = header.previous_first_position == kNoPosition;
  if (!all_zero(header.reserved_3) ||
      (!first && (header.previous_first_position >= header.first_position ||
                  header.previous_end < header.previous_first_position + kSegmentHeaderBytes ||
                  header.previous_end > header.first_position ||
                  header.previous_end % kFrameAlignment != 0))) {
    return fail(ErrorCode::Corrupt, "the header's link to its predecessor is impossible");
  }
  const bool possible_void = header.has_void() ? !first && header.void_segment != 0 &&
                                                     header.void_segment <= header.first_position &&
                                                     header.void_segment % kPageBytes == 0
                                               : header.void_segment == 0;
  if (!possible_void) {
    return fail(ErrorCode::Corrupt, "what the header says of void records is impossible");
  }
  return {};
}

void finish_log_identity(LogIdentity& identity) {
  identity.magic = kLogMagic;
  identity.checksum = hash_bytes(bytes_of(&identity, 0, offsetof(LogIdentity, checksum)));
}

Result<void> check_log_identity(const LogIdentity& identity) {
  if (identity.magic != kLogMagic) {
    return fail(ErrorCode::Corrupt, "the log's identity does not start with its magic");
  }
  if (identity.checksum != hash_bytes(bytes_of(&identity, 0, offsetof(LogIdentity, checksum)))) {
    return fail(ErrorCode::Corrupt, "the log's identity does not match its checksum");
  }
  if (identity.peers == 0 || identity.peers > kMaxPeers) {
    return fail(ErrorCode::Corrupt, "the log's identity has an impossible number of streams");
  }
  return {};
}

void finish_hello(WireHello& hello) {
  hello.magic = kWireMagic;
  hello.checksum = hello_checksum(hello);
}

Result<void> check_hello(const WireHello& hello) {
  const bool intact = hello.checksum == hello_checksum(hello);
  TIDEMARK_TRY(check_magic(hello.magic, kWireMagic, intact, "the stream"));
  if (!intact) return fail(ErrorCode::Corrupt, "the hello does not match its checksum");
  if (hello.incompatible_features != 0) {
    return fail(ErrorCode::Unsupported, "the stream uses features that this version cannot read");
  }
  if (hello.record_encoding > static_cast<uint8_t>(RecordEncoding::Fixed)) {
    return fail(ErrorCode::Unsupported, "the record encoding is unknown");
  }
  if (!terminated(hello.time_name) || !terminated(hello.container_name) || hello.reserved_0 != 0 ||
      hello.reserved_1 != 0 || !all_zero(hello.reserved_2)) {
    return fail(ErrorCode::Corrupt, "the hello has an impossible field");
  }
  return hello.time_shape().validate();
}

}  // namespace tidemark
