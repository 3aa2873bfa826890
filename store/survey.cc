// Headers, checkpoints and seals; frames only of segments that have no seal, and of the last one.

#include "tidemark/survey.h"

#include <algorithm>
#include <memory>
#include <string>

#include "control_page.h"
#include "header_facts.h"
#include "paths.h"
#include "segment.h"
#include "segment_schema.h"
#include "segment_tally.h"
#include "stream_directory.h"
#include "stream_state.h"
#include "stream_walk.h"

namespace tidemark {
namespace {

class StreamSurveyor {
 public:
  StreamSurveyor(const Log& log, uint32_t stream)
      : files_(log.files()), directory_(stream_path(log.path(), stream)), stream_(stream) {
    survey_.stream = stream;
  }

  Result<StreamSurvey> run();

 private:
  Result<void> list();
  void find_schema();
  void check_link(size_t index);
  // The first error ends a segment's survey, and is the stream's damage if it is the first.
  Result<void> survey_segment(size_t index);
  Result<void> survey_by_seal(Segment& segment, const SegmentHeader& next, SegmentSurvey& result);
  Result<void> survey_by_walk(Segment& segment, const SegmentHeader* next, SegmentSurvey& result);
  Result<void> judge_end(Segment& segment, uint64_t offset, bool last, SegmentSurvey& result);
  void widen(const std::optional<TimeBounds>& bounds);
  void damage(Error error);

