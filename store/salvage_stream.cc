// Walks what is valid and appends it again. The one question is what the capabilities are:
//
//   known     no hole since the last checkpoint or seal: every event is carried over as it is
//   unknown   after a hole, which may have changed them unseen: messages are carried over, because
//             they may use any time that was possible before the hole; progress is withheld
//             until a checkpoint or seal says the counts, and then the difference is written
//
// The difference between two states of a stream always obeys P1: each capability that is new
// descends from one that was held before.

#include "salvage_stream.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "header_facts.h"
#include "paths.h"
#include "segment.h"
#include "segment_schema.h"
#include "stream_directory.h"
#include "tidemark/record_schema.h"
#include "void_records.h"

namespace tidemark {
namespace {

constexpr uint64_t kReportBytes = uint64_t{4} << 20;

bool is_about_the_event(ErrorCode code) {
  return code == ErrorCode::ProtocolViolation || code == ErrorCode::TooLarge ||
         code == ErrorCode::Finished || code == ErrorCode::InvalidArgument;
}

class StreamSalvager {
 public:
  StreamSalvager(FileSeam& files, const std::string& directory, uint32_t stream,
                 const Log& destination, const std::function<void(uint64_t)>& examined)
      : files_(files), directory_(directory), destination_(destination), examined_(examined) {
    result_.stream = stream;
  }

  Result<StreamSalvage> run();

 private:
  Result<void> list();
  Result<bool> open_writer();
  void take_schema();
  void check_link(size_t index);
  Result<void> salvage_segment(size_t index);
  // The offset of the next valid frame below `limit`.
  static std::optional<uint64_t> pass_hole(Segment& segment, uint64_t offset, uint64_t limit,
                                           uint64_t& budget);
  Result<void> carry_over(const Segment& segment, const FrameView& frame);
  Result<void> carry_messages(const Segment& segment, const FrameView& frame);
  Result<void> carry_progress(const Segment& segment, const FrameView& frame);
  // A checkpoint or a seal: the old stream's counts at this place become the new one's.
  Result<void> take_counts(const Segment& segment, const FrameView& frame);
  Result<Protocol> counts_in(const FrameView& frame) const;
  // An append that the event itself made impossible is left behind; other errors end the salvage.
  Result<void> settle(const Segment& segment, const FrameView& frame, Result<uint64_t> appended);
  void leave_frame(const Segment& segment, const FrameView& frame, Error reason);

  void leave(Error reason, uint64_t bytes) {
    result_.left_behind.push_back({std::move(reason), bytes, 0});
  }
  void leave_at(const SegmentFile& file, ErrorCode code, std::string message, uint64_t bytes) {
    leave(with_place(fail(code, std::move(message)).value(), result_.stream, file.first_position, 0,
                     file.path),
          bytes);
  }
  // A hole: what it did to the capabilities is not known.
  void lose_counts(Error reason, uint64_t bytes) {
    leave(std::move(reason), bytes);
    counts_known_ = false;
  }
  void report(uint64_t upto);

  FileSeam& files_;
  const std::string& directory_;
  const Log& destination_;
  const std::function<void(uint64_t)>& examined_;

