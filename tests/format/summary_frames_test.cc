#include "tidemark/summary_frames.h"

#include "event_generated.h"
#include "format/payloads.h"
#include "support/catch.h"
#include "tidemark/frame.h"

using namespace tidemark;
using namespace tidemark::test;

namespace {

std::vector<Change> counts_of(TimeShape shape, size_t size) {
  std::vector<Change> counts;
  for (size_t i = 0; i < size; ++i) {
    counts.push_back({time_of(shape, i), static_cast<int64_t>(i) + 1});
  }
  return counts;
}

Seal seal_of(TimeShape shape, size_t capabilities, size_t waypoints, bool bounds) {
  Seal seal;
  seal.end = 1'048'576 + 4'240;
  seal.totals = {100, 2'000, 30'000};
  seal.counts = counts_of(shape, capabilities);
  if (bounds) seal.bounds = TimeBounds{time_of(shape, 2), time_of(shape, 9)};
  for (size_t i = 0; i < waypoints; ++i) seal.waypoints.push_back(1'048'576 + 4'096 + 8 * i);
  for (size_t i = 0; waypoints > 0 && i <= waypoints; ++i) {
    seal.sections.emplace_back();
    // Of no words is every time, so that bounds of none cannot be told from some.
    const bool any = i % 2 == 0 || shape.words == 0;
    if (any) seal.sections.back() = TimeBounds{time_of(shape, i), time_of(shape, i + 5)};
  }
  seal.digest = 0xD1'6E57;
  seal.closed = waypoints % 2 == 1;
  return seal;
}

void check_equal(const std::optional<TimeBounds>& a, const std::optional<TimeBounds>& b) {
  REQUIRE(a.has_value() == b.has_value());
  if (!a) return;
  CHECK(a->meet == b->meet);
  CHECK(a->join == b->join);
}

void check_equal(const Seal& a, const Seal& b) {
  CHECK(a.end == b.end);
  CHECK(a.totals == b.totals);
  CHECK(a.counts == b.counts);
  check_equal(a.bounds, b.bounds);
  CHECK(a.waypoints == b.waypoints);
  REQUIRE(a.sections.size() == b.sections.size());
  for (size_t i = 0; i < a.sections.size(); ++i) check_equal(a.sections[i], b.sections[i]);
  CHECK(a.digest == b.digest);
  CHECK(a.closed == b.closed);
}

}  // namespace

TEST_CASE("summary: a checkpoint is read back as it was, in the room that was kept for it") {
  for (const TimeShape shape : shapes()) {
    const size_t most = shape.words == 0 ? 1 : max_capabilities(shape);
    for (const size_t size : {size_t{0}, size_t{1}, size_t{2}, most}) {
      CAPTURE(text_of(shape), size);
      const Checkpoint checkpoint{{7, 8, 9}, counts_of(shape, size)};
      const Payload payload = encode_checkpoint(shape, checkpoint);
      CHECK(payload.size() <= max_checkpoint_payload_bytes(shape, size));
      CHECK(verifies<wire::Checkpoint>(payload));
      const auto decoded = decode_checkpoint(payload, shape);
      REQUIRE(decoded);
      CHECK(decoded->totals == checkpoint.totals);
      CHECK(decoded->counts == checkpoint.counts);
    }
    CHECK(frame_bytes(max_checkpoint_payload_bytes(shape, max_capabilities(shape))) <=
          kMinSegmentBytes / 4 + 512);
  }
}

TEST_CASE("summary: a seal is read back as it was, in the room that was kept for it") {
  for (const TimeShape shape : shapes()) {
    const size_t most = shape.words == 0 ? 1 : max_capabilities(shape);
    for (const size_t capabilities : {size_t{0}, size_t{1}, most}) {
      for (const size_t entries : {size_t{0}, size_t{1}, size_t{7}, kMaxWaypoints}) {
        for (const bool bounds : {false, true}) {
          CAPTURE(text_of(shape), capabilities, entries, bounds);
          const Seal seal = seal_of(shape, capabilities, entries, bounds);
          const Payload payload = encode_seal(shape, seal);
          CHECK(payload.size() <= max_seal_payload_bytes(shape, capabilities, entries));
          CHECK(verifies<wire::Seal>(payload));
          const auto decoded = decode_seal(payload, shape);
          REQUIRE(decoded);
          check_equal(*decoded, seal);
        }
      }
    }
  }
}

TEST_CASE("summary: counts without times, and more than a stream can hold, are refused") {
  constexpr TimeShape kShape{1, 0, 0};
  const auto checkpoint_of = [](size_t times, size_t counts) {
    flatbuffers::FlatBufferBuilder builder;
    const std::vector<uint64_t> time_words(times, 1);
    const std::vector<int64_t> numbers(counts, 1);
    builder.Finish(wire::CreateCheckpointDirect(builder, &time_words, &numbers));
    return bytes_of(builder);
  };
  REQUIRE(decode_checkpoint(checkpoint_of(2, 2), kShape));
  for (const auto& [times, counts] :
       {std::pair<size_t, size_t>{0, 1}, {1, 0}, {2, 1}, {1, 2}, {1, 4}}) {
    CAPTURE(times, counts);
    const auto decoded = decode_checkpoint(checkpoint_of(times, counts), kShape);
    REQUIRE_FALSE(decoded);
    CHECK(decoded.error().code == ErrorCode::Corrupt);
  }
  const size_t most = max_capabilities(kShape);
  CHECK(decode_checkpoint(checkpoint_of(most, most), kShape));
  CHECK_FALSE(decode_checkpoint(checkpoint_of(most + 1, most + 1), kShape));
  CHECK_FALSE(decode_checkpoint(checkpoint_of(0, max_capabilities({0, 0, 0}) + 1), {0, 0, 0}));
}

TEST_CASE("summary: a seal that contradicts itself is refused") {
  constexpr TimeShape kShape{2, 0, 0};
  struct Parts {
    std::vector<uint64_t> times{1, 2};
    std::vector<int64_t> counts{1};
    std::optional<std::vector<uint64_t>> meet{{1, 1}};
    std::optional<std::vector<uint64_t>> join{{4, 4}};
    std::vector<uint64_t> waypoints{8};
    std::vector<uint64_t> meets{2, 2, 3, 3};
    std::vector<uint64_t> joins{2, 2, 3, 3};
  };
  const auto decode = [&](const Parts& p) {
    flatbuffers::FlatBufferBuilder builder;
    builder.Finish(wire::CreateSealDirect(builder, 0, 0, 0, 0, &p.times, &p.counts,
                                          p.meet ? &*p.meet : nullptr, p.join ? &*p.join : nullptr,
                                          &p.waypoints, &p.meets, &p.joins));
    return decode_seal(bytes_of(builder), kShape);
  };
  Parts parts;
  REQUIRE(decode(parts));
  SECTION("a time short") { parts.times = {1}; }
  SECTION("a count too many") { parts.counts = {1, 1}; }
  SECTION("only one bound") { parts.meet.reset(); }
  SECTION("only the other bound") { parts.join.reset(); }
  SECTION("a bound of another shape") { parts.meet = {{1}}; }
  SECTION("an empty bound") { parts.join = std::vector<uint64_t>(); }
  SECTION("a section short") { parts.meets = {2, 2}; }
  SECTION("a section too many") { parts.joins.assign(6, 2); }
  SECTION("half a time") { parts.joins.pop_back(); }
  SECTION("sections without a waypoint") { parts.waypoints.clear(); }
  SECTION("a waypoint twice") {
    parts.waypoints = {8, 8};
    parts.meets.assign(6, 2);
    parts.joins.assign(6, 2);
  }
  SECTION("waypoints out of order") {
    parts.waypoints = {16, 8};
    parts.meets.assign(6, 2);
    parts.joins.assign(6, 2);
  }
  SECTION("more waypoints than any") {
    parts.waypoints.clear();
    for (size_t i = 0; i <= kMaxWaypoints; ++i) parts.waypoints.push_back(8 * i);
    parts.meets.assign(2 * (kMaxWaypoints + 2), 8);
    parts.joins = parts.meets;
  }
  const auto decoded = decode(parts);
  REQUIRE_FALSE(decoded);
  CHECK(decoded.error().code == ErrorCode::Corrupt);
}

TEST_CASE("summary: bounds lie at or before and at or after all times that they include") {
  constexpr TimeShape kWide{3, 0b010, 0};
  const auto time = [&](uint64_t a, uint64_t high, uint64_t low) {
    const uint64_t words[] = {a, high, low};
    return Time(kWide, words);
  };
  TimeBounds bounds{time(5, 1, 9), time(5, 1, 9)};
  bounds.include(time(7, 0, 100));
  bounds.include(time(6, 2, 0));
  CHECK(bounds.meet == time(5, 0, 100));
  CHECK(bounds.join == time(7, 2, 0));
}

TEST_CASE("summary: a digest depends on every checksum and on their order") {
  const auto digest = [](const std::vector<uint64_t>& checksums) {
    uint64_t folded = 0;
    for (const uint64_t checksum : checksums) folded = fold_digest(folded, checksum);
    return folded;
  };
  CHECK(digest({}) == 0);
  CHECK(digest({1}) == 0x9FB2'1C65'1E98'DF25);
  CHECK(digest({1, 2}) != digest({2, 1}));
  CHECK(digest({1, 2, 3}) != digest({1, 2}));
  CHECK(digest({1, 2, 3}) != digest({0, 2, 3}));
}
