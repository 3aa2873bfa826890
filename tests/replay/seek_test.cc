// Every seek equals what filtering a full replay gives, and reads no more than it must.
//
// TIDEMARK_TEST_ROUNDS=<n> looks at so many random logs.

#include "tidemark/seek.h"

#include <cstdlib>
#include <map>
#include <set>

#include "slice.h"
#include "support/catch.h"
#include "support/random_log.h"
#include "support/seed.h"
#include "support/temporary_directory.h"
#include "support/unsynced_files.h"
#include "tidemark/replay.h"

using namespace tidemark;
using namespace tidemark::test;

namespace {

using namespace std::chrono_literals;

std::vector<std::string> texts(std::span<const KnownEvent> events) {
  std::vector<std::string> result;
  for (const KnownEvent& event : events) {
    result.push_back(std::to_string(event.position) + "/" + std::to_string(event.sequence) + "/" +
                     event.text());
  }
  return result;
}

MutableAntichain<Time> counts_after(TimeShape shape, std::span<const KnownEvent> events) {
  MutableAntichain<Time> counts;
  counts.update(Time::minimum(shape), 1);
  for (const KnownEvent& event : events) {
    for (const Change& change : event.changes) counts.update(change.time, change.diff);
  }
  return counts;
}

// The events that `wanted` leaves of the stream: from the first of which it holds.
template <typename Wanted>
std::span<const KnownEvent> from_first(const std::vector<KnownEvent>& events, Wanted wanted) {
  const auto first = std::find_if(events.begin(), events.end(), wanted);
  return {first, events.end()};
}

void check_start(const Log& log, uint32_t stream, const StartPoint& point,
                 std::span<const KnownEvent> expected, const std::vector<KnownEvent>& all,
                 TimeShape shape) {
  auto reader = must(reader_at(log, stream, point));
  const auto before = std::span(all).first(all.size() - expected.size());
  const auto counts = counts_after(shape, before);
  REQUIRE((all.empty() || reader.protocol().counts() == counts.counts()));
  REQUIRE(texts(known_events(reader)) == texts(expected));

  // A replay begins there too, and its opening is what precedes.
  ReplayOptions options;
  options.start = point;
  options.end = EndMode::Hold;
  const uint32_t streams[] = {stream};
  auto replay = must(Replay::open(log, streams, options));
  std::vector<std::string> replayed;
  MutableAntichain<Time> reported;
  reported.update(Time::minimum(shape), 1);
  bool opened = false;
  while (must(replay.next(0ns)) == Replay::Status::Event) {
    for (const Change& change : replay.event().changes) reported.update(change.time, change.diff);
    if (!replay.event().stream) {
      REQUIRE_FALSE(opened);
      REQUIRE(replayed.empty());
      opened = true;
      REQUIRE(reported.counts() == counts.counts());
      continue;
    }
    replayed.push_back(std::to_string(replay.event().event.position));
  }
  std::vector<std::string> positions;
  for (const KnownEvent& event : expected) positions.push_back(std::to_string(event.position));
  REQUIRE(replayed == positions);
  REQUIRE((all.empty() || reported.counts() == counts_after(shape, all).counts()));
}

struct Taken {
  uint32_t stream;
  uint64_t position;
  friend auto operator<=>(const Taken&, const Taken&) = default;
};

// What a replay hands out, held to the protocol, and the capabilities that it ends with.
std::vector<Taken> replay_of(const Log& log, const std::vector<uint32_t>& streams,
                             const ReplayOptions& options, TimeShape shape,
                             MutableAntichain<Time>& reported) {
  auto replay = must(Replay::open(log, streams, options));
  reported = {};
  reported.update(Time::minimum(shape), static_cast<int64_t>(streams.size()));
  std::vector<Change> beginning;
  for (const auto& [time, count] : reported.counts()) beginning.push_back({time, count});
  Protocol protocol = must(Protocol::restore(shape, beginning));
  std::vector<Taken> taken;
  for (;;) {
    const auto status = must(replay.next(0ns));
    if (status == Replay::Status::Finished) return taken;
    REQUIRE(status == Replay::Status::Event);
    const ReplayedEvent& event = replay.event();
    if (const MessagesView* messages = event.messages()) {
      must(protocol.messages(messages->time()));
      taken.push_back({*event.stream, event.event.position});
    } else {
      must(protocol.progress(event.changes));
      for (const Change& change : event.changes) reported.update(change.time, change.diff);
    }
  }
}

// Counts what is done with each segment.
class WatchedFiles final : public PathTrackingFiles {
 public:
  std::byte* map(int descriptor, uint64_t bytes, bool writable, int& error) override {
    mapped.insert(path_of(descriptor));
    return PathTrackingFiles::map(descriptor, bytes, writable, error);
  }
  int64_t read(int descriptor, std::span<std::byte> bytes, uint64_t offset) override {
    auto& pages = read_pages[path_of(descriptor)];
    for (uint64_t page = offset / 4096; page <= (offset + bytes.size() - 1) / 4096; ++page) {
      pages.insert(page);
    }
    return PathTrackingFiles::read(descriptor, bytes, offset);
  }
  void forget() {
    mapped.clear();
    read_pages.clear();
  }

