#include "replay_driver.h"

#include <set>

#include "hand_made_stream.h"
#include "replay_checks.h"
#include "support/catch.h"

using namespace tidemark;
using namespace tidemark::test;

namespace {

using Status = Replay::Status;
using Counts = std::vector<std::pair<Time, int64_t>>;
using Numbers = std::vector<uint64_t>;

Numbers numbers(const std::vector<Got>& messages) {
  Numbers result;
  for (const Got& got : messages) result.push_back(got.number);
  return result;
}

// What holds of every replay that ended well.
void require_finished(const Result<Status>& status) {
  if (!status) FAIL(status.error().text());
  REQUIRE(*status == Status::Finished);
}

const std::vector<ReplayOptions>& all_modes() {
  static const std::vector<ReplayOptions> modes{
      {.order = Order::Stream, .delivery = Delivery::Eager},
      {.order = Order::Stream, .delivery = Delivery::Complete},
      {.order = Order::Time, .delivery = Delivery::Eager},
      {.order = Order::Time, .delivery = Delivery::Complete},
  };
  return modes;
}

std::string name_of(const ReplayOptions& options) {
  return std::string(options.order == Order::Time ? "time" : "stream") + " order, " +
         (options.delivery == Delivery::Complete ? "complete" : "eager") + ", " +
         (options.end == EndMode::Hold ? "hold" : "release");
}

// Messages in the order of the stream, filtered.
std::vector<Got> within(const std::vector<Got>& messages, const Slice& slice) {
  std::vector<Got> result;
  std::copy_if(messages.begin(), messages.end(), std::back_inserter(result),
               [&](const Got& got) { return slice.contains(got.time); });
  return result;
}

void require_time_order(const std::vector<Got>& messages) {
  for (size_t i = 1; i < messages.size(); ++i) REQUIRE(messages[i - 1].time <= messages[i].time);
}

}  // namespace

TEST_CASE("a replay of n streams begins with n capabilities at the minimum") {
  std::vector<Script> scripts{Script(0), Script(1), Script(2)};
  Watched replay(scripts, {});
  CHECK(replay.driver().reported().counts() == Counts{{0, 3}});

  std::vector<Script> wide{Script(0, {.words = 2}), Script(1, {.words = 2})};
  Watched two(wide, {});
  CHECK(two.driver().reported().counts() == Counts{{pair(0, 0), 2}});
  CHECK(two.driver().reported().counts().front().first.shape().words == 2);
}

TEST_CASE("a replay of no streams is finished") {
  std::vector<Script> none;
  for (ReplayOptions options : all_modes()) {
    Watched replay(none, options);
    require_finished(replay.run());
  }
}

TEST_CASE("stream order keeps each stream's events and their progress as they are") {
  std::vector<Script> scripts{Script(4)};
  scripts[0].messages(9, 1).progress({{0, -1}, {3, 1}}).messages(3, 2).messages(8, 3);
  scripts[0].progress({{3, 1}}).progress({{3, -2}});
  Watched replay(scripts, {});
  require_finished(replay.run());
  CHECK(numbers(replay.got()) == Numbers{1, 2, 3});
  CHECK(replay.reports() == 3);
}

TEST_CASE("an event of a stream tells where it stands") {
  std::vector<Script> scripts{Script(7)};
  scripts[0].messages(9, 1).progress({{0, -1}});
  Watched replay(scripts, {});
  REQUIRE(*replay.poll() == Status::Event);
  CHECK(replay.driver().event().stream == 7U);
  CHECK(replay.driver().event().event.position == scripts[0].events[0].position);
  REQUIRE(*replay.poll() == Status::Event);
  CHECK(replay.driver().event().is_progress());
  CHECK(replay.driver().event().stream == 7U);
  CHECK(replay.driver().event().event.position == scripts[0].events[1].position);
  CHECK(replay.driver().event().event.progress()->change(0) == Change{0, -1});
  CHECK(*replay.poll() == Status::Finished);
}

