#include "capture_streams.h"

#include <algorithm>
#include <span>
#include <utility>

namespace tidemark::tools {
namespace {

// A batch ends at this size even where more records were allowed: larger ones make nothing faster,
// and memory stays bounded whatever the number of streams.
constexpr uint64_t kBatchBytes = uint64_t{256} << 10;

// How much input is read again at most after a kill: what comes in so long a time.
constexpr std::chrono::milliseconds kMarkEvery{100};

uint64_t greatest_frontier(const Protocol& protocol) {
  uint64_t greatest = 0;
  for (const Time& time : protocol.frontier().elements()) {
    greatest = std::max(greatest, time.word(0));
  }
  return greatest;
}

uint64_t system_clock_ns() {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(since_epoch).count());
}

}  // namespace

Result<CaptureStreams> CaptureStreams::open(const Log& log, const WriterOptions& options,
                                            const BatchLimits& limits) {
  std::vector<Lane> lanes;
  std::vector<std::optional<size_t>> lane_of(log.peers());
  const bool resumes = options.resume == Resume::DiscardIncomplete;
  lanes.reserve(log.peers());
  for (uint32_t stream = 0; stream < log.peers(); ++stream) {
    auto writer = log.writer(stream, options);
    if (!writer && writer.error().code == ErrorCode::Finished && resumes) continue;
    if (!writer) {
      for (Lane& lane : lanes) static_cast<void>(lane.writer.close());
      return tl::make_unexpected(std::move(writer).error());
    }
    lane_of[stream] = lanes.size();
    lanes.emplace_back(*std::move(writer));
  }
  return CaptureStreams(std::move(lanes), std::move(lane_of), resumes, limits);
}

CaptureStreams::CaptureStreams(std::vector<Lane> lanes, std::vector<std::optional<size_t>> lane_of,
                               bool resumes, const BatchLimits& limits)
    : lanes_(std::move(lanes)), lane_of_(std::move(lane_of)), limits_(limits) {
  for (Lane& lane : lanes_) {
    lane.progress = greatest_frontier(lane.writer.protocol());
    if (resumes) lane.complete_before = lane.progress;
    lane.progress_at = now_;
    frontier_ = std::max(frontier_, lane.progress);
  }
}

uint64_t CaptureStreams::max_record_bytes() const {
  return lanes_.front().writer.max_data_bytes(1);
}

std::vector<std::pair<uint32_t, RecoveryReport>> CaptureStreams::recoveries() const {
  std::vector<std::pair<uint32_t, RecoveryReport>> reports;
  for (const Lane& lane : lanes_) {
    reports.emplace_back(lane.writer.stream(), lane.writer.recovery());
  }
  return reports;
}

Result<void> CaptureStreams::mark_with(Token token) {
  token_ = std::move(token);
  for (Lane& lane : lanes_) TIDEMARK_TRY(mark(lane));
  return {};
}

Result<void> CaptureStreams::mark(Lane& lane) {
  lane.marked_at = now_;
  lane.marked_progress = lane.progress;
  TIDEMARK_ASSIGN(token, token_(frontier_));
  TIDEMARK_TRY(lane.writer.append_mark(token));
  ++appends_;
  return {};
}

CaptureStreams::Lane* CaptureStreams::lane_for(size_t stream, uint64_t time) {
  const auto index = lane_of_[stream];
  if (index && time >= lanes_[*index].complete_before) return &lanes_[*index];
  ++already_there_;
  return nullptr;
}

bool CaptureStreams::has_room(const Lane& lane, size_t record_bytes) const {
  const auto records = static_cast<uint32_t>(lane.ends.size() + 1);
  const uint64_t bytes = lane.data.size() + record_bytes;
  return bytes <= kBatchBytes && bytes <= lane.writer.max_data_bytes(records);
}

void CaptureStreams::put(Lane& lane, std::string_view record, uint64_t index) {
  if (!lane.waiting()) {
    lane.first_index = index;
    lane.waiting_since = now_;
  }
  lane.data.append(record);
  lane.ends.push_back(lane.data.size());
}

Result<void> CaptureStreams::add(size_t stream, uint64_t time, std::string_view record,
                                 uint64_t index) {
  Lane* const found = lane_for(stream, time);
  if (found == nullptr) return {};
  Lane& lane = *found;
  if (lane.waiting() && (lane.time != time || !has_room(lane, record.size()))) {
    TIDEMARK_TRY(append(lane));
  }
  lane.time = time;
  put(lane, record, index);
  return lane.ends.size() < limits_.records ? Result<void>() : append(lane);
}

Result<void> CaptureStreams::add_now(size_t stream, std::string_view record, uint64_t index) {
  arrival_ = true;
  Lane& lane = lanes_[*lane_of_[stream]];  // arrival time does not resume: all streams are open
  if (lane.waiting() && !has_room(lane, record.size())) TIDEMARK_TRY(append(lane));
  if (!lane.waiting()) lane.time = std::max(system_clock_ns(), lane.progress);
  put(lane, record, index);
  return lane.ends.size() < limits_.records ? Result<void>() : append(lane);
}

