#include "tidemark/capture_into.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "support/catch.h"
#include "support/stream_helpers.h"
#include "tidemark/capture.h"
#include "tidemark/event_link.h"
#include "tidemark/extract.h"

namespace tidemark {
namespace {

using dataflow::Config;
using dataflow::new_input;
using dataflow::to_stream;
using dataflow::Worker;
using test::must;

using Numbers = std::vector<uint64_t>;
using Link = EventLink<uint64_t, Numbers>;
using NumberEvent = Event<uint64_t, Numbers>;

// "5: 1 2" for messages, "0-1 5+1" for progress.
std::string text_of(const NumberEvent& event) {
  std::string text;
  if (const auto* messages = event.messages()) {
    text = std::to_string(messages->time) + ":";
    for (const uint64_t n : messages->data) text += " " + std::to_string(n);
    return text;
  }
  for (const auto& [time, diff] : event.progress()->changes) {
    if (!text.empty()) text += ' ';
    text += std::to_string(time) + (diff < 0 ? "" : "+") + std::to_string(diff);
  }
  return text;
}

template <typename Iterator>
std::vector<std::string> texts_of(Iterator& iterator) {
  std::vector<std::string> texts;
  while (must(iterator.poll()) == Polled::Event) texts.push_back(text_of(iterator.event()));
  return texts;
}

TEST_CASE("A capture tells frontier moves before the messages that come with them, and its end") {
  auto [pusher, reader] = Link::make();
  CaptureHandle capture;
  const auto execution = execute(Config::thread(), [&, &pusher = pusher](Worker& worker) {
    auto input = worker.dataflow<uint64_t>([&](auto& scope) {
      auto [handle, numbers] = new_input<Numbers>(scope);
      capture = numbers.capture_into(std::move(pusher));
      return std::move(handle);
    });
    input.send(1);
    input.flush();
    worker.step();
    input.advance_to(5);
    input.send(2);
    input.flush();
    worker.step();
    input.send(3);
    input.flush();
    worker.step();
    input.advance_to(7);
    input.send(4);
  });
  REQUIRE(execution.ok());
  REQUIRE(capture.finished());
  REQUIRE(capture.events() == 6);
  REQUIRE(texts_of(reader) ==
          std::vector<std::string>{"0: 1", "5: 2", "0-1 5+1", "5: 3", "7: 4", "5-1"});
  REQUIRE(must(reader.poll()) == Polled::Ended);
}

// A pusher that fails once it has taken some events.
struct FailingPusher {
  int left;
  Result<void> push(const NumberEvent&) {
    if (left-- > 0) return {};
    return fail(ErrorCode::NoSpace, "the disk is full");
  }
  Result<void> finish() { return {}; }
};

TEST_CASE("A push that fails ends the dataflow, and its error is in the handle") {
  CaptureHandle capture;
  const auto execution = execute(Config::process(2), [&](Worker& worker) {
    worker.dataflow<uint64_t>([&](auto& scope) {
      const auto handle = to_stream(scope, Numbers(100'000)).capture_into(FailingPusher{3});
      if (scope.index() == 0) capture = handle;
    });
  });
  REQUIRE_FALSE(execution.ok());
  REQUIRE(execution.failures.front().find("the disk is full") != std::string::npos);
  REQUIRE_FALSE(capture.finished());
}

TEST_CASE("A dataflow can go on without a capture that failed") {
  CaptureHandle capture;
  size_t seen = 0;
  const auto execution = execute(Config::thread(), [&](Worker& worker) {
    worker.dataflow<uint64_t>([&](auto& scope) {
      capture = to_stream(scope, Numbers(100'000))
                    .inspect_batch([&](uint64_t, const Numbers& batch) { seen += batch.size(); })
                    .capture_into(FailingPusher{3}, OnFailure::GoOn);
    });
  });
  REQUIRE(execution.ok());
  REQUIRE(seen == 100'000);
  REQUIRE(capture.error()->code == ErrorCode::NoSpace);
  REQUIRE(capture.events() == 3);
}

TEST_CASE("What was captured is extracted with sorted times, merged and sorted records") {
  std::optional<EventChannel<uint64_t, Numbers>::Receiver> captured;
  const auto execution = execute(Config::thread(), [&](Worker& worker) {
    auto [early, late] = worker.dataflow<uint64_t>([&](auto& scope) {
      auto [first, numbers] = new_input<Numbers>(scope);
      auto [second, others] = new_input<Numbers>(scope);
      captured.emplace(numbers.concat(others).capture());
      return std::pair(std::move(first), std::move(second));
    });
    late.advance_to(3);
    for (const uint64_t n : Numbers{9, 8}) late.send(n);
    late.flush();
    worker.step();
    for (const uint64_t n : Numbers{5, 4}) early.send(n);
    early.advance_to(3);
    early.send(1);
    early.advance_to(4);
  });
  REQUIRE(execution.ok());
  using Extracted = std::vector<std::pair<uint64_t, Numbers>>;
  REQUIRE(must(extract(*captured)) == Extracted{{0, {4, 5}}, {3, {1, 8, 9}}});
}

TEST_CASE("Extracting gives up on a stream that does not end") {
  auto [pusher, reader] = Link::make();
  const auto extracted = extract(reader, std::chrono::milliseconds(1));
  REQUIRE(extracted.error().code == ErrorCode::Interrupted);
}

TEST_CASE("Dropping the receiver of a capture does not end the dataflow") {
  const auto execution = execute(Config::thread(), [&](Worker& worker) {
    worker.dataflow<uint64_t>(
        [&](auto& scope) { static_cast<void>(to_stream(scope, Numbers(10'000)).capture()); });
  });
  REQUIRE(execution.ok());
}

}  // namespace
}  // namespace tidemark
