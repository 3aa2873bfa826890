// Payloads whose checksum says nothing, for whoever damaged them computed it anew: an error, or
// some meaning, but nothing out of bounds. Sanitizers are what makes these tests sharp.

#include <random>

#include "format/payloads.h"
#include "support/catch.h"
#include "support/seed.h"
#include "tidemark/encode.h"

using namespace tidemark;
using namespace tidemark::test;

namespace {

Payload messages_payload(TimeShape shape, bool variable) {
  constexpr uint32_t kRecords = 3;
  constexpr uint64_t kDataBytes = 24;
  const MessagesLayout layout = messages_layout(shape, variable, kRecords, kDataBytes);
  Payload payload(layout.payload_bytes);
  encode_messages(payload.data(), layout, shape, time_of(shape, 5).words(), kRecords, kDataBytes);
  for (uint32_t i = 0; variable && i < kRecords; ++i) {
    const uint32_t end = 8 * (i + 1);
    std::memcpy(payload.data() + layout.offsets_at + 4 * size_t{i}, &end, sizeof end);
  }
  return payload;
}

Payload progress_payload(TimeShape shape) {
  const std::vector<Change> changes = {{time_of(shape, 1), -1}, {time_of(shape, 2), 2}};
  Payload payload(progress_payload_bytes(shape, changes.size()));
  encode_progress(payload.data(), shape, changes);
  return payload;
}

std::vector<Payload> good_payloads(TimeShape shape) {
  Seal seal;
  seal.end = 8;
  seal.counts = {{time_of(shape, 1), 1}};
  seal.bounds = TimeBounds{time_of(shape, 1), time_of(shape, 4)};
  seal.waypoints = {4096, 4200};
  seal.sections = {seal.bounds, std::nullopt, TimeBounds{time_of(shape, 2), time_of(shape, 3)}};
  seal.closed = true;
  return {messages_payload(shape, true), messages_payload(shape, false), progress_payload(shape),
          encode_checkpoint(shape, {{1, 2, 3}, seal.counts}), encode_seal(shape, seal)};
}

}  // namespace

TEST_CASE("hostile: every flipped bit of a payload gives an error or something harmless") {
  for (const TimeShape shape : shapes()) {
    for (const Payload& good : good_payloads(shape)) {
      REQUIRE(decodes_as_any(good, shape));
      for (size_t bit = 0; bit < 8 * good.size(); ++bit) {
        Payload flipped = good;
        flipped[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
        (void)decodes_as_any(flipped, shape);
      }
    }
  }
}

TEST_CASE("hostile: every payload cut short gives an error or something harmless") {
  for (const TimeShape shape : shapes()) {
    for (const Payload& good : good_payloads(shape)) {
      for (size_t bytes = 0; bytes < good.size(); ++bytes) {
        const Payload cut(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(bytes));
        (void)decodes_as_any(cut, shape);
      }
    }
  }
}

TEST_CASE("hostile: payloads read as times of any other shape give an error or are harmless") {
  for (const TimeShape written : shapes()) {
    for (const Payload& payload : good_payloads(written)) {
      for (const TimeShape read : shapes()) (void)decodes_as_any(payload, read);
    }
  }
}

TEST_CASE("hostile: payloads with random words in them give an error or are harmless") {
  const uint64_t seed = seed_or(20'240'502);
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  // Numbers at which arithmetic goes wrong more often than at random ones.
  constexpr uint32_t kEdges[] = {0,           1,           4,           7,           8,
                                 0x7FFF'FFFF, 0x8000'0000, 0xFFFF'FFFF, 0xFFFF'FFFC, 0x2000'0000};
  const auto& all = shapes();
  int decoded = 0;
  const int rounds = rounds_or(200'000);
  for (int round = 0; round < rounds; ++round) {
    const TimeShape shape = all[random() % all.size()];
    auto payloads = good_payloads(shape);
    Payload& payload = payloads[random() % payloads.size()];
    const size_t changes = 1 + random() % 3;
    for (size_t i = 0; i < changes; ++i) {
      const size_t at = 2 * (random() % (payload.size() / 2));
      const uint32_t value = random() % 2 == 0 ? kEdges[random() % std::size(kEdges)]
                                               : static_cast<uint32_t>(random() % 256);
      const size_t width = random() % 2 == 0 ? 2 : 4;
      if (at + width <= payload.size()) std::memcpy(payload.data() + at, &value, width);
    }
    if (random() % 4 == 0) payload.resize(random() % (payload.size() + 1));
    const Payload exact(payload.begin(), payload.end());
    if (decodes_as_any(exact, shape)) ++decoded;
  }
  // Most of a payload are numbers that may be anything: a test that never decodes looks at nothing.
  CHECK(decoded > rounds / 100);
}

TEST_CASE("hostile: random bytes give an error or are harmless") {
  const uint64_t seed = seed_or(20'240'503);
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  const auto& all = shapes();
  for (int round = 0; round < rounds_or(200'000); ++round) {
    Payload payload(random() % 120);
    for (std::byte& byte : payload) {
      byte = static_cast<std::byte>(random() % 3 == 0 ? random() % 64 : 0);
    }
    (void)decodes_as_any(payload, all[random() % all.size()]);
  }
}