TEST_CASE("streams have turns of a fair length") {
  std::vector<Script> scripts{Script(0), Script(1), Script(2)};
  for (Script& script : scripts) {
    for (uint64_t i = 0; i < 1000; ++i) script.messages(i, i);
    script.finish();
  }
  Watched replay(scripts, {});
  for (int i = 0; i < 1500; ++i) REQUIRE(*replay.poll() == Status::Event);
  for (const Script& script : scripts) {
    CHECK(script.polled >= 400);
    CHECK(script.polled <= 600);
  }
  require_finished(replay.run());
  CHECK(replay.got().size() == 3000);
}

TEST_CASE("random streams come back whole in every mode, within the protocol") {
  for (uint64_t seed = 100; seed < 140; ++seed) {
    const size_t words = 1 + seed % 2;
    const size_t count = 1 + seed % 5;
    for (const ReplayOptions& options : all_modes()) {
      auto scripts =
          random_streams(seed, count, {.words = words, .events = 150, .pauses = seed % 3 == 0});
      // Without following, a pause is an end.
      ReplayOptions following = options;
      following.follow = true;
      for (Script& script : scripts) script.writer_alive = true;
      INFO("seed " << seed << ", " << name_of(options));

      Watched replay(scripts, following);
      require_finished(replay.run(1 + seed % 7));
      const auto expected = all_messages(scripts);
      REQUIRE(sorted(replay.got()) == expected);
      CHECK(replay.protocol().finished());
      CHECK(replay.driver().held_events() == 0);
      if (options.order == Order::Time) require_time_order(replay.got());
      if (options.order == Order::Time && options.delivery == Delivery::Complete) {
        CHECK(replay.got() == expected);
      }
      if (options.order == Order::Stream && options.delivery == Delivery::Eager) {
        for (const Script& script : scripts) {
          CHECK(of_stream(replay.got(), script.stream) == messages_of(script));
        }
      }
    }
  }
}

TEST_CASE("complete delivery hands out what the frontier has passed, all of it and no more") {
  for (uint64_t seed = 200; seed < 230; ++seed) {
    for (const Order order : {Order::Stream, Order::Time}) {
      auto scripts =
          random_streams(seed, 1 + seed % 4, {.words = 1 + seed % 2, .events = 80, .pauses = true});
      for (Script& script : scripts) script.writer_alive = true;
      INFO("seed " << seed << (order == Order::Time ? ", time order" : ", stream order"));
      Watched replay(scripts, {.order = order, .delivery = Delivery::Complete, .follow = true});

      const auto read_events = [](const Script& script) {
        // Pauses count in `events`, so the prefix that was read is found by counting.
        size_t index = 0;
        for (size_t left = script.polled; left > 0; ++index) {
          if (script.events[index].kind != Written::Kind::Pause) --left;
        }
        return index;
      };
      const auto frontier = [&] {
        MutableAntichain<Time> sum;
        for (const Script& script : scripts) {
          const Protocol protocol = script.protocol_after(read_events(script));
          for (const auto& [time, c] : protocol.counts()) sum.update(time, c);
        }
        return sum;
      };
      size_t handed_out = 0;
      for (;;) {
        const auto status = replay.poll();
        REQUIRE(status);
        if (*status == Status::Finished) break;
        const auto now = frontier();
        for (; handed_out < replay.got().size(); ++handed_out) {
          REQUIRE_FALSE(now.less_equal(replay.got()[handed_out].time));
        }
        if (*status == Status::Event) continue;
        // Nothing left to do for now: what was read and is complete was handed out.
        const std::set<Got> got(replay.got().begin(), replay.got().end());
        for (const Script& script : scripts) {
          for (size_t i = 0; i < read_events(script); ++i) {
            const Written& written = script.events[i];
            if (written.kind != Written::Kind::Messages || now.less_equal(written.time)) continue;
            const bool blocked = order == Order::Time && !now.empty() &&
                                 now.frontier().elements().front() <= written.time;
            const Got message{written.time, script.stream, written.position, written.number};
            REQUIRE(got.contains(message) == !blocked);
          }
        }
      }
      REQUIRE(sorted(replay.got()) == all_messages(scripts));
    }
  }
}

