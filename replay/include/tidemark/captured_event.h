// `Event<T, C>`: what an operator sees, as a value; who takes events in, and who gives them out.
//
// The model is timely's module `operators::capture::event`. Beyond it: pushing returns a `Result`,
// and an iterator tells "nothing yet" from "nothing ever again".
//
// A sequence of events obeys the rules P1 to P5 of SPEC.md section 10, from a count of 1 at the
// minimum time.
#pragma once

#include <concepts>
#include <cstdint>
#include <utility>
#include <variant>
#include <vector>

#include "tidemark/result.h"

namespace tidemark {

// How the counts of capabilities change, judged as a whole.
template <typename T>
struct Progress {
  std::vector<std::pair<T, int64_t>> changes;
  friend bool operator==(const Progress&, const Progress&) = default;
};

// Records at one time.
template <typename T, typename C>
struct Messages {
  T time;
  C data;
  friend bool operator==(const Messages&, const Messages&) = default;
};

template <typename T, typename C>
struct Event {
  std::variant<Progress<T>, Messages<T, C>> content;

  Event() = default;
  Event(Progress<T> progress)
      : content(std::move(progress)) {}  // NOLINT(google-explicit-constructor)
  Event(Messages<T, C> messages)
      : content(std::move(messages)) {}  // NOLINT(google-explicit-constructor)

  const Progress<T>* progress() const { return std::get_if<Progress<T>>(&content); }
  const Messages<T, C>* messages() const { return std::get_if<Messages<T, C>>(&content); }

  friend bool operator==(const Event&, const Event&) = default;
};

// Takes events in, in order. After an error nothing more is pushed. `finish` says that no event
// will follow, whether or not capabilities are left: files are synced and closed, sockets shut
// down.
template <typename P, typename T, typename C>
concept EventPusher = std::movable<P> && requires(P& pusher, Event<T, C> event) {
  { pusher.push(std::move(event)) } -> std::same_as<Result<void>>;
  { pusher.finish() } -> std::same_as<Result<void>>;
};

enum class Polled : uint8_t {
  Event,    // there is one: event() and take()
  Pending,  // nothing yet
  Ended,    // nothing ever again: the stream is finished, or its other end is gone
};

// Gives events out, in order, without blocking. An event is borrowed, until the next poll(), by
// event(), or made one's own by take(), at most once and after the last use of event(). Errors
// stay.
template <typename I, typename T, typename C>
concept EventIterator = std::movable<I> && requires(I& iterator) {
  { iterator.poll() } -> std::same_as<Result<Polled>>;
  { iterator.event() } -> std::same_as<const Event<T, C>&>;
  { iterator.take() } -> std::same_as<Event<T, C>>;
};

}  // namespace tidemark