  std::set<std::string> mapped;
  std::map<std::string, std::set<uint64_t>> read_pages;
};

// A log of one stream whose times follow each other, in segments of 64 KiB.
Log log_in_order(const std::string& path, FileSeam& files, uint64_t times) {
  Log log = must(Log::open(path, {}, files));
  WriterOptions options;
  options.sync = SyncPolicy::none();
  options.segment_bytes = kMinSegmentBytes;
  options.clock = CaptureClock::Supplied;
  auto writer = must(log.writer(0, options));
  for (uint64_t time = 0; time < times; ++time) {
    writer.set_captured_at(1000 + time * 10);
    append_text(writer, time, std::string(1000, 'x'));
    advance(writer, time, time + 1);
  }
  finish(writer, times);
  must(writer.close());
  return log;
}

std::vector<uint64_t> times_of(const Log& log, const ReplayOptions& options) {
  const uint32_t streams[] = {0};
  auto replay = must(Replay::open(log, streams, options));
  std::vector<uint64_t> times;
  while (must(replay.next(20s)) == Replay::Status::Event) {
    if (const auto* messages = replay.event().messages()) times.push_back(messages->time().word(0));
  }
  return times;
}

// The segments that hold a time of [from, until).
std::set<std::string> holding(const Log& log, uint64_t from, uint64_t until) {
  std::set<std::string> paths;
  const auto segments = segment_paths(log.path());
  const auto events = known_events(log, 0);
  for (const KnownEvent& event : events) {
    if (!event.time || event.time->word(0) < from || event.time->word(0) >= until) continue;
    for (const std::string& path : segments) {
      const SegmentHeader header = header_of(path);
      if (event.position >= header.first_position && event.position < header.end_position()) {
        paths.insert(path);
      }
    }
  }
  return paths;
}

void check_random_logs(uint64_t first_seed, int rounds, RandomLogOptions shape_of_log) {
  size_t seeks = 0;
  size_t segments = 0;
  for (int round = 0; round < rounds; ++round) {
    const uint64_t seed = first_seed + static_cast<uint64_t>(round);
    INFO("seed " << seed);
    const TemporaryDirectory directory;
    UnsyncedFiles files;
    shape_of_log.words = static_cast<uint8_t>(1 + round % 2);
    RandomLogWriter made(seed, directory / "log", shape_of_log, files);
    const Log log = made.write();
    const TimeShape shape = made.shape();
    auto& random = made.random();

    std::vector<std::vector<KnownEvent>> all;
    for (uint32_t stream = 0; stream < 2; ++stream) {
      all.push_back(known_events(log, stream));
      segments += segment_paths(log.path(), stream).size();
    }
    for (int query = 0; query < 4; ++query) {
      const auto stream = static_cast<uint32_t>(random() % 2);
      const auto& events = all[stream];
      const uint64_t sequence = random() % (events.size() + 3);
      check_start(log, stream, StartPoint::at_sequence(sequence),
                  from_first(events, [&](const auto& e) { return e.sequence >= sequence; }), events,
                  shape);
      const uint64_t clock = 995 + random() % 200;
      check_start(log, stream, StartPoint::captured_at(clock),
                  from_first(events, [&](const auto& e) { return e.captured_at_ns >= clock; }),
                  events, shape);
      const uint64_t last = random() % (events.size() + 3);
      check_start(log, stream, StartPoint::last_events(last),
                  std::span(events).last(std::min<size_t>(last, events.size())), events, shape);
      const uint64_t records = events.empty() ? 0 : events.back().records_after;
      const uint64_t wanted = random() % (records + 3);
      const uint64_t passed = records - std::min(records, wanted);
      check_start(log, stream, StartPoint::last_records(wanted),
                  from_first(events, [&](const auto& e) { return e.records_after > passed; }),
                  events, shape);
      const Time complete = made.any_time();
      MutableAntichain<Time> counts = counts_after(shape, {});
      check_start(log, stream, StartPoint::complete(complete),
                  from_first(events,
                             [&](const auto& e) {
                               const bool reached = !counts.less_equal(complete);
                               for (const Change& c : e.changes) counts.update(c.time, c.diff);
                               return reached;
                             }),
                  events, shape);

      // Slices, in both orders, of one stream and of both.
      ReplayOptions options;
      if (random() % 4 != 0) options.from = made.any_time();
      if (random() % 4 != 0) options.until = made.any_time();
      options.order = random() % 2 == 0 ? Order::Stream : Order::Time;
      options.end = EndMode::Hold;
      const Slice slice(options.from, options.until);
      std::vector<uint32_t> streams{0, 1};
      if (random() % 2 == 0) streams = {stream};
      MutableAntichain<Time> expected_counts;
      std::vector<Taken> expected;
      for (const uint32_t number : streams) {
        for (const KnownEvent& event : all[number]) {
          if (event.time && slice.contains(*event.time))
            expected.push_back({number, event.position});
        }
        const auto counts_now = counts_after(shape, all[number]);
        std::vector<Change> image;
        for (const auto& [time, count] : counts_now.counts()) image.push_back({time, count});
        must(slice.restrict(image));
        for (const Change& change : image) expected_counts.update(change.time, change.diff);
      }
      MutableAntichain<Time> reported;
      auto taken = replay_of(log, streams, options, shape, reported);
      if (options.order == Order::Stream) {
        std::stable_sort(taken.begin(), taken.end(),
                         [](const Taken& a, const Taken& b) { return a.stream < b.stream; });
      } else {
        std::sort(taken.begin(), taken.end());
      }
      REQUIRE(taken == expected);
      REQUIRE(reported.counts() == expected_counts.counts());
      seeks += 6;
    }
  }
  WARN(seeks << " seeks in " << rounds << " logs of " << segments << " segments");
}

}  // namespace

