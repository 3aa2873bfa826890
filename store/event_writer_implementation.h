// The inside of `EventWriter` (SPEC.md section 8): it joins the active segment, the preparer, the
// durability and the lock, each of which knows nothing of the others.
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "active_segment.h"
#include "control_page.h"
#include "durability.h"
#include "fork_guard.h"
#include "page_toucher.h"
#include "precise_clock.h"
#include "recovery.h"
#include "segment_preparer.h"
#include "stream_directory.h"
#include "tidemark/encode.h"
#include "tidemark/event_writer.h"

namespace tidemark {

// Which stream of which log.
struct StreamPlace {
  std::string directory;
  uint32_t stream = 0;
  uint32_t peers = 1;
  Uuid log_uuid{};
};

class EventWriter::Implementation {
 public:
  // Locks, recovers, and publishes the first segment of a new incarnation.
  static Result<std::unique_ptr<Implementation>> open(FileSeam& files, const StreamPlace& place,
                                                      const WriterOptions& options);
  ~Implementation();
  Implementation(const Implementation&) = delete;
  Implementation& operator=(const Implementation&) = delete;

  Result<uint64_t> append_messages(std::span<const uint64_t> time,
                                   std::span<const std::string_view> records);
  Result<uint64_t> append_messages(std::span<const uint64_t> time, uint32_t records,
                                   std::span<const std::byte> data);
  Result<uint64_t> append_each(std::span<const uint64_t> times, uint32_t record_bytes,
                               std::span<const std::byte> data);
  Result<uint64_t> append_each(std::span<const uint64_t> times,
                               std::span<const std::string_view> records);
  Result<uint64_t> append_progress(std::span<const Change> changes);
  Result<uint64_t> append_mark(std::span<const std::byte> token);
  // What the policy asks for after the appends above, which ended with `appended`.
  Result<uint64_t> as_policy_asks(Result<uint64_t> appended);

  // append_messages() for what nearly every append is: the time is of one word and has a
  // capability, and the frame ends before anything else is due, be it a roll, a preparation or a
  // waypoint. Returns the position after it, or 0, at which no event ends: then nothing
  // was done, and append_messages() knows what is to be done or said.
  uint64_t try_append_messages(std::span<const uint64_t> time,
                               std::span<const std::string_view> records);
  uint64_t try_append_messages(std::span<const uint64_t> time, uint32_t records,
                               std::span<const std::byte> data);

  Result<uint64_t> sync();
  Result<void> wait_durable(uint64_t position, std::chrono::nanoseconds limit);
  Result<void> close();
  bool forked() const { return fork_generation_ != fork_generation(); }
  uint64_t durable() const { return durability_.durable(); }
  bool low_on_space() const { return preparer_.low_on_space(); }
  uint64_t max_data_bytes(uint32_t records) const;

  std::atomic<uint64_t> committed{0};  // the appending thread stores it, any thread loads it
  uint64_t supplied_clock_ns = 0;
  const StreamPlace place;
  const WriterOptions options;
  Protocol protocol;
  Totals totals;
  RecoveryReport recovery;

