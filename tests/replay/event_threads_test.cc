// Links and channels whose ends are in threads of their own; ThreadSanitizer looks at these.

#include <atomic>
#include <thread>

#include "replay/event_helpers.h"
#include "support/catch.h"
#include "tidemark/byte_streams.h"
#include "tidemark/event_channel.h"
#include "tidemark/event_link.h"
#include "tidemark/wire_reader.h"
#include "tidemark/wire_writer.h"

using namespace tidemark;
using namespace tidemark::test;
using namespace std::chrono_literals;

namespace {

constexpr uint64_t kEvents = 20'000;

NumberEvent number(uint64_t value) {
  return Messages<uint64_t, Numbers>{value, {value, value + 1}};
}

// Whether a reader saw numbers from `first` on, each once, and then the end.
template <typename Iterator>
bool sees_all_from(Iterator& iterator, uint64_t first) {
  for (uint64_t expected = first;;) {
    const auto polled = iterator.poll();
    if (!polled) return false;
    if (*polled == Polled::Ended) return expected == kEvents;
    if (*polled == Polled::Pending) {
      std::this_thread::yield();
    } else if (!(expected % 3 == 0 ? iterator.take() == number(expected)
                                   : iterator.event() == number(expected))) {
      return false;
    } else {
      ++expected;
    }
  }
}

}  // namespace

TEST_CASE("link: readers in threads of their own see all that another thread pushes") {
  using Link = EventLink<uint64_t, Numbers, MultiThread>;
  auto ends = std::make_unique<Link::Ends>(Link::make());
  std::atomic<int> good{0};
  std::vector<std::thread> readers;
  readers.reserve(7);
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&good, reader = ends->reader]() mutable {
      if (sees_all_from(reader, 0)) ++good;
    });
  }
  std::thread pusher([pushing = std::move(ends->pusher)]() mutable {
    for (uint64_t i = 0; i < kEvents; ++i) (void)pushing.push(number(i));
  });
  // Copies of a reader that itself reads on meanwhile.
  Link::Reader reader = std::move(ends->reader);
  ends.reset();
  uint64_t read = 0;
  for (; read < 1'000;) {
    if (must(reader.poll()) != Polled::Event) continue;
    if (++read % 250 == 0) {
      readers.emplace_back([&good, copy = reader, read]() mutable {
        if (sees_all_from(copy, read)) ++good;
      });
    }
  }
  CHECK(sees_all_from(reader, read));
  pusher.join();
  for (std::thread& thread : readers) thread.join();
  CHECK(good == 7);
}

TEST_CASE("link: readers that come and go beside the pusher free what they leave") {
  using Link = EventLink<uint64_t, Numbers, MultiThread>;
  auto ends = std::make_unique<Link::Ends>(Link::make());
  std::atomic<bool> failed{false};
  std::vector<std::thread> readers;
  readers.reserve(7);
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&failed, reader = ends->reader, i]() mutable {
      // Each gives up somewhere else, and a copy with it.
      for (int read = 0; read < 1'000 * (i + 1);) {
        const Link::Reader left_behind = reader;
        const auto polled = reader.poll();
        if (!polled || *polled == Polled::Ended) {
          failed = true;
          return;
        }
        if (*polled == Polled::Event) ++read;
      }
    });
  }
  Link::Pusher pusher = std::move(ends->pusher);
  ends.reset();
  for (uint64_t i = 0; i < kEvents; ++i) must(pusher.push(number(i)));
  for (std::thread& thread : readers) thread.join();
  CHECK_FALSE(failed);
}

TEST_CASE("channel: sender and receiver in threads of their own, through a small channel") {
  using Channel = EventChannel<uint64_t, Numbers>;
  auto ends = Channel::make({.capacity_events = 3, .push_limit = 60s});
  std::atomic<bool> failed{false};
  std::thread thread([&failed, sender = std::move(ends.sender)]() mutable {
    for (uint64_t i = 0; i < kEvents; ++i) {
      if (!sender.push(number(i))) failed = true;
    }
  });
  uint64_t received = 0;
  while (must(ends.receiver.next(60s)) == Polled::Event) {
    if (!(ends.receiver.take() == number(received))) break;
    ++received;
  }
  thread.join();
  CHECK(received == kEvents);
  CHECK_FALSE(failed);
}

TEST_CASE("channel: a sender that waits is told that the receiver is gone") {
  using Channel = EventChannel<uint64_t, Numbers>;
  auto ends =
      std::make_unique<Channel::Ends>(Channel::make({.capacity_events = 1, .push_limit = 60s}));
  Channel::Sender sender = std::move(ends->sender);
  must(sender.push(number(0)));
  std::thread thread([receiver = std::move(ends->receiver)] { std::this_thread::sleep_for(10ms); });
  ends.reset();
  const auto refused = [&] {
    // The lambda, and the receiver in it, is destroyed with the thread.
    return sender.push(number(1));
  }();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::Closed);
  thread.join();
}

TEST_CASE("wire: writer and reader in threads of their own, through a small pipe") {
  auto ends = memory_pipe(1'000);
  using Writer = WireWriter<uint64_t, Numbers, MemorySink>;
  using Reader = WireReader<uint64_t, Numbers, MemorySource>;
  std::atomic<bool> failed{false};
  std::thread thread([&failed, sink = std::move(ends.sink)]() mutable {
    auto writer = Writer::open(std::move(sink), {.unsent_limit_bytes = 4'000, .wait_limit = 60s});
    for (uint64_t i = 0; writer && i < kEvents; ++i) {
      if (!writer->push(number(i))) failed = true;
    }
    if (!writer || !writer->finish()) failed = true;
  });
  Reader reader = must(Reader::open(std::move(ends.source)));
  uint64_t received = 0;
  while (must(reader.next(60s)) == Polled::Event) {
    if (!(reader.take() == number(received))) break;
    ++received;
  }
  thread.join();
  CHECK(received == kEvents);
  CHECK_FALSE(failed);
}
