// The short ways that nearly every event takes, held against the general ones: whatever the short
// way takes, the general one takes too, with the same meaning; and it does take what we write.

#include <random>

#include "format/payloads.h"
#include "support/catch.h"
#include "support/seed.h"
#include "tidemark/encode.h"
#include "tidemark/event.h"
#include "tidemark/frame.h"
#include "tidemark/protocol.h"

using namespace tidemark;
using namespace tidemark::test;

namespace {

constexpr TimeShape kOneWord{1, 0, 0};

Payload written_messages(bool variable, uint32_t records) {
  const uint64_t data_bytes = 8 * uint64_t{records};
  const MessagesLayout layout = messages_layout(kOneWord, variable, records, data_bytes);
  Payload payload(layout.payload_bytes);
  const uint64_t time = 5;
  encode_messages(payload.data(), layout, kOneWord, std::span(&time, 1), records, data_bytes);
  const std::vector<std::string_view> views(records, "a record");
  if (variable) encode_records(payload.data(), layout, views);
  return payload;
}

Payload written_progress(size_t changes) {
  std::vector<Change> all;
  for (size_t i = 0; i < changes; ++i) all.push_back({i, i % 2 == 0 ? -1 : 1});
  Payload payload(progress_payload_bytes(kOneWord, all.size()));
  encode_progress(payload.data(), kOneWord, all);
  return payload;
}

// Fails the test where the ways differ; returns whether a short one was taken.
bool take_both_ways(const Payload& payload) {
  bool taken = false;
  MessagesView messages;
  if (decode_written_messages(payload, kOneWord, messages)) {
    taken = true;
    const auto general = decode_messages(payload, kOneWord);
    REQUIRE(general);
    REQUIRE(general->time() == messages.time());
    REQUIRE(general->time().shape() == messages.time().shape());
    REQUIRE(general->size() == messages.size());
    REQUIRE(general->fixed() == messages.fixed());
    REQUIRE(general->stride() == messages.stride());
    REQUIRE(general->data().data() == messages.data().data());
    REQUIRE(general->data().size() == messages.data().size());
    for (uint32_t i = 0; i < messages.size(); ++i) {
      REQUIRE(general->record(i).data() == messages.record(i).data());
      REQUIRE(general->record(i).size() == messages.record(i).size());
    }
  }
  ProgressView progress;
  if (decode_written_progress(payload, kOneWord, progress)) {
    taken = true;
    const auto general = decode_progress(payload, kOneWord);
    REQUIRE(general);
    REQUIRE(general->size() == progress.size());
    for (size_t i = 0; i < progress.size(); ++i) {
      REQUIRE(general->change(i) == progress.change(i));
    }
  }
  return taken;
}

}  // namespace

