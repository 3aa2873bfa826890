#include "event_generated.h"
#include "format/payloads.h"
#include "support/catch.h"
#include "tidemark/event.h"

using namespace tidemark;
using namespace tidemark::test;

namespace {

constexpr TimeShape kOneWord{1, 0, 0};
constexpr TimeShape kTwoWords{2, 0, 0};

struct MessagesParts {
  uint64_t time = 4;
  std::vector<uint64_t> more = {};
  uint32_t records = 0;
  std::optional<std::vector<uint32_t>> offsets = std::nullopt;
  std::string data = {};
};

// By FlatBuffers' own builder, which lays them out in another way than the writer does.
Payload build(const MessagesParts& parts) {
  flatbuffers::FlatBufferBuilder builder;
  builder.ForceVectorAlignment(parts.data.size(), 1, 8);
  const auto data =
      builder.CreateVector(reinterpret_cast<const uint8_t*>(parts.data.data()), parts.data.size());
  const auto offsets = parts.offsets ? builder.CreateVector(*parts.offsets) : 0;
  const auto more = parts.more.empty() ? 0 : builder.CreateVector(parts.more);
  builder.Finish(wire::CreateMessages(builder, parts.time, more, parts.records, offsets, data));
  return bytes_of(builder);
}

Payload build_progress(const std::vector<uint64_t>& times, const std::vector<int64_t>& diffs) {
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(wire::CreateProgressDirect(builder, &times, &diffs));
  return bytes_of(builder);
}

void check_contradiction(const MessagesParts& parts, TimeShape shape = kOneWord) {
  const auto decoded = decode_messages(build(parts), shape);
  REQUIRE_FALSE(decoded);
  CHECK(decoded.error().code == ErrorCode::Corrupt);
}

}  // namespace

TEST_CASE("decode: payloads of another writer's builder mean the same") {
  const Payload variable = build({.time = 9, .records = 2, .offsets = {{3, 5}}, .data = "onexy"});
  const auto messages = decode_messages(variable, kOneWord);
  REQUIRE(messages);
  CHECK(messages->time() == Time(9));
  CHECK(messages->text(0) == "one");
  CHECK(messages->text(1) == "xy");

  const Payload fixed = build({.time = 1, .more = {2}, .records = 3, .data = "aabbcc"});
  const auto pairs = decode_messages(fixed, kTwoWords);
  REQUIRE(pairs);
  CHECK(pairs->time().word(1) == 2);
  CHECK(pairs->stride() == 2);
  CHECK(pairs->text(2) == "cc");

  const Payload built = build_progress({1, 2, 3, 4}, {-1, 5});
  const auto progress = decode_progress(built, kTwoWords);
  REQUIRE(progress);
  REQUIRE(progress->size() == 2);
  CHECK(progress->change(1).time.word(0) == 3);
  CHECK(progress->change(1).diff == 5);
}

TEST_CASE("decode: absent vectors are empty ones") {
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(wire::CreateMessages(builder));
  const Payload no_messages = bytes_of(builder);
  const auto messages = decode_messages(no_messages, kOneWord);
  REQUIRE(messages);
  CHECK(messages->size() == 0);
  CHECK(messages->time() == Time(0));

  builder.Clear();
  builder.Finish(wire::CreateProgress(builder));
  const Payload no_progress = bytes_of(builder);
  const auto progress = decode_progress(no_progress, kOneWord);
  REQUIRE(progress);
  CHECK(progress->size() == 0);
}

TEST_CASE("decode: fields that a later minor version adds are passed over") {
  flatbuffers::FlatBufferBuilder builder;
  const auto later = builder.CreateString("what nobody knows yet");
  const std::vector<uint64_t> times = {6};
  const std::vector<int64_t> diffs = {2};
  const auto times_at = builder.CreateVector(times);
  const auto diffs_at = builder.CreateVector(diffs);
  const auto start = builder.StartTable();
  builder.AddOffset(wire::Progress::VT_TIMES, times_at);
  builder.AddOffset(wire::Progress::VT_DIFFS, diffs_at);
  builder.AddOffset(wire::Progress::VT_DIFFS + 2, later);
  builder.AddElement<uint64_t>(wire::Progress::VT_DIFFS + 4, 99, 0);
  builder.Finish(flatbuffers::Offset<wire::Progress>(builder.EndTable(start)));
  const Payload payload = bytes_of(builder);
  const auto view = decode_progress(payload, kOneWord);
  REQUIRE(view);
  REQUIRE(view->size() == 1);
  CHECK(view->change(0) == Change{6, 2});
}

