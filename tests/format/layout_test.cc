#include "tidemark/layout.h"

#include <cstring>
#include <functional>
#include <string>

#include "support/catch.h"
#include "tidemark/hash.h"

using namespace tidemark;

namespace {

SegmentHeader valid_header() {
  SegmentHeader header{};
  header.time_words = 1;
  header.log_uuid[3] = 7;
  header.stream = 2;
  header.worker_index = 2;
  header.peers = 4;
  header.segment_bytes = kMinSegmentBytes;
  header.first_position = 3 * kMinSegmentBytes;
  header.incarnation = 5;
  header.salt = 0x1234'5678'9ABC'DEF0;
  std::strcpy(header.time_name, "u64");
  std::strcpy(header.container_name, "bytes");
  header.first_sequence = 10;
  header.previous_first_position = kMinSegmentBytes;
  header.previous_end = kMinSegmentBytes + kSegmentHeaderBytes + 88;
  finish_header(header);
  return header;
}

LogIdentity valid_identity() {
  LogIdentity identity{};
  identity.log_uuid[0] = 1;
  identity.peers = 3;
  finish_log_identity(identity);
  return identity;
}

template <typename Struct>
void flip(Struct& bytes, size_t bit) {
  reinterpret_cast<unsigned char*>(&bytes)[bit / 8] ^= static_cast<unsigned char>(1U << (bit % 8));
}

using Change = std::function<void(SegmentHeader&)>;

// What a header is judged as whose writer has signed this change of it.
ErrorCode code_after(const Change& change) {
  SegmentHeader header = valid_header();
  change(header);
  finish_header(header);
  const auto checked = check_header(header, header.segment_bytes);
  REQUIRE_FALSE(checked);
  return checked.error().code;
}

}  // namespace

TEST_CASE("layout: a header that was finished is good, and so is its identity alone") {
  const SegmentHeader header = valid_header();
  CHECK(check_header(header, kMinSegmentBytes));
  CHECK(check_identity(header, kMinSegmentBytes));
  CHECK(std::memcmp(&header, "TIDEMRK2", 8) == 0);
}

TEST_CASE("layout: every flipped bit of a header is caught") {
  SegmentHeader header = valid_header();
  for (size_t bit = 0; bit < 8 * sizeof header; ++bit) {
    flip(header, bit);
    const auto checked = check_header(header, kMinSegmentBytes);
    if (checked || checked.error().code != ErrorCode::Corrupt) {
      CAPTURE(bit);
      REQUIRE_FALSE(checked);
      REQUIRE(checked.error().code == ErrorCode::Corrupt);
    }
    flip(header, bit);
  }
  CHECK(check_header(header, kMinSegmentBytes));
}

TEST_CASE("layout: every flipped bit of an identity is caught without the rest of the header") {
  SegmentHeader header = valid_header();
  // The rest of the page may be anything: it is written later than the identity is synced.
  std::memset(reinterpret_cast<std::byte*>(&header) + offsetof(SegmentHeader, first_sequence), 0xA5,
              sizeof header - offsetof(SegmentHeader, first_sequence));
  header.magic = 0;
  CHECK(check_identity(header, kMinSegmentBytes));
  for (size_t bit = 64; bit < 8 * offsetof(SegmentHeader, first_sequence); ++bit) {
    flip(header, bit);
    CAPTURE(bit);
    REQUIRE_FALSE(check_identity(header, kMinSegmentBytes));
    flip(header, bit);
  }
}

TEST_CASE("layout: a header whose file has another size is refused") {
  const SegmentHeader header = valid_header();
  for (const uint64_t bytes : {uint64_t{0}, uint64_t{4095}, uint64_t{4096}, kMinSegmentBytes - 1,
                               kMinSegmentBytes + 1, 2 * kMinSegmentBytes}) {
    CAPTURE(bytes);
    const auto checked = check_header(header, bytes);
    REQUIRE_FALSE(checked);
    CHECK(checked.error().code == ErrorCode::Corrupt);
  }
}