TEST_CASE("short way: what is written here is recognised, and what it became is not misread") {
  std::mt19937_64 random(1);
  for (const Payload& good :
       {written_messages(false, 1), written_messages(false, 3), written_messages(true, 1),
        written_messages(true, 3), written_progress(1), written_progress(2), written_progress(5)}) {
    REQUIRE(take_both_ways(good));
    for (size_t bit = 0; bit < 8 * good.size(); ++bit) {
      Payload flipped = good;
      flipped[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
      (void)take_both_ways(flipped);
    }
    for (size_t bytes = 0; bytes < good.size(); ++bytes) {
      Payload cut(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(bytes));
      cut.shrink_to_fit();
      (void)take_both_ways(cut);
    }
    for (int round = 0; round < 20'000; ++round) {
      Payload changed = good;
      for (uint64_t i = random() % 4 + 1; i > 0; --i) {
        changed[random() % changed.size()] = static_cast<std::byte>(random() % 7 * 4);
      }
      (void)take_both_ways(changed);
    }
  }
}

TEST_CASE("short way: other shapes of times, and empty events, are left to the general way") {
  MessagesView messages;
  ProgressView progress;
  for (const TimeShape shape : shapes()) {
    if (shape.words == 1) continue;
    CHECK_FALSE(decode_written_messages(written_messages(false, 1), shape, messages));
    CHECK_FALSE(decode_written_progress(written_progress(2), shape, progress));
  }
  CHECK_FALSE(take_both_ways(written_messages(false, 0)));
  CHECK_FALSE(take_both_ways(written_messages(true, 0)));
  CHECK_FALSE(take_both_ways(written_progress(0)));
}

TEST_CASE("short way: a frame is sound where check_frame has nothing against it") {
  const FrameKey kKey(99);
  constexpr uint64_t kPosition = 4096;
  for (const uint64_t payload_bytes : {0U, 1U, 3U, 7U, 8U, 13U, 64U}) {
    std::vector<uint64_t> words(frame_bytes(payload_bytes) / 8 + 1, 0x0101'0101'0101'0101);
    auto* const frame = reinterpret_cast<std::byte*>(words.data());
    const uint64_t word = commit_word(FrameKind::Messages, payload_bytes);
    stamp_frame(frame, word, 8, 9, kKey, kPosition);
    const auto both = [&](uint64_t stored_word, uint64_t room) {
      std::memcpy(frame, &stored_word, sizeof stored_word);
      FrameView sound;
      const bool is_sound = sound_bytes(frame, room, kKey, kPosition, 1) > 0;
      REQUIRE((!is_sound || view_sound_frame(frame, room, kPosition, sound)));
      const auto checked = check_frame({frame, room}, stored_word, kKey, kPosition);
      REQUIRE(is_sound == (checked && checked->known()));
      if (!is_sound) return false;
      REQUIRE(sound.kind == checked->kind);
      REQUIRE(sound.flags == checked->flags);
      REQUIRE(sound.position == checked->position);
      REQUIRE(sound.durable_upto == checked->durable_upto);
      REQUIRE(sound.captured_at_ns == checked->captured_at_ns);
      REQUIRE(sound.checksum == checked->checksum);
      REQUIRE(sound.payload.data() == checked->payload.data());
      REQUIRE(sound.payload.size() == checked->payload.size());
      return true;
    };
    const uint64_t bytes = frame_bytes(payload_bytes);
    CHECK(both(word, bytes));
    for (uint64_t room = 0; room < bytes; room += 8) CHECK_FALSE(both(word, room));
    for (int bit = 0; bit < 64; ++bit) CHECK_FALSE(both(word ^ uint64_t{1} << bit, bytes));
    for (uint64_t bit = 64; bit < 8 * bytes; ++bit) {
      frame[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
      CHECK_FALSE(both(word, bytes));
      frame[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    }
    // Padding that is not zero, and a checksum that says so.
    if (payload_bytes % 8 != 0) {
      frame[bytes - 1] = std::byte{1};
      const uint64_t checksum = frame_checksum(frame, word, kKey, kPosition);
      std::memcpy(frame + 8, &checksum, sizeof checksum);
      CHECK_FALSE(both(word, bytes));
    }
  }
}

TEST_CASE("short way: frames in a row are sound up to the first that is not") {
  const FrameKey key(7);
  constexpr uint64_t kPosition = 4096;
  constexpr uint64_t kPayloads[] = {0, 5, 300, 64, 1100, 8};
  std::vector<uint64_t> words(512);
  auto* const begin = reinterpret_cast<std::byte*>(words.data());
  const uint64_t room = words.size() * 8;
  std::vector<uint64_t> ends = {0};
  for (const uint64_t payload_bytes : kPayloads) {
    std::byte* const frame = begin + ends.back();
    const uint64_t word = commit_word(FrameKind::Messages, payload_bytes);
    stamp_frame(frame, word, 8, 9, key, kPosition + ends.back());
    publish_frame(frame, word);
    ends.push_back(ends.back() + frame_bytes(payload_bytes));
  }
  CHECK(sound_bytes(begin, room, key, kPosition, room) == ends.back());
  CHECK(sound_bytes(begin, 0, key, kPosition, room) == 0);
  for (size_t i = 0; i + 1 < ends.size(); ++i) {
    CAPTURE(i);
    // No frame reaches beyond the room, and none is begun where enough was seen.
    CHECK(sound_bytes(begin, ends[i + 1] - 8, key, kPosition, room) == ends[i]);
    CHECK(sound_bytes(begin, ends[i + 1], key, kPosition, room) == ends[i + 1]);
    CHECK(sound_bytes(begin, room, key, kPosition, ends[i] + 1) == ends[i + 1]);
    begin[ends[i] + 16] ^= std::byte{1};
    CHECK(sound_bytes(begin, room, key, kPosition, room) == ends[i]);
    begin[ends[i] + 16] ^= std::byte{1};
  }
}

TEST_CASE("short way: a length that changed after it was verified leads nowhere") {
  std::vector<uint64_t> words(8);
  auto* const frame = reinterpret_cast<std::byte*>(words.data());
  FrameView view;
  for (const uint64_t length : {0U, 31U, 65U, 4096U, 0xFFFF'FFF8U, 0xFFFF'FFFFU}) {
    words[0] = length | uint64_t{2} << 32;
    CHECK_FALSE(view_sound_frame(frame, 64, 4096, view));
  }
  words[0] = commit_word(FrameKind::Messages, 32);
  CHECK(view_sound_frame(frame, 64, 4096, view));
  CHECK(view.payload.size() == 32);
}

TEST_CASE("short way: the only capability moves as it does among other changes") {
  std::mt19937_64 random(2);
  for (int round = 0; round < 20'000; ++round) {
    Protocol by_short(kOneWord);
    Protocol by_long(kOneWord);
    for (int step = 0; step < 4; ++step) {
      const auto any = [&] { return random() % 4; };
      const auto diff = [&] { return static_cast<int64_t>(random() % 4) - 2; };
      const std::vector<Change> two = {{any(), diff()}, {any(), diff()}};
      // A change by nothing means nothing, but makes three of them.
      std::vector<Change> three = two;
      three.push_back({any(), 0});
      const auto short_answer = by_short.progress(two);
      const auto long_answer = by_long.progress(three);
      REQUIRE(short_answer.has_value() == long_answer.has_value());
      if (!short_answer) REQUIRE(short_answer.error().rule == long_answer.error().rule);
      REQUIRE(by_short.counts() == by_long.counts());
      REQUIRE(by_short.frontier() == by_long.frontier());
    }
  }
}
