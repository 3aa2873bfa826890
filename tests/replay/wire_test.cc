#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <numeric>

#include "replay/wire_helpers.h"
#include "store/golden_dump.h"
#include "support/catch.h"
#include "support/log_files.h"
#include "tidemark/dataflow/timestamp.h"

using namespace tidemark;
using namespace tidemark::test;
using namespace std::chrono_literals;

namespace {

// A container of one's own that keeps views into the bytes it was decoded from.
struct Views {
  std::shared_ptr<const void> owner;
  std::vector<std::string_view> records;

  Texts texts() const { return {records.begin(), records.end()}; }
  friend bool operator==(const Views& a, const Views& b) { return a.records == b.records; }
};

using Nested = Product<int64_t, UInt128>;

const std::string kGoldenPath = TIDEMARK_TEST_DATA "/golden/wire.stream";

// What SPEC.md section 18.5 shows.
std::vector<TextEvent> golden_events() {
  return {Messages<uint64_t, Texts>{3, {"tide", "mark!"}}, progress_of({{0, -1}})};
}

Bytes golden_bytes() {
  const std::string file = read_file(kGoldenPath);
  const auto bytes = std::as_bytes(std::span(file));
  return {bytes.begin(), bytes.end()};
}

}  // namespace

template <>
struct tidemark::Codec<Views> {
  static constexpr RecordEncoding encoding = RecordEncoding::Variable;
  static std::string name() { return "bytes"; }
  static size_t records(const Views& views) { return views.records.size(); }
  static std::string_view record(const Views& views, size_t index) { return views.records[index]; }
  static Result<Views> decode(const MessagesView& messages,
                              const std::shared_ptr<const void>& owner) {
    Views views{owner, {}};
    for (uint32_t i = 0; i < messages.size(); ++i) views.records.push_back(messages.text(i));
    return views;
  }
};

static_assert(EventPusher<TestWriter<>, uint64_t, Texts>);
static_assert(EventIterator<TestReader<>, uint64_t, Texts>);
static_assert(ByteSink<MemorySink> && ByteSource<MemorySource>);
static_assert(!WaitableBytes<TestSink> && WaitableBytes<MemorySink>);

TEST_CASE("wire: what was pushed is read, and then the end") {
  const Bytes bytes = bytes_of_stream(short_stream());
  CHECK(bytes.size() % 8 == 0);
  const auto received = read_stream(TestSource(bytes));
  CHECK_FALSE(received.error);
  CHECK(received.events == short_stream());
  CHECK(received.last == Polled::Ended);
}

TEST_CASE("wire: times and containers of every kind come back") {
  SECTION("signed times and plain records") {
    const std::vector<Event<int64_t, Numbers>> events = {
        progress_of<int64_t, Numbers>({{INT64_MIN, -1}, {-7, 2}}),
        Messages<int64_t, Numbers>{-1, {1, 2, 3}}, Messages<int64_t, Numbers>{-7, {}}};
    const auto received = read_stream<Numbers, int64_t>(TestSource(bytes_of_stream(events)));
    CHECK(received.events == events);
    CHECK(received.last == Polled::Ended);
  }
  SECTION("no times") {
    const std::vector<Event<Unit, Texts>> events = {Messages<Unit, Texts>{{}, {"a"}},
                                                    progress_of<Unit, Texts>({{{}, -1}})};
    const auto received = read_stream<Texts, Unit>(TestSource(bytes_of_stream(events)));
    CHECK(received.events == events);
    CHECK(received.last == Polled::Ended);
  }
  SECTION("products with wide coordinates") {
    const Nested late{-3, UInt128{1} << 100};
    const std::vector<Event<Nested, Numbers>> events = {
        progress_of<Nested, Numbers>({{minimum_time<Nested>(), -1}, {late, 1}}),
        Messages<Nested, Numbers>{{5, (UInt128{1} << 100) + 1}, {9}}};
    const auto received = read_stream<Numbers, Nested>(TestSource(bytes_of_stream(events)));
    CHECK(received.events == events);
    CHECK(received.last == Polled::Ended);
  }
}

TEST_CASE("wire: a stream may be cut into two pieces anywhere") {
  const Bytes bytes = bytes_of_stream(short_stream());
  for (size_t first = 0; first <= bytes.size(); ++first) {
    CAPTURE(first);
    const auto received = read_stream(TestSource::split_at(bytes, first));
    REQUIRE(received.events == short_stream());
    REQUIRE(received.last == Polled::Ended);
  }
}

TEST_CASE("wire: a source may give pieces of any size, and pause between them") {
  const Bytes bytes = bytes_of_stream(short_stream());
  for (const bool pauses : {false, true}) {
    for (size_t at_most = 1; at_most < 200; ++at_most) {
      CAPTURE(pauses, at_most);
      const auto received = read_stream(TestSource(bytes, at_most, pauses));
      REQUIRE(received.events == short_stream());
      REQUIRE(received.last == Polled::Ended);
    }
  }
}

