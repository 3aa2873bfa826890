// Messages that were read and not yet handed out: where they stand, not what they carry, so that
// what waits for a slow stream costs a few words each (SPEC.md section 10).
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "tidemark/antichain.h"
#include "tidemark/result.h"
#include "tidemark/time.h"

namespace tidemark {

// Ordered by time, then source, then position.
struct HeldMessage {
  Time time;
  uint32_t source = 0;  // index among the replay's streams
  uint64_t position = 0;

  friend auto operator<=>(const HeldMessage&,
                          const HeldMessage&) = default;  // NOLINT(modernize-use-nullptr)
};

// A heap, with searches for what a partial order needs. Searches take time in proportion to
// size(), except where times are totally ordered: there the first message tells enough.
class HeldMessages {
 public:
  explicit HeldMessages(size_t limit) : limit_(limit) {}

  // Errors: TooLarge at the limit.
  Result<void> add(const HeldMessage& message);

  size_t size() const { return heap_.size(); }
  bool empty() const { return heap_.empty(); }
  // The least message; there must be one.
  const HeldMessage& first() const { return heap_.front(); }
  HeldMessage take_first();

  // Takes every message whose time `frontier` has passed, and puts it in `passed`, which is
  // ordered by source and position then.
  void take_passed(const Antichain<Time>& frontier, std::vector<HeldMessage>& passed);
  // Forgets every message, or those of one source, at or after an element of `frontier`.
  void forget_from(const Antichain<Time>& frontier, std::optional<uint32_t> source = std::nullopt);
  // The minimal times among those messages that `frontier` has passed.
  Antichain<Time> passed_times(const Antichain<Time>& frontier);

  template <typename Visit>
  void for_each(Visit visit) const {
    for (const HeldMessage& message : heap_) visit(message);
  }

  // Whether take_passed() and passed_times() answer without a search.
  bool quick(const Antichain<Time>& frontier) const;

 private:
  void tighten();

  std::vector<HeldMessage> heap_;  // the least one first
  std::optional<Time> lower_;      // at or before all of them in the partial order
  size_t limit_;
};

}  // namespace tidemark
