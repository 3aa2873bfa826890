// Containers and times, into a log and out of it again.

#include "tidemark/codec.h"

#include <limits>
#include <ranges>

#include "support/catch.h"
#include "support/stream_helpers.h"
#include "support/temporary_directory.h"
#include "tidemark/log_reader.h"
#include "tidemark/log_writer.h"
#include "tidemark/segment_records.h"
#include "tidemark/segment_texts.h"

using namespace tidemark;
using namespace tidemark::test;

namespace {

struct Trade {
  uint64_t price = 0;
  uint32_t amount = 0;
  uint32_t side = 0;
  friend bool operator==(const Trade&, const Trade&) = default;
};

WriterOptions unsynced() {
  WriterOptions options;
  options.sync = SyncPolicy::none();
  return options;
}

template <typename T, typename C>
void write(const Log& log, const std::vector<Event<T, C>>& events) {
  auto writer = must(open_writer<T, C>(log, 0, unsynced()));
  for (const auto& event : events) must(writer.push(event));
  must(writer.finish());
}

template <typename T, typename C>
std::vector<Event<T, C>> read(const Log& log) {
  auto reader = must(open_reader<T, C>(log, 0));
  std::vector<Event<T, C>> events;
  while (must(reader.poll()) == Polled::Event) events.push_back(reader.take());
  return events;
}

// Written and read back: the same events, and the stream is finished.
template <typename T, typename C>
void check_round_trip(const std::vector<Event<T, C>>& events) {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  write(log, events);
  CHECK((read<T, C>(log) == events));
  auto reader = must(log.reader(0));
  CHECK(read_all(reader).status == EventReader::Status::Finished);
}

// All messages at `time`, between the minimum and the end.
template <typename C, typename T>
std::vector<Event<T, C>> story(T minimum, T time, C container) {
  return {Progress<T>{{{minimum, -1}, {time, 1}}}, Messages<T, C>{time, std::move(container)},
          Progress<T>{{{time, -1}}}};
}

}  // namespace

TEST_CASE("containers come back as they were") {
  check_round_trip(story<std::vector<uint32_t>>(uint64_t{0}, uint64_t{7}, {1, 2, 3}));
  check_round_trip(story<std::vector<Trade>>(uint64_t{0}, uint64_t{7}, {{10, 2, 0}, {11, 1, 1}}));
  check_round_trip(story<std::vector<std::string>>(uint64_t{0}, uint64_t{7}, {"a", "", "bcd"}));
  check_round_trip(story<std::vector<std::vector<std::byte>>>(
      uint64_t{0}, uint64_t{7}, {{std::byte{0}, std::byte{255}}, {}}));
  check_round_trip(story(uint64_t{0}, uint64_t{7}, SegmentRecords<Trade>({{10, 2, 0}})));
}

TEST_CASE("times of every kind come back as they were, the least of each too") {
  using Texts = std::vector<std::string>;
  check_round_trip(story<Texts>(uint8_t{0}, uint8_t{255}, {"x"}));
  check_round_trip(story<Texts>(std::numeric_limits<int16_t>::min(), int16_t{-1}, {"x"}));
  check_round_trip(story<Texts>(std::numeric_limits<int32_t>::min(), int32_t{-2}, {"x"}));
  check_round_trip(story<Texts>(std::numeric_limits<int64_t>::min(), int64_t{-3}, {"x"}));
  check_round_trip(story<Texts>(minimum_time<UInt128>(), UInt128{1} << 64 | 5, {"x"}));
  check_round_trip(story<Texts>(minimum_time<Int128>(), Int128{-5}, {"x"}));
  using Pair = Product<int32_t, UInt128>;
  check_round_trip(story<Texts>(minimum_time<Pair>(), Pair{-2, 9}, {"x"}));
  check_round_trip<Unit, Texts>({Messages<Unit, Texts>{{}, {"x"}}, Progress<Unit>{{{{}, -1}}}});
}

TEST_CASE("narrow signed times keep their order") {
  std::vector<int32_t> times = {
      std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::min() + 1, -1, 0, 1,
      std::numeric_limits<int32_t>::max()};
  for (size_t i = 0; i + 1 < times.size(); ++i) {
    CHECK(to_time(times[i]) < to_time(times[i + 1]));
    CHECK(from_time<int32_t>(to_time(times[i])) == times[i]);
  }
  CHECK(to_time(times[0]) == Time::minimum(TimeCodec<int32_t>::shape));
  CHECK(to_time(int32_t{-2}).text() == "-2");
}

TEST_CASE("records are handed out where they stand, and outlive the reader") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  const std::vector<Trade> trades = {{10, 2, 0}, {11, 1, 1}};
  write(log, story<std::vector<Trade>>(uint64_t{0}, uint64_t{7}, trades));

  SegmentRecords<Trade> kept;
  {
    auto reader = must(open_reader<uint64_t, SegmentRecords<Trade>>(log, 0));
    REQUIRE(must(reader.poll()) == Polled::Event);
    REQUIRE(must(reader.poll()) == Polled::Event);
    kept = reader.event().messages()->data;
    CHECK(kept.span().data() == reader.event().messages()->data.span().data());
  }
  REQUIRE(kept.size() == 2);
  CHECK(kept[1] == trades[1]);
  CHECK(std::vector<Trade>(kept.begin(), kept.end()) == trades);
  CHECK(reinterpret_cast<uintptr_t>(kept.span().data()) % alignof(Trade) == 0);
}

TEST_CASE("texts are handed out where they stand, and outlive the reader") {
  static_assert(std::ranges::random_access_range<SegmentTexts>);
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  const std::vector<std::string> texts = {"one", "", "three"};
  write(log, story<std::vector<std::string>>(uint64_t{0}, uint64_t{7}, texts));

  const auto events = read<uint64_t, SegmentTexts>(log);
  REQUIRE(events.size() == 3);
  const SegmentTexts kept = events[1].messages()->data;
  CHECK(std::vector<std::string>(kept.begin(), kept.end()) == texts);
  CHECK(kept.begin()[2] == "three");
  CHECK(kept.end() - kept.begin() == 3);

  // And from there into another log.
  const Log copy = must(Log::open(directory / "copy"));
  write(copy, events);
  CHECK((read<uint64_t, std::vector<std::string>>(copy)[1].messages()->data == texts));
}

TEST_CASE("records of another length than the container's are corrupt, with their place") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  auto options = writer_options_for<uint64_t, std::vector<uint32_t>>(unsynced());
  EventWriter writer = must(log.writer(0, options));
  const uint64_t time = 0;
  const std::byte data[6] = {};
  const uint64_t end = must(writer.append_messages(std::span(&time, 1), 2, data));
  static_cast<void>(end);
  must(writer.close());

  auto reader = must(open_reader<uint64_t, SegmentRecords<uint32_t>>(log, 0));
  const auto polled = reader.poll();
  REQUIRE(!polled);
  CHECK(polled.error().code == ErrorCode::Corrupt);
  CHECK(polled.error().stream == 0u);
  CHECK(polled.error().message.find("position") != std::string::npos);
  CHECK(reader.poll().error().code == ErrorCode::Corrupt);
}