 private:
  Implementation(FileSeam& files, const StreamPlace& place, const WriterOptions& options,
                 SegmentPlan plan, StreamLock lock, ControlPage control, RecoveredStream recovered);
  // An append: judged, room for the payload, its bytes in place, and the commit.
  //   if (!has_room(bytes, seal)) TIDEMARK_TRY(make_room(bytes, capabilities));
  //   if (is_waypoint_due()) place_waypoint(bytes);
  //   fill in active_->payload(); return after_commit(publish_event(kind, bytes));
  // Each step is a comparison that nearly always holds, here to be inlined, and a function out of
  // the way for when it does not: an append has no call but memcpy, the checksum and the clock.
  bool is_usable() const { return !closed_ && !forked() && !durability_.poisoned(); }
  // Whether the frame fits, and after it the seal and the commit word after that.
  bool fits(uint64_t payload_bytes, uint64_t seal) const {
    return active_->offset() + frame_bytes(payload_bytes) + seal + sizeof(uint64_t) <=
           active_->bytes();
  }
  // The same, and the helpers were asked for what comes next.
  bool has_room(uint64_t payload_bytes, uint64_t seal) const {
    return fits(payload_bytes, seal) && active_->offset() < helpers_due_;
  }
  Result<void> make_room(uint64_t payload_bytes, size_t capabilities);
  // The most that a seal takes here when so many times have a capability.
  uint64_t seal_bytes(size_t capabilities) const {
    return frame_bytes(max_seal_payload_bytes(options.time, capabilities, active_->waypoints()));
  }
  // The most that it takes in a segment that was just begun.
  uint64_t first_seal_bytes(size_t capabilities) const {
    return frame_bytes(max_seal_payload_bytes(options.time, capabilities, 0));
  }
  bool is_waypoint_due() const { return active_->offset() >= active_->waypoint_due(); }
  // Encodes the waypoint that is due before an event of so many bytes, for which there is room, and
  // after which so many times may have a capability. False: with it there would not be.
  bool encode_due_waypoint(uint64_t payload_bytes, size_t capabilities);
  void commit_waypoint();
  void place_waypoint(uint64_t payload_bytes) {
    const size_t capabilities = protocol.counts().size();
    if (encode_due_waypoint(payload_bytes, capabilities)) commit_waypoint();
  }
  uint64_t after_commit(uint64_t end);
  void release();
  // P3: whether it is the time that was judged last, and its capability is still there.
  bool is_judged(std::span<const uint64_t> time) const {
    if (!last_time_ || time.size() != last_time_->shape().words) return false;
    for (size_t i = 0; i < time.size(); ++i) {
      if (time[i] != last_time_->word(i)) return false;
    }
    return true;
  }
  Result<void> judge_time(std::span<const uint64_t> time);
  Result<uint64_t> commit_messages(uint64_t payload_bytes, uint32_t records, uint64_t data_bytes);
  // A commit, and what is due after each: no more than a look at who sleeps and at the policy.
  uint64_t publish_event(FrameKind kind, uint64_t payload_bytes);
  uint64_t publish_frame(FrameKind kind, uint64_t payload_bytes, uint8_t flags);
  uint64_t announce(uint64_t end) {
    committed.store(end, std::memory_order_release);
    control_.wake_sleepers();
    durability_.after_commit(end);
    return end;
  }
  template <typename Fill>
  uint64_t append_steadily(std::span<const uint64_t> time, const MessagesLayout& layout,
                           uint32_t records, uint64_t data_bytes, Fill fill);
  // append_each() on the short way (append_each.cc): how many records it appended from the first
  // on, 0 where append_messages() has to take that one.
  uint64_t append_run(std::span<const uint64_t> times, uint64_t records, uint32_t record_bytes,
                      const std::byte* data);
  uint64_t append_run(std::span<const uint64_t> times, std::span<const std::string_view> records);
  // Of so many records that follow, those whose times have a capability; they are noted.
  uint64_t follow_times(std::span<const uint64_t> times, uint64_t records);
  template <typename Run, typename One>
  Result<uint64_t> append_each_of(std::span<const uint64_t> times, uint64_t records, Run run,
                                  One one);
  // P3 for another time, of one word: false where no capability is at or before it.
  bool follow_time(uint64_t word);
  // After an append on the long way: how far the short one goes from here.
  void settle();
  // The errors, with their words.
  Result<void> usable() const;
  tl::unexpected<Error> wrong_encoding() const;
  tl::unexpected<Error> too_large(uint64_t records, uint64_t data_bytes) const;
  Result<void> roll(uint64_t frame_and_seal_bytes);
  Result<void> publish(const PreparedSegment& prepared, const Succession& succession);
  uint64_t next_segment_bytes(uint64_t least_bytes) const;
  uint64_t least_segment_bytes(uint64_t frame_and_seal_bytes, uint64_t mark_bytes) const;
  Result<void> ask_helpers();
  Result<void> append_seal(bool closed);
  uint64_t clock_ns() {
    uint64_t now = 0;
    switch (options.clock) {
      case CaptureClock::Precise:
        now = precise_clock_.now_ns();
        break;
      case CaptureClock::Coarse:
        now = files_.coarse_now_ns();
        break;
      case CaptureClock::Supplied:
        now = supplied_clock_ns;
        break;
    }
    // A clock that goes backward stands still here: order is by position alone.
    captured_at_ns_ = std::max(captured_at_ns_, now);
    return captured_at_ns_;
  }

  FileSeam& files_;
  StreamLock lock_;  // destroyed last: all else is done while it is held
  ControlPage control_;
  SegmentPreparer preparer_;
  PageToucher toucher_;  // has the mapping of the active segment
  Durability durability_;
  std::optional<ActiveSegment> active_;
  int active_descriptor_ = -1;  // the durability's; for giving space back at close
  uint64_t next_position_;      // of the next segment
  uint64_t helpers_due_ = 0;    // offset in the active segment at which they are asked again
  PreciseClock precise_clock_;
  uint64_t captured_at_ns_;
  std::vector<std::byte> mark_;    // the stream's last, for the next segment
  std::optional<Time> last_time_;  // judged, and no progress since
  // While offsets stay below steady_upto_, an append rolls nothing, asks no helper and passes no
  // waypoint, steady_time_ is judged and noted, and the policy asks for nothing after it. 0: ask at
  // each append.
  uint64_t steady_upto_ = 0;
  uint64_t steady_time_ = 0;
  uint64_t seal_bytes_ = 0;      // seal_bytes() of the present capabilities
  uint64_t waypoint_bytes_ = 0;  // of the payload that was encoded last
  bool time_noted_ = false;      // the active segment's bounds include last_time_
  bool closed_ = false;
  const uint32_t fork_generation_;
};

}  // namespace tidemark
