#include "tidemark/event_channel.h"

#include <memory>

#include "replay/event_helpers.h"
#include "support/catch.h"

using namespace tidemark;
using namespace tidemark::test;
using namespace std::chrono_literals;

namespace {

// Cannot be copied, so that a copy anywhere would not compile.
using Owned = std::unique_ptr<int>;
using OwnedChannel = EventChannel<uint64_t, Owned>;

Event<uint64_t, Owned> owned(int value) {
  return Messages<uint64_t, Owned>{0, std::make_unique<int>(value)};
}

}  // namespace

static_assert(EventPusher<EventChannel<uint64_t, Texts>::Sender, uint64_t, Texts>);
static_assert(EventIterator<EventChannel<uint64_t, Texts>::Receiver, uint64_t, Texts>);

TEST_CASE("channel: what was sent is received in order, then nothing, then the end") {
  auto [sender, receiver] = EventChannel<uint64_t, Texts>::make();
  CHECK(must(receiver.poll()) == Polled::Pending);
  for (TextEvent& event : short_stream()) must(sender.push(std::move(event)));
  const auto received = receive_all(receiver);
  CHECK(received.events == short_stream());
  CHECK(received.last == Polled::Pending);
  must(sender.push(progress_of({})));
  must(sender.finish());
  must(sender.finish());
  CHECK(must(receiver.poll()) == Polled::Event);
  CHECK(must(receiver.poll()) == Polled::Ended);
  CHECK(must(receiver.poll()) == Polled::Ended);
  const auto refused = sender.push(progress_of({}));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::Closed);
}

TEST_CASE("channel: an event is handed over and never copied") {
  auto [sender, receiver] = OwnedChannel::make();
  must(sender.push(owned(7)));
  REQUIRE(must(receiver.poll()) == Polled::Event);
  CHECK(*receiver.event().messages()->data == 7);
  const auto event = receiver.take();
  CHECK(*event.messages()->data == 7);
}

TEST_CASE("channel: the end comes by the sender's destruction too") {
  auto ends = OwnedChannel::make();
  { const OwnedChannel::Sender last = std::move(ends.sender); }
  CHECK(must(ends.receiver.poll()) == Polled::Ended);
}

TEST_CASE("channel: a full one refuses and leaves the event to the caller") {
  auto [sender, receiver] = OwnedChannel::make({.capacity_events = 2});
  must(sender.push(owned(1)));
  must(sender.push(owned(2)));
  auto third = owned(3);
  const auto refused = sender.push(std::move(third));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::NoSpace);
  // NOLINTNEXTLINE(bugprone-use-after-move): an error leaves it as it was
  REQUIRE(third.messages()->data != nullptr);
  must(receiver.poll());
  must(sender.push(std::move(third)));
  for (const int expected : {2, 3}) {
    must(receiver.poll());
    CHECK(*receiver.event().messages()->data == expected);
  }
}

TEST_CASE("channel: a full one is waited for, but not for ever") {
  auto [sender, receiver] = OwnedChannel::make({.capacity_events = 1, .push_limit = 20ms});
  must(sender.push(owned(1)));
  const auto before = std::chrono::steady_clock::now();
  const auto refused = sender.push(owned(2));
  CHECK(std::chrono::steady_clock::now() - before >= 20ms);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::NoSpace);
}

TEST_CASE("channel: once the receiver is gone, pushing says so and nothing is kept") {
  auto ends = EventChannel<uint64_t, std::shared_ptr<int>>::make();
  const auto kept = std::make_shared<int>(1);
  must(ends.sender.push(Messages<uint64_t, std::shared_ptr<int>>{0, kept}));
  CHECK(kept.use_count() == 2);
  { const auto last = std::move(ends.receiver); }
  CHECK(kept.use_count() == 1);
  const auto refused = ends.sender.push(Messages<uint64_t, std::shared_ptr<int>>{0, kept});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::Closed);
}

TEST_CASE("channel: waiting for an event ends at the limit") {
  auto [sender, receiver] = OwnedChannel::make();
  CHECK(must(receiver.next(5ms)) == Polled::Pending);
  must(sender.push(owned(1)));
  CHECK(must(receiver.next(std::chrono::nanoseconds::max())) == Polled::Event);
}