Result<void> CaptureStreams::append(Lane& lane) {
  records_.clear();
  size_t begin = 0;
  for (const size_t end : lane.ends) {
    records_.push_back(std::string_view(lane.data).substr(begin, end - begin));
    begin = end;
  }
  TIDEMARK_TRY(lane.writer.append_messages(std::span(&lane.time, 1), records_));
  ++appends_;
  lane.records_since_progress += lane.ends.size();
  lane.data.clear();
  lane.ends.clear();
  if (arrival_) {
    // Nothing else bears this time, so the batch is complete. The greatest time has no successor.
    if (lane.time < ~uint64_t{0}) frontier_ = std::max(frontier_, lane.time + 1);
    return follow(lane);
  }
  return lane.records_since_progress < limits_.records ? Result<void>() : follow(lane);
}

// Writes the frontier as the stream's progress. Nothing waits in the lane.
Result<void> CaptureStreams::follow(Lane& lane) {
  lane.records_since_progress = 0;
  lane.progress_at = now_;
  if (frontier_ <= lane.progress) return {};
  // A stream that something else than this tool wrote may hold several capabilities.
  changes_.clear();
  for (const auto& [time, count] : lane.writer.protocol().counts()) {
    changes_.push_back({time, -count});
  }
  changes_.push_back({Time(frontier_), 1});
  TIDEMARK_TRY(lane.writer.append_progress(changes_));
  ++appends_;
  lane.progress = frontier_;
  return token_ && now_ - lane.marked_at >= kMarkEvery ? mark(lane) : Result<void>();
}

Result<void> CaptureStreams::tend(Clock::time_point now) {
  now_ = now;
  for (Lane& lane : lanes_) {
    const bool batch_is_due = lane.waiting() && now - lane.waiting_since >= limits_.linger;
    const bool progress_is_due =
        frontier_ > lane.progress && now - lane.progress_at >= limits_.linger;
    if (!batch_is_due && !progress_is_due) continue;
    if (lane.waiting()) TIDEMARK_TRY(append(lane));
    TIDEMARK_TRY(follow(lane));
  }
  return {};
}

std::optional<CaptureStreams::Clock::time_point> CaptureStreams::next_deadline() const {
  std::optional<Clock::time_point> deadline;
  for (const Lane& lane : lanes_) {
    if (!lane.waiting() && frontier_ <= lane.progress) continue;
    const auto due = (lane.waiting() ? lane.waiting_since : lane.progress_at) + limits_.linger;
    if (!deadline || due < *deadline) deadline = due;
  }
  return deadline;
}

Result<void> CaptureStreams::flush() {
  for (Lane& lane : lanes_) {
    if (lane.waiting()) TIDEMARK_TRY(append(lane));
  }
  // Only now: the batches of arrival time move the frontier.
  for (Lane& lane : lanes_) {
    TIDEMARK_TRY(follow(lane));
    if (token_ && lane.marked_progress != lane.progress) TIDEMARK_TRY(mark(lane));
  }
  return {};
}

Result<void> CaptureStreams::sync() {
  for (Lane& lane : lanes_) TIDEMARK_TRY(lane.writer.sync());
  return {};
}

Result<void> CaptureStreams::finish() {
  for (Lane& lane : lanes_) {
    changes_.clear();
    for (const auto& [time, count] : lane.writer.protocol().counts()) {
      changes_.push_back({time, -count});
    }
    TIDEMARK_TRY(lane.writer.append_progress(changes_));
    ++appends_;
  }
  return {};
}

Result<void> CaptureStreams::close() {
  Result<void> first;
  for (Lane& lane : lanes_) {
    auto closed = lane.writer.close();
    if (!closed && first) first = std::move(closed);
  }
  return first;
}

uint64_t CaptureStreams::first_waiting(uint64_t read) const {
  uint64_t first = read;
  for (const Lane& lane : lanes_) {
    if (lane.waiting()) first = std::min(first, lane.first_index);
  }
  return first;
}

std::vector<uint64_t> CaptureStreams::committed() const {
  std::vector<uint64_t> positions;
  for (const Lane& lane : lanes_) positions.push_back(lane.writer.committed());
  return positions;
}

std::vector<uint64_t> CaptureStreams::durable() const {
  std::vector<uint64_t> positions;
  for (const Lane& lane : lanes_) positions.push_back(lane.writer.durable());
  return positions;
}

bool CaptureStreams::low_on_space() const {
  return std::any_of(lanes_.begin(), lanes_.end(),
                     [](const Lane& lane) { return lane.writer.low_on_space(); });
}

}  // namespace tidemark::tools
