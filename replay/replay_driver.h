// The loop of a replay: whose turn it is, what may be handed out, and which progress is reported
// when (SPEC.md section 10).
//
// Three counts of capabilities are told apart:
//
//   live      what the streams that still go on hold: what may still appear
//   ended     what streams held whose end was reached with capabilities left
//   reported  what the replay has said of both, and what every promise is measured by
//
// Where nothing is held back (Order::Stream, Delivery::Eager) each event goes out as it comes, and
// reported is up to date. Otherwise progress is held back too: before any is reported, every
// message that may go is handed out, and what is reported then is live, with one capability more
// for each minimal time of the messages that are held and that live has passed. No reported
// frontier passes a message that is still to come: one that was read before has its capability in
// the report, one that is read later had its stream's. For the same reason each report follows
// from the one before: what it raises had a time at or before it in that one.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "held_messages.h"
#include "held_runs.h"
#include "stream_events.h"
#include "stream_source.h"
#include "tidemark/replay.h"

namespace tidemark {

class ReplayDriver {
 public:
  // In the order of their numbers. What is held back refers to it, so it stays where it is.
  ReplayDriver(std::vector<std::unique_ptr<StreamEvents>> streams, const ReplayOptions& options);
  ReplayDriver(const ReplayDriver&) = delete;
  ReplayDriver& operator=(const ReplayDriver&) = delete;

  // Before the first poll. Errors: InvalidArgument where the streams that have a segment differ in
  // their times' shape, or a bound has another.
  Result<void> check();
  // StreamSource::stop_at() of the stream of this index.
  void stop_at(size_t index, uint64_t position) { inputs_[index].source.stop_at(position); }
  // The same of start_at().
  void start_at(size_t index, const StartPoint& start) { inputs_[index].source.start_at(start); }

  Result<Replay::Status> poll(size_t budget);
  Result<Replay::Status> next(std::chrono::nanoseconds limit);

  const ReplayedEvent& event() const { return event_; }
  const Antichain<Time>& void_frontier() const { return void_frontier_; }
  const MutableAntichain<Time>& reported() const { return reported_; }
  TimeShape time_shape() const { return shape_.value_or(TimeShape{}); }
  std::vector<StreamPosition> resume_positions() const;
  size_t held_events() const { return held_.size() + runs_.size() + ready_.size() - ready_next_; }
  size_t held_runs() const { return runs_.runs(); }

 private:
  struct Input {
    StreamSource source;
    bool over = false;
    uint64_t pending_in = 0;  // the poll in which it last had nothing
    // The first message that was read and will not be handed out: its time is incomplete at the
    // end.
    uint64_t withheld_from = kNoPosition;
    uint64_t release_at = 0;  // the position at which the lease is moved next
  };

  std::vector<uint64_t> positions_to_resume() const;
  void move_lease(Input& input);

  uint32_t index_of(const Input& input) const {
    return static_cast<uint32_t>(&input - inputs_.data());
  }
  bool holds_back() const { return order_ == Order::Time || delivery_ == Delivery::Complete; }

  // These return whether event_ holds something to hand out.
  Result<bool> read(Input& input, size_t& budget);
  Result<bool> take_void(const Input& input);
  Result<bool> take_messages(Input& input);
  Result<bool> take_progress(Input& input, bool from_event);
  Result<bool> end(Input& input);
  Result<bool> hand_out_held(bool thoroughly);
  Result<bool> hand_out_ready();
  Result<bool> hand_out(const HeldMessage& message);
  bool hand_out(const StreamSource& source, const EventView& event);
  Result<void> hold(const HeldMessage& message);
  Result<void> bring_near();
  Result<bool> report();

  Input* choose();
  bool may_help(const Input& input) const;
  bool may_go(const Time& time) const;
  bool compare_held(bool thoroughly);
  Result<void> stop_reading(Input& input);
  Result<void> stop_reading_what_cannot_complete();
  Result<void> adopt_shape(const StreamSource& source);

  Order order_;
  Delivery delivery_;
  EndMode end_;
  Slice slice_;
  std::vector<Input> inputs_;
  size_t going_on_;  // inputs that are not over
  std::optional<TimeShape> shape_;

  size_t turn_ = 0;    // of which input it is
  size_t turn_left_;   // events of it before the next one has its turn
  uint64_t poll_ = 0;  // number of the present poll
  bool idle_ = false;  // the last poll left nothing to be read

  MutableAntichain<Time> live_;
  MutableAntichain<Time> ended_;
  MutableAntichain<Time> reported_;

  HeldMessages held_;
  size_t held_limit_;      // of both
  size_t held_in_memory_;  // of held_; what waits beyond that, in runs_
  HeldRuns runs_;
  std::vector<HeldMessage> ready_;  // taken from held_, to be handed out from ready_next_ on
  size_t ready_next_ = 0;
  std::optional<Antichain<Time>>
      compared_;                     // live_'s frontier when held_ was last compared with it
  size_t work_since_ = 0;            // steps since a comparison that was a search
  std::vector<Change> unreported_;   // what live_ changed since the last report
  Antichain<Time> passed_;           // held times that `compared_` had passed
  Antichain<Time> passed_reported_;  // those that `reported_` counts

  std::optional<Error> damage_;  // found while reading; told once what precedes it was handed out
  std::optional<Error> error_;   // told, and stays
  ReplayedEvent event_;
  bool voided_ = false;  // event_ tells of void messages
  Antichain<Time> void_frontier_;
};

}  // namespace tidemark
