// Streams without a log: events written down in a test, or made up at random within the protocol.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "stream_events.h"
#include "tidemark/protocol.h"
#include "tidemark/time.h"

namespace tidemark::test {

// A time of two words.
Time pair(uint64_t a, uint64_t b);

inline constexpr uint64_t kFirstPosition = 4096;
inline constexpr uint64_t kEventBytes = 64;

// One event as a test writes it. Messages carry their number, which no two messages share.
struct Written {
  enum class Kind { Messages, Progress, Pause };

  Kind kind = Kind::Pause;
  Time time;                    // Messages
  uint64_t number = 0;          // Messages
  std::vector<Change> changes;  // Progress
  uint64_t position = 0;
};

// What a stream consists of. Shared with the StreamEvents that read it, so that a test can go on
// writing while a replay reads.
struct Script {
  uint32_t stream = 0;
  TimeShape shape;
  std::vector<Change> opening{{Time::minimum({}), 1}};
  std::vector<Written> events;
  bool has_segment = true;
  bool writer_alive = false;
  std::optional<Error> damage;           // what poll() answers after the last event
  std::optional<uint64_t> bad_position;  // at() answers Corrupt there
  // What writer_alive() does before it answers: a writer may write its last just then.
  std::function<void(Script&)> when_asked;

  std::optional<size_t> restart;  // poll() answers Voided before this event

  size_t polled = 0;   // how many events were read
  size_t passed = 0;   // the same with pauses
  size_t fetched = 0;  // how many times at() was called

  explicit Script(uint32_t number = 0, TimeShape its_shape = {});

  Script& messages(const Time& time, uint64_t number);
  Script& progress(std::vector<Change> changes);
  // One poll answers Pending here.
  Script& pause();
  Script& finish();

  // The capabilities after the first `count` events.
  Protocol protocol_after(size_t count) const;
  Protocol protocol() const { return protocol_after(events.size()); }
  uint64_t end_position() const { return kFirstPosition + kEventBytes * events.size(); }
};

// Reads a script as EventReader reads a stream. A view that outlives its time reads as rubbish.
std::unique_ptr<StreamEvents> read(Script& script);

struct RandomStreams {
  size_t words = 1;         // of a time: 1 or 2
  size_t events = 200;      // of each stream, before it is finished
  uint64_t spread = 6;      // how far messages lie beyond a capability, and capabilities advance
  size_t capabilities = 3;  // at most at once
  bool finished = true;
  bool pauses = false;
};

// `count` valid streams; the numbers of messages are unique among all of them.
std::vector<Script> random_streams(uint64_t seed, size_t count, const RandomStreams& options);

}  // namespace tidemark::test
