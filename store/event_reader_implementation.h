// The inside of `EventReader` (SPEC.md section 11).
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "control_page.h"
#include "lease.h"
#include "segment.h"
#include "segment_search.h"
#include "stream_walk.h"
#include "tidemark/event_reader.h"
#include "tidemark/position_reader.h"
#include "void_records.h"

namespace tidemark {

class EventReader::Implementation {
 public:
  static Result<std::unique_ptr<Implementation>> open(FileSeam& files, std::string directory,
                                                      uint32_t stream, const Uuid& log_uuid,
                                                      const ReaderOptions& options);

  Result<Status> poll();
  // EventReader's, in pass_over.cc.
  Result<Passed> pass_over(const SegmentFilter& filter, uint64_t upto);
  // Whether a poll could find something that the last one did not: a look at memory only.
  bool has_news() const;
  // Says that someone is about to sleep. Nothing where there is no word for it: look again soon.
  std::optional<FutexWait> arm();

  uint64_t position() const;
  bool writer_alive() const;
  void release_before(uint64_t position);

  FileSeam& files;
  const std::string directory;
  const uint32_t stream;
  const Uuid log_uuid;
  const ReaderOptions options;

  StreamWalk walk;
  EventView event;
  std::shared_ptr<Segment> segment;
  std::optional<StreamTraits> traits;
  std::optional<Protocol> initial;  // of an empty stream: what protocol() answers before a segment
  bool at_seal = false;
  std::vector<Change> rest;  // counts after what pass_over() passed over last of all

 private:
  Implementation(FileSeam& seam, std::string path, uint32_t number, const Uuid& uuid,
                 const ReaderOptions& chosen)
      : files(seam),
        directory(std::move(path)),
        stream(number),
        log_uuid(uuid),
        options(chosen),
        initial(Protocol(TimeShape{})) {}

  // The next event where it stands ready in this segment, which is what nearly every poll finds:
  // without an error, an end or a segment's boundary in sight. False: look() has the answer, and
  // nothing was changed but `event`.
  bool take_ready_event();
  Result<Status> poll_thoroughly();
  Result<Passed> pass_over_segments(const SegmentFilter& filter, uint64_t upto);
  Result<Passed> pass_over_from(const Segment& successor, const SegmentFilter& filter,
                                uint64_t upto, bool early);
  // The same within this segment, by its seal. Nothing where no more of it is wanted, unless it is
  // the last.
  Result<std::optional<Passed>> pass_over_sections(const SegmentFilter& filter, const Seal& seal,
                                                   bool last);
  bool ends_well(const SegmentHeader& successor);
  Result<Status> look();
  Result<bool> open_first();
  // The same for ReaderOptions::position (event_reader_start.cc).
  Result<bool> open_at(uint64_t wanted);
  Result<bool> open_before_earliest(uint64_t wanted, uint64_t earliest);
  Result<std::shared_ptr<Segment>> open_published(uint64_t first_position) const;
  Result<void> pass_events_before(uint64_t wanted);
  // Goes to a waypoint of this segment that can be relied on, to stand before it. False, and
  // nothing was changed, where it cannot be used: then what precedes it has to be walked.
  Result<bool> go_to_waypoint(uint64_t wanted);
  // Right after the segment was entered: to the one that was asked for, or the last before.
  Result<void> begin_at_waypoint();
  Result<void> approach(uint64_t wanted);
  tl::unexpected<Error> judge_short_stream(uint64_t wanted, std::optional<Error> torn);
  tl::unexpected<Error> purged_at(uint64_t wanted, uint64_t earliest) const;
  // Takes or moves the lease. True: a purge has passed `purged` meanwhile, so look anew.
  Result<bool> lease_from(uint64_t first_position, const std::optional<uint64_t>& purged);
  // Whether the stream was purged since `purged` was read: what is missing may be missing for that.
  Result<bool> purged_since(const std::optional<uint64_t>& purged) const;
  Result<void> enter(std::shared_ptr<Segment> next);
  Result<void> learn_void();
  // Goes on in the segment after this one; false where there is none yet.
  Result<bool> cross();
  Result<void> cross_lost_tail(const Error& error);
  Result<std::shared_ptr<Segment>> find_successor();
  Result<std::shared_ptr<Segment>> follow_back(std::shared_ptr<Segment> found);
  bool should_look_for_successor();
  // At the end of a stream without a writer: nothing valid may follow.
  Result<void> examine_end();
  Result<void> examine_finish();
  Result<void> accept_seal(const FrameView& frame) const;
  // The position up to which this reader may see.
  uint64_t visible_upto();
  void attach_control();

  std::optional<ControlPage> control_;
  VoidRecords void_;     // known before they are met
  bool voided_ = false;  // a segment was entered that voids what was handed out, and not yet told
  Lease lease_;
  uint64_t offset_ = 0;          // of the next frame in `segment`
  uint64_t seen_published_ = 0;  // the control page's count when a successor was last looked for
  uint64_t quiet_polls_ = 0;     // polls since then
  uint64_t seen_durable_ = 0;
  std::optional<uint64_t> examined_position_;  // an end that was examined already
  uint64_t next_examination_ns_ = 0;
  std::optional<Error> error_;  // stays
  bool began_empty_ = false;    // there was no segment yet when the reader was opened

  std::optional<SegmentSearch> search_;  // once something was to be passed over
  uint64_t look_from_ = 0;               // below this position there is nothing to pass over
};

Result<PositionReader> open_position_reader(FileSeam& files, std::string directory,
                                            uint32_t stream);

}  // namespace tidemark