TEST_CASE("every seek in random logs equals what filtering a full replay gives") {
  check_random_logs(seed_or(6100), rounds_or(60), {});
}

TEST_CASE("every seek in random logs with waypoints equals what filtering a full replay gives") {
  RandomLogOptions shape_of_log;
  shape_of_log.segment_bytes = uint64_t{4} << 20;
  shape_of_log.most_bytes = 90'000;
  check_random_logs(seed_or(6300), rounds_or(6), shape_of_log);
}

TEST_CASE("a slice maps exactly the segments that hold one of its times") {
  const TemporaryDirectory directory;
  WatchedFiles files;
  const Log log = log_in_order(directory / "log", files, 1000);
  const auto segments = segment_paths(log.path());
  REQUIRE(segments.size() > 15);
  for (const auto& [from, until] :
       std::vector<std::pair<uint64_t, uint64_t>>{{300, 301}, {300, 420}, {0, 5}, {500, 950}}) {
    INFO("[" << from << ", " << until << ")");
    const auto expected = holding(log, from, until);
    files.forget();
    ReplayOptions options;
    options.from = Time(from);
    options.until = Time(until);
    const auto times = times_of(log, options);
    REQUIRE(times.size() == until - from);
    REQUIRE(times.front() == from);
    std::set<std::string> mapped;
    for (const std::string& path : files.mapped) {
      if (path.ends_with(".seg")) mapped.insert(path);
    }
    // What a replay does to know its end is to look at the last segment.
    mapped.erase(segments.back());
    REQUIRE(mapped == expected);
    for (const auto& [path, pages] : files.read_pages) {
      INFO(path);
      REQUIRE(pages.size() <= 4);  // header, checkpoint, and the seal
    }
  }
}

