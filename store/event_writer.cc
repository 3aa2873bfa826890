#include "tidemark/event_writer.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "event_writer_implementation.h"
#include "lease.h"
#include "tidemark/check.h"
#include "tidemark/planted.h"
#include "tidemark/record_schema.h"

namespace tidemark {
namespace {

// The next segment is prepared once this part of the active one is used: a log of ten records
// makes no spare, and a busy one has it long before it is needed.
constexpr uint64_t kPrepareFraction = 8;

Result<void> check_options(const WriterOptions& options) {
  if (options.segment_bytes < kMinSegmentBytes || options.segment_bytes > kMaxSegmentBytes ||
      options.segment_bytes % kPageBytes != 0) {
    return fail(ErrorCode::InvalidArgument,
                "a segment has between 64 KiB and 1 GiB and is a multiple of 4 KiB, not " +
                    std::to_string(options.segment_bytes) + " bytes");
  }
  if (options.time_name.size() >= sizeof SegmentHeader::time_name ||
      options.container_name.size() >= sizeof SegmentHeader::container_name) {
    return fail(ErrorCode::InvalidArgument,
                "the name of the times or of the container is too long");
  }
  if (options.sync.kind == SyncPolicy::Kind::Interval && options.sync.interval.count() <= 0) {
    return fail(ErrorCode::InvalidArgument, "the interval between syncs must be positive");
  }
  if (options.sync.kind == SyncPolicy::Kind::Bytes && options.sync.bytes == 0) {
    return fail(ErrorCode::InvalidArgument, "the bytes between syncs must be positive");
  }
  if (!options.schema.empty()) {
    if (auto parsed = RecordSchema::parse(options.schema); !parsed) {
      Error error = std::move(parsed).error();
      if (error.code == ErrorCode::Corrupt) error.code = ErrorCode::InvalidArgument;
      return tl::make_unexpected(std::move(error));
    }
  }
  return options.time.validate();
}

template <size_t N>
void copy_text(char (&to)[N], const std::string& from) {
  std::memcpy(to, from.data(), std::min(from.size(), N - 1));
}

SegmentPlan plan_of(const StreamPlace& place, const WriterOptions& options, uint64_t incarnation) {
  SegmentPlan plan;
  plan.directory = place.directory;
  plan.sync_populated = options.sync.kind == SyncPolicy::Kind::EveryCommit;
  plan.large_pages =
      options.pages == SegmentPages::Large ||
      (options.pages == SegmentPages::Automatic && options.sync.kind == SyncPolicy::Kind::None);
  plan.reserve_bytes = options.reserve_bytes;
  plan.low_space_bytes = options.low_space_bytes.value_or(2 * options.segment_bytes);
  SegmentHeader& identity = plan.identity;
  identity.format_minor = kFormatMinor;
  identity.time_words = options.time.words;
  identity.time_wide_mask = options.time.wide_mask;
  identity.time_signed_mask = options.time.signed_mask;
  identity.record_encoding = static_cast<uint8_t>(options.encoding);
  std::copy(place.log_uuid.begin(), place.log_uuid.end(), identity.log_uuid);
  identity.stream = place.stream;
  identity.worker_index = place.stream;
  identity.peers = place.peers;
  identity.incarnation = incarnation;
  identity.schema_hash = options.schema_hash;
  if (!options.schema.empty()) {
    identity.format_minor = kFormatMinorOfSchemas;
    identity.compatible_features |= kSchemaFeature;
    identity.schema_hash = schema_hash_of(options.schema);
  }
  copy_text(identity.time_name, options.time_name);
  copy_text(identity.container_name, options.container_name);
  return plan;
}

// A stream's events are of one kind for ever: what exists must agree with what is asked for.
Result<void> check_agreement(const SegmentHeader& existing, const SegmentHeader& wanted) {
  const auto differs = [](std::string what) {
    return fail(ErrorCode::InvalidArgument, "the stream exists with another " + std::move(what));
  };
  if (existing.time_shape() != wanted.time_shape() ||
      std::strcmp(existing.time_name, wanted.time_name) != 0) {
    return differs("kind of time, \"" + std::string(existing.time_name) + "\"");
  }
  if (existing.record_encoding != wanted.record_encoding ||
      std::strcmp(existing.container_name, wanted.container_name) != 0) {
    return differs("container, \"" + std::string(existing.container_name) + "\"");
  }
  if (existing.has_schema() != wanted.has_schema() || existing.schema_hash != wanted.schema_hash) {
    return differs(existing.has_schema() || existing.schema_hash != 0 ? "schema" : "schema, none");
  }
  if (!std::equal(std::begin(existing.log_uuid), std::end(existing.log_uuid),
                  std::begin(wanted.log_uuid))) {
    return fail(ErrorCode::Corrupt, "the stream's segments are those of another log");
  }
  if ((existing.compatible_features & ~kCompatibleFeatures) != 0) {
    return fail(ErrorCode::Unsupported, "the stream may only be appended to by a newer version");
  }
  return {};
}

}  // namespace

using Implementation = EventWriter::Implementation;

Result<std::unique_ptr<Implementation>> Implementation::open(FileSeam& files,
                                                             const StreamPlace& place,
                                                             const WriterOptions& options) {
  TIDEMARK_TRY(check_options(options));
  TIDEMARK_ASSIGN(lock, StreamLock::acquire(files, place.directory, place.stream));
  TIDEMARK_ASSIGN(control, ControlPage::open_for_writing(files, place.directory));
  TIDEMARK_TRY(create_leases(files, place.directory));
  TIDEMARK_ASSIGN(recovered,
                  recover_stream(files, place.directory, place.stream, control.durable()));
  if (recovered.last) {
    TIDEMARK_TRY(
        check_agreement(*recovered.last, plan_of(place, options, recovered.incarnation).identity));
  }
  if (recovered.protocol && recovered.protocol->finished()) {
    auto error = fail(ErrorCode::Finished, "the stream is finished, nothing can follow");
    error.value().stream = place.stream;
    return error;
  }
  Succession succession;
  succession.before = recovered.totals;
  if (recovered.last) {
    succession.previous_first_position = recovered.last->first_position;
    succession.previous_end = recovered.end;
  }
  succession.dropped_bytes = recovered.report.dropped_bytes;
  succession.dropped_frames = recovered.report.dropped_frames;
  succession.dropped_segments = recovered.report.set_aside_segments;

  if (options.resume == Resume::DiscardIncomplete && recovered.totals.records > 0) {
    succession.void_segment = recovered.next_position;
  } else if (recovered.last) {
    succession.void_segment = recovered.last->void_segment;
  }
  // From here on the control page speaks for the new incarnation.
  control.begin(recovered.incarnation, recovered.end);
  // Writers may be interrupted by readers' barriers; without them readers sleep more shortly.
  files.register_membarrier();
  SegmentPlan plan = plan_of(place, options, recovered.incarnation);
  if (succession.void_segment != 0) {
    plan.identity.format_minor = kFormatMinorOfVoids;
    plan.identity.incompatible_features |= kVoidFeature;
  }
  const std::vector<std::string> spares = std::move(recovered.spares);
  std::unique_ptr<Implementation> made(new Implementation(files, place, options, std::move(plan),
                                                          std::move(lock), std::move(control),
                                                          std::move(recovered)));
  const uint64_t bytes = made->next_segment_bytes(made->least_segment_bytes(0, made->mark_.size()));
  TIDEMARK_ASSIGN(prepared, made->preparer_.take(made->next_position_, bytes, bytes));
  if (auto removed = remove_spares(files, place.directory, spares); !removed) {
    discard_segment(files, prepared);
    return tl::make_unexpected(std::move(removed).error());
  }
  TIDEMARK_TRY(made->publish(prepared, succession));
  return made;
}

Implementation::Implementation(FileSeam& files, const StreamPlace& where,
                               const WriterOptions& chosen, SegmentPlan plan, StreamLock lock,
                               ControlPage control, RecoveredStream recovered)
    : committed(recovered.end),
      place(where),
      options(chosen),
      protocol(recovered.protocol ? *std::move(recovered.protocol) : Protocol(chosen.time)),
      totals(recovered.totals),
      recovery(recovered.report),
      files_(files),
      lock_(std::move(lock)),
      control_(std::move(control)),
      preparer_(files, std::move(plan)),
      toucher_(files),
      durability_(files, control_, options.sync, committed, recovered.end),
      next_position_(recovered.next_position),
      precise_clock_(files),
      captured_at_ns_(recovered.captured_at_ns),
      mark_(recovery.mark),
      fork_generation_(fork_generation()) {}

Implementation::~Implementation() {
  // The caller who wants to know whether it could calls close() itself.
  (void)close();
  release();
}

// The helper threads first, and the lock last: whoever gets it finds nobody at work.
void Implementation::release() {
  preparer_.stop();
  durability_.stop();
  active_.reset();
  toucher_.stop();
  lock_.release();
}

Result<void> Implementation::usable() const {
  if (closed_) [[unlikely]]
    return fail(ErrorCode::Closed, "the writer was closed");
  if (forked()) [[unlikely]] {
    return fail(ErrorCode::Forked, "the writer belongs to the parent process");
  }
  if (durability_.poisoned()) [[unlikely]]
    return tl::make_unexpected(durability_.poison());
  return {};
}

tl::unexpected<Error> Implementation::wrong_encoding() const {
  return fail(ErrorCode::InvalidArgument, options.encoding == RecordEncoding::Variable
                                              ? "the stream's records have lengths of their own"
                                              : "the stream's records have one length");
}

tl::unexpected<Error> Implementation::too_large(uint64_t records, uint64_t data_bytes) const {
  return fail(ErrorCode::TooLarge, std::to_string(records) + " records of " +
                                       std::to_string(data_bytes) +
                                       " bytes do not fit into one segment");
}

Result<void> Implementation::make_room(uint64_t payload_bytes, size_t capabilities) {
  if (!fits(payload_bytes, seal_bytes(capabilities))) {
    TIDEMARK_TRY(
        roll(frame_bytes(payload_bytes) + first_seal_bytes(capabilities) + sizeof(uint64_t)));
  }
  return active_->offset() < helpers_due_ ? Result<void>() : ask_helpers();
}

// In place: should the event be refused yet, the next append overwrites it.
bool Implementation::encode_due_waypoint(uint64_t payload_bytes, size_t capabilities) {
  const uint64_t waypoint = waypoint_payload_bytes(options.time, protocol.counts().size());
  const uint64_t seal =
      frame_bytes(max_seal_payload_bytes(options.time, capabilities, active_->waypoints() + 1));
  if (!fits(frame_bytes(waypoint) + payload_bytes, seal)) {
    // Less is left than a waypoint takes.
    active_->forgo_waypoints();
    return false;
  }
  encode_waypoint(active_->payload(), totals, protocol);
  waypoint_bytes_ = waypoint;
  return true;
}

// Nobody is told: an event follows at once.
void Implementation::commit_waypoint() {
  active_->note_waypoint();
  active_->commit(FrameKind::Waypoint, waypoint_bytes_, durability_.durable_hint(), captured_at_ns_,
                  kSkippable);
  time_noted_ = false;
  steady_upto_ = 0;
  seal_bytes_ = seal_bytes(protocol.counts().size());
}

[[gnu::always_inline]] inline uint64_t Implementation::publish_event(FrameKind kind,
                                                                     uint64_t payload_bytes) {
  ++totals.events;
  return publish_frame(kind, payload_bytes, 0);
}

[[gnu::always_inline]] inline uint64_t Implementation::publish_frame(FrameKind kind,
                                                                     uint64_t payload_bytes,
                                                                     uint8_t flags) {
  return announce(
      active_->commit(kind, payload_bytes, durability_.durable_hint(), clock_ns(), flags));
}

uint64_t Implementation::after_commit(uint64_t end) {
  // Where it fails, the next append asks again, before it appends, and says so.
  if (active_->offset() >= helpers_due_) [[unlikely]]
    (void)ask_helpers();
  return end;
}

Result<uint64_t> Implementation::as_policy_asks(Result<uint64_t> appended) {
  if (appended && options.sync.kind == SyncPolicy::Kind::EveryCommit) {
    TIDEMARK_TRY(durability_.sync());
  }
  return appended;
}

Result<void> Implementation::judge_time(std::span<const uint64_t> time) {
  if (time.size() != options.time.words) {
    return fail(ErrorCode::InvalidArgument, "the time has " + std::to_string(time.size()) +
                                                " words, the stream's have " +
                                                std::to_string(options.time.words));
  }
  const Time judged(options.time, time);
  TIDEMARK_TRY(protocol.messages(judged));
  last_time_ = judged;
  time_noted_ = false;
  return {};
}

Result<uint64_t> Implementation::commit_messages(uint64_t payload_bytes, uint32_t records,
                                                 uint64_t data_bytes) {
  if (!time_noted_) {
    active_->note_messages(*last_time_);
    time_noted_ = true;
  }
  totals.records += records;
  totals.data_bytes += data_bytes;
  const uint64_t end = after_commit(publish_event(FrameKind::Messages, payload_bytes));
  settle();
  return end;
}

void Implementation::settle() {
  steady_upto_ = 0;
  if (options.time.words != 1 || options.sync.kind == SyncPolicy::Kind::EveryCommit) return;
  steady_time_ = last_time_->word(0);
  // A frame that ends below this leaves room for the seal and the commit word after it, as
  // has_room() wants it.
  const uint64_t room_upto = active_->bytes() - seal_bytes_ - sizeof(uint64_t) + 1;
  steady_upto_ = std::min({room_upto, helpers_due_, active_->waypoint_due()});
}

bool Implementation::follow_time(uint64_t word) {
  const Time judged(options.time, std::span(&word, 1));
  if (!protocol.allows_messages(judged)) return false;
  active_->note_messages(judged);
  last_time_ = judged;
  steady_time_ = word;
  return true;
}

template <typename Fill>
[[gnu::always_inline]] inline uint64_t Implementation::append_steadily(
    std::span<const uint64_t> time, const MessagesLayout& layout, uint32_t records,
    uint64_t data_bytes, Fill fill) {
  if (closed_ || forked() || durability_.poisoned()) [[unlikely]]
    return 0;
  if (time.size() != 1) [[unlikely]]
    return 0;
  if (active_->offset() + frame_bytes(layout.payload_bytes) >= steady_upto_) [[unlikely]]
    return 0;
  // Last of all: what it notes in the segment's bounds must be appended.
  if (time[0] != steady_time_ && !follow_time(time[0])) [[unlikely]]
    return 0;
  std::byte* const payload = active_->payload();
  encode_messages(payload, layout, TimeShape{}, time, records, data_bytes);
  fill(payload);
  totals.records += records;
  totals.data_bytes += data_bytes;
  return publish_event(FrameKind::Messages, layout.payload_bytes);
}

[[gnu::always_inline]] inline uint64_t Implementation::try_append_messages(
    std::span<const uint64_t> time, std::span<const std::string_view> records) {
  uint64_t data_bytes = 0;
  for (const std::string_view record : records) data_bytes += record.size();
  if (options.encoding != RecordEncoding::Variable ||
      data_bytes + records.size() * sizeof(uint32_t) > kAlwaysFitBytes) [[unlikely]] {
    return 0;
  }
  const auto count = static_cast<uint32_t>(records.size());
  const MessagesLayout layout = messages_layout(TimeShape{}, true, count, data_bytes);
  return append_steadily(time, layout, count, data_bytes,
                         [&](std::byte* payload) { encode_records(payload, layout, records); });
}

[[gnu::always_inline]] inline uint64_t Implementation::try_append_messages(
    std::span<const uint64_t> time, uint32_t records, std::span<const std::byte> data) {
  if (options.encoding != RecordEncoding::Fixed || data.size() > kAlwaysFitBytes) [[unlikely]]
    return 0;
  // One record is of any length: that costs no division.
  if (records != 1 && (records == 0 || data.size() % records != 0)) [[unlikely]]
    return 0;
  const MessagesLayout layout = messages_layout(TimeShape{}, false, records, data.size());
  return append_steadily(time, layout, records, data.size(), [&](std::byte* payload) {
    if (!data.empty()) std::memcpy(payload + written::kCompactDataAt, data.data(), data.size());
  });
}

Result<uint64_t> Implementation::append_messages(std::span<const uint64_t> time,
                                                 std::span<const std::string_view> records) {
  if (options.encoding != RecordEncoding::Variable) [[unlikely]]
    return wrong_encoding();
  if (!is_judged(time)) [[unlikely]]
    TIDEMARK_TRY(judge_time(time));
  uint64_t data_bytes = 0;
  for (const std::string_view record : records) data_bytes += record.size();
  if (data_bytes + records.size() * sizeof(uint32_t) > kAlwaysFitBytes) [[unlikely]] {
    if (records.size() > max_data_bytes(0) / sizeof(uint32_t) ||
        data_bytes > max_data_bytes(static_cast<uint32_t>(records.size()))) {
      return too_large(records.size(), data_bytes);
    }
  }
  const auto count = static_cast<uint32_t>(records.size());
  const MessagesLayout layout = messages_layout(options.time, true, count, data_bytes);
  if (!is_usable()) [[unlikely]]
    TIDEMARK_TRY(usable());
  if (!has_room(layout.payload_bytes, seal_bytes_)) [[unlikely]]
    TIDEMARK_TRY(make_room(layout.payload_bytes, protocol.counts().size()));
  if (is_waypoint_due()) [[unlikely]]
    place_waypoint(layout.payload_bytes);
  std::byte* const payload = active_->payload();
  encode_messages(payload, layout, options.time, time, count, data_bytes);
  encode_records(payload, layout, records);
  return commit_messages(layout.payload_bytes, count, data_bytes);
}

Result<uint64_t> Implementation::append_messages(std::span<const uint64_t> time, uint32_t records,
                                                 std::span<const std::byte> data) {
  if (options.encoding != RecordEncoding::Fixed) [[unlikely]]
    return wrong_encoding();
  if (records == 0 ? !data.empty() : data.size() % records != 0) [[unlikely]] {
    return fail(ErrorCode::InvalidArgument, "the data is not a whole number of bytes a record");
  }
  if (!is_judged(time)) [[unlikely]]
    TIDEMARK_TRY(judge_time(time));
  if (data.size() > kAlwaysFitBytes) [[unlikely]] {
    if (data.size() > max_data_bytes(records)) return too_large(records, data.size());
  }
  const MessagesLayout layout = messages_layout(options.time, false, records, data.size());
  if (!is_usable()) [[unlikely]]
    TIDEMARK_TRY(usable());
  if (!has_room(layout.payload_bytes, seal_bytes_)) [[unlikely]]
    TIDEMARK_TRY(make_room(layout.payload_bytes, protocol.counts().size()));
  if (is_waypoint_due()) [[unlikely]]
    place_waypoint(layout.payload_bytes);
  std::byte* const payload = active_->payload();
  encode_messages(payload, layout, options.time, time, records, data.size());
  if (!data.empty()) std::memcpy(payload + layout.data_at, data.data(), data.size());
  return commit_messages(layout.payload_bytes, records, data.size());
}

Result<uint64_t> Implementation::append_progress(std::span<const Change> changes) {
  for (const Change& change : changes) {
    if (change.time.shape() != options.time) [[unlikely]] {
      return fail(ErrorCode::InvalidArgument, "a change's time is not of the stream's shape");
    }
  }
  const size_t limit = max_capabilities(options.time);
  // More than this many changes of one event cannot be told apart from a broken caller.
  if (changes.size() > 2 * limit) [[unlikely]] {
    return fail(ErrorCode::TooLarge,
                "a progress event has at most " + std::to_string(2 * limit) + " changes");
  }
  const uint64_t payload_bytes = progress_payload_bytes(options.time, changes.size());
  const size_t capabilities = std::min(limit, protocol.counts().size() + changes.size());
  if (!is_usable()) [[unlikely]]
    TIDEMARK_TRY(usable());
  if (!has_room(payload_bytes, seal_bytes(capabilities))) [[unlikely]]
    TIDEMARK_TRY(make_room(payload_bytes, capabilities));
  const bool waypoint = is_waypoint_due() && encode_due_waypoint(payload_bytes, capabilities);
  // Judged after the room was made: a roll and a waypoint tell the counts from before this event.
  TIDEMARK_TRY(protocol.progress(changes));
  if (waypoint) [[unlikely]] {
    if (planted(Bug::WaypointTooNew)) encode_waypoint(active_->payload(), totals, protocol);
    commit_waypoint();
  }
  last_time_.reset();
  steady_upto_ = 0;
  seal_bytes_ = seal_bytes(protocol.counts().size());
  encode_progress(active_->payload(), options.time, changes);
  return after_commit(publish_event(FrameKind::Progress, payload_bytes));
}

Result<uint64_t> Implementation::append_mark(std::span<const std::byte> token) {
  if (token.empty() || token.size() > kMaxMarkBytes) {
    return fail(ErrorCode::InvalidArgument, "a mark has between 1 and " +
                                                std::to_string(kMaxMarkBytes) + " bytes, not " +
                                                std::to_string(token.size()));
  }
  TIDEMARK_TRY(usable());
  if (protocol.finished()) return fail(ErrorCode::Finished, "the stream is finished");
  if (!has_room(token.size(), seal_bytes_)) {
    TIDEMARK_TRY(make_room(token.size(), protocol.counts().size()));
  }
  std::memcpy(active_->payload(), token.data(), token.size());
  mark_.assign(token.begin(), token.end());
  return after_commit(publish_frame(FrameKind::Mark, token.size(), kSkippable));
}

// The smallest segment that holds the frames that open it and then so many bytes.
uint64_t Implementation::least_segment_bytes(uint64_t frame_and_seal_bytes,
                                             uint64_t mark_bytes) const {
  const uint64_t checkpoint =
      frame_bytes(max_checkpoint_payload_bytes(options.time, protocol.counts().size()));
  const uint64_t schema = options.schema.empty() ? 0 : frame_bytes(options.schema.size());
  const uint64_t mark = mark_bytes == 0 ? 0 : frame_bytes(mark_bytes);
  return align_up(kSegmentHeaderBytes + checkpoint + schema + mark + frame_and_seal_bytes,
                  kPageBytes);
}

// The first segment of an opening is small, so that ten records cost little; each next one is
// twice as large, up to what was configured.
uint64_t Implementation::next_segment_bytes(uint64_t least_bytes) const {
  const uint64_t doubled = active_ ? 2 * active_->bytes() : kFirstSegmentBytes;
  return std::min(options.segment_bytes, std::max(doubled, least_bytes));
}

uint64_t Implementation::max_data_bytes(uint32_t records) const {
  const bool variable = options.encoding == RecordEncoding::Variable;
  const uint64_t overhead =
      frame_bytes(messages_layout(options.time, variable, records, 0).payload_bytes) +
      kFrameAlignment + first_seal_bytes(protocol.counts().size()) + sizeof(uint64_t);
  // Whatever is marked next must not make a record too large that was not.
  const uint64_t least = least_segment_bytes(overhead, kMaxMarkBytes);
  return least < options.segment_bytes ? options.segment_bytes - least : 0;
}

// Said anew after each step, which costs no more than that the preparer has it already.
Result<void> Implementation::ask_helpers() {
  const uint64_t offset = active_->offset();
  const uint64_t prepare_from = active_->bytes() / kPrepareFraction;
  if (offset >= prepare_from) preparer_.prepare_ahead(next_position_, next_segment_bytes(0));
  TIDEMARK_TRY(toucher_.advance(offset));
  helpers_due_ = offset + kTouchStepBytes;
  if (offset < prepare_from) helpers_due_ = std::min(helpers_due_, prepare_from);
  return {};
}

Result<void> Implementation::append_seal(bool closed) {
  const auto seal = encode_seal(options.time, active_->seal(totals, counts_of(protocol), closed));
  std::memcpy(active_->payload(), seal.data(), seal.size());
  active_->commit(FrameKind::Seal, seal.size(),
                  planted(Bug::SealedBeforeSync) ? active_->position() : durability_.durable_hint(),
                  clock_ns());
  return {};
}

// Nothing is changed before the next segment is there, so that a full disk fails cleanly.
Result<void> Implementation::roll(uint64_t frame_and_seal_bytes) {
  const uint64_t least = least_segment_bytes(frame_and_seal_bytes, mark_.size());
  if (least > options.segment_bytes) {
    return fail(ErrorCode::TooLarge, "the event does not fit into a segment of " +
                                         std::to_string(options.segment_bytes) + " bytes");
  }
  TIDEMARK_ASSIGN(prepared, preparer_.take(next_position_, least, next_segment_bytes(least)));
  Succession succession;
  succession.before = totals;
  succession.previous_first_position = active_->first_position();
  succession.previous_end = active_->position();
  succession.void_segment = active_->void_segment();
  TIDEMARK_TRY(append_seal(/*closed=*/false));
  return publish(prepared, succession);
}

Result<void> Implementation::publish(const PreparedSegment& prepared,
                                     const Succession& succession) {
  active_.emplace(prepared);
  time_noted_ = false;
  steady_upto_ = 0;
  seal_bytes_ = seal_bytes(protocol.counts().size());
  active_descriptor_ = prepared.descriptor;
  durability_.add_segment(prepared.descriptor, active_->first_position());
  active_->publish(succession, {{totals, counts_of(protocol)}, options.schema, mark_},
                   durability_.durable_hint(), clock_ns());
  control_.note_published();
  control_.wake_sleepers();
  next_position_ = active_->first_position() + active_->bytes();
  toucher_.begin(prepared);
  helpers_due_ = std::min(kTouchStepBytes, active_->bytes() / kPrepareFraction);
  return {};
}

Result<uint64_t> Implementation::sync() {
  TIDEMARK_TRY(usable());
  return durability_.sync();
}

Result<void> Implementation::wait_durable(uint64_t position, std::chrono::nanoseconds limit) {
  if (position > committed.load(std::memory_order_acquire)) {
    return fail(ErrorCode::InvalidArgument,
                "nothing was committed at position " + std::to_string(position) + " yet");
  }
  TIDEMARK_TRY(usable());
  return durability_.wait(position, limit);
}

Result<void> Implementation::close() {
  if (closed_) return {};
  TIDEMARK_TRY(usable());
  closed_ = true;
  if (!active_) return {};  // an opening that failed on its way
  if (!planted(Bug::SealedBeforeSync)) TIDEMARK_TRY(durability_.sync());
  // The seal carries a durable position that covers all events: who finds it needs no walk.
  TIDEMARK_TRY(append_seal(/*closed=*/true));
  const uint64_t used = align_up(active_->offset() + sizeof(uint64_t), kPageBytes);
  if (const int answer = files_.sync_data(active_descriptor_); answer < 0) {
    return fail_system("cannot sync the seal of a stream", place.directory, -answer);
  }
  // What is touched after that would be allocated again.
  toucher_.stop_touching();
  // Only the space goes back: the file keeps its length, so that no mapping of it can fault.
  if (used < active_->bytes()) {
    const int answer = files_.punch_hole(active_descriptor_, used, active_->bytes() - used);
    if (answer < 0 && answer != -EOPNOTSUPP) {
      return fail_system("cannot give back unused space of a stream", place.directory, -answer);
    }
  }
  control_.set_state(WriterState::Closed);
  control_.wake_sleepers();
  release();
  return {};
}

EventWriter::EventWriter(std::unique_ptr<Implementation> implementation)
    : implementation_(std::move(implementation)) {}
EventWriter::EventWriter(EventWriter&&) noexcept = default;
EventWriter& EventWriter::operator=(EventWriter&& other) noexcept {
  std::swap(implementation_, other.implementation_);
  return *this;
}
EventWriter::~EventWriter() {
  // In a fork's child everything belongs to the parent: its threads are not there to be joined,
  // and nothing may be written. The memory is given up.
  if (implementation_ && implementation_->forked()) (void)implementation_.release();
}

Result<uint64_t> EventWriter::append_messages(std::span<const uint64_t> time,
                                              std::span<const std::string_view> records) {
  if (const uint64_t end = implementation_->try_append_messages(time, records)) [[likely]] {
    return end;
  }
  return implementation_->as_policy_asks(implementation_->append_messages(time, records));
}
Result<uint64_t> EventWriter::append_messages(std::span<const uint64_t> time, uint32_t records,
                                              std::span<const std::byte> data) {
  if (const uint64_t end = implementation_->try_append_messages(time, records, data)) [[likely]] {
    return end;
  }
  return implementation_->as_policy_asks(implementation_->append_messages(time, records, data));
}
Result<uint64_t> EventWriter::append_each(std::span<const uint64_t> times, uint32_t record_bytes,
                                          std::span<const std::byte> data) {
  return implementation_->as_policy_asks(implementation_->append_each(times, record_bytes, data));
}
Result<uint64_t> EventWriter::append_each(std::span<const uint64_t> times,
                                          std::span<const std::string_view> records) {
  return implementation_->as_policy_asks(implementation_->append_each(times, records));
}
Result<uint64_t> EventWriter::append_progress(std::span<const Change> changes) {
  return implementation_->as_policy_asks(implementation_->append_progress(changes));
}
Result<uint64_t> EventWriter::append_mark(std::span<const std::byte> token) {
  return implementation_->as_policy_asks(implementation_->append_mark(token));
}
void EventWriter::set_captured_at(uint64_t ns) { implementation_->supplied_clock_ns = ns; }
Result<uint64_t> EventWriter::sync() { return implementation_->sync(); }
Result<void> EventWriter::wait_durable(uint64_t position, std::chrono::nanoseconds limit) {
  return implementation_->wait_durable(position, limit);
}
uint64_t EventWriter::committed() const {
  return implementation_->committed.load(std::memory_order_acquire);
}
uint64_t EventWriter::durable() const { return implementation_->durable(); }
bool EventWriter::low_on_space() const { return implementation_->low_on_space(); }
const Protocol& EventWriter::protocol() const { return implementation_->protocol; }
const Totals& EventWriter::totals() const { return implementation_->totals; }
const RecoveryReport& EventWriter::recovery() const { return implementation_->recovery; }
uint32_t EventWriter::stream() const { return implementation_->place.stream; }
uint64_t EventWriter::max_data_bytes(uint32_t records) const {
  return implementation_->max_data_bytes(records);
}
Result<void> EventWriter::close() { return implementation_->close(); }

}  // namespace tidemark