TEST_CASE("decode: messages that contradict themselves or the stream's shape are refused") {
  const MessagesParts good{.records = 3, .offsets = {{1, 1, 4}}, .data = "abcd"};
  REQUIRE(decode_messages(build(good), kOneWord));
  const auto with = [&](auto change) {
    MessagesParts parts = good;
    change(parts);
    return parts;
  };
  SECTION("offsets that decrease") {
    check_contradiction(with([](auto& p) { p.offsets = {{3, 1, 4}}; }));
  }
  SECTION("offsets that overrun the data") {
    check_contradiction(with([](auto& p) { p.offsets = {{1, 1, 5}}; }));
    check_contradiction(with([](auto& p) { p.offsets = {{1, 0xFFFF'FFFF, 4}}; }));
    check_contradiction(with([](auto& p) { p.offsets = {{1, 1, 0xFFFF'FFFF}}; }));
  }
  SECTION("offsets that leave data over") {
    check_contradiction(with([](auto& p) { p.offsets = {{1, 1, 3}}; }));
  }
  SECTION("another number of offsets than of records") {
    check_contradiction(with([](auto& p) { p.records = 2; }));
    check_contradiction(with([](auto& p) { p.records = 4; }));
    check_contradiction(with([](auto& p) { p.records = 0xFFFF'FFFF; }));
  }
  SECTION("data of no record") {
    check_contradiction({.records = 0, .offsets = std::vector<uint32_t>(), .data = "abc"});
    check_contradiction({.records = 0, .data = "abc"});
  }
  SECTION("fixed records that are no whole number of bytes") {
    check_contradiction({.records = 3, .data = "abcd"});
    check_contradiction({.records = 0xFFFF'FFFF, .data = "abcd"});
  }
  SECTION("a time of another number of words") {
    check_contradiction(good, kTwoWords);
    check_contradiction(good, {4, 0, 0});
    check_contradiction(with([](auto& p) { p.more = {1}; }));
    check_contradiction(with([](auto& p) { p.more = {1, 2}; }), kTwoWords);
    check_contradiction(with([](auto& p) { p.more = {1}; }), {0, 0, 0});
  }
  SECTION("a time where there are no words") {
    check_contradiction(good, {0, 0, 0});
    CHECK(decode_messages(build(with([](auto& p) { p.time = 0; })), {0, 0, 0}));
  }
}

TEST_CASE("decode: fixed records that are not aligned to 8 bytes are refused") {
  // The bytes of `data` stand 4 bytes behind a multiple of 8; nothing else is wrong.
  flatbuffers::FlatBufferBuilder builder;
  int refused = 0;
  for (size_t before = 0; before < 16; ++before) {
    builder.Clear();
    builder.CreateString(std::string(before, '.'));
    const auto data = builder.CreateVector(std::vector<uint8_t>(16, 'd'));
    builder.Finish(wire::CreateMessages(builder, 5, 0, 2, 0, data));
    const Payload payload = bytes_of(builder);
    const auto place = root_of<wire::Messages>(payload)->data()->data() -
                       reinterpret_cast<const uint8_t*>(payload.data());
    const auto view = decode_messages(payload, kOneWord);
    CHECK(view.has_value() == (place % 8 == 0));
    if (!view) ++refused;
  }
  CHECK(refused > 0);
}

TEST_CASE("decode: progress whose times and diffs do not match is refused") {
  REQUIRE(decode_progress(build_progress({1, 2}, {1, 1}), kOneWord));
  for (const auto& [times, diffs] : std::vector<std::pair<size_t, size_t>>{
           {0, 1}, {1, 0}, {1, 2}, {2, 1}, {3, 2}, {4, 2}, {1000, 2}}) {
    CAPTURE(times, diffs);
    const Payload payload =
        build_progress(std::vector<uint64_t>(times), std::vector<int64_t>(diffs));
    const auto decoded = decode_progress(payload, kOneWord);
    REQUIRE_FALSE(decoded);
    CHECK(decoded.error().code == ErrorCode::Corrupt);
    CHECK(decode_progress(payload, kTwoWords).has_value() == (times == 2 * diffs));
    CHECK(decode_progress(payload, {0, 0, 0}).has_value() == (times == 0));
  }
}

TEST_CASE("decode: words that are not aligned to 8 bytes are refused in every table") {
  // Without the misalignment each of these is good.
  for (const bool misaligned : {false, true}) {
    CAPTURE(misaligned);
    const bool good = !misaligned;
    CHECK(decode_progress(raw_table(2, {{0, {7}, misaligned}, {1, {1}}}), kOneWord).has_value() ==
          good);
    CHECK(decode_progress(raw_table(2, {{0, {7}}, {1, {1}, misaligned}}), kOneWord).has_value() ==
          good);
    CHECK(decode_messages(raw_table(5, {{1, {7}, misaligned}}), kTwoWords).has_value() == good);
    CHECK(decode_checkpoint(raw_table(5, {{0, {7}, misaligned}, {1, {1}}}), kOneWord).has_value() ==
          good);
    CHECK(decode_checkpoint(raw_table(5, {{0, {7}}, {1, {1}, misaligned}}), kOneWord).has_value() ==
          good);
    constexpr uint16_t kVectors[] = {4, 5, 6, 7, 8, 9, 10};
    for (const uint16_t field : kVectors) {
      std::vector<RawVector> vectors;
      for (const uint16_t other : kVectors) {
        vectors.push_back({other, {7}, misaligned && field == other});
        if (other >= 9) vectors.back().words.push_back(7);  // the sections beside one waypoint
      }
      CAPTURE(field);
      CHECK(decode_seal(raw_table(13, vectors), kOneWord).has_value() == good);
    }
  }
}

TEST_CASE("decode: an empty vector needs no alignment, for it has nothing to be aligned") {
  CHECK(decode_messages(raw_table(5, {{4, {}, true}}), kOneWord));
  CHECK(decode_messages(raw_table(5, {{4, {}}}), kOneWord));
  CHECK(decode_progress(raw_table(2, {{0, {}, true}, {1, {}, true}}), kOneWord));
}

TEST_CASE("decode: a payload of another table is refused or harmless, an empty one is refused") {
  const Payload nothing;
  for (const TimeShape shape : shapes()) CHECK_FALSE(decodes_as_any(nothing, shape));
  for (size_t bytes = 1; bytes < 12; ++bytes) {
    CHECK_FALSE(decodes_as_any(Payload(bytes), kOneWord));
  }
}
