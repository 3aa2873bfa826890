#include "tidemark/log_writer.h"

#include "support/catch.h"
#include "support/stream_helpers.h"
#include "support/temporary_directory.h"

using namespace tidemark;
using namespace tidemark::test;

namespace {

using Texts = std::vector<std::string>;
using TextEvent = Event<uint64_t, Texts>;
using TextWriter = LogWriter<uint64_t, Texts>;

static_assert(EventPusher<TextWriter, uint64_t, Texts>);
static_assert(EventPusher<LogWriter<Product<uint64_t, uint64_t>, std::vector<uint32_t>>,
                          Product<uint64_t, uint64_t>, std::vector<uint32_t>>);

WriterOptions unsynced() {
  WriterOptions options;
  options.sync = SyncPolicy::none();
  options.segment_bytes = kMinSegmentBytes;
  return options;
}

TextWriter writer_of(const Log& log, Behind behind = Behind::Refuse) {
  return must(open_writer<uint64_t, Texts>(log, 0, unsynced(), behind));
}

Progress<uint64_t> progress(std::vector<std::pair<uint64_t, int64_t>> changes) {
  return {std::move(changes)};
}
Messages<uint64_t, Texts> messages(uint64_t time, Texts texts) { return {time, std::move(texts)}; }

// A log whose stream stands at `frontier`, with one record at time 0.
Log log_standing_at(const TemporaryDirectory& directory, uint64_t frontier) {
  Log log = must(Log::open(directory / "log"));
  auto writer = writer_of(log);
  must(writer.push(messages(0, {"old"})));
  must(writer.push(progress({{0, -1}, {frontier, 1}})));
  must(writer.finish());
  return log;
}

std::vector<std::string> events_of(const Log& log) {
  const ReadBack all = read_all(log);
  REQUIRE(!all.error);
  return all.events;
}

}  // namespace

TEST_CASE("what is pushed stands in the stream, in order, under the codecs' names") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  auto writer = writer_of(log);
  CHECK(writer.caught_up());
  must(writer.push(TextEvent(messages(3, {"a", "b"}))));
  must(writer.push(TextEvent(progress({{0, -1}, {5, 1}}))));
  must(writer.push(messages(7, {})));
  must(writer.push(progress({{5, -1}})));
  must(writer.finish());
  must(writer.finish());
  CHECK(events_of(log) == Texts{"3:a 3:b", "0-1 5+1", "5-1"});

  const EventReader reader = must(log.reader(0));
  CHECK(reader.traits()->time_name == "u64");
  CHECK(reader.traits()->container_name == "bytes");
  CHECK(reader.traits()->encoding == RecordEncoding::Variable);
  CHECK(open_writer<uint64_t, Texts>(log, 0, unsynced()).error().code == ErrorCode::Finished);
}

