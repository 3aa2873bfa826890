// Drives a replay of hand-made streams, and holds what it hands out against the protocol.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "hand_made_stream.h"
#include "replay_driver.h"

namespace tidemark::test {

// A message as it was handed out.
struct Got {
  Time time;
  uint32_t stream = 0;
  uint64_t position = 0;
  uint64_t number = 0;

  friend auto operator<=>(const Got&, const Got&) = default;  // NOLINT(modernize-use-nullptr)
};

// A replay under supervision: each step is judged by a Protocol that started at {minimum: n}.
class Watched {
 public:
  Watched(std::vector<Script>& scripts, const ReplayOptions& options);

  // Polls with `budget` until there is nothing more for now, or messages became void. What was
  // handed out stands in got().
  Result<Replay::Status> run(size_t budget = 1024);
  // One poll. Fails the test where what it hands out breaks the protocol.
  Result<Replay::Status> poll(size_t budget = 1024);

  ReplayDriver& driver() { return driver_; }
  const std::vector<Got>& got() const { return got_; }
  const Protocol& protocol() const { return protocol_; }
  size_t reports() const { return reports_; }
  size_t most_held() const { return most_held_; }

 private:
  size_t passed() const;

  std::vector<Script>& scripts_;
  ReplayDriver driver_;
  Protocol protocol_;
  std::vector<Got> got_;
  size_t reports_ = 0;
  size_t most_held_ = 0;
};

// All messages of the scripts in the total order of (time, stream, position).
std::vector<Got> all_messages(const std::vector<Script>& scripts);
// Those of one stream in its own order.
std::vector<Got> messages_of(const Script& script);
std::vector<Got> of_stream(const std::vector<Got>& messages, uint32_t stream);
std::vector<Got> sorted(std::vector<Got> messages);
// What the capabilities of the scripts come to, each after all of its events.
MutableAntichain<Time> capabilities_of(const std::vector<Script>& scripts);

}  // namespace tidemark::test
