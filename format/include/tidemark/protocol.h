// The capture protocol, judged event by event (SPEC.md section 10, rules P1 to P5).
//
// Both sides run it: the writer refuses what would break a rule, and the reader reports a stream
// that does. It also is the one place that knows a stream's capability counts and frontier.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tidemark/antichain.h"
#include "tidemark/protocol_rules.h"
#include "tidemark/result.h"
#include "tidemark/time.h"

namespace tidemark {

// One entry of a progress event: the count of capabilities at `time` changes by `diff`.
struct Change {
  Time time;
  int64_t diff = 0;

  friend bool operator==(const Change&, const Change&) = default;
};

// The most times that may have a capability at once in a stream of this shape, so that a
// checkpoint of them takes at most a quarter of the smallest segment.
constexpr size_t max_capabilities(TimeShape shape) { return 2048 / (size_t{shape.words} + 1); }

// The rules for the times of a stream in a log.
class Protocol {
 public:
  // A stream's beginning: one capability at the minimum time.
  explicit Protocol(TimeShape shape);

  // The state that a checkpoint describes. Errors: ProtocolViolation where a count is not
  // positive, a time repeats, or there are more than max_capabilities.
  static Result<Protocol> restore(TimeShape shape, std::span<const Change> counts);

  // ProtocolRules::progress and messages.
  Result<void> progress(std::span<const Change> changes) { return rules_.progress(changes); }
  Result<void> messages(const Time& time) const { return rules_.messages(time); }
  bool allows_messages(const Time& time) const { return rules_.allows_messages(time); }

  // P5: no count is positive, so that nothing can follow.
  bool finished() const { return rules_.finished(); }

  // The capabilities: positive counts only, in the total order of times.
  const std::vector<std::pair<Time, int64_t>>& counts() const { return rules_.counts(); }
  const Antichain<Time>& frontier() const { return rules_.frontier(); }
  TimeShape shape() const { return shape_; }

 private:
  Protocol(TimeShape shape, ProtocolRules<Time> rules) : shape_(shape), rules_(std::move(rules)) {}

  TimeShape shape_;
  ProtocolRules<Time> rules_;
};

// A stream's counts as a checkpoint or a seal holds them.
std::vector<Change> counts_of(const Protocol& protocol);

// Whether `counts`, which a checkpoint or a seal states, are the stream's.
bool same_counts(std::span<const Change> counts, const Protocol& protocol);

// What must be added to `from` to give `to`: the progress that leads from one state to another.
std::vector<Change> difference(const Protocol& from, const Protocol& to);

}  // namespace tidemark
