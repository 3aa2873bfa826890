#include "tidemark/frame.h"

#include <cstring>
#include <random>
#include <vector>

#include "support/catch.h"
#include "support/seed.h"
#include "tidemark/hash.h"

using namespace tidemark;
using namespace tidemark::test;

namespace {

constexpr uint64_t kSalt = 0xFEED'FACE'CAFE'BEEF;
const FrameKey kKey(kSalt);
constexpr uint64_t kPosition = 1'052'816;

std::vector<std::byte> frame_of(uint64_t word, size_t payload_bytes,
                                std::byte padding = std::byte{0}) {
  std::vector<std::byte> frame(frame_bytes(payload_bytes), padding);
  FrameHeader header{word, 0, 4096, 1'700'000'000};
  for (size_t i = 0; i < payload_bytes; ++i) {
    frame[sizeof header + i] = static_cast<std::byte>(i + 1);
  }
  std::memcpy(frame.data(), &header, sizeof header);
  header.checksum = frame_checksum(frame.data(), word, kKey, kPosition);
  std::memcpy(frame.data(), &header, sizeof header);
  return frame;
}

uint64_t word_of(const std::vector<std::byte>& frame) {
  uint64_t word = 0;
  std::memcpy(&word, frame.data(), sizeof word);
  return word;
}

Result<FrameView> check(const std::vector<std::byte>& frame, const FrameKey& key = kKey,
                        uint64_t position = kPosition) {
  return check_frame(frame, word_of(frame), key, position);
}

}  // namespace

TEST_CASE("frame: what was written is read back, at every length") {
  for (size_t payload_bytes = 0; payload_bytes < 40; ++payload_bytes) {
    CAPTURE(payload_bytes);
    const auto frame = frame_of(commit_word(FrameKind::Messages, payload_bytes), payload_bytes);
    const auto view = check(frame);
    REQUIRE(view);
    CHECK(view->kind == FrameKind::Messages);
    CHECK(view->flags == 0);
    CHECK(view->position == kPosition);
    CHECK(view->durable_upto == 4096);
    CHECK(view->captured_at_ns == 1'700'000'000);
    CHECK(view->payload.data() == frame.data() + sizeof(FrameHeader));
    CHECK(view->payload.size() == payload_bytes);
    CHECK(view->end_position() == kPosition + frame.size());
    CHECK(view->known());
  }
}

TEST_CASE("frame: the checksum is the one that SPEC.md defines, at every length") {
  // Beyond 240 bytes XXH3 works otherwise, and beyond 1,024 in blocks.
  for (size_t payload_bytes = 0; payload_bytes < 2200; payload_bytes += 8) {
    CAPTURE(payload_bytes);
    const uint64_t word = commit_word(FrameKind::Progress, payload_bytes);
    const auto frame = frame_of(word, payload_bytes);
    const uint64_t place = (kPosition * 0x9E37'79B9'7F4A'7C15) ^ (word * 0xC2B2'AE3D'27D4'EB4F);
    CHECK(frame_checksum(frame.data(), word, kKey, kPosition) ==
          (hash_bytes(std::span(frame).subspan(16), kSalt) ^ place));
  }
}

TEST_CASE("frame: every flipped bit is caught, the commit word's too") {
  for (const size_t payload_bytes : {size_t{0}, size_t{1}, size_t{8}, size_t{61}, size_t{300}}) {
    const auto frame = frame_of(commit_word(FrameKind::Messages, payload_bytes), payload_bytes);
    for (size_t bit = 0; bit < 8 * frame.size(); ++bit) {
      // An allocation of its own, so that a sanitizer sees a read beyond its end.
      auto flipped = frame;
      flipped[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
      if (word_of(flipped) == 0) continue;
      CAPTURE(payload_bytes, bit);
      REQUIRE_FALSE(check(flipped));
    }
  }
}

TEST_CASE("frame: every two flipped bits of a header are caught") {
  const auto frame = frame_of(commit_word(FrameKind::Progress, 24), 24);
  for (size_t first = 0; first < 8 * sizeof(FrameHeader); ++first) {
    for (size_t second = 0; second < first; ++second) {
      auto flipped = frame;
      flipped[first / 8] ^= static_cast<std::byte>(1U << (first % 8));
      flipped[second / 8] ^= static_cast<std::byte>(1U << (second % 8));
      if (check(flipped)) {
        CAPTURE(first, second);
        FAIL("two flipped bits were not caught");
      }
    }
  }
}

TEST_CASE("frame: one cut short is refused at every length") {
  const auto frame = frame_of(commit_word(FrameKind::Messages, 77), 77);
  for (size_t bytes = sizeof(uint64_t); bytes < frame.size(); ++bytes) {
    const std::vector<std::byte> cut(frame.begin(),
                                     frame.begin() + static_cast<std::ptrdiff_t>(bytes));
    CAPTURE(bytes);
    REQUIRE_FALSE(check(cut));
  }
}

TEST_CASE("frame: one that stands elsewhere or is of another segment is refused") {
  const auto frame = frame_of(commit_word(FrameKind::Messages, 10), 10);
  CHECK(check(frame));
  for (const uint64_t position : {kPosition + 8, kPosition - 8, uint64_t{0}, kPosition << 12}) {
    CHECK_FALSE(check(frame, kKey, position));
  }
  for (size_t bit = 0; bit < 64; ++bit) {
    CHECK_FALSE(check(frame, FrameKey(kSalt ^ (uint64_t{1} << bit)), kPosition));
  }
}

TEST_CASE("frame: a commit word is bounded by the room that is left") {
  const uint64_t word = commit_word(FrameKind::Progress, 33);  // 65 bytes, 72 with padding
  CHECK_FALSE(check_commit_word(word, 64));
  CHECK_FALSE(check_commit_word(word, 71));
  REQUIRE(check_commit_word(word, 72));
  CHECK(*check_commit_word(word, 72) == 72);

  const auto with_length = [](uint64_t length) { return length | uint64_t{1} << 32; };
  constexpr uint64_t kRoom = kMaxSegmentBytes;
  for (uint64_t length = 0; length < sizeof(FrameHeader); ++length) {
    CHECK_FALSE(check_commit_word(with_length(length), kRoom));
  }
  CHECK(check_commit_word(with_length(sizeof(FrameHeader)), kRoom));
  CHECK(check_commit_word(with_length(kRoom), kRoom));
  for (const uint64_t length : {kRoom + 1, uint64_t{0xFFFF'FFF9}, uint64_t{0xFFFF'FFFF}}) {
    CHECK_FALSE(check_commit_word(with_length(length), kRoom));
  }
}

TEST_CASE("frame: kind 0, unknown flags and the word's highest bits are impossible") {
  const uint64_t good = commit_word(FrameKind::Progress, 8);
  REQUIRE(check_commit_word(good, 4096));
  CHECK(check_commit_word(good | uint64_t{kSkippable} << 40, 4096));
  CHECK_FALSE(check_commit_word(good & ~(uint64_t{0xFF} << 32), 4096));
  for (unsigned bit = 41; bit < 64; ++bit) {
    CAPTURE(bit);
    CHECK_FALSE(check_commit_word(good | uint64_t{1} << bit, 4096));
  }
}

TEST_CASE("frame: padding that is not zero is refused though the checksum covers it") {
  const auto frame = frame_of(commit_word(FrameKind::Messages, 10), 10, std::byte{1});
  const auto checked = check(frame);
  REQUIRE_FALSE(checked);
  CHECK(checked.error().code == ErrorCode::Corrupt);
}

TEST_CASE("frame: an unknown kind is passed over only where it says that it may be") {
  for (unsigned kind = 1; kind < 256; ++kind) {
    const bool known = kind <= 7;
    CAPTURE(kind);
    const auto required = check(frame_of(commit_word(static_cast<FrameKind>(kind), 16), 16));
    CHECK(required.has_value() == known);
    if (!required) CHECK(required.error().code == ErrorCode::Unsupported);

    const auto skippable =
        check(frame_of(commit_word(static_cast<FrameKind>(kind), 16, kSkippable), 16));
    REQUIRE(skippable);
    CHECK(skippable->known() == known);
    CHECK(skippable->skippable());
  }
}

TEST_CASE("frame: random bytes are no frame") {
  const uint64_t seed = seed_or(20'240'501);
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < rounds_or(200'000); ++round) {
    std::vector<std::byte> bytes(8 * (1 + random() % 40));
    for (size_t i = 0; i < bytes.size(); i += 8) {
      const uint64_t word = random();
      std::memcpy(bytes.data() + i, &word, sizeof word);
    }
    // Most random words fail by their length alone: give half of them one that is possible.
    if (round % 2 == 0) {
      const uint64_t word = commit_word(static_cast<FrameKind>(1 + random() % 7),
                                        random() % (bytes.size() + 1), random() % 2);
      std::memcpy(bytes.data(), &word, sizeof word);
    }
    if (word_of(bytes) == 0) continue;
    REQUIRE_FALSE(check(bytes));
  }
}

TEST_CASE("frame: a frame is committed by its word alone, and read by the word that was loaded") {
  alignas(8) std::byte memory[64] = {};
  CHECK(load_commit_word(memory) == 0);
  publish_frame(memory, commit_word(FrameKind::Seal, 3));
  CHECK(load_commit_word(memory) == (35 | uint64_t{7} << 32));
}