  FileSeam& files_;
  std::string directory_;
  uint32_t stream_;
  StreamSurvey survey_;
  bool writer_alive_ = false;
  bool closed_ = false;               // the last segment ends with a seal that says so
  std::vector<SegmentFile> chain_;    // published or damaged, in order
  std::optional<Protocol> protocol_;  // at the end of what was surveyed, where that is known
};

void StreamSurveyor::damage(Error error) {
  if (!survey_.damage) survey_.damage = std::move(error);
}

void StreamSurveyor::widen(const std::optional<TimeBounds>& bounds) {
  if (!bounds) return;
  if (!survey_.bounds) {
    survey_.bounds = bounds;
  } else {
    survey_.bounds->include(bounds->meet);
    survey_.bounds->include(bounds->join);
  }
}

Result<void> StreamSurveyor::list() {
  TIDEMARK_ASSIGN(alive, is_locked(files_, directory_));
  writer_alive_ = alive;
  TIDEMARK_ASSIGN(listing, list_stream(files_, directory_, stream_));
  auto& [purged, segments] = listing;
  if (purged) {
    survey_.purged_upto = *purged;
  } else {
    damage(std::move(purged).error());
  }
  for (SegmentFile& file : segments) {
    survey_.disk_bytes += file.disk_bytes;
    if (file.first_position < survey_.purged_upto.value_or(0)) continue;
    SegmentSurvey& segment = survey_.segments.emplace_back();
    segment.first_position = file.first_position;
    segment.segment_bytes = file.file_bytes;
    segment.disk_bytes = file.disk_bytes;
    segment.state = SegmentState::Prepared;
    segment.end = file.first_position;
    if (file.header) segment.incarnation = file.header->incarnation;
    if (!file.published && !file.damage) continue;
    segment.state = SegmentState::Open;
    if (file.published && !survey_.traits) survey_.traits = traits_of(*file.header);
    chain_.push_back(std::move(file));
  }
  TIDEMARK_ASSIGN(set_aside, list_set_aside(files_, directory_));
  for (const SetAsideFile& file : set_aside) {
    SegmentSurvey& segment = survey_.segments.emplace_back();
    segment.first_position = file.first_position;
    segment.segment_bytes = file.file_bytes;
    segment.disk_bytes = file.disk_bytes;
    segment.state = SegmentState::SetAside;
    segment.end = file.first_position;
    survey_.disk_bytes += file.disk_bytes;
  }
  std::stable_sort(survey_.segments.begin(), survey_.segments.end(),
                   [](const SegmentSurvey& a, const SegmentSurvey& b) {
                     return a.first_position < b.first_position;
                   });
  return {};
}

// Any segment has all of it; one that has not shows as damage elsewhere.
void StreamSurveyor::find_schema() {
  for (const SegmentFile& file : chain_) {
    if (!file.published || !file.header->has_schema()) continue;
    const auto segment = Segment::open(files_, file.path, stream_, Access::Map);
    if (!segment) continue;
    if (const auto schema = read_schema(**segment); schema && *schema) {
      survey_.traits->schema = *schema;
      return;
    }
  }
}

void StreamSurveyor::check_link(size_t index) {
  const SegmentFile& file = chain_[index];
  if (file.damage) return damage(*file.damage);
  const uint64_t previous = file.header->previous_first_position;
  const bool linked = index > 0
                          ? previous == chain_[index - 1].first_position
                          : previous == kNoPosition || previous < survey_.purged_upto.value_or(0);
  if (linked) return;
  damage(with_place(fail(ErrorCode::Missing, "segment " + std::to_string(file.first_position) +
                                                 " does not follow what stands before it")
                        .value(),
                    stream_, file.first_position, 0, file.path));
}

// Where the successor says that the segment ends, its seal stands, if it has one.
Result<void> StreamSurveyor::survey_by_seal(Segment& segment, const SegmentHeader& next,
                                            SegmentSurvey& result) {
  const uint64_t offset = next.previous_end - segment.first_position();
  const auto judged = segment.frame(offset);
  // What a recovery cut off may be anything.
  if (!judged && !recorded_a_drop(next)) return tl::make_unexpected(judged.error());
  if (!judged || !*judged || (*judged)->kind != FrameKind::Seal) {
    return segment.fail_at(offset, ErrorCode::NotFound, "no seal stands at the segment's end");
  }
  const FrameView& frame = **judged;
  auto seal = decode_seal(frame.payload, segment.header().time_shape());
  if (!seal) return segment.fail_at(offset, std::move(seal).error());
  if (seal->end != next.previous_end || seal->totals != totals_before(next)) {
    return segment.fail_at(offset, ErrorCode::Corrupt,
                           "the seal contradicts the next segment's header");
  }
  auto restored = Protocol::restore(segment.header().time_shape(), seal->counts);
  if (!restored) return segment.fail_at(offset, std::move(restored).error());
  protocol_ = *std::move(restored);
  result.state = SegmentState::Sealed;
  result.end = seal->end;
  result.after = seal->totals;
  result.bounds = seal->bounds;
  survey_.last_captured_at_ns = frame.captured_at_ns;
  return {};
}

// What stands where walking a segment ended: a seal, a writer's next place, or damage.
Result<void> StreamSurveyor::judge_end(Segment& segment, uint64_t offset, bool last,
                                       SegmentSurvey& result) {
  if (last && writer_alive_) return {};
  auto frame = segment.frame(offset);
  // What a recovery cut off may be anything.
  if (!last && (!frame || !*frame || (*frame)->kind != FrameKind::Seal)) {
    result.state = SegmentState::Abandoned;
    return {};
  }
  if (!frame) return tl::make_unexpected(std::move(frame).error());
  if (*frame) {
    auto seal = decode_seal((*frame)->payload, segment.header().time_shape());
    if (!seal) return segment.fail_at(offset, std::move(seal).error());
    result.state = SegmentState::Sealed;
    closed_ = last && seal->closed;
    return {};
  }
  uint64_t budget = segment.search_budget();
  TIDEMARK_ASSIGN(beyond, segment.find_frame_after(offset, budget));
  if (!beyond) return {};
  return segment.fail_at(
      offset, ErrorCode::Corrupt,
      "no frame stands here, but a valid one does at offset " + std::to_string(*beyond));
}

Result<void> StreamSurveyor::survey_by_walk(Segment& segment, const SegmentHeader* next,
                                            SegmentSurvey& result) {
  SegmentTally tally(segment);
  StreamWalk walk;
  uint64_t offset = kSegmentHeaderBytes;
  const bool last = next == nullptr;
  const auto at_named_end = [&] {
    return next != nullptr && segment.first_position() + offset >= next->previous_end;
  };
  // After a power loss a segment may be published and its checkpoint or its schema lost: it holds
  // nothing then.
  TIDEMARK_ASSIGN(first, segment.commit_word(offset));
  if (first != 0 && !at_named_end()) {
    TIDEMARK_ASSIGN(after_checkpoint, walk.enter_by_checkpoint(segment));
    offset = after_checkpoint;
    bool lost = false;
    if (segment.header().has_schema()) {
      TIDEMARK_ASSIGN(second, segment.commit_word(offset));
      lost = second == 0;
    }
    if (!lost) {
      TIDEMARK_ASSIGN(after_opening, walk.take_schema(segment, offset));
      offset = after_opening;
    }
    while (!lost && !at_named_end()) {
      TIDEMARK_ASSIGN(frame, segment.frame(offset));
      if (!frame || frame->kind == FrameKind::Seal) break;
      TIDEMARK_ASSIGN(event, walk.apply(segment, offset, *frame));
      tally.count(*frame, event);
      offset = frame->end_position() - segment.first_position();
    }
    result.after = walk.totals();
    if (walk.totals().events > 0) survey_.last_captured_at_ns = walk.captured_at_ns();
    protocol_ = walk.protocol();
  }
  result.end = segment.first_position() + offset;
  result.bounds = tally.bounds();
  if (next != nullptr && result.end != next->previous_end) {
    return segment.fail_at(offset, ErrorCode::Corrupt,
                           "the events end here, but the next segment says at position " +
                               std::to_string(next->previous_end));
  }
  return judge_end(segment, offset, last, result);
}

Result<void> StreamSurveyor::survey_segment(size_t index) {
  const SegmentFile& file = chain_[index];
  SegmentSurvey& result = *std::find_if(survey_.segments.begin(), survey_.segments.end(),
                                        [&](const SegmentSurvey& segment) {
                                          return segment.first_position == file.first_position &&
                                                 segment.state != SegmentState::SetAside;
                                        });
  result.before = totals_before(*file.header);
  result.after = result.before;
  const SegmentHeader* next = nullptr;
  if (index + 1 < chain_.size() && chain_[index + 1].published) {
    next = &*chain_[index + 1].header;
    if (next->previous_first_position != file.first_position ||
        next->previous_end > file.first_position + file.file_bytes) {
      return {};  // a broken link, which is damage of the next segment
    }
  }
  TIDEMARK_ASSIGN(segment, Segment::open(files_, file.path, stream_, Access::Map));
  if (next != nullptr) {
    auto sealed = survey_by_seal(*segment, *next, result);
    if (sealed || sealed.error().code != ErrorCode::NotFound) return sealed;
  }
  return survey_by_walk(*segment, next, result);
}

Result<StreamSurvey> StreamSurveyor::run() {
  TIDEMARK_TRY(list());
  find_schema();
  for (size_t i = 0; i < chain_.size(); ++i) {
    check_link(i);
    closed_ = false;
    if (!chain_[i].published) {
      protocol_.reset();
      continue;
    }
    if (auto surveyed = survey_segment(i); !surveyed) {
      // Purged, or set aside by a recovery that began after the directory was listed.
      if (surveyed.error().code == ErrorCode::NotFound) {
        const auto purged = read_purged(files_, directory_);
        if (writer_alive_ || (purged && *purged && chain_[i].first_position < **purged)) continue;
      }
      protocol_.reset();
      damage(with_place(std::move(surveyed).error(), stream_, chain_[i].first_position, 0,
                        chain_[i].path));
    }
  }
  for (const SegmentSurvey& segment : survey_.segments) {
    if (segment.state == SegmentState::Prepared || segment.state == SegmentState::SetAside) {
      continue;
    }
    survey_.totals = segment.after;
    survey_.end = segment.end;
    widen(segment.bounds);
  }
  if (protocol_) {
    for (const auto& [time, count] : protocol_->counts()) survey_.counts.push_back({time, count});
    survey_.frontier = protocol_->frontier().elements();
  }
  if (const auto control = ControlPage::open_for_reading(files_, directory_)) {
    survey_.durable = control->durable();
  }
  StreamSigns signs;
  signs.damaged = survey_.damage.has_value();
  signs.finished = protocol_ && protocol_->finished();
  signs.writer_alive = writer_alive_;
  signs.has_events = survey_.totals.events > 0;
  signs.closed = closed_;
  survey_.state = state_of(signs);
  return std::move(survey_);
}

}  // namespace

std::string_view name_of(SegmentState state) {
  switch (state) {
    case SegmentState::Prepared:
      return "prepared";
    case SegmentState::Open:
      return "open";
    case SegmentState::Sealed:
      return "sealed";
    case SegmentState::Abandoned:
      return "abandoned";
    case SegmentState::SetAside:
      return "set aside";
  }
  return "unknown";
}

std::string_view name_of(StreamState state) {
  switch (state) {
    case StreamState::Empty:
      return "empty";
    case StreamState::Writing:
      return "writing";
    case StreamState::Closed:
      return "closed";
    case StreamState::Crashed:
      return "crashed";
    case StreamState::Finished:
      return "finished";
    case StreamState::Damaged:
      return "damaged";
  }
  return "unknown";
}

Result<uint64_t> largest_segment(const Log& log, uint32_t stream) {
  const std::string directory = stream_path(log.path(), stream);
  TIDEMARK_ASSIGN(positions, list_segment_names(log.files(), directory));
  uint64_t largest = kMinSegmentBytes;
  for (const uint64_t position : positions) {
    FileStatus status;
    if (log.files().status(segment_path(directory, position), status) < 0) continue;
    largest = std::max(largest, std::min(status.bytes, kMaxSegmentBytes));
  }
  return largest;
}

Result<StreamSurvey> survey_stream(const Log& log, uint32_t stream) {
  return StreamSurveyor(log, stream).run();
}

}  // namespace tidemark
