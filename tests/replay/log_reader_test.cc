#include "tidemark/log_reader.h"

#include <thread>

#include "support/catch.h"
#include "support/log_files.h"
#include "support/stream_helpers.h"
#include "support/temporary_directory.h"
#include "tidemark/log_writer.h"
#include "tidemark/segment_texts.h"

using namespace tidemark;
using namespace tidemark::test;

namespace {

using namespace std::chrono_literals;
using Texts = std::vector<std::string>;
using TextReader = LogReader<uint64_t, Texts>;
using TextMessages = Messages<uint64_t, Texts>;
using TextProgress = Progress<uint64_t>;

static_assert(EventIterator<TextReader, uint64_t, Texts>);
static_assert(EventIterator<LogReader<uint64_t, SegmentTexts>, uint64_t, SegmentTexts>);

WriterOptions unsynced() {
  WriterOptions options;
  options.sync = SyncPolicy::none();
  options.segment_bytes = kMinSegmentBytes;
  return options;
}

LogWriter<uint64_t, Texts> writer_of(const Log& log, uint32_t stream = 0) {
  return must(open_writer<uint64_t, Texts>(log, stream, unsynced()));
}

TextReader reader_of(const Log& log, const LogReaderOptions& options = {}) {
  return must(open_reader<uint64_t, Texts>(log, 0, options));
}

// Polls up to the first answer that is no event.
std::vector<Event<uint64_t, Texts>> take_all(TextReader& reader, Polled& last) {
  std::vector<Event<uint64_t, Texts>> events;
  for (;;) {
    last = must(reader.poll());
    if (last != Polled::Event) return events;
    events.push_back(reader.take());
  }
}

LogReaderOptions following(EndMode end = EndMode::Release) {
  LogReaderOptions options;
  options.follow = true;
  options.end = end;
  return options;
}

}  // namespace

TEST_CASE("a reader ends with an error where messages that it gave out become void") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  {
    auto writer = writer_of(log);
    must(writer.push(TextMessages{2, {"complete"}}));
    must(writer.push(TextProgress{{{0, -1}, {5, 1}}}));
    must(writer.push(TextMessages{6, {"begun"}}));
    must(writer.finish());
  }
  TextReader behind = reader_of(log, following(EndMode::Wait));
  TextReader past = reader_of(log, following(EndMode::Wait));
  Polled last{};
  CHECK(take_all(past, last).size() == 3);
  CHECK(must(behind.poll()) == Polled::Event);

  WriterOptions options = unsynced();
  options.resume = Resume::DiscardIncomplete;
  auto writer = must(open_writer<uint64_t, Texts>(log, 0, options, Behind::Drop));
  must(writer.push(TextMessages{2, {"complete"}}));
  must(writer.push(TextMessages{6, {"begun"}}));
  must(writer.push(TextProgress{{{0, -1}}}));
  CHECK(writer.dropped_records() == 1);
  must(writer.finish());

  const auto failed = past.poll();
  REQUIRE_FALSE(failed);
  CHECK(failed.error().code == ErrorCode::Voided);
  CHECK(past.poll().error().code == ErrorCode::Voided);

  // Whoever begins anew has each record once.
  TextReader anew = reader_of(log);
  Texts records;
  for (const auto& event : take_all(anew, last)) {
    if (event.messages() == nullptr) continue;
    records.insert(records.end(), event.messages()->data.begin(), event.messages()->data.end());
  }
  CHECK(records == Texts{"complete", "begun"});
}

TEST_CASE("a reader gives out the events that were pushed, and ends with the stream") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  const std::vector<Event<uint64_t, Texts>> events = {
      TextMessages{0, {"a", "b"}}, TextProgress{{{5, 1}, {0, -1}, {7, 1}}}, TextProgress{},
      TextMessages{9, {"c"}},      TextProgress{{{5, -1}, {7, -1}}},
  };
  auto writer = writer_of(log);
  for (const auto& event : events) must(writer.push(event));
  must(writer.finish());

  TextReader reader = reader_of(log, following(EndMode::Wait));
  REQUIRE(must(reader.poll()) == Polled::Event);
  CHECK(reader.event() == events[0]);
  CHECK(reader.event() == events[0]);
  Polled last{};
  auto others = take_all(reader, last);
  others.insert(others.begin(), events[0]);
  CHECK(others == events);
  CHECK(last == Polled::Ended);
  CHECK(must(reader.poll()) == Polled::Ended);
}