TEST_CASE("wire: one poll ends though a source gives byte after byte without an event") {
  auto reader = must(TestReader<>::open(TestSource(bytes_of_stream(short_stream()), 1)));
  CHECK(must(reader.poll()) == Polled::Pending);
}

TEST_CASE("wire: a sink may take bytes as it likes") {
  const Bytes expected = bytes_of_stream(short_stream());
  for (const bool blocks : {false, true}) {
    for (size_t at_most = 1; at_most < 200; ++at_most) {
      CAPTURE(blocks, at_most);
      CountingFiles files;
      const auto state = std::make_shared<SinkState>();
      state->at_most = at_most;
      state->blocks_every_other = blocks;
      auto writer =
          must(TestWriter<>::open(TestSink(state), {.unsent_limit_bytes = 1'000'000}, files));
      for (const auto& event : short_stream()) must(writer.push(event));
      for (;;) {
        const auto flushed = writer.flush(0ns);
        if (flushed) break;
        REQUIRE(flushed.error().code == ErrorCode::Interrupted);
      }
      must(writer.finish());
      REQUIRE(state->finished);
      REQUIRE(state->bytes == expected);
    }
  }
}

TEST_CASE("wire: a push to a peer that takes nothing fails in the end, and may be tried again") {
  const auto state = std::make_shared<SinkState>();
  state->blocked = true;
  auto writer =
      must(TestWriter<>::open(TestSink(state), {.unsent_limit_bytes = 500, .wait_limit = 5ms}));
  const TextEvent event = Messages<uint64_t, Texts>{1, {std::string(100, 'x')}};
  size_t taken = 0;
  Result<void> pushed;
  while ((pushed = writer.push(event))) ++taken;
  CHECK(pushed.error().code == ErrorCode::NoSpace);
  CHECK(taken > 0);
  CHECK(writer.unsent_bytes() < 500 + 300);
  CHECK_FALSE(writer.push(event));

  const auto unfinished = writer.finish();
  REQUIRE_FALSE(unfinished);
  CHECK(unfinished.error().code == ErrorCode::Interrupted);
  state->blocked = false;
  must(writer.finish());
  const auto received = read_stream(TestSource(state->bytes));
  CHECK(received.last == Polled::Ended);
  CHECK(received.events == std::vector(taken, event));
}

TEST_CASE("wire: a push goes on once a slow peer takes bytes again") {
  const auto state = std::make_shared<SinkState>();
  state->blocked = true;
  auto writer =
      must(TestWriter<>::open(TestSink(state), {.unsent_limit_bytes = 0, .wait_limit = 0ns}));
  const TextEvent event = Messages<uint64_t, Texts>{1, {"again"}};
  CHECK(writer.push(event).error().code == ErrorCode::NoSpace);
  state->blocked = false;
  must(writer.push(event));
  CHECK(writer.unsent_bytes() == 0);
}

TEST_CASE("wire: an error of the sink stays") {
  const auto state = std::make_shared<SinkState>();
  auto writer = must(TestWriter<>::open(TestSink(state)));
  state->error = fail(ErrorCode::Closed, "gone").value();
  for (int i = 0; i < 2; ++i) {
    CHECK(writer.push(short_stream()[0]).error().code == ErrorCode::Closed);
    state->error.reset();
  }
  CHECK(writer.flush().error().message == "gone");
  CHECK(writer.finish().error().message == "gone");
  CHECK_FALSE(state->finished);
}

TEST_CASE("wire: nothing is pushed after finish, which may be called again") {
  const auto state = std::make_shared<SinkState>();
  auto writer = must(TestWriter<>::open(TestSink(state)));
  must(writer.finish());
  const size_t bytes = state->bytes.size();
  must(writer.finish());
  CHECK(writer.push(short_stream()[0]).error().code == ErrorCode::Closed);
  CHECK(state->bytes.size() == bytes);
  const auto received = read_stream(TestSource(state->bytes));
  CHECK(received.events.empty());
  CHECK(received.last == Polled::Ended);
}

TEST_CASE("wire: a writer refuses what breaks the protocol, and nothing of it is sent") {
  const auto state = std::make_shared<SinkState>();
  auto writer = must(TestWriter<>::open(TestSink(state)));
  must(writer.push(progress_of({{0, -1}, {5, 1}})));
  const size_t before = state->bytes.size();
  const auto refused = [&](const TextEvent& event) {
    const auto pushed = writer.push(event);
    REQUIRE_FALSE(pushed);
    return pushed.error().rule;
  };
  CHECK(refused(progress_of({{4, 1}})) == "P1");
  CHECK(refused(progress_of({{5, -2}})) == "P2");
  CHECK(refused(Messages<uint64_t, Texts>{4, {"late"}}) == "P3");
  CHECK(refused(progress_of({{5, INT64_MAX}, {5, INT64_MAX}})) == "P4");
  CHECK(state->bytes.size() == before);
  must(writer.push(progress_of({{5, -1}})));
  CHECK(refused(progress_of({})) == "P5");
  must(writer.finish());
  CHECK(read_stream(TestSource(state->bytes)).last == Polled::Ended);
}

