// Streams that were cut, damaged or forged: an error with a place, and never a wrong event.

#include <random>

#include "replay/wire_helpers.h"
#include "support/catch.h"
#include "support/seed.h"

using namespace tidemark;
using namespace tidemark::test;

namespace {

const WireKind kTextKind = wire_kind<uint64_t, Texts>();

bool is_prefix(const std::vector<TextEvent>& events, const std::vector<TextEvent>& of) {
  return events.size() <= of.size() && std::equal(events.begin(), events.end(), of.begin());
}

// Where each frame of a stream begins, and where the stream ends.
std::vector<size_t> frame_starts(const Bytes& bytes) {
  std::vector<size_t> starts;
  size_t at = sizeof(WireHello);
  while (at < bytes.size()) {
    starts.push_back(at);
    uint32_t length = 0;
    std::memcpy(&length, bytes.data() + at, sizeof length);
    at += align_up(length, kFrameAlignment);
  }
  starts.push_back(at);
  return starts;
}

Bytes slice(const Bytes& bytes, size_t from, size_t to) {
  return {bytes.begin() + static_cast<std::ptrdiff_t>(from),
          bytes.begin() + static_cast<std::ptrdiff_t>(to)};
}

Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

template <typename C = Texts, typename T = uint64_t>
Error error_of(Bytes bytes) {
  const auto received = read_stream<C, T>(TestSource(std::move(bytes)));
  REQUIRE(received.error);
  return *received.error;
}

// The end frame that such a stream must have.
Seal right_end(const ForgedStream& stream, const Totals& totals, std::vector<Change> counts) {
  Seal seal;
  seal.end = stream.bytes().size();
  seal.totals = totals;
  seal.counts = std::move(counts);
  seal.digest = stream.digest;
  seal.closed = true;
  return seal;
}

}  // namespace

TEST_CASE("wire: one that was cut is reported at every byte, and otherwise between two frames") {
  const auto events = short_stream();
  const Bytes bytes = bytes_of_stream(events);
  const auto starts = frame_starts(bytes);
  for (size_t cut = 0; cut < bytes.size(); ++cut) {
    CAPTURE(cut);
    auto reader = must(TestReader<>::open(TestSource(slice(bytes, 0, cut))));
    const auto received = receive_all(reader);
    REQUIRE(is_prefix(received.events, events));
    REQUIRE(received.error);
    const bool between = cut == 0 || std::find(starts.begin(), starts.end(), cut) != starts.end();
    REQUIRE(received.error->code == (between ? ErrorCode::Io : ErrorCode::Corrupt));
    REQUIRE(received.error->offset == cut);
    REQUIRE(received.error->message.find("cut at byte " + std::to_string(cut)) !=
            std::string::npos);
    // It stays.
    const auto again = reader.poll();
    REQUIRE_FALSE(again);
    REQUIRE(again.error().message == received.error->message);
  }
}

