// Marks, void records, and where a killed producer goes on (SPEC.md section 5.8).

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "support/catch.h"
#include "support/log_files.h"
#include "support/seed.h"
#include "support/soundness.h"
#include "support/stream_helpers.h"
#include "support/temporary_directory.h"
#include "tidemark/log.h"
#include "tidemark/salvage.h"
#include "tidemark/verify.h"

using namespace tidemark;
using namespace tidemark::test;

namespace {

WriterOptions resuming() {
  WriterOptions options = small_segments();
  options.resume = Resume::DiscardIncomplete;
  return options;
}

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::string text_of_mark(const std::vector<std::byte>& mark) {
  return {reinterpret_cast<const char*>(mark.data()), mark.size()};
}

// What a reader that is opened now hands out of messages.
std::vector<std::string> messages_of(const Log& log, const ReaderOptions& options = {}) {
  std::vector<std::string> found;
  EventReader reader = must(log.reader(0, options));
  for (;;) {
    const auto status = must(reader.poll());
    if (status == EventReader::Status::Voided) continue;
    if (status != EventReader::Status::Event) return found;
    if (reader.event().messages() != nullptr) found.push_back(text_of(reader.event()));
  }
}

std::vector<std::string> rules_broken(const Log& log) {
  std::vector<std::string> rules;
  const auto report = must(verify_log(log.path()));
  for (const auto& stream : report.streams) {
    for (const Error& error : stream.damage) rules.push_back(error.rule);
  }
  return rules;
}

// A log whose writer was killed as it stands in `from`.
Log killed(const TemporaryDirectory& directory, const std::string& from, const std::string& to) {
  copy_log(directory / from, directory / to);
  return must(Log::open(directory / to));
}

}  // namespace

TEST_CASE("the last mark comes back at the next opening, however many segments follow it") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  {
    EventWriter writer = must(log.writer(0, small_segments()));
    CHECK(writer.recovery().mark.empty());
    must(writer.append_mark(bytes_of("first")));
    must(writer.append_mark(bytes_of("second")));
    for (int i = 0; i < 400; ++i) append_text(writer, 7, std::string(1000, 'x'));
    REQUIRE(segment_paths(log.path()).size() > 4);
    // Killed: nothing is closed in the copy.
    const Log copy = killed(directory, "log", "copy");
    const EventWriter next = must(copy.writer(0, small_segments()));
    CHECK(text_of_mark(next.recovery().mark) == "second");
  }
  // Closed, and opened without anything being marked.
  { const EventWriter writer = must(log.writer(0, small_segments())); }
  const EventWriter writer = must(log.writer(0, small_segments()));
  CHECK(text_of_mark(writer.recovery().mark) == "second");
  CHECK(is_sound(log));
}

TEST_CASE("a mark is no event") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  EventWriter writer = must(log.writer(0, small_segments()));
  append_text(writer, 1, "a");
  must(writer.append_mark(bytes_of("token")));
  append_text(writer, 2, "b");
  CHECK(writer.totals().events == 2);
  EventReader reader = must(log.reader(0));
  const auto read = read_all(reader);
  CHECK(read.events == std::vector<std::string>{"1:a", "2:b"});
  CHECK(reader.sequence() == 2);
}

TEST_CASE("a mark that is empty, too long, or after the stream's end is refused") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  EventWriter writer = must(log.writer(0, small_segments()));
  CHECK(writer.append_mark({}).error().code == ErrorCode::InvalidArgument);
  CHECK(writer.append_mark(bytes_of(std::string(kMaxMarkBytes + 1, 'x'))).error().code ==
        ErrorCode::InvalidArgument);
  must(writer.append_mark(bytes_of(std::string(kMaxMarkBytes, 'x'))));
  finish(writer, 0);
  CHECK(writer.append_mark(bytes_of("late")).error().code == ErrorCode::Finished);
}

TEST_CASE("the largest record fits whatever was marked before it") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  EventWriter writer = must(log.writer(0, small_segments()));
  const uint64_t most = writer.max_data_bytes(1);
  must(writer.append_mark(bytes_of(std::string(kMaxMarkBytes, 'x'))));
  CHECK(writer.max_data_bytes(1) == most);
  append_text(writer, 1, std::string(most, 'a'));
  append_text(writer, 1, std::string(most, 'b'));
}

