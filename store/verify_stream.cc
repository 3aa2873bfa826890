// One stream, segment by segment: each is judged by itself, and against what the segments before
// it amount to. What is found is written down, and the next segment is begun from its own
// checkpoint, so that one hole does not hide another.

#include "verify_stream.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "header_facts.h"
#include "paths.h"
#include "segment.h"
#include "segment_tally.h"
#include "stream_directory.h"
#include "stream_state.h"
#include "stream_walk.h"
#include "tidemark/record_schema.h"

namespace tidemark {
namespace {

// Between two calls of the progress function.
constexpr uint64_t kReportBytes = uint64_t{4} << 20;

bool same_events(const SegmentHeader& a, const SegmentHeader& b) {
  return a.time_shape() == b.time_shape() && a.record_encoding == b.record_encoding &&
         a.schema_hash == b.schema_hash && a.has_schema() == b.has_schema() &&
         std::memcmp(a.time_name, b.time_name, sizeof a.time_name) == 0 &&
         std::memcmp(a.container_name, b.container_name, sizeof a.container_name) == 0;
}

// What the successor of a segment says of it.
struct Successor {
  uint64_t end = 0;           // position after the last event
  bool dropped = false;       // recovery cut off what stood beyond
  bool same_opening = false;  // the same incarnation went on
};

class StreamVerifier {
 public:
  StreamVerifier(FileSeam& files, const std::string& directory, uint32_t stream,
                 const ExpectedIdentity& identity, const ExaminedBytes& examined)
      : files_(files),
        directory_(directory),
        stream_(stream),
        identity_(identity),
        examined_(examined) {
    verdict_.stream = stream;
  }

  Result<StreamVerdict> run();

 private:
  Result<void> list();
  void check_links(size_t index);
  void check_first(const SegmentFile& file);
  void check_void(const SegmentFile& file, const SegmentFile& before);
  void check_identity_of(const SegmentFile& file);
  std::optional<Successor> successor_of(size_t index) const;

  void verify_segment(size_t index);
  std::shared_ptr<Segment> open(const SegmentFile& file);
  // What walking a segment came to: the offset where no further event stands.
  std::optional<uint64_t> walk_segment(const SegmentFile& file, Segment& segment,
                                       const std::optional<Successor>& successor,
                                       SegmentTally& tally);
  bool enter(const SegmentFile& file, Segment& segment, const FrameView& checkpoint);
  void judge_schema(Segment& segment, uint64_t offset);
  void judge_end(size_t index, Segment& segment, uint64_t offset,
                 const std::optional<Successor>& successor, const SegmentTally& tally);
  void judge_seal(const SegmentFile& file, Segment& segment, const FrameView& frame,
                  const std::optional<Successor>& successor, const SegmentTally& tally);
  void search_beyond(Segment& segment, uint64_t end, uint64_t search_from,
                     const std::optional<Successor>& successor);
  void check_durability(const Segment& segment, const FrameView& frame);

  void damage(Error error) { verdict_.damage.push_back(std::move(error)); }
  void damage_at(const SegmentFile& file, ErrorCode code, std::string message,
                 uint64_t offset = 0) {
    damage(with_place(fail(code, std::move(message)).value(), stream_, file.first_position, offset,
                      file.path));
  }
  void note(std::string text) { verdict_.notes.push_back(std::move(text)); }
  // The state before the next event is not known: the next checkpoint tells it.
  void lose_state() { walk_.forget(); }
  void report(uint64_t upto);

  FileSeam& files_;
  const std::string& directory_;
  uint32_t stream_;
  const ExpectedIdentity& identity_;
  const ExaminedBytes& examined_;

  StreamVerdict verdict_;
  bool writer_alive_ = false;
  std::optional<uint64_t> purged_;
  bool purged_unknown_ = false;
  std::vector<SegmentFile> chain_;            // published or damaged, in order
  std::vector<uint64_t> spares_;              // never published, as far as they tell
  const SegmentHeader* reference_ = nullptr;  // the first header of the stream that can be used