TEST_CASE("a container too large for one event becomes several at the same time") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  SECTION("of records of any length") {
    auto writer = writer_of(log);
    Texts texts;
    for (size_t i = 0; i < 3000; ++i)
      texts.push_back(std::to_string(i) + std::string(i % 200, 'x'));
    texts.emplace_back(writer.writer().max_data_bytes(1), 'y');
    must(writer.push(messages(4, texts)));
    must(writer.finish());

    EventReader reader = must(log.reader(0));
    Texts found;
    size_t events = 0;
    while (must(reader.poll()) == EventReader::Status::Event) {
      ++events;
      const MessagesView* view = reader.event().messages();
      REQUIRE(view != nullptr);
      CHECK(view->time() == Time(4));
      for (uint32_t i = 0; i < view->size(); ++i) found.emplace_back(view->text(i));
    }
    CHECK(found == texts);
    // About 320 KB and another event's worth into events of some 56 KB.
    CHECK(events >= 7);
    CHECK(events <= 8);
  }
  SECTION("of many empty records") {
    auto writer = writer_of(log);
    const Texts texts(100'000);
    must(writer.push(messages(4, texts)));
    CHECK(writer.writer().totals().records == texts.size());
    CHECK(writer.writer().totals().events > 1);
    must(writer.finish());
  }
  SECTION("of records of one length") {
    using Numbers = std::vector<uint64_t>;
    auto writer = must(open_writer<uint64_t, Numbers>(log, 0, unsynced()));
    Numbers numbers(50'000);
    for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = i;
    must(writer.push(Messages<uint64_t, Numbers>{4, numbers}));
    must(writer.finish());

    EventReader reader = must(log.reader(0));
    Numbers found;
    while (must(reader.poll()) == EventReader::Status::Event) {
      const auto records = reader.event().messages()->records_as<uint64_t>();
      REQUIRE(records);
      found.insert(found.end(), records->begin(), records->end());
    }
    CHECK(found == numbers);
  }
}

TEST_CASE("a record too large for any event is refused, and nothing of its container is written") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  SECTION("of any length") {
    auto writer = writer_of(log);
    Texts texts(100, std::string(1000, 'x'));
    texts.emplace_back(writer.writer().max_data_bytes(1) + 1, 'y');
    CHECK(writer.push(messages(4, texts)).error().code == ErrorCode::TooLarge);
    CHECK(writer.writer().totals().events == 0);
    // It stays: what follows would not be what the operator did.
    CHECK(writer.push(messages(4, {"x"})).error().code == ErrorCode::TooLarge);
    CHECK(writer.push(progress({})).error().code == ErrorCode::TooLarge);
    CHECK(writer.finish().error().code == ErrorCode::TooLarge);
    CHECK(writer_of(log).writer().recovery().was_closed);
  }
  SECTION("of one length") {
    struct Block {
      std::byte bytes[kMinSegmentBytes];
    };
    auto writer = must(open_writer<uint64_t, std::vector<Block>>(log, 0, unsynced()));
    const Messages<uint64_t, std::vector<Block>> blocks{4, std::vector<Block>(2)};
    CHECK(writer.push(blocks).error().code == ErrorCode::TooLarge);
  }
}

TEST_CASE("a rule that the operator breaks is named, also by an empty container") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  auto writer = writer_of(log);
  must(writer.push(progress({{0, -1}, {5, 1}})));
  const Texts texts = GENERATE(Texts{}, Texts{"x"});
  const auto pushed = writer.push(messages(4, texts));
  REQUIRE(!pushed);
  CHECK(pushed.error().code == ErrorCode::ProtocolViolation);
  CHECK(pushed.error().rule == "P3");
}

TEST_CASE("a restarted operator's progress is kept until it has come up to the stream") {
  const TemporaryDirectory directory;
  const Log log = log_standing_at(directory, 5);
  auto writer = writer_of(log);
  CHECK_FALSE(writer.caught_up());
  must(writer.push(progress({{0, -1}, {3, 1}, {9, 1}})));
  CHECK_FALSE(writer.caught_up());
  CHECK(writer.writer().totals().events == 2);
  must(writer.push(messages(6, {"ahead"})));
  must(writer.push(progress({{3, -1}, {7, 2}})));
  CHECK(writer.caught_up());
  must(writer.push(messages(8, {"new"})));
  must(writer.push(progress({{7, -2}, {9, -1}})));
  must(writer.finish());
  CHECK(events_of(log) == Texts{"0:old", "0-1 5+1", "6:ahead", "5-1 7+2 9+1", "8:new", "7-2 9-1"});
  CHECK(read_all(log).status == EventReader::Status::Finished);
}

TEST_CASE("a restarted operator that stops before it has come up leaves the stream as it was") {
  const TemporaryDirectory directory;
  const Log log = log_standing_at(directory, 5);
  auto writer = writer_of(log);
  must(writer.push(progress({{0, -1}, {4, 1}})));
  must(writer.finish());
  CHECK(events_of(log) == Texts{"0:old", "0-1 5+1"});
  CHECK(must(log.reader(0)).protocol().counts().size() == 1);
}