TEST_CASE("resuming voids exactly the records that were not complete") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  {
    EventWriter writer = must(log.writer(0, small_segments()));
    append_text(writer, 3, "complete");
    append_text(writer, 8, "early");
    advance(writer, 0, 5);
    append_text(writer, 5, "begun");
  }
  {
    EventWriter writer = must(log.writer(0, resuming()));
    REQUIRE(writer.recovery().frontier.size() == 1);
    CHECK(writer.recovery().frontier[0] == Time(5));
    append_text(writer, 5, "again");
    append_text(writer, 8, "early again");
  }
  CHECK(messages_of(log) == std::vector<std::string>{"3:complete", "5:again", "8:early again"});
  // Whoever wants to see them still can.
  ReaderOptions all;
  all.hide_void = false;
  CHECK(messages_of(log, all).size() == 5);
  CHECK(is_sound(log));
  const auto paths = segment_paths(log.path());
  CHECK_FALSE(header_of(paths.front()).voids());
  CHECK(header_of(paths.back()).voids());
  CHECK(header_of(paths.back()).format_minor == kFormatMinorOfVoids);
}

TEST_CASE("a reader that is past void records when they become void is told, and only then") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  {
    EventWriter writer = must(log.writer(0, small_segments()));
    append_text(writer, 3, "complete");
    advance(writer, 0, 5);
    append_text(writer, 6, "begun");
  }
  EventReader before = must(log.reader(0));
  CHECK(read_all(before).events.size() == 3);
  EventWriter writer = must(log.writer(0, resuming()));
  append_text(writer, 6, "again");
  const auto told = read_all(before);
  CHECK(told.events.empty());
  CHECK(told.status == EventReader::Status::Voided);
  CHECK(before.protocol().frontier() == Antichain<Time>(Time(5)));
  CHECK(read_all(before).events == std::vector<std::string>{"6:again"});

  const auto after = read_all(log);
  CHECK(after.events == std::vector<std::string>{"3:complete", "0-1 5+1", "6:again"});
  CHECK(after.status == EventReader::Status::Pending);
}

TEST_CASE("a stream without records has nothing to void") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  { const EventWriter writer = must(log.writer(0, resuming())); }
  { const EventWriter writer = must(log.writer(0, resuming())); }
  for (const std::string& path : segment_paths(log.path())) CHECK_FALSE(header_of(path).voids());
}

namespace {

// What a random producer wrote, and what is left of it.
struct Kept {
  uint64_t number = 0;
  Time time;
};

}  // namespace

TEST_CASE("after any number of kills, resumed or not, the records are those that the rule leaves") {
  const uint64_t seed = seed_or(20'261);
  const int rounds = rounds_or(60);
  for (int round = 0; round < rounds; ++round) {
    std::mt19937_64 random(seed + static_cast<uint64_t>(round));
    INFO("TIDEMARK_TEST_SEED=" << seed << " round " << round);
    const auto below = [&](uint64_t n) { return random() % n; };
    const TemporaryDirectory directory;
    const bool two = below(2) == 1;
    const TimeShape shape{static_cast<uint8_t>(two ? 2 : 1), 0, 0};
    std::vector<Kept> kept;
    uint64_t number = 0;
    const auto incarnations = 2 + below(4);
    for (uint64_t i = 0; i < incarnations; ++i) {
      const std::string name = "log" + std::to_string(i);
      if (i > 0) copy_log(directory / ("log" + std::to_string(i - 1)), directory / name);
      const Log log = must(Log::open(directory / name));
      WriterOptions options = small_segments();
      options.time = shape;
      options.time_name = two ? "(u64, u64)" : "u64";
      if (below(3) > 0) options.resume = Resume::DiscardIncomplete;
      EventWriter writer = must(log.writer(0, options));
      if (options.resume == Resume::DiscardIncomplete) {
        const Antichain<Time> frontier = writer.protocol().frontier();
        std::erase_if(kept, [&](const Kept& k) { return frontier.less_equal(k.time); });
      }
      const auto beyond = [&](const Time& time) {
        std::vector<uint64_t> words(time.words().begin(), time.words().end());
        for (uint64_t& word : words) word += below(4);
        return Time(shape, words);
      };
      const auto steps = below(120);
      for (uint64_t step = 0; step < steps; ++step) {
        const auto& counts = writer.protocol().counts();
        const Time held = counts[below(counts.size())].first;
        if (below(3) > 0) {
          const Time time = beyond(held);
          const std::string text = std::to_string(number) + std::string(below(2000), '.');
          const std::string_view records[] = {text};
          must(writer.append_messages(time.words(), records));
          kept.push_back({number++, time});
        } else if (counts.size() < 6 && below(3) == 0) {
          const Change changes[] = {{beyond(held), 1}};
          must(writer.append_progress(changes));
        } else {
          const Change changes[] = {{held, -1}, {beyond(held), 1}};
          must(writer.append_progress(changes));
        }
      }
      // The writer is still there: what the next round copies was left by a kill. A reader that is
      // opened anywhere sees what the rule leaves of what stands from there on.
      std::vector<std::string> expected;
      for (const Kept& k : kept) expected.push_back(k.time.text() + ":" + std::to_string(k.number));
      const auto stripped = [](std::vector<std::string> texts) {
        for (std::string& text : texts) text.erase(std::min(text.find('.'), text.size()));
        return texts;
      };
      CHECK(stripped(messages_of(log)) == expected);
      // The last may be one that is just being prepared.
      const auto paths = segment_paths(log.path());
      ReaderOptions from_somewhere;
      from_somewhere.segment =
          first_position_of(paths[below(std::max<size_t>(paths.size() - 1, 1))]);
      const auto tail = stripped(messages_of(log, from_somewhere));
      REQUIRE(tail.size() <= expected.size());
      CHECK(std::equal(tail.rbegin(), tail.rend(), expected.rbegin()));
      CHECK(is_sound(log));
    }
  }
}

TEST_CASE("salvage does not bring void records back") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  {
    EventWriter writer = must(log.writer(0, small_segments()));
    append_text(writer, 3, "complete");
    advance(writer, 0, 5);
    append_text(writer, 6, "begun");
  }
  {
    EventWriter writer = must(log.writer(0, resuming()));
    append_text(writer, 6, "again");
  }
  const auto report = must(salvage_log(log.path(), directory / "saved"));
  static_cast<void>(report);
  const Log saved = must(Log::open(directory / "saved"));
  CHECK(messages_of(saved) == std::vector<std::string>{"3:complete", "6:again"});
  CHECK(is_sound(saved));
}