TEST_CASE("complete delivery leaves out what the streams had not completed when they ended") {
  for (uint64_t seed = 300; seed < 330; ++seed) {
    for (const Order order : {Order::Stream, Order::Time}) {
      for (const EndMode end : {EndMode::Release, EndMode::Hold}) {
        auto scripts = random_streams(seed, 1 + seed % 4,
                                      {.words = 1 + seed % 2, .events = 80, .finished = false});
        const ReplayOptions options{.order = order, .delivery = Delivery::Complete, .end = end};
        INFO("seed " << seed << ", " << name_of(options));
        const auto open = capabilities_of(scripts);
        std::vector<Got> expected;
        for (const Got& got : all_messages(scripts)) {
          if (!open.less_equal(got.time)) expected.push_back(got);
        }
        Watched replay(scripts, options);
        require_finished(replay.run());
        REQUIRE(sorted(replay.got()) == expected);
        if (order == Order::Time) CHECK(replay.got() == expected);
        CHECK(replay.protocol().finished() == (end == EndMode::Release));
      }
    }
  }
}

TEST_CASE("streams that end with capabilities release or hold them") {
  for (uint64_t seed = 400; seed < 430; ++seed) {
    for (const Order order : {Order::Stream, Order::Time}) {
      auto scripts = random_streams(seed, 1 + seed % 4,
                                    {.words = 1 + seed % 2, .events = 80, .finished = false});
      for (const EndMode end : {EndMode::Release, EndMode::Hold}) {
        auto again = scripts;
        const ReplayOptions options{.order = order, .end = end};
        INFO("seed " << seed << ", " << name_of(options));
        Watched replay(again, options);
        require_finished(replay.run());
        // Eager: everything is handed out, in either mode.
        CHECK(sorted(replay.got()) == all_messages(scripts));
        if (order == Order::Time) require_time_order(replay.got());
        if (end == EndMode::Release) {
          CHECK(replay.protocol().finished());
        } else {
          CHECK(replay.protocol().counts() == capabilities_of(scripts).counts());
        }
      }
    }
  }
}

TEST_CASE("dropped capabilities are progress that the replay makes itself") {
  std::vector<Script> scripts{Script(3)};
  scripts[0].progress({{0, -1}, {5, 2}});
  Watched replay(scripts, {});
  REQUIRE(*replay.poll() == Status::Event);
  CHECK(replay.driver().event().stream == 3U);
  REQUIRE(*replay.poll() == Status::Event);
  CHECK_FALSE(replay.driver().event().stream);
  CHECK(replay.driver().event().event.progress() == nullptr);
  CHECK(replay.driver().event().changes == std::vector<Change>{{5, -2}});
  CHECK(*replay.poll() == Status::Finished);
}

TEST_CASE("time order merges streams by time, and takes turns as the frontier moves") {
  std::vector<Script> scripts{Script(0), Script(1)};
  scripts[0].messages(4, 1).progress({{0, -1}, {4, 1}}).messages(6, 2).progress({{4, -1}, {9, 1}});
  scripts[1].messages(5, 3).messages(1, 4).progress({{0, -1}, {5, 1}}).progress({{5, -1}, {8, 1}});
  scripts[0].finish();
  scripts[1].finish();
  Watched replay(scripts, {.order = Order::Time});
  require_finished(replay.run());
  CHECK(numbers(replay.got()) == Numbers{4, 1, 3, 2});
}

TEST_CASE("a stream that is ahead of the others is not read") {
  std::vector<Script> scripts{Script(0), Script(1)};
  scripts[0].progress({{0, -1}, {10, 1}});
  for (uint64_t i = 0; i < 1000; ++i) scripts[0].messages(10 + i, i);
  scripts[1].writer_alive = true;
  ReplayOptions options{.order = Order::Time, .follow = true};
  Watched replay(scripts, options);
  CHECK(*replay.run() == Status::Pending);
  CHECK(replay.most_held() == 0);
  CHECK(scripts[0].polled < 100);
  // The other one comes, and both go on.
  scripts[1].messages(3, 2000).progress({{0, -1}, {2000, 1}});
  CHECK(*replay.run() == Status::Pending);
  CHECK(replay.got().size() == 1001);
}

