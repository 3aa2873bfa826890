#include "tidemark/event_reader.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <limits>
#include <thread>
#include <utility>
#include <vector>

#include "event_reader_implementation.h"
#include "header_facts.h"
#include "paths.h"
#include "stream_directory.h"
#include "tidemark/check.h"
#include "tidemark/planted.h"

namespace tidemark {
namespace {

using Clock = std::chrono::steady_clock;

// The control page's count of publications is a hint; without it, or should it be wrong, a
// successor is looked for at every so many polls that found nothing.
constexpr uint64_t kQuietPolls = 4096;
// How often a reader without news asks the kernel whether a writer is alive.
constexpr uint64_t kExaminationIntervalNs = 20'000'000;
constexpr std::chrono::milliseconds kLongestSleep{100};
constexpr std::chrono::milliseconds kSleepWithoutWord{1};
// How long a reader looks before it sleeps: about what falling asleep and being woken take it. The
// wake is a system call of the writer's, and one that commits every few microseconds would make one
// for each commit of which the reader had caught up with the last.
constexpr std::chrono::microseconds kLookBeforeSleep{20};
// A reader that spins looks so often at the word that is stored next before it polls again, which
// asks for more: some microseconds.
constexpr int kLooksAPoll = 64;

// Between two looks. The line that is looked at is the one the writer is about to store to, and
// each look takes it away from the writer's core.
void pause_a_moment() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

using Implementation = EventReader::Implementation;
using Status = EventReader::Status;

Result<std::unique_ptr<Implementation>> Implementation::open(FileSeam& files, std::string directory,
                                                             uint32_t stream, const Uuid& log_uuid,
                                                             const ReaderOptions& options) {
  FileStatus status;
  if (const int answer = files.status(directory, status); answer < 0) {
    auto error = fail_system("cannot open a stream", directory, -answer);
    error.value().stream = stream;
    return error;
  }
  std::unique_ptr<Implementation> made(
      new Implementation(files, std::move(directory), stream, log_uuid, options));
  made->attach_control();
  TIDEMARK_ASSIGN(opened, made->open_first());
  made->began_empty_ = !opened;  // its first segment may come later
  return made;
}

void Implementation::attach_control() {
  if (!control_) control_ = ControlPage::open_for_reading(files, directory);
}

// Finds the segment to start from; false while the stream has none.
Result<bool> Implementation::open_first() {
  if (options.position) return open_at(*options.position);
  // In this order: a segment that a purge unlinks after this look is below what is read then.
  TIDEMARK_ASSIGN(positions, list_segment_names(files, directory));
  TIDEMARK_ASSIGN(purged, read_purged(files, directory));
  const uint64_t earliest = purged.value_or(0);
  if (options.segment && *options.segment < earliest) return purged_at(*options.segment, earliest);
  // This reader was there before the first event, and is owed it.
  if (began_empty_ && earliest > 0) return purged_at(0, earliest);
  for (const uint64_t position : positions) {
    if (position < earliest) continue;
    if (options.segment && position != *options.segment) continue;
    TIDEMARK_ASSIGN(overtaken, lease_from(position, purged));
    if (overtaken) return open_first();
    auto opened = Segment::open(files, segment_path(directory, position), stream, options.access);
    if (!opened && opened.error().code == ErrorCode::NotFound) {
      const auto examined = examine_segment(files, directory, stream, position);
      if (examined && examined->damage) return tl::make_unexpected(*examined->damage);
      if (!examined && examined.error().code != ErrorCode::NotFound) {
        return tl::make_unexpected(examined.error());
      }
      continue;  // prepared and not published, or unlinked since by the writer that prepared it
    }
    if (!opened) return tl::make_unexpected(opened.error());
    const SegmentHeader& header = (*opened)->header();
    const bool is_head =
        header.previous_first_position == kNoPosition || (purged && position == *purged);
    if (!options.segment && !is_head) {
      TIDEMARK_ASSIGN(since, purged_since(purged));
      if (since) return open_first();
      return (*opened)->fail_at(0, ErrorCode::Missing, "the segments before this one are missing");
    }
    TIDEMARK_TRY(enter(*std::move(opened)));
    TIDEMARK_TRY(learn_void());
    TIDEMARK_TRY(begin_at_waypoint());
    return true;
  }
  TIDEMARK_ASSIGN(since, purged_since(purged));
  if (since) return open_first();
  if (options.segment) {
    auto error = fail(ErrorCode::NotFound,
                      "no segment begins at position " + std::to_string(*options.segment));
    error.value().stream = stream;
    error.value().path = directory;
    return error;
  }
  if (purged && *purged > 0) {
    auto error =
        fail(ErrorCode::Missing, "the segment up to which the stream was purged is missing");
    error.value().stream = stream;
    error.value().segment = *purged;
    error.value().path = directory;
    return error;
  }
  return false;
}

Result<void> Implementation::enter(std::shared_ptr<Segment> next) {
  const SegmentHeader& header = next->header();
  if (!std::equal(std::begin(header.log_uuid), std::end(header.log_uuid), log_uuid.begin())) {
    return next->fail_at(0, ErrorCode::Corrupt, "the segment is that of another log");
  }
  if (traits && traits->time != header.time_shape()) {
    return next->fail_at(0, ErrorCode::Corrupt, "the segment's times are of another shape");
  }
  if (traits && (traits->schema_hash != header.schema_hash ||
                 (traits->schema != nullptr) != header.has_schema())) {
    return fail_schema(*next, 0, "S3", "the segment's schema is not that of the one before it");
  }
  TIDEMARK_ASSIGN(offset, walk.enter(*next));
  if (!traits) {
    traits = traits_of(header);
    traits->schema = walk.schema();
  }
  initial.reset();
  // Whoever begins at a position may have been there before, and then has what is void.
  voided_ = header.voids() && (options.position || !void_.knows(header.first_position));
  void_.pass(header.first_position);
  const bool first = segment == nullptr;
  segment = std::move(next);
  if (options.leasing == Leasing::Automatic && !first) {
    lease_.hold(files, directory, segment->first_position());
  }
  offset_ = offset;
  at_seal = false;
  quiet_polls_ = kQuietPolls;  // there may be a successor already
  return {};
}

// Right after the first segment was entered.
Result<void> Implementation::learn_void() {
  voided_ = false;  // what that one voids stands before it
  if (!options.hide_void) return {};
  TIDEMARK_ASSIGN(found, VoidRecords::find(files, directory, stream, segment->first_position(),
                                           options.access));
  void_ = std::move(found);
  return {};
}

uint64_t Implementation::position() const {
  return segment ? segment->first_position() + offset_ : 0;
}

bool Implementation::writer_alive() const {
  const auto locked = is_locked(files, directory);
  // Where it cannot be asked, nothing that depends on the writer's death may be concluded.
  return !locked || *locked;
}

uint64_t Implementation::visible_upto() {
  if (options.visibility == Visibility::Committed) return kNoPosition;
  attach_control();
  // What an earlier boot left was read from the disk, so it did survive.
  seen_durable_ = control_ ? control_->durable().value_or(kNoPosition) : kNoPosition;
  return seen_durable_;
}

// Each check of look() is made here too, in its order, but in such a way that the answer is no more
// than yes or no: what has to be said about a no is found out anew.
inline bool Implementation::take_ready_event() {
  if (error_ || at_seal || !segment || walk.protocol().finished() || !void_.empty() || voided_)
      [[unlikely]] {
    return false;
  }
  FrameView frame;
  if (!segment->ready_frame(offset_, frame)) [[unlikely]]
    return false;
  // The durable position never falls; that of a stream without a writer, kNoPosition, may.
  const uint64_t end = frame.end_position();
  if (options.visibility == Visibility::Durable &&
      (end > seen_durable_ || seen_durable_ == kNoPosition)) [[unlikely]] {
    return false;
  }
  if (!walk.apply_written(*segment, frame, event)) [[unlikely]]
    return false;
  offset_ = end - segment->first_position();
  segment->took_ready_frame(offset_);
  return true;
}

Result<Status> Implementation::poll() {
  if (take_ready_event()) [[likely]]
    return Status::Event;
  return poll_thoroughly();
}

Result<Status> Implementation::poll_thoroughly() {
  if (error_) return tl::make_unexpected(*error_);
  auto looked = look();
  if (!looked) error_ = looked.error();
  return looked;
}

Result<Status> Implementation::look() {
  event = {};
  if (!segment) {
    attach_control();
    seen_published_ = control_ ? control_->published() : 0;
    TIDEMARK_ASSIGN(opened, open_first());
    if (!opened) return Status::Pending;
  }
  for (;;) {
    if (std::exchange(voided_, false)) return Status::Voided;
    if (walk.protocol().finished()) {
      TIDEMARK_TRY(examine_finish());
      return Status::Finished;
    }
    if (!at_seal) {
      const auto looked = segment->frame(offset_);
      if (!looked) {
        TIDEMARK_TRY(cross_lost_tail(looked.error()));
        continue;
      }
      const auto& frame = *looked;
      if (frame && frame->kind == FrameKind::Seal) {
        TIDEMARK_TRY(accept_seal(*frame));
        at_seal = true;
      } else if (frame) {
        if (frame->end_position() > visible_upto()) return Status::Pending;
        TIDEMARK_ASSIGN(found, walk.apply(*segment, offset_, *frame));
        offset_ = frame->end_position() - segment->first_position();
        const MessagesView* const messages = found.messages();
        if (messages == nullptr && found.progress() == nullptr) continue;
        if (messages != nullptr && void_.covers(found.position, messages->time())) continue;
        event = found;
        return Status::Event;
      }
    }
    TIDEMARK_ASSIGN(crossed, cross());
    if (!crossed) return Status::Pending;
  }
}

Result<void> Implementation::accept_seal(const FrameView& frame) const {
  auto seal = decode_seal(frame.payload, segment->header().time_shape());
  if (!seal) return segment->fail_at(offset_, std::move(seal).error());
  if (seal->end != position() || seal->totals != walk.totals()) {
    return segment->fail_at(offset_, ErrorCode::Corrupt,
                            "the seal contradicts the events before it");
  }
  return {};
}

bool Implementation::should_look_for_successor() {
  attach_control();
  const uint64_t published = control_ ? control_->published() : 0;
  if (published == seen_published_ && ++quiet_polls_ < kQuietPolls) return false;
  seen_published_ = published;
  quiet_polls_ = 0;
  return true;
}

// The segment that follows this one, or nothing where none is published yet.
Result<std::shared_ptr<Segment>> Implementation::find_successor() {
  TIDEMARK_ASSIGN(positions, list_segment_names(files, directory));
  const auto after =
      std::upper_bound(positions.begin(), positions.end(), segment->first_position());
  for (auto at = after; at != positions.end(); ++at) {
    auto opened = Segment::open(files, segment_path(directory, *at), stream, options.access);
    if (opened) return follow_back(*std::move(opened));
    if (opened.error().code != ErrorCode::NotFound) return tl::make_unexpected(opened.error());
    // A spare, or one that was just unlinked; unless frames say that its magic is lost.
    const auto examined = examine_segment(files, directory, stream, *at);
    if (examined && examined->damage) return tl::make_unexpected(*examined->damage);
  }
  return std::shared_ptr<Segment>();
}

// A directory is not listed at one moment: beside a writer that rolls, a segment may be seen while
// the ones before it were missed, or were looked at before they were published. The links know.
Result<std::shared_ptr<Segment>> Implementation::follow_back(std::shared_ptr<Segment> found) {
  const uint64_t known = segment->first_position();
  while (found->header().previous_first_position != kNoPosition &&
         found->header().previous_first_position > known) {
    const uint64_t previous = found->header().previous_first_position;
    const std::string path = segment_path(directory, previous);
    auto opened = Segment::open(files, path, stream, options.access);
    if (opened) {
      found = *std::move(opened);
      continue;
    }
    if (opened.error().code != ErrorCode::NotFound) return tl::make_unexpected(opened.error());
    TIDEMARK_ASSIGN(purged, read_purged(files, directory));
    if (purged && *purged > previous) return found;  // cross() says so
    FileStatus status;
    if (files.status(path, status) == 0) {
      return segment->fail_at(offset_, ErrorCode::Corrupt,
                              "the stream goes on in the segment at " + std::to_string(previous) +
                                  ", which is not published any more");
    }
    return found->fail_at(
        0, ErrorCode::Missing,
        "the segment at " + std::to_string(previous) + " before this one is missing");
  }
  return found;
}

Result<bool> Implementation::cross() {
  if (!should_look_for_successor()) {
    TIDEMARK_TRY(examine_end());
    return false;
  }
  TIDEMARK_ASSIGN(successor, find_successor());
  if (!successor) {
    TIDEMARK_TRY(examine_end());
    return false;
  }
  if (!at_seal) {
    // The writer may have appended here before it published the successor.
    TIDEMARK_ASSIGN(word, segment->commit_word(offset_));
    if (word != 0) {
      quiet_polls_ = kQuietPolls;
      return true;
    }
  }
  const SegmentHeader& header = successor->header();
  if (header.previous_first_position != segment->first_position()) {
    TIDEMARK_ASSIGN(purged, read_purged(files, directory));
    if (purged && *purged > position()) {
      auto error = segment->fail_at(offset_, ErrorCode::Purged,
                                    "the stream was purged up to " + std::to_string(*purged));
      error.value().offset = *purged;
      return error;
    }
    return segment->fail_at(offset_, ErrorCode::CursorLost,
                            "the stream went on without this segment: it was lost");
  }
  if (position() > header.previous_end) {
    return segment->fail_at(
        offset_, ErrorCode::CursorLost,
        "the stream ended before this position, at " + std::to_string(header.previous_end));
  }
  if (position() < header.previous_end) {
    return segment->fail_at(
        offset_, ErrorCode::Corrupt,
        "nothing stands here, but the stream goes on at " + std::to_string(header.previous_end));
  }
  TIDEMARK_TRY(enter(std::move(successor)));
  return true;
}

// What stands here is no valid frame. That is an error, unless recovery has recorded in the
// successor that the stream was cut off right here.
Result<void> Implementation::cross_lost_tail(const Error& error) {
  if (error.code != ErrorCode::Corrupt) return tl::make_unexpected(error);
  TIDEMARK_ASSIGN(successor, find_successor());
  if (!successor) return tl::make_unexpected(error);
  const SegmentHeader& header = successor->header();
  if (header.previous_first_position != segment->first_position() ||
      header.previous_end != position() || header.dropped_bytes == 0) {
    return tl::make_unexpected(error);
  }
  return enter(std::move(successor));
}

Result<void> Implementation::examine_end() {
  if (examined_position_ == position()) return {};
  const uint64_t now = files.coarse_now_ns();
  if (now < next_examination_ns_) return {};
  next_examination_ns_ = now + kExaminationIntervalNs;
  if (writer_alive()) return {};
  uint64_t from = offset_;
  if (at_seal) {
    TIDEMARK_ASSIGN(seal, segment->frame(offset_));
    TIDEMARK_CHECK(seal.has_value());
    from = seal->end_position() - segment->first_position() - kFrameAlignment;
  } else {
    // The writer may have ended between the last look at the word and the look at its lock.
    TIDEMARK_ASSIGN(word, segment->commit_word(offset_));
    if (word != 0) return {};
  }
  uint64_t budget = segment->search_budget();
  TIDEMARK_ASSIGN(found, segment->find_frame_after(from, budget));
  if (found && !at_seal) {
    // As above: a writer may even have come and gone since.
    TIDEMARK_ASSIGN(word, segment->commit_word(offset_));
    if (word != 0) return {};
  }
  if (found) {
    return segment->fail_at(
        offset_, ErrorCode::Corrupt,
        "nothing stands here, but a valid frame does at offset " + std::to_string(*found));
  }
  examined_position_ = position();
  return {};
}

// Nothing can follow a finished stream but its seal, and what stands there must be sound.
Result<void> Implementation::examine_finish() {
  if (examined_position_ == position()) return {};
  TIDEMARK_ASSIGN(frame, segment->frame(offset_));
  if (!frame) return {};  // its writer may still be about to seal it
  examined_position_ = position();
  if (frame->kind == FrameKind::Seal) {
    TIDEMARK_TRY(accept_seal(*frame));
    at_seal = true;
    return {};
  }
  TIDEMARK_TRY(walk.apply(*segment, offset_, *frame));  // P5 refuses an event
  return {};
}

bool Implementation::has_news() const {
  if (error_) return true;
  Result<uint64_t> word = uint64_t{0};
  if (segment && !at_seal) word = segment->commit_word(offset_);
  if (!word) return true;
  // Only where nothing stands here is a successor looked for.
  if (*word == 0) return control_ && control_->published() != seen_published_;
  if (options.visibility == Visibility::Committed) return true;
  return control_ && control_->durable().value_or(kNoPosition) != seen_durable_;
}

std::optional<FutexWait> Implementation::arm() {
  attach_control();
  return control_ ? control_->arm() : std::nullopt;
}

EventReader::EventReader(std::unique_ptr<Implementation> implementation)
    : implementation_(std::move(implementation)) {}
EventReader::EventReader(EventReader&&) noexcept = default;
EventReader& EventReader::operator=(EventReader&&) noexcept = default;
EventReader::~EventReader() = default;

Result<Status> EventReader::poll() { return implementation_->poll(); }

Result<Status> EventReader::next(std::chrono::nanoseconds limit, Waiting waiting) {
  const auto deadline = Clock::now() + limit;
  for (;;) {
    TIDEMARK_ASSIGN(status, poll());
    if (status != Status::Pending) return status;
    const auto left = deadline - Clock::now();
    if (left <= Clock::duration::zero()) return Status::Pending;
    if (waiting == Waiting::Sleep) {
      EventReader* const self = this;
      TIDEMARK_TRY(wait_any(std::span(&self, 1), left));
    } else {
      for (int i = 0; i < kLooksAPoll && !implementation_->has_news(); ++i) pause_a_moment();
    }
  }
}

Result<bool> wait_any(std::span<EventReader* const> readers, std::chrono::nanoseconds limit) {
  TIDEMARK_CHECK(!readers.empty());
  FileSeam& files = readers.front()->implementation_->files;
  const auto deadline = Clock::now() + limit;
  const auto any_news = [&] {
    return std::any_of(readers.begin(), readers.end(),
                       [](const EventReader* r) { return r->implementation_->has_news(); });
  };
  const auto look_until = std::min(deadline, Clock::now() + kLookBeforeSleep);
  do {
    if (any_news()) return true;
    pause_a_moment();
  } while (Clock::now() < look_until);
  std::vector<FutexWait> words;
  words.reserve(readers.size());
  bool all_have_words = true;
  for (EventReader* reader : readers) {
    if (const auto word = reader->implementation_->arm()) {
      words.push_back(*word);
    } else {
      all_have_words = false;
    }
  }
  // The other half of the writer's missing fence: after this, whatever it committed before it
  // looked at the word is visible here, and whatever it commits later finds the word odd.
  const bool fenced = planted(Bug::WakeWithoutBarrier) || files.membarrier() == 0;
  if (any_news()) return true;
  const auto left = deadline - Clock::now();
  if (left <= Clock::duration::zero()) return false;
  std::chrono::nanoseconds sleep = std::min<std::chrono::nanoseconds>(left, kLongestSleep);
  if (!fenced || !all_have_words) {
    sleep = std::min<std::chrono::nanoseconds>(sleep, kSleepWithoutWord);
  }
  const int answer = files.futex_wait(words, sleep);
  return answer != -ETIMEDOUT || any_news();
}

void EventReader::release_before(uint64_t position) { implementation_->release_before(position); }
const EventView& EventReader::event() const { return implementation_->event; }
std::shared_ptr<const Segment> EventReader::segment() const { return implementation_->segment; }
uint64_t EventReader::position() const { return implementation_->position(); }
uint64_t EventReader::sequence() const { return implementation_->walk.totals().events; }
const Protocol& EventReader::protocol() const {
  return implementation_->initial ? *implementation_->initial : implementation_->walk.protocol();
}
const Totals& EventReader::totals() const { return implementation_->walk.totals(); }
const std::vector<Change>& EventReader::opening() const { return implementation_->walk.opening(); }
const std::optional<StreamTraits>& EventReader::traits() const { return implementation_->traits; }
uint32_t EventReader::stream() const { return implementation_->stream; }
bool EventReader::writer_alive() const { return implementation_->writer_alive(); }
bool EventReader::at_seal() const { return implementation_->at_seal; }

}  // namespace tidemark