TEST_CASE("layout: impossible fields are refused though the checksums are right") {
  const std::vector<std::pair<const char*, Change>> changes = {
      {"too small", [](auto& h) { h.segment_bytes = kMinSegmentBytes - kPageBytes; }},
      {"too large", [](auto& h) { h.segment_bytes = kMaxSegmentBytes + kPageBytes; }},
      {"no whole pages", [](auto& h) { h.segment_bytes = kMinSegmentBytes + 8; }},
      {"not at a page", [](auto& h) { h.first_position += 8; }},
      {"beyond the last position", [](auto& h) { h.first_position = kNoPosition - 4095; }},
      {"no streams", [](auto& h) { h.peers = 0; }},
      {"too many streams", [](auto& h) { h.peers = kMaxPeers + 1; }},
      {"stream without a name", [](auto& h) { h.stream = kMaxPeers; }},
      {"incarnation 0", [](auto& h) { h.incarnation = 0; }},
      {"time name not ended", [](auto& h) { std::memset(h.time_name, 'x', sizeof h.time_name); }},
      {"container name not ended",
       [](auto& h) { std::memset(h.container_name, 'x', sizeof h.container_name); }},
      {"reserved 0", [](auto& h) { h.reserved_0 = 1; }},
      {"reserved 1", [](auto& h) { h.reserved_1 = 1; }},
      {"reserved 2", [](auto& h) { h.reserved_2[47] = 1; }},
      {"reserved 3", [](auto& h) { h.reserved_3[0] = 1; }},
      {"a wide coordinate without its low half", [](auto& h) { h.time_wide_mask = 1; }},
      {"a sign of no word", [](auto& h) { h.time_signed_mask = 2; }},
      {"predecessor at itself", [](auto& h) { h.previous_first_position = h.first_position; }},
      {"predecessor behind", [](auto& h) { h.previous_first_position = 2 * h.first_position; }},
      {"predecessor without header",
       [](auto& h) { h.previous_end = h.previous_first_position + kSegmentHeaderBytes - 8; }},
      {"predecessor ends within a word", [](auto& h) { h.previous_end += 4; }},
      {"void without the bit", [](auto& h) { h.void_segment = h.first_position; }},
      {"void by none", [](auto& h) { h.incompatible_features = kVoidFeature; }},
      {"void behind",
       [](auto& h) {
         h.incompatible_features = kVoidFeature;
         h.void_segment = h.first_position + kPageBytes;
       }},
      {"void within a page",
       [](auto& h) {
         h.incompatible_features = kVoidFeature;
         h.void_segment = 8;
       }},
      {"void in a stream's first segment",
       [](auto& h) {
         h.incompatible_features = kVoidFeature;
         h.void_segment = h.first_position;
         h.previous_first_position = kNoPosition;
       }},
      {"predecessor ends behind", [](auto& h) { h.previous_end = h.first_position + 8; }},
  };
  for (const auto& [name, change] : changes) {
    CAPTURE(name);
    CHECK(code_after(change) == ErrorCode::Corrupt);
  }
}

TEST_CASE("layout: what a later version may write is unsupported, and not damage") {
  CHECK(code_after([](auto& h) { h.incompatible_features = 1U << 31; }) == ErrorCode::Unsupported);
  CHECK(code_after([](auto& h) { h.record_encoding = 2; }) == ErrorCode::Unsupported);
  CHECK(code_after([](auto& h) { h.time_words = 5; }) == ErrorCode::Unsupported);

  // Reserved bytes that have a meaning by then come with a bit, which is looked at first.
  CHECK(code_after([](auto& h) {
          h.incompatible_features = 2;
          h.reserved_3[17] = 1;
        }) == ErrorCode::Unsupported);

  SegmentHeader minor = valid_header();
  minor.format_minor = 9;
  minor.compatible_features = 1;  // who does not know it may read
  finish_header(minor);
  CHECK(check_header(minor, kMinSegmentBytes));
}

TEST_CASE("layout: a stream's first segment has no predecessor") {
  SegmentHeader header = valid_header();
  header.previous_first_position = kNoPosition;
  header.previous_end = 0;
  finish_header(header);
  CHECK(check_header(header, kMinSegmentBytes));
}

TEST_CASE("layout: another major version is told apart from damage by its checksum") {
  // Its checksum covers its own magic, so what finish_header() signs is not enough.
  SegmentHeader header = valid_header();
  header.magic = (kSegmentMagic & ~(uint64_t{0xFF} << 56)) | uint64_t{'3'} << 56;
  auto checked = check_header(header, kMinSegmentBytes);
  REQUIRE_FALSE(checked);
  CHECK(checked.error().code == ErrorCode::Corrupt);

  header.checksum =
      hash_bytes(std::as_bytes(std::span(&header, 1)).first(offsetof(SegmentHeader, checksum)));
  checked = check_header(header, kMinSegmentBytes);
  REQUIRE_FALSE(checked);
  CHECK(checked.error().code == ErrorCode::Unsupported);
}

TEST_CASE("layout: every flipped bit of a log's identity is caught") {
  LogIdentity identity = valid_identity();
  CHECK(check_log_identity(identity));
  for (size_t bit = 0; bit < 8 * sizeof identity; ++bit) {
    flip(identity, bit);
    CAPTURE(bit);
    REQUIRE_FALSE(check_log_identity(identity));
    flip(identity, bit);
  }
}

TEST_CASE("layout: a log has between 1 and 100000 streams") {
  LogIdentity identity = valid_identity();
  for (const uint32_t peers : {uint32_t{0}, kMaxPeers + 1, ~uint32_t{0}}) {
    identity.peers = peers;
    finish_log_identity(identity);
    CHECK_FALSE(check_log_identity(identity));
  }
  identity.peers = kMaxPeers;
  finish_log_identity(identity);
  CHECK(check_log_identity(identity));
}
