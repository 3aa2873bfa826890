// Messages that are held back beyond those that are remembered one by one: runs of a stream, of
// which only the ends, the bounds and the number are kept, and which are read again when some of
// them may go (SPEC.md section 10). So what a span of a log takes that stays incomplete to its end
// is a few hundred bytes for thousands of messages.
//
// A run is everything between two positions of one segment that was held back when it was read.
// Which messages that was can be told from their times: those of the slice, less those that went at
// once. What of them was let go since, from the frontier up to which messages went, or from the
// last one that was taken in the order of times.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "held_messages.h"
#include "slice.h"
#include "tidemark/antichain.h"
#include "tidemark/event.h"
#include "tidemark/result.h"
#include "tidemark/time.h"

namespace tidemark {

class HeldRuns {
 public:
  // The first event of a source at or after a position in its segment. A view of it lives until
  // the next call.
  using Reread = std::function<Result<EventView>(uint32_t source, uint64_t position)>;

  // `complete`: of a complete delivery; says how `gone` below is meant.
  HeldRuns(const Slice& slice, bool complete, Reread reread)
      : slice_(slice), complete_(complete), reread_(std::move(reread)) {}

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  size_t runs() const { return runs_.size(); }

  // A message that has to wait, read after all others of its source. Where messages come in the
  // order of times, those at or before `gone` go at once at this moment; in a complete delivery,
  // those before it.
  void add(const HeldMessage& message, const std::optional<Time>& gone);
  // A message at `time` that went at once: a run that would not know it ends here.
  void went(uint32_t source, const Time& time);
  // The next message of this source does not belong to the run before it.
  void interrupt(uint32_t source) { growing_.erase(source); }

  // Forgets every message at or after an element of `ended`, now and from now on. Tells a place at
  // or before the first one that is forgotten of each run.
  using Place = std::function<void(uint32_t source, uint64_t position)>;
  Result<void> forget_from(const Antichain<Time>& ended, const Place& forgotten);
  // Forgets the messages of one source at or after an element of `frontier` that were held up to
  // now: they are void.
  Result<void> forget_void(uint32_t source, const Antichain<Time>& frontier);
  // Of each source that has runs: where the first one begins.
  void for_each_first(const Place& place) const;

  // --- in the order of times ---

  // None of the messages is less; there must be one.
  const HeldMessage& least() const { return *order_.begin(); }
  // Takes the least messages, `most` at most and only those before `before`.
  Result<std::vector<HeldMessage>> take_least(size_t most,
                                              const std::optional<HeldMessage>& before);
  // Adds times that messages have or had, so that `frontier` has passed no message without passing
  // one of them: in a total order, only the least that is there.
  void add_passed_times(const Antichain<Time>& frontier, Antichain<Time>& times) const;

  // --- in the order of streams ---

  // Whether `frontier` may have passed some messages.
  bool may_have_passed(const Antichain<Time>& frontier) const;
  // What `frontier` has passed is to be let go: by source, then position.
  void release(const Antichain<Time>& frontier);
  // The source of the run that is next in this, and its next message; nothing: it is done. The
  // view lives until the next call.
  std::optional<uint32_t> next_source();
  Result<std::optional<EventView>> next_released(uint32_t source);

 private:
  struct Run {
    uint32_t source = 0;
    uint64_t first = 0;  // positions
    uint64_t last = 0;
    uint64_t total = 0;  // messages when it was made
    uint64_t left = 0;
    HeldMessage least;                 // at or before all that are left
    Time meet;                         // of all of them
    std::vector<Time> minimal;         // each message is at or after one of them
    std::optional<Time> gone;          // messages that went at once are not the run's
    std::optional<HeldMessage> taken;  // nor those up to this one, which were taken
    Antichain<Time> voided;            // nor those at or after an element, which are void
  };
  using Runs = std::map<std::pair<uint32_t, uint64_t>, Run>;  // by source and first position

  struct Scan {
    uint64_t position = 0;  // where to go on
    uint64_t found = 0;
  };
  bool went_at_once(const Run& run, const Time& time) const {
    return run.gone && (complete_ ? time < *run.gone : !(*run.gone < time));
  }
  Result<std::optional<EventView>> next_of(const Run& run, Scan& scan) const;
  bool is_left(const Run& run, const HeldMessage& message) const;
  Runs::iterator drop(Runs::iterator at);
  // Finds out what is left after something was forgotten; drops the run if that is nothing. The one
  // after it.
  Result<Runs::iterator> recount(Runs::iterator at);
  void set_left(Run& run, uint64_t left);
  void set_least(Run& run, const HeldMessage& least);

  Slice slice_;
  bool complete_;
  Reread reread_;
  Runs runs_;
  std::set<HeldMessage> order_;  // the least of each run
  std::map<uint32_t, Run*> growing_;
  size_t size_ = 0;
  Antichain<Time> ended_;
  std::optional<Antichain<Time>> released_;  // messages that this has passed were let go

  // The release that goes on.
  bool releasing_ = false;
  Antichain<Time> releasing_upto_;
  Runs::iterator run_;
  Scan scan_;
  uint64_t left_in_run_ = 0;
};

}  // namespace tidemark