TEST_CASE("a slice with a gap passes over the segments in its middle") {
  // Times go up, and come back down near the end, which a capability at the minimum allows.
  const TemporaryDirectory directory;
  WatchedFiles files;
  Log log = must(Log::open(directory / "log", {}, files));
  WriterOptions options;
  options.sync = SyncPolicy::none();
  options.segment_bytes = kMinSegmentBytes;
  auto writer = must(log.writer(0, options));
  const auto write = [&](uint64_t time) { append_text(writer, time, std::string(2000, 'x')); };
  for (uint64_t i = 0; i < 300; ++i) write(i < 40 || i > 250 ? 5 : 1000 + i);
  finish(writer, 0);
  must(writer.close());
  const auto expected = holding(log, 0, 10);
  const auto segments = segment_paths(log.path());
  REQUIRE(expected.size() + 3 < segments.size());
  files.forget();
  ReplayOptions slice;
  slice.until = Time(10);
  REQUIRE(times_of(log, slice).size() == 89);
  for (const std::string& path : segments) {
    if (path == segments.back()) continue;
    REQUIRE(files.mapped.contains(path) == expected.contains(path));
  }
}

// TIDEMARK_TEST_SEEK_EVENTS=<n> writes so many events, in segments of the usual size.
TEST_CASE("seeking by time touches a handful of pages of each segment that it consults") {
  const char* asked = std::getenv("TIDEMARK_TEST_SEEK_EVENTS");
  const uint64_t events = asked == nullptr ? 200'000 : std::strtoull(asked, nullptr, 10);
  constexpr uint64_t kEventsPerTime = 1000;
  const TemporaryDirectory directory;
  WatchedFiles files;
  const Log log = must(Log::open(directory / "log", {}, files));
  {
    WriterOptions options;
    options.sync = SyncPolicy::none();
    if (asked == nullptr) options.segment_bytes = uint64_t{1} << 20;
    auto writer = must(log.writer(0, options));
    for (uint64_t i = 0; i < events; ++i) {
      const uint64_t time = i / kEventsPerTime;
      append_text(writer, time, "12345678");
      if ((i + 1) % kEventsPerTime == 0) advance(writer, time, time + 1);
    }
    must(writer.close());
  }
  const size_t segments = segment_paths(log.path()).size();
  const uint64_t times = events / kEventsPerTime;
  REQUIRE(segments > 10);
  for (const uint64_t wanted : {times / 7, times / 2, times - times / 5}) {
    files.forget();
    ReplayOptions options;
    options.from = Time(wanted);
    options.until = Time(wanted + 1);
    REQUIRE(times_of(log, options) == std::vector<uint64_t>(kEventsPerTime, wanted));
    size_t consulted = 0;
    size_t pages = 0;
    size_t most = 0;
    for (const auto& [path, touched] : files.read_pages) {
      if (!path.ends_with(".seg")) continue;
      ++consulted;
      pages += touched.size();
      most = std::max(most, touched.size());
    }
    size_t mapped = 0;
    for (const std::string& path : files.mapped) mapped += path.ends_with(".seg");
    WARN("time " << wanted << " of " << times << " in " << events << " events: of " << segments
                 << " segments, " << consulted << " were consulted by " << pages
                 << " pages, at most " << most << " each, and " << mapped << " mapped");
    REQUIRE(most <= 4);
    REQUIRE(mapped <= 3);  // one or two that hold it, and the last
  }
}