TEST_CASE("what is held stays small where times are nearly ordered, however long the streams are") {
  constexpr uint64_t kEvents = 20'000;
  std::vector<Script> scripts;
  for (uint32_t stream = 0; stream < 4; ++stream) {
    Script script(stream);
    uint64_t frontier = 0;
    for (uint64_t i = 0; i < kEvents; ++i) {
      // Streams differ in pace: at the same index they are far apart in time.
      const uint64_t now = i * (stream + 1);
      script.messages(now + (i * 7) % 5, stream * kEvents + i);
      if (i % 10 == 9) {
        script.progress({{frontier, -1}, {now, 1}});
        frontier = now;
      }
    }
    script.progress({{frontier, -1}});
    scripts.push_back(std::move(script));
  }
  for (const Delivery delivery : {Delivery::Eager, Delivery::Complete}) {
    for (const Order order : {Order::Stream, Order::Time}) {
      for (Script& script : scripts) script.polled = script.passed = 0;
      Watched replay(scripts, {.order = order, .delivery = delivery});
      require_finished(replay.run());
      CHECK(replay.got().size() == 4 * kEvents);
      CHECK(replay.most_held() <= 100);
    }
  }
}

TEST_CASE("more held messages than the limit are an error after all that could go") {
  std::vector<Script> scripts{Script(0)};
  scripts[0].messages(0, 1);
  for (uint64_t i = 0; i < 10; ++i) scripts[0].messages(5 + i, 2 + i);
  Watched replay(scripts, {.order = Order::Time, .held_events_limit = 9});
  const auto status = replay.run();
  REQUIRE_FALSE(status);
  CHECK(status.error().code == ErrorCode::TooLarge);
  CHECK(numbers(replay.got()) == Numbers{1});
  CHECK(replay.run().error().code == ErrorCode::TooLarge);
}

TEST_CASE("a poll looks at no more events than its budget") {
  for (const ReplayOptions& options : all_modes()) {
    std::vector<Script> scripts{Script(0)};
    for (uint64_t i = 0; i < 100; ++i) scripts[0].messages(50 + i % 50, i);
    scripts[0].finish();
    ReplayOptions sliced = options;
    sliced.from = Time(1000);  // Nothing of it is handed out.
    Watched replay(scripts, sliced);
    size_t polls = 0;
    while (*replay.poll(7) != Status::Finished) {
      ++polls;
      REQUIRE(scripts[0].polled <= 7 * polls);
    }
    CHECK(polls >= 101 / 7);
  }
}

TEST_CASE("a slice of a replay is the replay, filtered") {
  for (uint64_t seed = 500; seed < 560; ++seed) {
    const size_t words = 1 + seed % 2;
    const auto scripts =
        random_streams(seed, 1 + seed % 4,
                       {.words = words, .events = 100, .spread = 4, .finished = seed % 3 != 0});
    const uint64_t low = seed % 70;
    const uint64_t high = low + seed % 60;
    const auto bound = [&](uint64_t at) { return words == 2 ? pair(at, at * 2 / 3) : Time(at); };
    for (ReplayOptions options : all_modes()) {
      if (seed % 4 != 1) options.from = bound(low);
      if (seed % 4 != 2) options.until = bound(high);
      options.end = seed % 5 == 0 ? EndMode::Hold : EndMode::Release;
      INFO("seed " << seed << ", " << name_of(options));
      const Slice slice(options.from, options.until);
      auto sliced = scripts;
      Watched replay(sliced, options);
      require_finished(replay.run());

      auto expected = within(all_messages(scripts), slice);
      if (options.delivery == Delivery::Complete) {
        // A capability counts as its image: times of the slice that it allows are incomplete.
        const auto open = capabilities_of(scripts);
        std::erase_if(expected, [&](const Got& got) { return open.less_equal(got.time); });
      }
      REQUIRE(sorted(replay.got()) == expected);
      if (options.order == Order::Time) require_time_order(replay.got());
      if (options.order == Order::Stream && options.delivery == Delivery::Eager) {
        for (const Script& script : scripts) {
          CHECK(of_stream(replay.got(), script.stream) == within(messages_of(script), slice));
        }
      }
      if (options.end == EndMode::Release) CHECK(replay.protocol().finished());
      // No frontier is reported beyond the slice's end.
      for (const auto& [time, count] : replay.protocol().counts()) CHECK(slice.contains(time));
    }
  }
}

