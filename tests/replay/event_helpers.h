// What the tests of pushers and iterators share: a short valid stream, and all that a reader gives.

#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "support/stream_helpers.h"
#include "tidemark/captured_event.h"

namespace tidemark::test {

using Texts = std::vector<std::string>;
using TextEvent = Event<uint64_t, Texts>;
using Numbers = std::vector<uint64_t>;
using NumberEvent = Event<uint64_t, Numbers>;

template <typename T = uint64_t, typename C = Texts>
Event<T, C> progress_of(std::vector<std::pair<T, int64_t>> changes) {
  return Progress<T>{std::move(changes)};
}

// Progress, messages of several and of no records, a record without bytes, and the end.
inline std::vector<TextEvent> short_stream() {
  return {Messages<uint64_t, Texts>{3, {"tide", "", "mark!"}}, progress_of({{0, -1}, {5, 1}}),
          Messages<uint64_t, Texts>{7, {}}, Messages<uint64_t, Texts>{5, {"ebb"}},
          progress_of({{5, -1}})};
}

template <typename E>
struct Received {
  std::vector<E> events;
  Polled last = Polled::Pending;
  std::optional<Error> error;
};

// Polls until there is something else than an event. event() and take() must agree.
template <typename Iterator>
auto receive_all(Iterator& iterator) {
  Received<decltype(iterator.take())> received;
  for (;;) {
    const auto polled = iterator.poll();
    if (!polled) {
      received.error = polled.error();
      return received;
    }
    received.last = *polled;
    if (*polled != Polled::Event) return received;
    const auto seen = iterator.event();
    received.events.push_back(iterator.take());
    if (!(seen == received.events.back())) FAIL("event() and take() differ");
  }
}

// The same, but waits while nothing is there, for no longer than a test should take.
template <typename Iterator>
auto receive_until_end(Iterator& iterator) {
  auto all = receive_all(iterator);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!all.error && all.last == Polled::Pending && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::microseconds(100));
    auto more = receive_all(iterator);
    for (auto& event : more.events) all.events.push_back(std::move(event));
    all.last = more.last;
    all.error = std::move(more.error);
  }
  return all;
}

}  // namespace tidemark::test
