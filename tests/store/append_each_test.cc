// Many events by one call: the stream is that of as many single appends.

#include <chrono>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "support/catch.h"
#include "support/forwarding_files.h"
#include "support/seed.h"
#include "support/stream_helpers.h"
#include "support/temporary_directory.h"
#include "tidemark/log.h"
#include "tidemark/verify.h"

using namespace tidemark;
using namespace tidemark::test;

namespace {

WriterOptions options_for(RecordEncoding encoding) {
  WriterOptions options;
  options.sync = SyncPolicy::none();
  options.clock = CaptureClock::Supplied;
  options.encoding = encoding;
  options.segment_bytes = kMinSegmentBytes;
  return options;
}

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

// An event as it stands: where, when, and what.
std::vector<std::string> events_of(const Log& log) {
  EventReader reader = must(log.reader(0));
  std::vector<std::string> events;
  while (must(reader.poll()) == EventReader::Status::Event) {
    const EventView& event = reader.event();
    events.push_back(std::to_string(event.position) + " " + std::to_string(event.end_position) +
                     " " + std::to_string(event.captured_at_ns) + " " + text_of(event));
  }
  return events;
}

}  // namespace

TEST_CASE("Many events by one call are those of single appends, wherever segments end") {
  const uint64_t seed = seed_or(1'123);
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < rounds_or(20); ++round) {
    const bool fixed = random() % 2 == 0;
    const bool one_time = random() % 2 == 0;
    const auto record_bytes = static_cast<uint32_t>(1 + random() % (round % 4 == 0 ? 9000 : 200));
    INFO("round " << round << (fixed ? ", fixed" : ", variable") << ", " << record_bytes
                  << " bytes");
    const TemporaryDirectory directory;
    const Log each_log = must(Log::open(directory / "each"));
    const Log single_log = must(Log::open(directory / "single"));
    const auto options = options_for(fixed ? RecordEncoding::Fixed : RecordEncoding::Variable);
    EventWriter each = must(each_log.writer(0, options));
    EventWriter single = must(single_log.writer(0, options));
    uint64_t now = 0;
    uint64_t time = 0;
    for (int call = 0; call < 12; ++call) {
      const size_t records = random() % (record_bytes > 200 ? 30 : 1500);
      each.set_captured_at(++now);
      single.set_captured_at(now);
      std::string data;
      std::vector<uint32_t> sizes;
      std::vector<uint64_t> times;
      for (size_t i = 0; i < records; ++i) {
        sizes.push_back(fixed ? record_bytes : static_cast<uint32_t>(random() % record_bytes));
        data.append(sizes.back(), static_cast<char>('a' + random() % 26));
        times.push_back(one_time ? time : time + random() % 3);
      }
      std::vector<std::string_view> views;
      for (size_t i = 0, from = 0; i < records; from += sizes[i++]) {
        views.push_back(std::string_view(data).substr(from, sizes[i]));
      }
      const auto given =
          one_time ? std::span<const uint64_t>(&time, 1) : std::span<const uint64_t>(times);
      const uint64_t end = must(fixed ? each.append_each(given, record_bytes, bytes_of(data))
                                      : each.append_each(given, views));
      for (size_t i = 0; i < records; ++i) {
        const auto at = std::span<const uint64_t>(&times[i], 1);
        must(fixed ? single.append_messages(at, 1, std::as_bytes(std::span(views[i])))
                   : single.append_messages(at, std::span(&views[i], 1)));
      }
      REQUIRE(end == single.committed());
      REQUIRE(each.committed() == end);
      REQUIRE(each.totals() == single.totals());
      advance(each, time, time + 1);
      advance(single, time, time + 1);
      ++time;
    }
    must(each.close());
    must(single.close());
    REQUIRE(events_of(each_log) == events_of(single_log));
    REQUIRE_FALSE(must(verify_log(each_log.path())).damaged());
  }
}