  StreamSalvage result_;
  bool writer_alive_ = false;
  std::optional<uint64_t> purged_;
  std::vector<SegmentFile> chain_;  // published or damaged, in order
  VoidRecords void_;
  std::optional<EventWriter> writer_;  // none while no segment said what the events are
  WriterOptions options_;
  bool counts_known_ = true;
  bool entered_ = false;  // a checkpoint was seen: before it, it may say anything
  uint64_t reported_ = 0;
  std::vector<std::string_view> records_;  // scratch
  std::vector<Change> changes_;            // scratch
};

void StreamSalvager::report(uint64_t upto) {
  if (!examined_ || upto <= reported_) return;
  examined_(upto - reported_);
  reported_ = upto;
}

Result<void> StreamSalvager::list() {
  TIDEMARK_ASSIGN(alive, is_locked(files_, directory_));
  writer_alive_ = alive;
  TIDEMARK_ASSIGN(listing, list_stream(files_, directory_, result_.stream));
  // A damaged word on purging only says less: what is there is salvaged.
  if (listing.purged) purged_ = *listing.purged;
  const std::vector<SegmentFile>& segments = listing.segments;
  for (const SegmentFile& file : segments) {
    if (file.first_position < purged_.value_or(0)) continue;
    // The chain tells whether a segment without a magic was published all the same.
    const bool named = std::any_of(segments.begin(), segments.end(), [&](const SegmentFile& next) {
      return next.published && next.header->previous_first_position == file.first_position;
    });
    if (!file.published && !file.damage && !named) continue;
    chain_.push_back(file);
  }
  // A segment whose header is damaged is named by those after it.
  for (const SegmentFile& file : chain_) {
    const bool voids = std::any_of(chain_.begin(), chain_.end(), [&](const SegmentFile& other) {
      return other.published && other.header->has_void() &&
             other.header->void_segment == file.first_position;
    });
    if (!voids) continue;
    const auto segment = Segment::open_by_identity(files_, file.path, result_.stream);
    if (segment) void_.add(**segment);
  }
  return {};
}

// False where no segment says what the events are.
Result<bool> StreamSalvager::open_writer() {
  const SegmentHeader* header = nullptr;
  options_.segment_bytes = kMinSegmentBytes;
  for (const SegmentFile& file : chain_) {
    if (!file.header) continue;
    if (header == nullptr) header = &*file.header;
    // Segments grow up to the configured size, so the largest comes closest to it.
    options_.segment_bytes = std::max(options_.segment_bytes, file.header->segment_bytes);
  }
  if (header == nullptr) return false;
  const StreamTraits traits = traits_of(*header);
  options_.time = traits.time;
  options_.time_name = traits.time_name;
  options_.encoding = traits.encoding;
  options_.container_name = traits.container_name;
  options_.schema_hash = header->schema_hash;
  if (header->has_schema()) take_schema();
  options_.clock = CaptureClock::Supplied;
  options_.sync = SyncPolicy::none();  // closing syncs all of it
  TIDEMARK_ASSIGN(writer, destination_.writer(result_.stream, options_));
  writer_ = std::move(writer);
  return true;
}

// Any segment has all of it. Where none can be read, the records are carried over without.
void StreamSalvager::take_schema() {
  Error reason = fail(ErrorCode::Corrupt, "no segment's schema can be read").value();
  const SegmentFile* place = &chain_.front();
  for (const SegmentFile& file : chain_) {
    if (!file.header) continue;
    const auto segment = Segment::open_by_identity(files_, file.path, result_.stream);
    if (!segment) continue;
    const auto schema = read_schema(**segment);
    if (!schema || !*schema) continue;
    const auto parsed = RecordSchema::parse(**schema);
    if (parsed) {
      options_.schema = **schema;
      return;
    }
    reason = parsed.error();
    place = &file;
  }
  leave(with_place(std::move(reason), result_.stream, place->first_position, 0, place->path), 0);
}

// Segments that are not there are left behind, too.
void StreamSalvager::check_link(size_t index) {
  const SegmentFile& file = chain_[index];
  if (!file.published) return;
  const uint64_t previous = file.header->previous_first_position;
  const bool linked = index > 0 ? previous == chain_[index - 1].first_position
                                : previous == kNoPosition || previous < purged_.value_or(0);
  if (linked) return;
  const uint64_t place = previous == kNoPosition ? file.first_position : previous;
  lose_counts(with_place(fail(ErrorCode::Missing,
                              "segment " + std::to_string(file.first_position) +
                                  " does not follow what stands before it: segments are missing")
                             .value(),
                         result_.stream, place, 0, segment_path(directory_, place)),
              0);
}

void StreamSalvager::leave_frame(const Segment& segment, const FrameView& frame, Error reason) {
  const uint64_t offset = frame.position - segment.first_position();
  leave(segment.fail_at(offset, std::move(reason)).value(), frame.end_position() - frame.position);
}

Result<void> StreamSalvager::settle(const Segment& segment, const FrameView& frame,
                                    Result<uint64_t> appended) {
  if (appended) return {};
  if (!is_about_the_event(appended.error().code)) {
    return tl::make_unexpected(std::move(appended).error());
  }
  leave_frame(segment, frame, std::move(appended).error());
  return {};
}

Result<void> StreamSalvager::carry_messages(const Segment& segment, const FrameView& frame) {
  auto decoded = decode_messages(frame.payload, options_.time);
  if (!decoded) {
    leave_frame(segment, frame, std::move(decoded).error());
    return {};
  }
  const MessagesView& messages = *decoded;
  if (messages.fixed() != (options_.encoding == RecordEncoding::Fixed)) {
    leave_frame(
        segment, frame,
        fail(ErrorCode::Corrupt, "the records are not laid out as the header says").value());
    return {};
  }
  if (void_.covers(frame.position, messages.time())) return {};
  writer_->set_captured_at(frame.captured_at_ns);
  const auto time = messages.time().words();
  if (messages.fixed()) {
    return settle(segment, frame, writer_->append_messages(time, messages.size(), messages.data()));
  }
  records_.clear();
  for (uint32_t i = 0; i < messages.size(); ++i) records_.push_back(messages.text(i));
  return settle(segment, frame, writer_->append_messages(time, records_));
}

Result<void> StreamSalvager::carry_progress(const Segment& segment, const FrameView& frame) {
  if (!counts_known_) {
    if (!result_.left_behind.empty()) ++result_.left_behind.back().progress_events;
    return {};
  }
  auto decoded = decode_progress(frame.payload, options_.time);
  if (!decoded) {
    counts_known_ = false;
    leave_frame(segment, frame, std::move(decoded).error());
    return {};
  }
  changes_.clear();
  for (size_t i = 0; i < decoded->size(); ++i) changes_.push_back(decoded->change(i));
  writer_->set_captured_at(frame.captured_at_ns);
  auto appended = writer_->append_progress(changes_);
  // What cannot be carried over leaves the counts behind those of the old stream.
  counts_known_ = appended.has_value();
  return settle(segment, frame, std::move(appended));
}

// The counts that a checkpoint, a waypoint or a seal names.
Result<Protocol> StreamSalvager::counts_in(const FrameView& frame) const {
  if (frame.kind != FrameKind::Seal) {
    TIDEMARK_ASSIGN(checkpoint, decode_checkpoint(frame.payload, options_.time));
    return Protocol::restore(options_.time, checkpoint.counts);
  }
  TIDEMARK_ASSIGN(seal, decode_seal(frame.payload, options_.time));
  return Protocol::restore(options_.time, seal.counts);
}

Result<void> StreamSalvager::take_counts(const Segment& segment, const FrameView& frame) {
  const auto there = counts_in(frame);
  if (!there) {
    leave_frame(segment, frame, there.error());
    return {};
  }
  const auto changes = difference(writer_->protocol(), *there);
  const bool expected = !counts_known_ || !entered_;
  counts_known_ = true;
  entered_ = true;
  if (changes.empty()) return {};
  if (!expected) {
    leave_frame(
        segment, frame,
        fail(ErrorCode::Corrupt, "its capabilities contradict the events before it").value());
  }
  writer_->set_captured_at(frame.captured_at_ns);
  auto appended = writer_->append_progress(changes);
  counts_known_ = appended.has_value();
  return settle(segment, frame, std::move(appended));
}

Result<void> StreamSalvager::carry_over(const Segment& segment, const FrameView& frame) {
  switch (frame.kind) {
    case FrameKind::Messages:
      return carry_messages(segment, frame);
    case FrameKind::Progress:
      return carry_progress(segment, frame);
    case FrameKind::Checkpoint:
    case FrameKind::Seal:
      return take_counts(segment, frame);
    case FrameKind::Schema:
      // The writer puts it into every segment of the new log.
      if (schema_hash_of(frame.payload) == options_.schema_hash) return {};
      leave_frame(segment, frame,
                  fail(ErrorCode::Corrupt, "it is not the schema of the stream").value());
      return {};
    case FrameKind::Waypoint:
      // The writer puts its own. This one tells the counts, if a hole has hidden them.
      return counts_known_ ? Result<void>() : take_counts(segment, frame);
    case FrameKind::Mark:
      // It speaks of what the stream holds up to it, which the new one may not hold.
      return {};
  }
  leave_frame(segment, frame,
              fail(ErrorCode::Unsupported, "a frame of unknown kind cannot be copied").value());
  return {};
}

std::optional<uint64_t> StreamSalvager::pass_hole(Segment& segment, uint64_t offset, uint64_t limit,
                                                  uint64_t& budget) {
  const auto found = segment.find_frame_after(offset, budget);
  if (!found || !*found || **found >= limit) return std::nullopt;
  return **found;
}

Result<void> StreamSalvager::salvage_segment(size_t index) {
  const SegmentFile& file = chain_[index];
  if (!file.header) {
    Error reason = file.damage ? *file.damage
                               : with_place(fail(ErrorCode::Corrupt, "its header is lost").value(),
                                            result_.stream, file.first_position, 0, file.path);
    lose_counts(std::move(reason), file.file_bytes);
    return {};
  }
  auto opened = file.published ? Segment::open(files_, file.path, result_.stream, Access::Copy)
                               : Segment::open_by_identity(files_, file.path, result_.stream);
  if (!opened) {
    lose_counts(std::move(opened).error(), file.file_bytes);
    return {};
  }
  Segment& segment = **opened;
  if (segment.header().time_shape() != options_.time) {
    lose_counts(
        segment.fail_at(0, ErrorCode::Corrupt, "its times are not those of the other segments")
            .value(),
        segment.bytes());
    return {};
  }
  // The header is damaged, but its identity, and so the salt, is not: every frame can be judged.
  if (file.damage) leave(*file.damage, kSegmentHeaderBytes);

  // Beyond the end that the next segment names stand only its seal and what a recovery cut off.
  std::optional<uint64_t> end;
  if (index + 1 < chain_.size() && chain_[index + 1].published &&
      chain_[index + 1].header->previous_first_position == file.first_position) {
    end = chain_[index + 1].header->previous_end - file.first_position;
  }
  const bool last = index + 1 == chain_.size();
  const uint64_t limit = std::min(end.value_or(segment.bytes()), segment.bytes());
  uint64_t budget = segment.search_budget();
  std::optional<uint64_t> at = kSegmentHeaderBytes;
  bool sealed = false;
  while (at && *at < limit) {
    auto frame = segment.frame(*at);
    if (!frame || !*frame) {
      // A writer's next place, or what lies behind a seal: the segment's end.
      const bool ends_here = frame && !end && (sealed || (last && writer_alive_));
      if (ends_here) break;
      const auto next = pass_hole(segment, *at, limit, budget);
      // Nothing stands here, and nothing follows: the end, too.
      if (frame && !end && !next) break;
      Error reason = frame ? segment
                                 .fail_at(*at, ErrorCode::Corrupt,
                                          "no frame stands here, but the stream goes on")
                                 .value()
                           : std::move(frame).error();
      lose_counts(std::move(reason), next.value_or(limit) - *at);
      at = next;
      continue;
    }
    TIDEMARK_TRY(carry_over(segment, **frame));
    sealed = (*frame)->kind == FrameKind::Seal;
    at = (*frame)->end_position() - segment.first_position();
    if (*at - reported_ >= kReportBytes) {
      report(*at);
      segment.forget_before(*at);
    }
  }
  // The seal tells the counts, if a hole has hidden them.
  if (end && *end < segment.bytes()) {
    const auto seal = segment.frame(*end);
    if (!seal && !recorded_a_drop(*chain_[index + 1].header)) {
      leave(seal.error(), segment.bytes() - *end);
    } else if (seal && *seal && (*seal)->kind == FrameKind::Seal && !counts_known_) {
      TIDEMARK_TRY(take_counts(segment, **seal));
    }
  }
  return {};
}

Result<StreamSalvage> StreamSalvager::run() {
  TIDEMARK_TRY(list());
  if (chain_.empty()) return std::move(result_);
  TIDEMARK_ASSIGN(writable, open_writer());
  for (size_t i = 0; i < chain_.size(); ++i) {
    reported_ = 0;
    check_link(i);
    if (writable) {
      TIDEMARK_TRY(salvage_segment(i));
    } else {
      leave_at(chain_[i], ErrorCode::Corrupt, "its header is damaged beyond use",
               chain_[i].file_bytes);
    }
    report(chain_[i].file_bytes);
  }
  if (writer_) {
    TIDEMARK_TRY(writer_->close());
    result_.saved = writer_->totals();
    result_.finished = writer_->protocol().finished();
  }
  return std::move(result_);
}

}  // namespace

Result<StreamSalvage> salvage_stream(FileSeam& files, const std::string& directory, uint32_t stream,
                                     const Log& destination,
                                     const std::function<void(uint64_t)>& examined) {
  return StreamSalvager(files, directory, stream, destination, examined).run();
}

}  // namespace tidemark