TEST_CASE("wire: every flipped bit is refused, and what precedes it is right") {
  const auto events = short_stream();
  const Bytes bytes = bytes_of_stream(events);
  for (size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    Bytes flipped = bytes;
    flipped[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    const auto received = read_stream(TestSource(std::move(flipped)));
    if (!received.error || !is_prefix(received.events, events)) {
      CAPTURE(bit);
      FAIL("a flipped bit was not noticed");
    }
  }
}

TEST_CASE("wire: a frame that is lost, repeated or moved is noticed") {
  // Equal events, so that only the place tells the frames apart.
  const std::vector<TextEvent> events(4, Messages<uint64_t, Texts>{1, {"same"}});
  const Bytes bytes = bytes_of_stream(events);
  const auto starts = frame_starts(bytes);
  const auto frame = [&](size_t i) { return slice(bytes, starts[i], starts[i + 1]); };
  const Bytes hello = slice(bytes, 0, starts[0]);
  for (size_t i = 0; i < 4; ++i) {
    const Bytes before = slice(bytes, 0, starts[i]);
    const Bytes after = slice(bytes, starts[i + 1], bytes.size());
    for (const Bytes& forged : {before + after, before + frame(i) + frame(i) + after,
                                before + frame(i + 1) + frame(i) + after}) {
      const auto received = read_stream(TestSource(forged));
      CHECK(received.error);
      CHECK(is_prefix(received.events, events));
    }
  }
  // A frame of another stream at the same place.
  ForgedStream other(kTextKind, /*salt=*/2);
  other.messages({}, 1, {"same"});
  CHECK(error_of(hello + slice(other.bytes(), sizeof(WireHello), other.bytes().size())).code ==
        ErrorCode::Corrupt);
}

TEST_CASE("wire: bytes that lie within the stream twice or not at all are noticed anywhere") {
  const auto events = short_stream();
  const Bytes bytes = bytes_of_stream(events);
  for (size_t at = 0; at + 8 < bytes.size(); at += 3) {
    const Bytes lost = slice(bytes, 0, at) + slice(bytes, at + 8, bytes.size());
    const Bytes repeated = slice(bytes, 0, at + 8) + slice(bytes, at, bytes.size());
    for (const Bytes& forged : {lost, repeated}) {
      // Where the stream ends with equal words, one more stands behind its end, and is not read.
      if (forged.size() > bytes.size() && std::equal(bytes.begin(), bytes.end(), forged.begin())) {
        continue;
      }
      const auto received = read_stream(TestSource(forged));
      if (!received.error || !is_prefix(received.events, events)) {
        CAPTURE(at);
        FAIL("eight bytes too few or too many were not noticed");
      }
    }
  }
}

TEST_CASE("wire: random bytes are no stream, and no frames of one") {
  const uint64_t seed = seed_or(20'260'301);
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  const Bytes start = bytes_of_stream(short_stream(), {}, /*finish=*/false);
  const auto starts = frame_starts(start);
  for (int round = 0; round < rounds_or(5'000); ++round) {
    Bytes noise(random() % 600);
    for (std::byte& byte : noise) byte = static_cast<std::byte>(random());
    if (round % 3 == 1 && noise.size() >= 8) {
      // A word that could be one.
      const uint64_t word = commit_word(static_cast<FrameKind>(1 + random() % 7),
                                        random() % noise.size(), random() % 2);
      std::memcpy(noise.data(), &word, sizeof word);
    }
    const size_t whole = round % 2 == 0 ? 0 : starts[random() % starts.size()];
    const auto received =
        read_stream(TestSource(slice(start, 0, whole) + noise, 1 + random() % 300));
    REQUIRE(received.error);
    REQUIRE(is_prefix(received.events, short_stream()));
  }
}

TEST_CASE("wire: payloads with a right checksum and wrong bytes give errors or valid events") {
  const uint64_t seed = seed_or(20'260'302);
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  const Bytes good = bytes_of_stream(short_stream());
  const auto starts = frame_starts(good);
  for (int round = 0; round < rounds_or(3'000); ++round) {
    ForgedStream forged(kTextKind);
    for (size_t i = 0; i + 1 < starts.size(); ++i) {
      uint64_t word = 0;
      std::memcpy(&word, good.data() + starts[i], sizeof word);
      Bytes payload =
          slice(good, starts[i] + sizeof(FrameHeader), starts[i] + (word & 0xFFFF'FFFF));
      if (random() % 2 == 0) {
        payload[random() % payload.size()] ^= static_cast<std::byte>(1U << random() % 8);
      }
      forged.frame(static_cast<FrameKind>((word >> 32) & 0xFF), payload);
    }
    const auto received = read_stream(TestSource(forged.bytes()));
    // Whatever was read obeys the protocol: pushed again, it is accepted.
    const auto state = std::make_shared<SinkState>();
    auto writer = must(TestWriter<>::open(TestSink(state)));
    for (const auto& event : received.events) must(writer.push(event));
  }
}

TEST_CASE("wire: a length beyond the bound is refused before anything is allocated for it") {
  const Bytes hello = ForgedStream(kTextKind).bytes();
  const auto code_of = [&](uint64_t word, size_t& capacity) {
    WireDecoder decoder = must(WireDecoder::begin(kTextKind, kMinFrameLimit));
    Bytes bytes = hello;
    const auto* from = reinterpret_cast<const std::byte*>(&word);
    bytes.insert(bytes.end(), from, from + sizeof word);
    std::copy(bytes.begin(), bytes.end(), decoder.room().begin());
    decoder.arrived(bytes.size());
    const auto polled = decoder.poll();
    REQUIRE_FALSE(polled);
    CHECK(polled.error().offset == sizeof(WireHello));
    capacity = decoder.room().size();
    return polled.error().code;
  };
  size_t capacity = 0;
  const auto messages = [](uint64_t length) { return length | uint64_t{2} << 32; };
  CHECK(code_of(messages(kMinFrameLimit + 1), capacity) == ErrorCode::TooLarge);
  CHECK(code_of(messages(kMaxFrameLimit), capacity) == ErrorCode::TooLarge);
  CHECK(code_of(messages(0xFFFF'FFFF), capacity) == ErrorCode::Corrupt);
  CHECK(code_of(uint64_t{1} << 63, capacity) == ErrorCode::Corrupt);
  CHECK(code_of(messages(32) | uint64_t{1} << 63, capacity) == ErrorCode::Corrupt);
  CHECK(code_of(~uint64_t{0}, capacity) == ErrorCode::Corrupt);
  CHECK(code_of(0, capacity) == ErrorCode::Corrupt);
  CHECK(capacity <= size_t{256} << 10);
}

TEST_CASE("wire: memory grows with the bytes that came, not with what they promise") {
  WireDecoder decoder = must(WireDecoder::begin(kTextKind, kMaxFrameLimit));
  Bytes bytes = ForgedStream(kTextKind).bytes();
  const uint64_t word = commit_word(FrameKind::Messages, kMaxFrameLimit - sizeof(FrameHeader));
  const auto* from = reinterpret_cast<const std::byte*>(&word);
  bytes.insert(bytes.end(), from, from + sizeof word);
  std::copy(bytes.begin(), bytes.end(), decoder.room().begin());
  decoder.arrived(bytes.size());
  size_t came = bytes.size();
  for (int i = 0; i < 100; ++i) {
    REQUIRE(must(decoder.poll()) == Polled::Pending);
    const auto room = decoder.room();
    REQUIRE(room.size() <= came + (size_t{256} << 10));
    const size_t piece = std::min<size_t>(room.size(), 10'000);
    std::fill_n(room.begin(), piece, std::byte{0});
    decoder.arrived(piece);
    came += piece;
  }
}

TEST_CASE("wire: what speaks something else is refused by its first eight bytes") {
  const std::string greeting = "GET / HT";
  const auto bytes = std::as_bytes(std::span(greeting));
  WireDecoder decoder = must(WireDecoder::begin(kTextKind, kDefaultFrameLimit));
  std::copy(bytes.begin(), bytes.end(), decoder.room().begin());
  decoder.arrived(bytes.size() - 1);
  CHECK(must(decoder.poll()) == Polled::Pending);
  decoder.arrived(1);
  const auto polled = decoder.poll();
  REQUIRE_FALSE(polled);
  CHECK(polled.error().code == ErrorCode::Corrupt);
}

TEST_CASE("wire: a hello of another version or with unknown features is unsupported") {
  const auto code_of = [](auto change) {
    WireHello hello = must(hello_of(kTextKind, 7));
    change(hello);
    const auto bytes = std::as_bytes(std::span(&hello, 1));
    return error_of({bytes.begin(), bytes.end()}).code;
  };
  // Complete and right, it is only that nothing follows.
  CHECK(code_of([](WireHello&) {}) == ErrorCode::Io);
  CHECK(code_of([](WireHello& hello) {
          hello.incompatible_features = 1;
          finish_hello(hello);
        }) == ErrorCode::Unsupported);
  CHECK(code_of([](WireHello& hello) {
          hello.record_encoding = 2;
          finish_hello(hello);
        }) == ErrorCode::Unsupported);
  CHECK(code_of([](WireHello& hello) {
          hello.time_words = 5;
          finish_hello(hello);
        }) == ErrorCode::Unsupported);
  CHECK(code_of([](WireHello& hello) {
          hello.reserved_2[3] = 1;
          finish_hello(hello);
        }) == ErrorCode::Corrupt);
  CHECK(code_of([](WireHello& hello) {
          std::fill(std::begin(hello.time_name), std::end(hello.time_name), 'x');
          finish_hello(hello);
        }) == ErrorCode::Corrupt);
}

TEST_CASE("wire: a reader refuses events that break the protocol, by their rule") {
  const auto rule_of = [](auto forge) {
    ForgedStream forged(kTextKind);
    forged.progress({}, {{0, -1}, {5, 1}});
    forge(forged);
    const Error error = error_of(forged.bytes());
    REQUIRE(error.offset);
    return error.rule;
  };
  CHECK(rule_of([](ForgedStream& forged) { forged.progress({}, {{4, 1}}); }) == "P1");
  CHECK(rule_of([](ForgedStream& forged) { forged.progress({}, {{5, -2}}); }) == "P2");
  CHECK(rule_of([](ForgedStream& forged) { forged.messages({}, 4, {"late"}); }) == "P3");
  CHECK(rule_of([](ForgedStream& forged) {
          forged.progress({}, {{5, INT64_MAX}, {5, INT64_MAX}});
        }) == "P4");
  CHECK(rule_of([](ForgedStream& forged) {
          forged.progress({}, {{5, -1}}).messages({}, 5, {"after the end"});
        }) == "P5");
}

TEST_CASE("wire: frames that do not belong into a stream that is sent are refused") {
  const auto code_of = [](auto forge) {
    ForgedStream forged(kTextKind);
    forge(forged);
    return error_of(forged.bytes()).code;
  };
  const Bytes payload(16);
  CHECK(code_of([&](ForgedStream& forged) {
          forged.frame(FrameKind::Checkpoint, encode_checkpoint({}, {{}, {{0, 1}}}));
        }) == ErrorCode::Corrupt);
  CHECK(code_of([&](ForgedStream& forged) { forged.frame(FrameKind{8}, payload); }) ==
        ErrorCode::Unsupported);
  // A durable position, and a clock that goes backward.
  CHECK(code_of([&](ForgedStream& forged) {
          forged.frame(FrameKind::Mark, payload, kSkippable, /*durable_upto=*/8);
        }) == ErrorCode::Corrupt);
  CHECK(code_of([&](ForgedStream& forged) {
          forged.frame(FrameKind::Mark, payload, kSkippable, 0, 5);
          forged.frame(FrameKind::Mark, payload, kSkippable, 0, 4);
        }) == ErrorCode::Corrupt);
}

TEST_CASE("wire: a skippable frame of an unknown kind is passed over") {
  ForgedStream forged(kTextKind);
  const Bytes payload(24);
  forged.messages({}, 1, {"before"})
      .frame(static_cast<FrameKind>(99), payload, kSkippable)
      .messages({}, 2, {"after"});
  forged.end(right_end(forged, {2, 2, 11}, {{0, 1}}));
  const auto received = read_stream(TestSource(forged.bytes()));
  CHECK(received.last == Polled::Ended);
  CHECK(received.events == std::vector<TextEvent>{Messages<uint64_t, Texts>{1, {"before"}},
                                                  Messages<uint64_t, Texts>{2, {"after"}}});
}

TEST_CASE("wire: a waypoint that is sent all the same must tell the truth") {
  const auto read = [](const Checkpoint& waypoint) {
    ForgedStream forged(kTextKind);
    forged.messages({}, 1, {"before"})
        .frame(FrameKind::Waypoint, encode_checkpoint({}, waypoint), kSkippable)
        .messages({}, 2, {"after"});
    forged.end(right_end(forged, {2, 2, 11}, {{0, 1}}));
    return read_stream(TestSource(forged.bytes()));
  };
  const auto right = read({{1, 1, 6}, {{0, 1}}});
  CHECK(right.last == Polled::Ended);
  CHECK(right.events.size() == 2);
  for (const Checkpoint& wrong : {Checkpoint{{2, 1, 6}, {{0, 1}}}, Checkpoint{{1, 2, 6}, {{0, 1}}},
                                  Checkpoint{{1, 1, 7}, {{0, 1}}}, Checkpoint{{1, 1, 6}, {{0, 2}}},
                                  Checkpoint{{1, 1, 6}, {{1, 1}}}, Checkpoint{{1, 1, 6}, {}}}) {
    const auto received = read(wrong);
    REQUIRE(received.error);
    CHECK(received.error->code == ErrorCode::Corrupt);
    CHECK(received.events.size() == 1);
  }
}

TEST_CASE("wire: an end frame must say what the stream was") {
  const auto read = [](auto change) {
    ForgedStream forged(kTextKind);
    forged.messages({}, 1, {"record"}).progress({}, {{0, -1}, {3, 2}});
    Seal seal = right_end(forged, {2, 1, 6}, {{3, 2}});
    change(seal);
    forged.end(seal);
    return read_stream(TestSource(forged.bytes()));
  };
  CHECK(read([](Seal&) {}).last == Polled::Ended);
  const auto refused = [&](auto change) {
    const auto received = read(change);
    return received.error && received.error->code == ErrorCode::Corrupt;
  };
  CHECK(refused([](Seal& seal) { seal.end += 8; }));
  CHECK(refused([](Seal& seal) { ++seal.totals.events; }));
  CHECK(refused([](Seal& seal) { ++seal.totals.records; }));
  CHECK(refused([](Seal& seal) { ++seal.totals.data_bytes; }));
  CHECK(refused([](Seal& seal) { seal.counts[0].diff = 1; }));
  CHECK(refused([](Seal& seal) { seal.counts.clear(); }));
  CHECK(refused([](Seal& seal) { ++seal.digest; }));
  CHECK(refused([](Seal& seal) { seal.closed = false; }));
  CHECK(refused([](Seal& seal) { seal.bounds = TimeBounds{1, 1}; }));
  CHECK(refused([](Seal& seal) {
    seal.waypoints = {160};
    seal.sections = {std::nullopt, std::nullopt};
  }));
}

TEST_CASE("wire: records that are not laid out as the hello says are refused") {
  ForgedStream forged(wire_kind<uint64_t, Numbers>());
  forged.messages({}, 1, {"variable"});
  CHECK(error_of<Numbers>(forged.bytes()).code == ErrorCode::Corrupt);
}

TEST_CASE("wire: a word that the type of time does not have is refused and not cut off") {
  const WireKind narrow = wire_kind<uint32_t, Texts>();
  ForgedStream good(narrow);
  good.messages({}, uint64_t{0xFFFF'FFFF}, {"a"});
  const auto received = read_stream<Texts, uint32_t>(TestSource(good.bytes()));
  REQUIRE(received.events.size() == 1);
  CHECK(received.events[0].messages()->time == 0xFFFF'FFFF);
  ForgedStream messages(narrow);
  messages.messages({}, uint64_t{1} << 32, {"a"});
  const Error refused = error_of<Texts, uint32_t>(messages.bytes());
  CHECK(refused.code == ErrorCode::Corrupt);
  CHECK(refused.offset == sizeof(WireHello));
  ForgedStream progress(narrow);
  progress.progress({}, {{uint64_t{1} << 32, 1}});
  CHECK(error_of<Texts, uint32_t>(progress.bytes()).code == ErrorCode::Corrupt);
}