TEST_CASE("Many events by one call may have times of several words") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  WriterOptions options = options_for(RecordEncoding::Variable);
  options.time = TimeShape{2};
  options.time_name = "(u64,u64)";
  EventWriter writer = must(log.writer(0, options));
  const std::string_view records[] = {"a", "b"};
  const uint64_t times[] = {1, 2, 3, 0};
  must(writer.append_each(times, records));
  must(writer.append_each(std::span(times).first(2), records));
  CHECK(read_all(log).events ==
        std::vector<std::string>{"(1, 2):a", "(3, 0):b", "(1, 2):a", "(1, 2):b"});
}

TEST_CASE("A record that may not be appended ends the call, and those before it stand") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  EventWriter writer = must(log.writer(0, options_for(RecordEncoding::Variable)));
  append_text(writer, 5, "before");
  advance(writer, 0, 5);
  const std::string_view records[] = {"a", "b", "c", "d"};
  const uint64_t times[] = {5, 6, 4, 7};
  const auto refused = writer.append_each(times, records);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::ProtocolViolation);
  CHECK(writer.totals().events == 4);
  CHECK(read_all(log).events == std::vector<std::string>{"5:before", "0-1 5+1", "5:a", "6:b"});
  must(writer.close());
  CHECK(writer.append_each(std::span(times).first(1), records).error().code == ErrorCode::Closed);
}

TEST_CASE("Records and times that do not go together are refused, and nothing is appended") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  const bool fixed = GENERATE(true, false);
  EventWriter writer =
      must(log.writer(0, options_for(fixed ? RecordEncoding::Fixed : RecordEncoding::Variable)));
  const std::string data = "12345678";
  const std::string_view records[] = {"a", "b", "c", "d"};
  const uint64_t times[] = {1, 2, 3};
  const auto refuses = [](const Result<uint64_t>& result) {
    return !result && result.error().code == ErrorCode::InvalidArgument;
  };
  CHECK(refuses(writer.append_each(times, 2, bytes_of(data))));
  CHECK(refuses(writer.append_each(times, records)));
  CHECK(refuses(writer.append_each({}, 2, bytes_of(data))));
  CHECK(refuses(writer.append_each(std::span(times).first(1), 3, bytes_of(data))));
  CHECK(refuses(writer.append_each(std::span(times).first(1), 0, bytes_of(data))));
  // Of the other encoding.
  const auto one = std::span(times).first(1);
  CHECK(refuses(fixed ? writer.append_each(one, records)
                      : writer.append_each(one, 2, bytes_of(data))));
  CHECK(writer.totals().events == 0);
  // No records are no events.
  CHECK(must(fixed ? writer.append_each(one, 2, {})
                   : writer.append_each(one, std::span(records).first(0))) == writer.committed());
  CHECK(writer.totals().events == 0);
}

TEST_CASE("Where each commit is synced, many events by one call are synced once") {
  class CountsSyncs : public ForwardingFiles {
   public:
    int sync_data(int descriptor) override {
      ++syncs;
      return ForwardingFiles::sync_data(descriptor);
    }
    int syncs = 0;
  } files;
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log", {}, files));
  WriterOptions options = options_for(RecordEncoding::Variable);
  options.sync = SyncPolicy::every_commit();
  EventWriter writer = must(log.writer(0, options));
  const std::vector<std::string_view> records(50, "a record");
  const uint64_t time = 0;
  const int before = files.syncs;
  const uint64_t end = must(writer.append_each(std::span(&time, 1), records));
  CHECK(files.syncs == before + 1);
  CHECK(writer.durable() == end);
}

TEST_CASE("A reader that sleeps is woken by many events of one call") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  EventWriter writer = must(log.writer(0, options_for(RecordEncoding::Variable)));
  EventReader reader = must(log.reader(0));
  std::jthread appending([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    const std::vector<std::string_view> records(3, "a record");
    const uint64_t time = 0;
    must(writer.append_each(std::span(&time, 1), records));
  });
  CHECK(must(reader.next(std::chrono::seconds(60))) == EventReader::Status::Event);
}