  StreamWalk walk_;        // entered where the state is known
  bool judged_ = true;     // the events of this segment followed the protocol so far
  bool closed_ = false;    // the last segment ends with a seal that says so
  uint64_t reported_ = 0;  // bytes of this segment that were reported as examined
};

Result<void> StreamVerifier::list() {
  TIDEMARK_ASSIGN(alive, is_locked(files_, directory_));
  writer_alive_ = alive;
  TIDEMARK_ASSIGN(listing, list_stream(files_, directory_, stream_));
  auto& [purged, segments] = listing;
  if (purged) {
    purged_ = *purged;
  } else {
    Error error = std::move(purged).error();
    error.stream = stream_;
    damage(std::move(error));
    purged_unknown_ = true;
  }
  if (purged_) note("the stream was purged up to position " + std::to_string(*purged_));
  for (SegmentFile& file : segments) {
    if (file.first_position < purged_.value_or(0)) {
      note("segment " + std::to_string(file.first_position) + " was purged, but is not yet gone");
      if (examined_) examined_(file.file_bytes);
    } else if (file.published || file.damage) {
      chain_.push_back(std::move(file));
    } else {
      spares_.push_back(file.first_position);
      if (examined_) examined_(file.file_bytes);
    }
  }
  for (const SegmentFile& file : chain_) {
    if (reference_ == nullptr && file.published) reference_ = &*file.header;
  }
  TIDEMARK_ASSIGN(set_aside, list_set_aside(files_, directory_));
  for (const SetAsideFile& file : set_aside) {
    note("segment " + std::to_string(file.first_position) + " (" + std::to_string(file.file_bytes) +
         " bytes) was set aside by a recovery");
  }
  return {};
}

std::optional<Successor> StreamVerifier::successor_of(size_t index) const {
  if (index + 1 >= chain_.size() || !chain_[index + 1].published) return std::nullopt;
  const SegmentHeader& next = *chain_[index + 1].header;
  const SegmentFile& file = chain_[index];
  if (next.previous_first_position != file.first_position ||
      next.previous_end > file.first_position + file.file_bytes) {
    return std::nullopt;
  }
  return Successor{next.previous_end, recorded_a_drop(next),
                   file.header && file.header->incarnation == next.incarnation};
}

void StreamVerifier::check_identity_of(const SegmentFile& file) {
  const SegmentHeader& header = *file.header;
  Uuid uuid;
  std::copy(std::begin(header.log_uuid), std::end(header.log_uuid), uuid.begin());
  if (identity_.log_uuid && uuid != *identity_.log_uuid) {
    damage_at(file, ErrorCode::Corrupt, "the segment belongs to another log");
  }
  if (identity_.peers && header.peers != *identity_.peers) {
    damage_at(file, ErrorCode::Corrupt,
              "the segment says that the log has " + std::to_string(header.peers) +
                  " streams, the log's identity says " + std::to_string(*identity_.peers));
  }
  if (!same_events(header, *reference_)) {
    damage_at(file, ErrorCode::Corrupt,
              "the segment's times or records are not those of the segments before it");
  }
}

// The stream's first segment that is left.
void StreamVerifier::check_first(const SegmentFile& file) {
  const uint64_t previous = file.header->previous_first_position;
  if (previous == kNoPosition || purged_unknown_) return;
  if (purged_ && previous < *purged_) return;
  damage(with_place(fail(ErrorCode::Missing, "segment " + std::to_string(file.first_position) +
                                                 " follows this one, which is missing and was "
                                                 "not purged")
                        .value(),
                    stream_, previous, 0, segment_path(directory_, previous)));
}

void StreamVerifier::check_links(size_t index) {
  const SegmentFile& file = chain_[index];
  if (!file.published) return;
  check_identity_of(file);
  if (index == 0) return check_first(file);

  const SegmentFile& before = chain_[index - 1];
  const SegmentHeader& header = *file.header;
  const uint64_t previous = header.previous_first_position;
  if (before.first_position + before.file_bytes > file.first_position) {
    damage_at(file, ErrorCode::Corrupt,
              "the segment's positions overlap those of segment " +
                  std::to_string(before.first_position));
  }
  if (before.header && header.incarnation < before.header->incarnation) {
    damage_at(file, ErrorCode::Corrupt,
              "the segment's incarnation is lower than that of the segment before it");
  }
  check_void(file, before);
  if (previous == before.first_position) {
    if (header.previous_end > before.first_position + before.file_bytes) {
      damage_at(file, ErrorCode::Corrupt, "the header names an end beyond the previous segment");
    }
  } else if (previous == kNoPosition || previous < before.first_position) {
    damage_at(file, ErrorCode::Corrupt,
              "the header does not name segment " + std::to_string(before.first_position) +
                  " as its predecessor, which stands before it");
  } else {
    const bool lost_magic = std::find(spares_.begin(), spares_.end(), previous) != spares_.end();
    const std::string what = lost_magic ? ", whose magic is lost" : ", which is missing";
    damage(with_place(
        fail(lost_magic ? ErrorCode::Corrupt : ErrorCode::Missing,
             "segment " + std::to_string(file.first_position) + " follows this one" + what)
            .value(),
        stream_, previous, 0, segment_path(directory_, previous)));
    lose_state();
  }
}

// Rules V1 and V2 of what the header says of void records.
void StreamVerifier::check_void(const SegmentFile& file, const SegmentFile& before) {
  const auto broken = [&](std::string rule, std::string message) {
    Error error = fail(ErrorCode::Corrupt, std::move(message)).value();
    error.rule = std::move(rule);
    damage(with_place(std::move(error), stream_, file.first_position, 0, file.path));
  };
  if (!before.published) return;
  const SegmentHeader& header = *file.header;
  if (header.voids()) {
    if (header.incarnation == before.header->incarnation) {
      broken("V1", "the segment voids what its own incarnation has written");
    }
  } else if (header.void_segment != before.header->void_segment) {
    broken("V2", "the segment names " + std::to_string(header.void_segment) +
                     " as the last that voids something, the one before it " +
                     std::to_string(before.header->void_segment));
  }
}

std::shared_ptr<Segment> StreamVerifier::open(const SegmentFile& file) {
  if (file.damage) damage(*file.damage);
  if (!file.header) return nullptr;
  auto segment = file.published ? Segment::open(files_, file.path, stream_, Access::Copy)
                                : Segment::open_by_identity(files_, file.path, stream_);
  if (segment) return *std::move(segment);
  if (segment.error().code == ErrorCode::NotFound) {
    // Purged, or set aside by a recovery that began after the directory was listed.
    const auto purged = read_purged(files_, directory_);
    const bool was_purged = purged && *purged && file.first_position < **purged;
    if (was_purged || writer_alive_ || is_locked(files_, directory_).value_or(false)) {
      note("segment " + std::to_string(file.first_position) + " was removed meanwhile");
      return nullptr;
    }
  }
  damage(with_place(std::move(segment).error(), stream_, file.first_position, 0, file.path));
  return nullptr;
}

void StreamVerifier::report(uint64_t upto) {
  if (!examined_ || upto <= reported_) return;
  examined_(upto - reported_);
  reported_ = upto;
}

void StreamVerifier::check_durability(const Segment& segment, const FrameView& frame) {
  if (frame.durable_upto <= frame.position) return;
  damage(segment
             .fail_at(frame.position - segment.first_position(), ErrorCode::Corrupt,
                      "the frame says that position " + std::to_string(frame.durable_upto) +
                          " was durable before it was written")
             .value());
}

// Whether the state is known after the checkpoint.
bool StreamVerifier::enter(const SegmentFile& file, Segment& segment, const FrameView& checkpoint) {
  check_durability(segment, checkpoint);
  if (checkpoint.captured_at_ns < walk_.captured_at_ns()) {
    damage_at(file, ErrorCode::Corrupt, "the capture clock goes backward", kSegmentHeaderBytes);
  }
  auto entered = walk_.enter_by_checkpoint(segment);
  if (!entered) {
    damage(std::move(entered).error());
    // What follows is judged by what the checkpoint says, where that can be used at all.
    walk_.forget();
    if (!walk_.enter_by_checkpoint(segment)) return false;
  }
  const bool first = file.published && file.header->previous_first_position == kNoPosition;
  const Protocol& protocol = walk_.protocol();
  if (first &&
      (walk_.totals() != Totals{} || protocol.counts() != Protocol(protocol.shape()).counts())) {
    damage_at(file, ErrorCode::Corrupt,
              "the stream's first segment does not begin with one capability at the minimum",
              kSegmentHeaderBytes);
  }
  return true;
}

// The frame at `offset`, where a schema belongs. Events are judged without it.
void StreamVerifier::judge_schema(Segment& segment, uint64_t offset) {
  if (auto taken = walk_.take_schema(segment, offset); !taken) {
    return damage(std::move(taken).error());
  }
  // What a later version can read is no damage.
  const auto parsed = RecordSchema::parse(*walk_.schema());
  if (!parsed && parsed.error().code != ErrorCode::Unsupported) {
    damage(fail_schema(segment, offset, "S3", parsed.error().message).value());
  }
}

std::optional<uint64_t> StreamVerifier::walk_segment(const SegmentFile& file, Segment& segment,
                                                     const std::optional<Successor>& successor,
                                                     SegmentTally& tally) {
  uint64_t offset = kSegmentHeaderBytes;
  std::optional<uint64_t> schema_at;  // where one belongs
  judged_ = true;
  for (;;) {
    const uint64_t position = segment.first_position() + offset;
    if (successor && position >= successor->end) {
      if (position == successor->end) return offset;
      damage_at(file, ErrorCode::Corrupt,
                "a frame goes on beyond the end that the next segment names, " +
                    std::to_string(successor->end),
                offset);
      return std::nullopt;
    }
    auto frame = segment.frame(offset);
    if (!frame) {
      damage(std::move(frame).error());
      return std::nullopt;
    }
    if (!*frame) {
      if (!successor) return offset;
      damage_at(file, ErrorCode::Corrupt,
                "no frame stands here, but the next segment says that the stream goes on to "
                "position " +
                    std::to_string(successor->end),
                offset);
      return std::nullopt;
    }
    const FrameView& view = **frame;
    if (offset == schema_at) judge_schema(segment, offset);
    if (offset == kSegmentHeaderBytes) {
      if (segment.header().has_schema()) {
        schema_at = view.end_position() - segment.first_position();
      }
      if (view.kind == FrameKind::Checkpoint) {
        judged_ = enter(file, segment, view);
      } else {
        damage_at(file, ErrorCode::Corrupt, "the segment does not open with a checkpoint", offset);
        lose_state();
        judged_ = false;
      }
      tally.count(view);
    } else if (offset == schema_at && view.kind == FrameKind::Schema) {
      check_durability(segment, view);
      tally.count(view);
    } else if (view.kind == FrameKind::Seal) {
      if (!successor) return offset;
      damage_at(file, ErrorCode::Corrupt,
                "a seal stands before the end that the next segment names, " +
                    std::to_string(successor->end),
                offset);
      return std::nullopt;
    } else {
      check_durability(segment, view);
      if (judged_) {
        auto event = walk_.apply(segment, offset, view);
        if (event) {
          tally.count(view, *event);
        } else {
          // What follows a broken rule would only repeat it.
          damage(std::move(event).error());
          judged_ = false;
        }
      }
    }
    ++verdict_.frames;
    offset = view.end_position() - segment.first_position();
    if (offset - reported_ >= kReportBytes) {
      report(offset);
      segment.forget_before(offset);
    }
  }
}

void StreamVerifier::judge_seal(const SegmentFile& file, Segment& segment, const FrameView& frame,
                                const std::optional<Successor>& successor,
                                const SegmentTally& tally) {
  const uint64_t offset = frame.position - segment.first_position();
  ++verdict_.frames;
  check_durability(segment, frame);
  auto seal = decode_seal(frame.payload, segment.header().time_shape());
  if (!seal) {
    damage(segment.fail_at(offset, std::move(seal).error()).value());
    return;
  }
  if (frame.captured_at_ns < walk_.captured_at_ns()) {
    damage_at(file, ErrorCode::Corrupt, "the capture clock goes backward", offset);
  }
  if (judged_ && walk_.entered()) {
    if (auto checked = tally.check_seal(segment, offset, *seal, walk_); !checked) {
      damage(std::move(checked).error());
    }
  }
  if (successor && successor->same_opening && seal->closed) {
    damage_at(file, ErrorCode::Corrupt,
              "the seal says that the writer closed the stream, but it went on", offset);
  }
  closed_ = seal->closed;
}

// Anything valid beyond the end was lost to the readers of this stream.
void StreamVerifier::search_beyond(Segment& segment, uint64_t end, uint64_t search_from,
                                   const std::optional<Successor>& successor) {
  uint64_t budget = segment.search_budget();
  auto found = segment.find_frame_after(search_from, budget);
  const bool expected = successor && successor->dropped;
  if (!found) {
    if (expected && found.error().code == ErrorCode::Corrupt) return;
    damage(std::move(found).error());
  } else if (*found && expected) {
    note("segment " + std::to_string(segment.first_position()) +
         " still holds frames beyond its end, which a recovery has cut off");
  } else if (*found) {
    damage(segment
               .fail_at(end, ErrorCode::Corrupt,
                        "the stream ends here, but a valid frame stands at offset " +
                            std::to_string(**found))
               .value());
  }
}

// `offset`: where walking ended in good order.
void StreamVerifier::judge_end(size_t index, Segment& segment, uint64_t offset,
                               const std::optional<Successor>& successor,
                               const SegmentTally& tally) {
  const SegmentFile& file = chain_[index];
  const bool last = index + 1 == chain_.size();
  uint64_t search_from = offset;
  closed_ = false;
  auto frame = segment.frame(offset);
  if (!frame) {
    if (!successor || !successor->dropped) damage(std::move(frame).error());
  } else if (*frame && (*frame)->kind == FrameKind::Seal) {
    judge_seal(file, segment, **frame, successor, tally);
    search_from = (*frame)->end_position() - segment.first_position() - kFrameAlignment;
  } else if (*frame && !(last && writer_alive_)) {
    if (successor && successor->dropped) {
      search_from = offset - kFrameAlignment;
    } else {
      damage_at(file, ErrorCode::Corrupt,
                "a frame stands beyond the end that the next segment names", offset);
      return;
    }
  }
  if (last && writer_alive_) return;
  search_beyond(segment, offset, search_from, successor);
}

void StreamVerifier::verify_segment(size_t index) {
  const SegmentFile& file = chain_[index];
  reported_ = 0;
  closed_ = false;
  const auto successor = successor_of(index);
  if (successor && successor->dropped) {
    const SegmentHeader& next = *chain_[index + 1].header;
    note("a recovery cut off " + std::to_string(next.dropped_bytes) + " bytes with " +
         std::to_string(next.dropped_frames) + " whole frames and " +
         std::to_string(next.dropped_segments) + " later segments after position " +
         std::to_string(next.previous_end));
  }
  const auto segment = open(file);
  if (!segment) {
    lose_state();
    report(file.file_bytes);
    return;
  }
  SegmentTally tally(*segment);
  const auto end = walk_segment(file, *segment, successor, tally);
  if (end) {
    judge_end(index, *segment, *end, successor, tally);
    verdict_.end = segment->first_position() + *end;
  }
  if (walk_.entered()) verdict_.totals = walk_.totals();
  if (!end || !judged_) lose_state();
  report(file.file_bytes);
}

Result<StreamVerdict> StreamVerifier::run() {
  TIDEMARK_TRY(list());
  for (size_t i = 0; i < chain_.size(); ++i) {
    check_links(i);
    verify_segment(i);
    ++verdict_.segments;
  }
  StreamSigns signs;
  signs.damaged = !verdict_.damage.empty();
  signs.finished = walk_.entered() && walk_.protocol().finished();
  signs.writer_alive = writer_alive_;
  signs.has_events = verdict_.totals.events > 0;
  signs.closed = closed_;
  verdict_.state = state_of(signs);
  if (verdict_.state == StreamState::Crashed) {
    note("its writer was killed, or lost power; the stream ends at position " +
         std::to_string(verdict_.end));
  } else if (verdict_.state == StreamState::Writing) {
    note("it is being written; examined up to position " + std::to_string(verdict_.end));
  }
  return std::move(verdict_);
}

}  // namespace

Result<StreamVerdict> verify_stream(FileSeam& files, const std::string& directory, uint32_t stream,
                                    const ExpectedIdentity& identity,
                                    const ExaminedBytes& examined) {
  return StreamVerifier(files, directory, stream, identity, examined).run();
}

}  // namespace tidemark