TEST_CASE("wire: a container that is longer than a frame is split") {
  const WireWriterOptions smallest{.max_frame_bytes = kMinFrameLimit};
  const WireReaderOptions as_small{.max_frame_bytes = kMinFrameLimit};
  SECTION("fixed records") {
    Numbers numbers(50'000);
    std::iota(numbers.begin(), numbers.end(), 0);
    const auto bytes =
        bytes_of_stream<uint64_t, Numbers>({Messages<uint64_t, Numbers>{1, numbers}}, smallest);
    const auto received = read_stream<Numbers>(TestSource(bytes), as_small);
    CHECK(received.last == Polled::Ended);
    CHECK(received.events.size() == 7);
    Numbers joined;
    for (const auto& event : received.events) {
      CHECK(event.messages()->time == 1);
      const Numbers& part = event.messages()->data;
      joined.insert(joined.end(), part.begin(), part.end());
    }
    CHECK(joined == numbers);
  }
  SECTION("variable records, the longest that a frame takes among them") {
    Texts texts;
    for (size_t i = 0; i < 3'000; ++i) texts.emplace_back(i % 97, 'x');
    // A frame's header, an empty payload of this kind, one offset, and room for the padding.
    const size_t longest =
        kMinFrameLimit - frame_bytes(messages_layout({}, true, 0, 0).payload_bytes) - 8 - 4;
    texts.insert(texts.begin() + 700, std::string(longest, 'y'));
    const auto bytes =
        bytes_of_stream<uint64_t, Texts>({Messages<uint64_t, Texts>{1, texts}}, smallest);
    const auto received = read_stream(TestSource(bytes), as_small);
    CHECK(received.last == Polled::Ended);
    CHECK(received.events.size() > 3);
    Texts joined;
    for (const auto& event : received.events) {
      const Texts& part = event.messages()->data;
      joined.insert(joined.end(), part.begin(), part.end());
    }
    CHECK(joined == texts);
  }
  SECTION("a record that fits into no frame is refused, and nothing is sent of the others") {
    const auto state = std::make_shared<SinkState>();
    auto writer = must(TestWriter<>::open(TestSink(state), smallest));
    const size_t before = state->bytes.size();
    const auto pushed =
        writer.push(Messages<uint64_t, Texts>{1, {"a", std::string(kMinFrameLimit, 'b')}});
    REQUIRE_FALSE(pushed);
    CHECK(pushed.error().code == ErrorCode::TooLarge);
    CHECK(state->bytes.size() == before);
    must(writer.push(Messages<uint64_t, Texts>{1, {"a"}}));
  }
}

TEST_CASE("wire: the largest progress event and end frame fit into the smallest bound") {
  using Wide = Product<Product<uint64_t, uint64_t>, Product<uint64_t, uint64_t>>;
  const auto wide = [](uint64_t i) { return Wide{{i, 1'000 - i}, {i, 1'000 - i}}; };
  std::vector<std::pair<Wide, int64_t>> changes = {{minimum_time<Wide>(), -1}};
  const uint64_t limit = max_capabilities(TimeCodec<Wide>::shape);
  for (uint64_t i = 0; i < limit; ++i) changes.emplace_back(wide(i), 1);
  for (uint64_t i = 1; i < limit; ++i) {
    changes.emplace_back(wide(i), i % 2 == 0 ? 1 : -1);
    changes[1 + i].second += i % 2 == 0 ? 0 : 1;
  }
  const std::vector<Event<Wide, Texts>> events = {Progress<Wide>{changes}};
  const auto bytes = bytes_of_stream(events, {.max_frame_bytes = kMinFrameLimit});
  const auto received =
      read_stream<Texts, Wide>(TestSource(bytes), {.max_frame_bytes = kMinFrameLimit});
  CHECK(received.events == events);
  CHECK(received.last == Polled::Ended);
}

TEST_CASE("wire: a container may keep views, and they stay while it does") {
  std::vector<Event<uint64_t, Texts>> events;
  events.reserve(200);
  for (int i = 0; i < 200; ++i) {
    events.emplace_back(Messages<uint64_t, Texts>{0, {std::to_string(i), std::string(1'000, 'v')}});
  }
  for (const size_t at_most : {size_t{100}, size_t{5'000}, ~size_t{0}}) {
    auto reader = must(TestReader<Views>::open(TestSource(bytes_of_stream(events), at_most)));
    const auto received = receive_until_end(reader);
    REQUIRE(received.last == Polled::Ended);
    REQUIRE(received.events.size() == events.size());
    for (size_t i = 0; i < events.size(); ++i) {
      REQUIRE(received.events[i].messages()->data.texts() == events[i].messages()->data);
    }
  }
}

TEST_CASE("wire: a stream of another kind is refused, and the error names both") {
  const Bytes bytes = bytes_of_stream(short_stream());
  const auto refusal = [](const auto& received) {
    REQUIRE(received.error);
    CHECK(received.events.empty());
    CHECK(received.error->code == ErrorCode::InvalidArgument);
    return received.error->message;
  };
  const std::string other_time = refusal(read_stream<Texts, int64_t>(TestSource(bytes)));
  CHECK(other_time.find("\"u64\"") != std::string::npos);
  CHECK(other_time.find("\"i64\"") != std::string::npos);
  // The same words, but under another name.
  CHECK(refusal(read_stream<Texts, uint32_t>(TestSource(bytes))).find("\"u32\"") !=
        std::string::npos);
  const std::string other_container = refusal(read_stream<Numbers>(TestSource(bytes)));
  CHECK(other_container.find("variable records \"bytes\"") != std::string::npos);
  CHECK(other_container.find("fixed records \"u64\"") != std::string::npos);
}

TEST_CASE("wire: a bound that no stream can keep is refused") {
  const auto state = std::make_shared<SinkState>();
  for (const uint64_t bound : {uint64_t{0}, kMinFrameLimit - 1, kMaxFrameLimit + 1, ~uint64_t{0}}) {
    const auto writer = TestWriter<>::open(TestSink(state), {.max_frame_bytes = bound});
    REQUIRE_FALSE(writer);
    CHECK(writer.error().code == ErrorCode::InvalidArgument);
    const auto reader = TestReader<>::open(TestSource({}), {.max_frame_bytes = bound});
    REQUIRE_FALSE(reader);
    CHECK(reader.error().code == ErrorCode::InvalidArgument);
  }
}

TEST_CASE("wire: events bear the time of their push, which never goes backward") {
  class BackwardClock final : public ForwardingFiles {
   public:
    uint64_t now_ns() override { return now_ns_ -= 10; }

   private:
    uint64_t now_ns_ = 1'000;
  };
  BackwardClock files;
  const auto state = std::make_shared<SinkState>();
  auto writer = must(TestWriter<>::open(TestSink(state), {}, files));
  for (int i = 0; i < 3; ++i) must(writer.push(progress_of({})));
  must(writer.finish());
  auto reader = must(TestReader<>::open(TestSource(state->bytes)));
  for (int i = 0; i < 3; ++i) {
    REQUIRE(must(reader.poll()) == Polled::Event);
    CHECK(reader.captured_at_ns() == 990);
  }
  CHECK(must(reader.poll()) == Polled::Ended);
}

TEST_CASE("wire: two streams of the same events do not share their bytes") {
  const auto first = std::make_shared<SinkState>();
  const auto second = std::make_shared<SinkState>();
  CHECK(TestWriter<>::open(TestSink(first)));
  CHECK(TestWriter<>::open(TestSink(second)));
  CHECK(first->bytes.size() == sizeof(WireHello));
  CHECK(first->bytes != second->bytes);
}

TEST_CASE("wire: SPEC.md shows the bytes of the golden stream and what they mean") {
  const std::string specification_path = TIDEMARK_TEST_DATA "/../../SPEC.md";
  const std::string begin_mark = "<!-- golden: wire.stream -->\n```\n";
  const Bytes bytes = bytes_of_stream(golden_events());
  const std::string dump = annotated_wire_dump(bytes);
  std::string specification = read_file(specification_path);
  const size_t mark = specification.find(begin_mark);
  REQUIRE(mark != std::string::npos);
  const size_t begin = mark + begin_mark.size();
  const size_t end = specification.find("```\n", begin);
  REQUIRE(end != std::string::npos);
  if (std::getenv("TIDEMARK_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(kGoldenPath, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
    std::ofstream(specification_path, std::ios::binary)
        << specification.replace(begin, end - begin, dump);
    return;
  }
  const std::string shown = specification.substr(begin, end - begin);
  CHECK(shown == dump);
  CHECK(bytes_of_dump(shown) == bytes);
  CHECK(golden_bytes() == bytes);
}

TEST_CASE("wire: the golden stream stays readable") {
  const auto received = read_stream(TestSource(golden_bytes()));
  CHECK(received.events == golden_events());
  CHECK(received.last == Polled::Ended);
}