TEST_CASE("a restarted operator that finishes at once finishes the stream") {
  const TemporaryDirectory directory;
  const Log log = log_standing_at(directory, 5);
  auto writer = writer_of(log);
  must(writer.push(progress({{0, -1}})));
  CHECK(writer.caught_up());
  CHECK(writer.push(progress({})).error().code == ErrorCode::Finished);
  CHECK(writer.finish().error().code == ErrorCode::Finished);
  CHECK(events_of(log) == Texts{"0:old", "0-1 5+1", "5-1"});
}

TEST_CASE("an operator that stands where the stream does writes nothing to say so") {
  const TemporaryDirectory directory;
  const Log log = log_standing_at(directory, 5);
  auto writer = writer_of(log);
  must(writer.push(progress({{0, -1}, {5, 1}})));
  CHECK(writer.caught_up());
  CHECK(writer.writer().totals().events == 2);

  // A stream that never moved has nothing to be caught up with.
  const Log fresh = must(Log::open(directory / "fresh"));
  must(writer_of(fresh).finish());
  CHECK(writer_of(fresh).caught_up());
}

TEST_CASE("messages behind the stream's frontier are refused, or dropped and counted") {
  const TemporaryDirectory directory;
  const Log log = log_standing_at(directory, 5);
  SECTION("refused") {
    auto writer = writer_of(log);
    const auto pushed = writer.push(messages(4, {"again"}));
    REQUIRE(!pushed);
    CHECK(pushed.error().code == ErrorCode::ProtocolViolation);
    CHECK(pushed.error().rule == "P3");
    CHECK(pushed.error().stream == 0u);
  }
  SECTION("dropped") {
    auto writer = writer_of(log, Behind::Drop);
    must(writer.push(messages(0, {"again", "and again"})));
    must(writer.push(messages(4, {"late"})));
    must(writer.push(messages(5, {"new"})));
    CHECK(writer.dropped_records() == 3);
    must(writer.push(progress({{0, -1}, {5, 1}})));
    // From here on, what is behind is the operator's own fault.
    CHECK(writer.push(messages(4, {"x"})).error().rule == "P3");
    CHECK(events_of(log) == Texts{"0:old", "0-1 5+1", "5:new"});
  }
  SECTION("dropping is not for what the operator may not send") {
    auto writer = writer_of(log, Behind::Drop);
    must(writer.push(progress({{0, -1}, {3, 1}})));
    CHECK(writer.push(messages(2, {"x"})).error().rule == "P3");
    CHECK(writer.dropped_records() == 0);
  }
}

TEST_CASE("an operator's own progress is judged while it is only kept") {
  const TemporaryDirectory directory;
  const Log log = log_standing_at(directory, 5);
  auto writer = writer_of(log);
  must(writer.push(progress({{0, -1}, {3, 1}})));
  const auto pushed = writer.push(progress({{5, -1}}));  // the stream's capability, not its own
  REQUIRE(!pushed);
  CHECK(pushed.error().rule == "P2");
}

TEST_CASE("under a partial order, every capability must have come up to some element") {
  using Pair = Product<uint64_t, uint64_t>;
  using PairProgress = Progress<Pair>;
  using PairMessages = Messages<Pair, Texts>;
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  const auto open = [&] { return must(open_writer<Pair, Texts>(log, 0, unsynced())); };
  {
    auto writer = open();
    must(writer.push(PairProgress{{{{0, 0}, -1}, {{4, 0}, 1}, {{0, 4}, 2}}}));
    must(writer.finish());
  }
  auto writer = open();
  must(writer.push(PairProgress{{{{0, 0}, -1}, {{5, 1}, 1}, {{3, 3}, 1}}}));
  CHECK_FALSE(writer.caught_up());
  must(writer.push(PairMessages{{5, 1}, {"a"}}));
  must(writer.push(PairMessages{{3, 4}, {"b"}}));
  must(writer.push(PairProgress{{{{3, 3}, -1}, {{3, 5}, 1}}}));
  CHECK(writer.caught_up());
  must(writer.finish());
  const auto reader_events = events_of(log);
  CHECK(reader_events.back() == "(0, 4)-2 (3, 5)+1 (4, 0)-1 (5, 1)+1");
}