TEST_CASE("a stream of other times or containers is refused, naming both") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  must(writer_of(log).finish());
  const auto refused = [](const auto& reader, const std::string& found,
                          const std::string& expected) {
    REQUIRE(!reader);
    CHECK(reader.error().code == ErrorCode::InvalidArgument);
    CHECK(reader.error().stream == 0u);
    CHECK(reader.error().message.find(found) != std::string::npos);
    CHECK(reader.error().message.find(expected) != std::string::npos);
  };
  refused(open_reader<int64_t, Texts>(log, 0), "u64", "i64");
  refused(open_reader<Unit, Texts>(log, 0), "u64", "()");
  refused(open_reader<uint64_t, std::vector<uint32_t>>(log, 0), "bytes", "u32");
  // Other types of the same kind may read it.
  CHECK(open_reader<uint64_t, std::vector<std::vector<std::byte>>>(log, 0));
}

TEST_CASE("a stream without a container's name is anyone's, another name is not") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log", {.peers = 2}));
  WriterOptions options = unsynced();
  options.container_name = "";
  must(must(log.writer(0, options)).close());
  options.container_name = "lines";
  must(must(log.writer(1, options)).close());
  CHECK(open_reader<uint64_t, Texts>(log, 0));
  CHECK(open_reader<uint64_t, Texts>(log, 1).error().code == ErrorCode::InvalidArgument);
}

TEST_CASE("a stream that gets its first segment later is checked then") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  auto reader = must(open_reader<int64_t, Texts>(log, 0, following(EndMode::Wait)));
  CHECK(must(reader.poll()) == Polled::Pending);
  auto writer = writer_of(log);
  CHECK(reader.poll().error().code == ErrorCode::InvalidArgument);
  CHECK(reader.poll().error().code == ErrorCode::InvalidArgument);
}

TEST_CASE("a time that the reader's type has no value for is an error") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  auto writer = writer_of(log);
  must(writer.push(TextMessages{255, {"a"}}));
  must(writer.push(TextMessages{256, {"b"}}));
  auto reader = must(open_reader<uint8_t, Texts>(log, 0));
  CHECK(must(reader.poll()) == Polled::Event);
  CHECK(reader.event().messages()->time == 255);
  CHECK(reader.poll().error().code == ErrorCode::InvalidArgument);
}

TEST_CASE("a reader that starts at a later segment opens with what the stream holds there") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  {
    auto writer = writer_of(log);
    must(writer.push(TextProgress{{{0, -1}, {3, 1}, {8, 2}}}));
    must(writer.finish());
  }
  {
    auto writer = writer_of(log);
    must(writer.push(TextMessages{9, {"a"}}));
    must(writer.push(TextProgress{{{0, -1}}}));
    must(writer.finish());
  }
  const auto segments = segment_paths(log.path());
  REQUIRE(segments.size() == 2);
  LogReaderOptions options;
  options.reader.segment = first_position_of(segments[1]);
  TextReader reader = reader_of(log, options);
  Polled last{};
  const std::vector<Event<uint64_t, Texts>> expected = {TextProgress{{{0, -1}, {3, 1}, {8, 2}}},
                                                        TextMessages{9, {"a"}},
                                                        TextProgress{{{3, -1}, {8, -2}}}};
  CHECK(take_all(reader, last) == expected);
  CHECK(last == Polled::Ended);
  const uint32_t streams[] = {0, 0};
  CHECK(open_readers<uint64_t, Texts>(log, streams, options).error().code ==
        ErrorCode::InvalidArgument);
}