TEST_CASE("a slice is finished as soon as nothing of it can appear") {
  for (ReplayOptions options : all_modes()) {
    std::vector<Script> scripts{Script(0), Script(1)};
    for (Script& script : scripts) {
      script.messages(3, script.stream).progress({{0, -1}, {10, 1}});
      for (uint64_t i = 0; i < 1000; ++i) script.messages(10 + i, 10 + i);
      script.writer_alive = true;
    }
    options.until = Time(10);
    options.follow = true;
    Watched replay(scripts, options);
    require_finished(replay.run());
    CHECK(replay.got().size() == 2);
    CHECK(scripts[0].polled == 2);
    CHECK(scripts[1].polled == 2);
    CHECK(replay.protocol().finished());
  }
}

TEST_CASE("an empty slice is finished before it reads anything") {
  std::vector<Script> scripts{Script(0)};
  scripts[0].messages(3, 1);
  ReplayOptions options;
  options.from = Time(5);
  options.until = Time(5);
  Watched replay(scripts, options);
  require_finished(replay.run());
  CHECK(scripts[0].polled == 0);
}

TEST_CASE("a bound of another shape than the streams' times is refused") {
  std::vector<Script> scripts{Script(0, {.words = 2})};
  ReplayOptions options;
  options.from = Time(5);
  std::vector<std::unique_ptr<StreamEvents>> readers;
  readers.push_back(read(scripts[0]));
  ReplayDriver driver(std::move(readers), options);
  CHECK(driver.check().error().code == ErrorCode::InvalidArgument);
}

TEST_CASE("streams of differing shapes are refused, also when it shows later") {
  std::vector<Script> scripts{Script(0), Script(1, {.words = 2})};
  std::vector<std::unique_ptr<StreamEvents>> readers;
  readers.reserve(scripts.size());
  for (Script& script : scripts) readers.push_back(read(script));
  ReplayDriver driver(std::move(readers), {});
  CHECK(driver.check().error().code == ErrorCode::InvalidArgument);

  for (ReplayOptions options : all_modes()) {
    options.follow = true;
    std::vector<Script> late{Script(0), Script(1, {.words = 2})};
    late[0].writer_alive = late[1].writer_alive = true;
    late[1].has_segment = false;
    Watched replay(late, options);
    CHECK(*replay.run() == Status::Pending);
    late[1].has_segment = true;
    const auto status = replay.run();
    REQUIRE_FALSE(status);
    CHECK(status.error().code == ErrorCode::InvalidArgument);
    CHECK(status.error().stream == 1U);
  }
}

TEST_CASE("a stream that begins at a checkpoint opens with its capabilities") {
  for (const ReplayOptions& options : all_modes()) {
    INFO(name_of(options));
    std::vector<Script> scripts{Script(0), Script(1)};
    scripts[0].opening = {{40, 2}, {45, 1}};
    scripts[0].messages(47, 1).messages(41, 2).finish();
    scripts[1].messages(44, 3).finish();
    Watched replay(scripts, options);
    REQUIRE(*replay.poll() == Status::Event);
    require_finished(replay.run());
    CHECK(sorted(replay.got()).size() == 3);
    if (options.order == Order::Time) CHECK(numbers(replay.got()) == Numbers{2, 3, 1});
  }
}

TEST_CASE("the opening is told before the first event, as progress of the replay itself") {
  std::vector<Script> scripts{Script(0)};
  scripts[0].opening = {{40, 2}};
  scripts[0].messages(47, 1);
  Watched replay(scripts, {});
  REQUIRE(*replay.poll() == Status::Event);
  CHECK(replay.driver().event().changes == std::vector<Change>{{0, -1}, {40, 2}});
  CHECK_FALSE(replay.driver().event().stream);
  REQUIRE(*replay.poll() == Status::Event);
  CHECK(replay.driver().event().messages() != nullptr);
}

TEST_CASE("a stream that was finished before its checkpoint brings nothing") {
  for (const ReplayOptions& options : all_modes()) {
    std::vector<Script> scripts{Script(0), Script(1)};
    scripts[0].opening = {};
    scripts[1].messages(1, 1).finish();
    Watched replay(scripts, options);
    require_finished(replay.run());
    CHECK(replay.got().size() == 1);
  }
}

