#include "tidemark/event_link.h"

#include <memory>

#include "replay/event_helpers.h"
#include "support/catch.h"

using namespace tidemark;
using namespace tidemark::test;

namespace {

// A container that knows how many there are, and whether it was copied.
struct Counted {
  explicit Counted(int* alive_now) : alive(alive_now) { ++*alive; }
  Counted(const Counted& other) : alive(other.alive), copies(other.copies + 1) { ++*alive; }
  Counted(Counted&& other) noexcept : alive(other.alive), copies(other.copies) { ++*alive; }
  Counted& operator=(const Counted&) = default;
  ~Counted() { --*alive; }

  int* alive;
  int copies = 0;
};

Messages<uint64_t, Counted> counted(int& alive, uint64_t time = 0) {
  return {time, Counted(&alive)};
}

}  // namespace

static_assert(EventPusher<EventLink<uint64_t, Texts>::Pusher, uint64_t, Texts>);
static_assert(EventIterator<EventLink<uint64_t, Texts>::Reader, uint64_t, Texts>);
static_assert(std::copyable<EventLink<uint64_t, Texts, MultiThread>::Reader>);
static_assert(!std::copyable<EventLink<uint64_t, Texts>::Pusher>);

TEMPLATE_TEST_CASE("link: what was pushed is read in order, then nothing, then the end", "",
                   SingleThread, MultiThread) {
  auto [pusher, reader] = EventLink<uint64_t, Texts, TestType>::make();
  CHECK(must(reader.poll()) == Polled::Pending);
  for (const TextEvent& event : short_stream()) must(pusher.push(event));
  const auto received = receive_all(reader);
  CHECK(received.events == short_stream());
  CHECK(received.last == Polled::Pending);
  must(pusher.push(short_stream()[0]));
  must(pusher.finish());
  CHECK(must(reader.poll()) == Polled::Event);
  CHECK(must(reader.poll()) == Polled::Ended);
  CHECK(must(reader.poll()) == Polled::Ended);
}

TEMPLATE_TEST_CASE("link: the end comes by the pusher's destruction too, and once by finish", "",
                   SingleThread, MultiThread) {
  using Link = EventLink<uint64_t, Texts, TestType>;
  auto ends = Link::make();
  {
    typename Link::Pusher pusher = std::move(ends.pusher);
    must(pusher.push(short_stream()[0]));
  }
  CHECK(must(ends.reader.poll()) == Polled::Event);
  CHECK(must(ends.reader.poll()) == Polled::Ended);
  // The one that was moved from is no end of anything any more.
  must(ends.pusher.finish());
  const auto refused = ends.pusher.push(short_stream()[0]);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::Closed);
}

TEMPLATE_TEST_CASE("link: a copy of a reader reads on from the same place on its own", "",
                   SingleThread, MultiThread) {
  auto [pusher, reader] = EventLink<uint64_t, Texts, TestType>::make();
  const auto events = short_stream();
  for (const TextEvent& event : events) must(pusher.push(event));
  must(reader.poll());
  must(reader.poll());
  auto copy = reader;
  CHECK(copy.event() == events[1]);
  CHECK(reader.take() == events[1]);
  CHECK(copy.take() == events[1]);
  const auto rest = receive_all(reader);
  CHECK(rest.events == std::vector(events.begin() + 2, events.end()));
  CHECK(receive_all(copy).events == rest.events);
  copy = reader;
  must(pusher.push(events[0]));
  CHECK(receive_all(copy).events == std::vector{events[0]});
  CHECK(receive_all(reader).events == std::vector{events[0]});
}

TEMPLATE_TEST_CASE("link: what every reader has passed is freed at once", "", SingleThread,
                   MultiThread) {
  int alive = 0;
  using Link = EventLink<uint64_t, Counted, TestType>;
  auto [pusher, first] = Link::make();
  auto second = std::make_unique<typename Link::Reader>(first);
  for (int i = 0; i < 5; ++i) must(pusher.push(counted(alive)));
  CHECK(alive == 5);
  for (int i = 0; i < 4; ++i) must(first.poll());
  CHECK(alive == 5);
  must(second->poll());
  must(second->poll());
  CHECK(alive == 4);
  second.reset();
  CHECK(alive == 2);
  must(first.poll());
  CHECK(alive == 1);
  // The last one too, though nothing follows it yet.
  CHECK(must(first.poll()) == Polled::Pending);
  CHECK(alive == 0);
}

TEMPLATE_TEST_CASE("link: without readers nothing is kept", "", SingleThread, MultiThread) {
  int alive = 0;
  using Link = EventLink<uint64_t, Counted, TestType>;
  auto ends = Link::make();
  must(ends.pusher.push(counted(alive)));
  { const typename Link::Reader last = std::move(ends.reader); }
  CHECK(alive == 0);
  for (int i = 0; i < 3; ++i) {
    must(ends.pusher.push(counted(alive)));
    CHECK(alive == 0);
  }
}

TEMPLATE_TEST_CASE("link: an event is copied for all readers but the last", "", SingleThread,
                   MultiThread) {
  int alive = 0;
  auto [pusher, first] = EventLink<uint64_t, Counted, TestType>::make();
  auto second = first;
  must(pusher.push(counted(alive)));
  must(first.poll());
  must(second.poll());
  CHECK(first.take().messages()->data.copies == 1);
  CHECK(must(first.poll()) == Polled::Pending);
  CHECK(second.take().messages()->data.copies == 0);
}

TEMPLATE_TEST_CASE("link: a million links are destroyed without a deep stack", "", SingleThread,
                   MultiThread) {
  constexpr int kLinks = 1'000'000;
  int alive = 0;
  using Link = EventLink<uint64_t, Counted, TestType>;
  auto ends = std::make_unique<typename Link::Ends>(Link::make());
  for (int i = 0; i < kLinks; ++i) must(ends->pusher.push(counted(alive)));
  CHECK(alive == kLinks);
  SECTION("finished") { must(ends->pusher.finish()); }
  SECTION("not finished") {}
  SECTION("by a copy of the reader, last of all") {
    typename Link::Reader copy = ends->reader;
    ends.reset();
    CHECK(alive == kLinks);
  }
  ends.reset();
  CHECK(alive == 0);
}