TEST_CASE("a header that lies about void records is damage") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  {
    EventWriter writer = must(log.writer(0, small_segments()));
    for (int i = 0; i < 200; ++i) append_text(writer, 3, std::string(1000, 'x'));
  }
  {
    EventWriter writer = must(log.writer(0, resuming()));
    for (int i = 0; i < 200; ++i) append_text(writer, 3, std::string(1000, 'x'));
  }
  REQUIRE(is_sound(log));
  const auto paths = segment_paths(log.path());
  const std::string last = paths.back();
  REQUIRE(header_of(last).void_segment != 0);
  REQUIRE_FALSE(header_of(last).voids());

  forge_header(last, [](SegmentHeader& header) { header.void_segment = kPageBytes; });
  CHECK(rules_broken(log) == std::vector<std::string>{"V2"});
  forge_header(last, [](SegmentHeader& header) { header.void_segment = header.first_position; });
  CHECK(rules_broken(log) == std::vector<std::string>{"V1"});
}

TEST_CASE("the resume frontier is where the streams' writers would go on") {
  const TemporaryDirectory directory;
  LogOptions four;
  four.peers = 4;
  const Log log = must(Log::open(directory / "log", four));
  {
    EventWriter a = must(log.writer(0, small_segments()));
    EventWriter b = must(log.writer(1, small_segments()));
    EventWriter d = must(log.writer(3, small_segments()));
    advance(a, 0, 9);
    must(a.append_mark(bytes_of("nine")));
    advance(b, 0, 4);
    finish(d, 0);
    for (const bool killed_now : {false, true}) {
      const Log seen = killed_now ? killed(directory, "log", "copy") : log;
      const ResumeFrontier resume = must(seen.resume_frontier());
      REQUIRE(resume.streams.size() == 4);
      CHECK(resume.streams[0].frontier == Antichain<Time>(Time(9)));
      CHECK(text_of_mark(resume.streams[0].mark) == "nine");
      CHECK(resume.streams[1].frontier == Antichain<Time>(Time(4)));
      CHECK(resume.streams[2].frontier == Antichain<Time>(Time(0)));
      CHECK(resume.streams[3].frontier.empty());
      CHECK(resume.meet == Antichain<Time>(Time(0)));
    }
  }
  // Looking changes nothing.
  const auto before = contents_of(directory / "copy");
  const Log copy = must(Log::open(directory / "copy"));
  const ResumeFrontier resume = must(copy.resume_frontier());
  CHECK(contents_of(directory / "copy") == before);
  for (const StreamResume& stream : resume.streams) {
    if (stream.frontier.empty()) continue;
    const EventWriter writer = must(copy.writer(stream.stream, resuming()));
    CHECK(writer.protocol().frontier() == stream.frontier);
    CHECK(writer.recovery().mark == stream.mark);
  }
}