TEST_CASE("a stream without a segment stands at the minimum") {
  std::vector<Script> scripts{Script(0, {.words = 2}), Script(1, {.words = 2})};
  scripts[0].messages(pair(1, 1), 1).finish();
  scripts[1].has_segment = false;
  scripts[1].writer_alive = true;
  for (ReplayOptions options : all_modes()) {
    options.follow = true;
    INFO(name_of(options));
    auto again = scripts;
    Watched replay(again, options);
    CHECK(*replay.run() == Status::Pending);
    CHECK(replay.protocol().frontier().elements() == std::vector<Time>{pair(0, 0)});
    const bool held = options.order == Order::Time || options.delivery == Delivery::Complete;
    CHECK(replay.got().size() == (held ? 0 : 1));
    again[1].has_segment = true;
    again[1].messages(pair(0, 7), 2).finish();
    require_finished(replay.run());
    CHECK(replay.got().size() == 2);
  }
}

TEST_CASE("without following, a replay ends where the streams ended when it was opened") {
  for (const ReplayOptions& options : all_modes()) {
    std::vector<Script> scripts{Script(0)};
    scripts[0].messages(1, 1).messages(2, 2);
    const uint64_t end = scripts[0].end_position();
    scripts[0].messages(3, 3).progress({{0, -1}, {4, 1}});
    scripts[0].writer_alive = true;
    Watched replay(scripts, options);
    replay.driver().stop_at(0, end);
    require_finished(replay.run());
    const bool complete = options.delivery == Delivery::Complete;
    CHECK(numbers(replay.got()) == (complete ? Numbers{} : Numbers{1, 2}));
    CHECK(replay.protocol().finished());
  }
}

TEST_CASE("following ends where the writer is gone, and not before") {
  for (ReplayOptions options : all_modes()) {
    options.follow = true;
    std::vector<Script> scripts{Script(0)};
    scripts[0].messages(0, 1).progress({{0, -1}, {1, 1}});
    scripts[0].writer_alive = true;
    Watched replay(scripts, options);
    CHECK(*replay.run() == Status::Pending);
    CHECK(numbers(replay.got()) == Numbers{1});
    scripts[0].messages(1, 2).progress({{1, -1}, {2, 1}});
    CHECK(*replay.run() == Status::Pending);
    CHECK(numbers(replay.got()) == Numbers{1, 2});
    scripts[0].writer_alive = false;
    require_finished(replay.run());
    CHECK(replay.protocol().finished());
  }
}

TEST_CASE("what a writer wrote last is read, though it went away between two looks") {
  std::vector<Script> scripts{Script(0)};
  scripts[0].messages(0, 1);
  scripts[0].when_asked = [](Script& script) { script.messages(1, 2).finish(); };
  Watched replay(scripts, {.follow = true});
  require_finished(replay.run());
  CHECK(numbers(replay.got()) == Numbers{1, 2});
  CHECK(replay.reports() == 1);
}

TEST_CASE("a replay that waits for another writer does not end") {
  for (const bool follow : {false, true}) {
    std::vector<Script> scripts{Script(0)};
    scripts[0].messages(0, 1);
    Watched replay(scripts, {.end = EndMode::Wait, .follow = follow});
    CHECK(*replay.run() == Status::Pending);
    scripts[0].messages(1, 2).finish();
    require_finished(replay.run());
    CHECK(numbers(replay.got()) == Numbers{1, 2});
  }
}

TEST_CASE("time order goes on past a stream that ended and holds its times") {
  std::vector<Script> scripts{Script(0), Script(1)};
  scripts[0].progress({{0, -1}, {5, 1}});
  scripts[1].messages(7, 1).messages(6, 2).progress({{0, -1}, {9, 1}}).messages(9, 3).finish();
  Watched replay(scripts, {.order = Order::Time, .end = EndMode::Hold});
  require_finished(replay.run());
  CHECK(numbers(replay.got()) == Numbers{2, 1, 3});
  CHECK(replay.protocol().counts() == Counts{{5, 1}});
}