TEST_CASE("a seek reads a MiB or two of a large segment, whatever is looked for") {
  // Nobody says that a time is complete, so that only the bounds of sections tell where it is.
  constexpr uint64_t kMiB = uint64_t{1} << 20;
  constexpr uint64_t kRecords = 1200;
  const bool closed = GENERATE(true, false);
  const TemporaryDirectory directory;
  WatchedFiles files;
  const Log log = must(Log::open(directory / "log", {}, files));
  WriterOptions writing;
  writing.sync = SyncPolicy::none();
  writing.segment_bytes = 16 * kMiB;
  writing.clock = CaptureClock::Supplied;
  auto writer = must(log.writer(0, writing));
  for (uint64_t time = 0; time < kRecords; ++time) {
    writer.set_captured_at(1000 + time);
    append_text(writer, time, std::string(30'000, 'x'));
  }
  if (closed) must(writer.close());
  const auto segments = segment_paths(log.path());
  REQUIRE(segments.size() >= 6);  // of 1, 2, 4, 8, 16 and 16 MiB, and perhaps a spare
  std::string last;
  for (const std::string& path : segments) {
    if (header_of(path).magic != 0) last = path;
  }
  const auto read_bytes = [&] {
    uint64_t most = 0;
    for (const auto& [path, pages] : files.read_pages) {
      // Of the last one, as long as it is written, no seal tells anything.
      if (path.ends_with(".seg") && (closed || path != last)) {
        most = std::max(most, uint64_t{4096} * pages.size());
      }
    }
    return most;
  };
  for (const uint64_t wanted :
       {uint64_t{3}, uint64_t{150}, uint64_t{333}, uint64_t{700}, uint64_t{900}, kRecords - 2}) {
    INFO("time " << wanted << (closed ? ", closed" : ", open"));
    files.forget();
    ReplayOptions slice;
    slice.from = Time(wanted);
    slice.until = Time(wanted + 1);
    slice.reader.access = Access::Copy;
    REQUIRE(times_of(log, slice) == std::vector<uint64_t>{wanted});
    CHECK(read_bytes() <= 5 * kMiB);
    for (const StartPoint& point :
         {StartPoint::at_sequence(wanted), StartPoint::captured_at(1000 + wanted),
          StartPoint::last_events(kRecords - wanted),
          StartPoint::last_records(kRecords - wanted)}) {
      files.forget();
      ReaderOptions reading;
      reading.access = Access::Copy;
      auto reader = must(reader_at(log, 0, point, reading));
      REQUIRE(must(reader.poll()) == EventReader::Status::Event);
      CHECK(reader.event().messages()->time() == Time(wanted));
      CHECK(read_bytes() <= 5 * kMiB);
    }
  }
}

TEST_CASE("seeking by number and by clock looks at few headers") {
  const TemporaryDirectory directory;
  WatchedFiles files;
  const Log log = log_in_order(directory / "log", files, 4000);
  const auto segments = segment_paths(log.path());
  REQUIRE(segments.size() > 60);
  files.forget();
  for (const StartPoint& point :
       {StartPoint::at_sequence(3001), StartPoint::captured_at(1000 + 10 * 1500),
        StartPoint::complete(Time(1500))}) {
    files.forget();
    auto reader = must(reader_at(log, 0, point));
    REQUIRE(must(reader.poll()) == EventReader::Status::Event);
    size_t looked_at = 0;
    for (const auto& [path, pages] : files.read_pages) looked_at += path.ends_with(".seg");
    CHECK(looked_at <= 8);            // of more than 60
    CHECK(files.mapped.size() <= 4);  // control page, last segment, and one or two that hold it
  }
}

TEST_CASE("a segment whose seal is damaged is read, and the damage told") {
  const TemporaryDirectory directory;
  const Log log = log_in_order(directory / "log", system_files(), 400);
  const auto segments = segment_paths(log.path());
  REQUIRE(segments.size() > 5);
  const auto frames = frames_of(segments[2]);
  REQUIRE(frames.back().kind == FrameKind::Seal);
  flip_byte(segments[2], frames.back().offset + 40);
  ReplayOptions options;
  options.from = Time(300);
  const uint32_t streams[] = {0};
  auto replay = must(Replay::open(log, streams, options));
  auto status = replay.next(0ns);
  while (status && *status == Replay::Status::Event) status = replay.next(0ns);
  REQUIRE_FALSE(status);
  CHECK(status.error().code == ErrorCode::Corrupt);
  CHECK(status.error().segment == first_position_of(segments[2]));
}

TEST_CASE("a replay that follows passes over what is sealed and reads what comes") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  WriterOptions options;
  options.sync = SyncPolicy::none();
  options.segment_bytes = kMinSegmentBytes;
  auto writer = must(log.writer(0, options));
  uint64_t time = 0;
  const auto write_until = [&](uint64_t end) {
    for (; time < end; ++time) {
      append_text(writer, time, std::string(1000, 'x'));
      advance(writer, time, time + 1);
    }
  };
  write_until(300);
  ReplayOptions slice;
  slice.from = Time(250);
  slice.until = Time(700);
  slice.follow = true;
  const uint32_t streams[] = {0};
  auto replay = must(Replay::open(log, streams, slice));
  std::vector<uint64_t> times;
  const auto read = [&] {
    auto status = must(replay.next(0ns));
    while (status == Replay::Status::Event) {
      if (const auto* messages = replay.event().messages()) {
        times.push_back(messages->time().word(0));
      }
      status = must(replay.next(0ns));
    }
    return status;
  };
  REQUIRE(read() == Replay::Status::Pending);
  REQUIRE(times.size() == 50);
  write_until(800);
  REQUIRE(read() == Replay::Status::Finished);
  REQUIRE(times.size() == 450);
  REQUIRE(times.front() == 250);
  REQUIRE(times.back() == 699);
}

TEST_CASE("a replay that starts at an event waits for it where the stream is empty yet") {
  for (const uint64_t first : {uint64_t{0}, uint64_t{1}, uint64_t{3}}) {
    const TemporaryDirectory directory;
    const Log log = must(Log::open(directory / "log"));
    ReplayOptions options;
    options.start = StartPoint::at_sequence(first);
    options.follow = true;
    options.end = EndMode::Wait;
    const uint32_t streams[] = {0};
    auto replay = must(Replay::open(log, streams, options));
    REQUIRE(must(replay.next(0ns)) == Replay::Status::Pending);
    auto writer = must(log.writer(0));
    for (uint64_t i = 0; i < 5; ++i) append_text(writer, i, "record");
    std::vector<uint64_t> sequences;
    while (must(replay.next(0ns)) == Replay::Status::Event) {
      if (replay.event().stream) sequences.push_back(replay.event().event.sequence);
    }
    REQUIRE(sequences.size() == 5 - first);
    REQUIRE(sequences.front() == first);
  }
}

TEST_CASE("the surroundings of a time hold as many records as were asked for") {
  const TemporaryDirectory directory;
  const Log log = log_in_order(directory / "log", system_files(), 1000);
  const uint32_t streams[] = {0};
  const auto near = must(surroundings_of(log, streams, Time(500), 10));
  REQUIRE((near.from && near.until));
  CHECK(*near.from <= Time(490));
  CHECK(*near.from > Time(300));
  CHECK(*near.until >= Time(510));
  CHECK(*near.until < Time(700));
  // Where too few segments are sealed there is no bound.
  const auto first = must(surroundings_of(log, streams, Time(3), 10));
  CHECK_FALSE(first.from);
  CHECK(first.until);
}

TEST_CASE("points that cannot be are refused") {
  const TemporaryDirectory directory;
  const Log log = log_in_order(directory / "log", system_files(), 100);
  ReaderOptions options;
  options.segment = 0;
  const auto both = reader_at(log, 0, StartPoint::at_sequence(3), options);
  REQUIRE_FALSE(both);
  CHECK(both.error().code == ErrorCode::InvalidArgument);
  CHECK(reader_at(log, 0, StartPoint::last_events(0)).has_value());
  CHECK_FALSE(find_start(log, 7, StartPoint::at_sequence(0)).has_value());
}