TEST_CASE("a reader that starts at a point opens with the sum of what precedes it") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  auto writer = writer_of(log);
  must(writer.push(TextMessages{1, {"a"}}));
  must(writer.push(TextProgress{{{0, -1}, {3, 1}}}));
  must(writer.push(TextMessages{4, {"b"}}));
  must(writer.push(TextProgress{{{3, -1}}}));
  must(writer.finish());
  LogReaderOptions options;
  options.start = StartPoint::at_sequence(2);
  TextReader reader = reader_of(log, options);
  Polled last{};
  const std::vector<Event<uint64_t, Texts>> expected = {
      TextProgress{{{0, -1}, {3, 1}}}, TextMessages{4, {"b"}}, TextProgress{{{3, -1}}}};
  CHECK(take_all(reader, last) == expected);
  CHECK(last == Polled::Ended);
  options.reader.segment = 0;
  CHECK(open_reader<uint64_t, Texts>(log, 0, options).error().code == ErrorCode::InvalidArgument);
}

TEST_CASE("without following, a reader ends where the stream ended when it was opened") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  auto writer = writer_of(log);
  must(writer.push(TextMessages{1, {"a"}}));
  TextReader reader = reader_of(log);
  must(writer.push(TextMessages{2, {"b"}}));
  Polled last{};
  CHECK(take_all(reader, last).size() == 1);
  CHECK(last == Polled::Ended);
}

TEST_CASE("following, a reader ends once the writer is gone, unless it waits for another") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  TextReader releases = reader_of(log, following());
  TextReader waits = reader_of(log, following(EndMode::Wait));
  Polled last{};
  {
    auto writer = writer_of(log);
    must(writer.push(TextMessages{1, {"a"}}));
    for (TextReader* reader : {&releases, &waits}) {
      CHECK(take_all(*reader, last).size() == 1);
      CHECK(last == Polled::Pending);
    }
    must(writer.push(TextMessages{2, {"b"}}));
    must(writer.finish());
  }
  // That the writer is alive is believed for a moment.
  size_t events = 0;
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  do {
    events += take_all(releases, last).size();
  } while (last == Polled::Pending && std::chrono::steady_clock::now() < deadline);
  CHECK(events == 1);
  CHECK(last == Polled::Ended);

  CHECK(take_all(waits, last).size() == 1);
  CHECK(last == Polled::Pending);
  auto writer = writer_of(log);
  must(writer.push(TextProgress{{{0, -1}}}));
  must(writer.finish());
  const auto rest = take_all(waits, last);
  REQUIRE(rest.size() == 1);
  CHECK(last == Polled::Ended);
}

TEST_CASE("one wait is for several readers") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log", {.peers = 2}));
  auto first = writer_of(log, 0);
  auto second = writer_of(log, 1);
  const uint32_t streams[] = {0, 1};
  auto readers = must(open_readers<uint64_t, Texts>(log, streams, following()));
  REQUIRE(readers.size() == 2);
  CHECK(readers[1].reader().stream() == 1);
  for (auto& reader : readers) CHECK(must(reader.poll()) == Polled::Pending);

  std::thread appends([&] {
    std::this_thread::sleep_for(2ms);
    static_cast<void>(second.push(TextMessages{1, {"a"}}));
  });
  using Reader = std::remove_reference_t<decltype(readers[0])>;
  Reader* const waited[] = {&readers[0], &readers[1]};
  bool found = false;
  for (int i = 0; i < 1000 && !found; ++i) {
    static_cast<void>(must(Reader::wait_any(waited, 20ms)));
    CHECK(must(readers[0].poll()) == Polled::Pending);
    found = must(readers[1].poll()) == Polled::Event;
  }
  appends.join();
  CHECK(found);
}

TEST_CASE("damage is an error with its place, and stays") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  auto writer = writer_of(log);
  must(writer.push(TextMessages{1, {"a"}}));
  must(writer.push(TextMessages{2, {"b"}}));
  must(writer.finish());
  const auto path = segment_paths(log.path())[0];
  flip_byte(path, frames_of(path)[2].offset + 40);
  TextReader reader = reader_of(log);
  CHECK(must(reader.poll()) == Polled::Event);
  for (int i = 0; i < 2; ++i) {
    const auto polled = reader.poll();
    REQUIRE(!polled);
    CHECK(polled.error().code == ErrorCode::Corrupt);
    CHECK(polled.error().offset == frames_of(path)[2].offset);
  }
}