TEST_CASE("complete delivery ends once nothing more can become complete") {
  for (const Order order : {Order::Stream, Order::Time}) {
    std::vector<Script> scripts{Script(0), Script(1)};
    scripts[0].progress({{0, -1}, {5, 1}});
    scripts[1].messages(4, 1).messages(7, 2).progress({{0, -1}, {6, 1}});
    scripts[1].writer_alive = true;
    Watched replay(scripts, {.order = order, .delivery = Delivery::Complete, .follow = true});
    require_finished(replay.run());
    CHECK(numbers(replay.got()) == Numbers{1});
    CHECK(replay.protocol().finished());
    CHECK(replay.driver().held_events() == 0);
  }
}

TEST_CASE("complete delivery ends as soon as the last stream passes what another ended with") {
  for (const Order order : {Order::Stream, Order::Time}) {
    std::vector<Script> scripts{Script(0, {.words = 2}), Script(1, {.words = 2})};
    scripts[0].progress({{pair(0, 0), -1}, {pair(0, 10), 1}});
    scripts[1].progress({{pair(0, 0), -1}, {pair(3, 0), 1}}).messages(pair(3, 2), 1);
    scripts[1].writer_alive = true;
    Watched replay(scripts, {.order = order, .delivery = Delivery::Complete, .follow = true});
    CHECK(*replay.run() == Status::Pending);
    scripts[1].messages(pair(3, 12), 2).progress({{pair(3, 0), -1}, {pair(3, 11), 1}});
    require_finished(replay.run());
    CHECK(numbers(replay.got()) == Numbers{1});
  }
}

TEST_CASE("a stream is read as long as it alone can complete some times") {
  std::vector<Script> scripts{Script(0, {.words = 2}), Script(1, {.words = 2})};
  scripts[0].progress({{pair(0, 0), -1}, {pair(0, 10), 1}});
  scripts[1].progress({{pair(0, 0), -1}, {pair(3, 0), 1}}).messages(pair(3, 2), 1);
  scripts[1].messages(pair(3, 12), 2).progress({{pair(3, 0), -1}, {pair(4, 0), 1}});
  scripts[0].writer_alive = scripts[1].writer_alive = true;
  Watched replay(scripts, {.delivery = Delivery::Complete, .follow = true});
  CHECK(*replay.run() == Status::Pending);
  CHECK(numbers(replay.got()) == Numbers{1});
  // From here on, whatever the other brings is at times that the first holds.
  scripts[1].progress({{pair(4, 0), -1}, {pair(4, 11), 1}}).messages(pair(4, 11), 3);
  CHECK(*replay.run() == Status::Pending);
  CHECK(scripts[1].polled == 5);
  scripts[0].finish();
  CHECK(*replay.run() == Status::Pending);
  CHECK(numbers(replay.got()) == Numbers{1, 2});
}

TEST_CASE("damage is told after everything before it, and stays") {
  Error damage;
  damage.code = ErrorCode::Corrupt;
  damage.message = "flipped";
  damage.stream = 1;
  damage.offset = 4711;
  for (ReplayOptions options : all_modes()) {
    INFO(name_of(options));
    std::vector<Script> scripts{Script(0), Script(1)};
    scripts[0].messages(1, 1).progress({{0, -1}, {9, 1}}).messages(9, 2).finish();
    scripts[1].messages(2, 3).messages(7, 4).progress({{0, -1}, {6, 1}}).messages(6, 5);
    scripts[1].damage = damage;
    Watched replay(scripts, options);
    const auto status = replay.run();
    REQUIRE_FALSE(status);
    CHECK(status.error().code == ErrorCode::Corrupt);
    CHECK(status.error().offset == 4711U);
    CHECK(replay.poll().error().text() == status.error().text());

    const auto got = sorted(replay.got());
    if (options.order == Order::Stream && options.delivery == Delivery::Eager) {
      CHECK(of_stream(replay.got(), 1) == messages_of(scripts[1]));
    } else if (options.delivery == Delivery::Eager) {
      CHECK(numbers(replay.got()) == Numbers{1, 3, 5});  // 7 and later were not settled
    } else {
      CHECK(numbers(got) == Numbers{1, 3});
    }
  }
}

TEST_CASE("a held message that went bad meanwhile is an error and not a wrong record") {
  for (const Order order : {Order::Stream, Order::Time}) {
    std::vector<Script> scripts{Script(0)};
    scripts[0].messages(4, 1).messages(5, 2).progress({{0, -1}});
    scripts[0].bad_position = scripts[0].events[1].position;
    Watched replay(scripts, {.order = order, .delivery = Delivery::Complete});
    const auto status = replay.run();
    REQUIRE_FALSE(status);
    CHECK(status.error().code == ErrorCode::Corrupt);
    CHECK(numbers(replay.got()) == Numbers{1});
    CHECK_FALSE(replay.poll());
  }
}

TEST_CASE("messages that may go at once are not read a second time") {
  std::vector<Script> scripts{Script(0)};
  for (uint64_t i = 0; i < 100; ++i) {
    scripts[0].messages(i, i).progress({{i, -1}, {i + 1, 1}});
  }
  scripts[0].finish();
  Watched replay(scripts, {.order = Order::Time});
  require_finished(replay.run());
  CHECK(replay.got().size() == 100);
  CHECK(scripts[0].fetched == 0);
}

TEST_CASE("counts that overflow only when streams are added up are refused") {
  for (ReplayOptions options : all_modes()) {
    options.end = EndMode::Hold;
    std::vector<Script> scripts{Script(0), Script(1)};
    for (Script& script : scripts) script.opening = {{3, std::numeric_limits<int64_t>::max()}};
    Watched replay(scripts, options);
    const auto status = replay.run();
    REQUIRE_FALSE(status);
    CHECK(status.error().code == ErrorCode::ProtocolViolation);
    CHECK(status.error().rule == "P4");
  }
}

TEST_CASE("messages that become void are told where they were handed out, and dropped elsewhere") {
  for (const ReplayOptions& mode : all_modes()) {
    INFO(name_of(mode));
    std::vector<Script> scripts;
    scripts.emplace_back(0);
    scripts[0].messages(3, 1).progress({{0, -1}, {5, 1}}).messages(5, 2).messages(8, 3);
    scripts[0].restart = 4;
    scripts[0].messages(5, 4).messages(8, 5).finish();
    Watched watched(scripts, mode);
    auto status = watched.run();
    const bool complete = mode.delivery == Delivery::Complete;
    if (!complete) {
      REQUIRE(status);
      CHECK(*status == Status::Voided);
      CHECK(watched.driver().event().stream == 0U);
      CHECK(watched.driver().void_frontier() == Antichain<Time>(Time(5)));
      status = watched.run();
    }
    require_finished(status);
    // Eager delivery may have handed out what became void; time order only what could go.
    const Numbers got = numbers(watched.got());
    if (complete) {
      CHECK(got == Numbers{1, 4, 5});
    } else if (mode.order == Order::Time) {
      CHECK(got == Numbers{1, 2, 4, 5});
    } else {
      CHECK(got == Numbers{1, 2, 3, 4, 5});
    }
  }
}

TEST_CASE("a restart of one stream leaves what another brought") {
  std::vector<Script> scripts;
  scripts.emplace_back(0);
  scripts[0].messages(8, 1);
  scripts[0].restart = 1;
  scripts[0].messages(8, 2).finish();
  scripts.emplace_back(1);
  scripts[1].messages(8, 3).finish();
  Watched watched(scripts, {.delivery = Delivery::Complete});
  require_finished(watched.run());
  CHECK(numbers(sorted(watched.got())) == Numbers{2, 3});
}

TEST_CASE("a wait ends when its time is over") {
  std::vector<Script> scripts{Script(0)};
  scripts[0].writer_alive = true;
  Watched replay(scripts, {.follow = true});
  const auto start = std::chrono::steady_clock::now();
  const auto status = replay.driver().next(std::chrono::milliseconds(20));
  const auto took = std::chrono::steady_clock::now() - start;
  REQUIRE(status);
  CHECK(*status == Status::Pending);
  CHECK(took >= std::chrono::milliseconds(20));
  CHECK(took < std::chrono::seconds(10));
}
