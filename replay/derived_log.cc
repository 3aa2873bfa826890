#include "tidemark/derived_log.h"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>

#include "changes.h"
#include "tidemark/pending_log.h"
#include "tidemark/replay.h"
#include "tidemark/survey.h"

namespace tidemark {
namespace {

// Appends what a replay of one stream hands out to a stream of another log.
class StreamRewriter {
 public:
  explicit StreamRewriter(EventWriter writer) : writer_(std::move(writer)) {}

  Result<void> take(const ReplayedEvent& event) {
    if (event.is_progress() && !event.stream) {
      // An opening, or what was passed over: told with the event after it, of whose clock it is.
      changes_.insert(changes_.end(), event.changes.begin(), event.changes.end());
      return {};
    }
    writer_.set_captured_at(event.event.captured_at_ns);
    TIDEMARK_TRY(tell_changes());
    const MessagesView* messages = event.messages();
    if (messages == nullptr) return appended(writer_.append_progress(event.changes));
    const auto time = messages->time().words();
    if (messages->fixed()) {
      return appended(writer_.append_messages(time, messages->size(), messages->data()));
    }
    records_.clear();
    for (uint32_t i = 0; i < messages->size(); ++i) records_.push_back(messages->text(i));
    return appended(writer_.append_messages(time, records_));
  }

  Result<void> finish(DerivedStream& result) {
    TIDEMARK_TRY(tell_changes());
    TIDEMARK_TRY(writer_.close());
    result.totals = writer_.totals();
    result.finished = writer_.protocol().finished();
    return {};
  }

 private:
  static Result<void> appended(Result<uint64_t> position) {
    if (!position) return tl::make_unexpected(std::move(position).error());
    return {};
  }

  Result<void> tell_changes() {
    TIDEMARK_TRY(net(changes_));
    if (changes_.empty()) return {};
    TIDEMARK_TRY(appended(writer_.append_progress(changes_)));
    changes_.clear();
    return {};
  }

  EventWriter writer_;
  std::vector<Change> changes_;  // not told yet
  std::vector<std::string_view> records_;
};

WriterOptions options_like(const StreamTraits& traits, uint64_t segment_bytes) {
  WriterOptions options;
  options.segment_bytes = segment_bytes;
  options.sync = SyncPolicy::none();  // closing syncs all of it
  options.clock = CaptureClock::Supplied;
  options.time = traits.time;
  options.time_name = traits.time_name;
  options.encoding = traits.encoding;
  options.container_name = traits.container_name;
  if (traits.schema) options.schema = *traits.schema;
  options.schema_hash = traits.schema_hash;
  return options;
}

Result<DerivedStream> rewrite(const Log& from, const DerivedStream& which,
                              const ReplayOptions& options, const Log& to) {
  DerivedStream result = which;
  const uint32_t streams[] = {which.source_stream};
  TIDEMARK_ASSIGN(replay, Replay::open(from, streams, options));
  const auto traits = replay.readers().front()->traits();
  if (!traits) return result;  // without a segment: it stays empty
  TIDEMARK_ASSIGN(segment_bytes, largest_segment(from, which.source_stream));
  TIDEMARK_ASSIGN(writer, to.writer(which.stream, options_like(*traits, segment_bytes)));
  StreamRewriter rewriter(std::move(writer));
  for (;;) {
    TIDEMARK_ASSIGN(status, replay.next(std::chrono::nanoseconds::zero()));
    if (status == Replay::Status::Finished) break;
    if (status == Replay::Status::Event) TIDEMARK_TRY(rewriter.take(replay.event()));
  }
  TIDEMARK_TRY(rewriter.finish(result));
  return result;
}

struct Source {
  const Log* log;
  size_t index;
  uint32_t stream;
};

Result<std::vector<DerivedStream>> derive(std::span<const Source> sources,
                                          const ReplayOptions& options,
                                          const std::string& destination) {
  if (sources.empty()) return fail(ErrorCode::InvalidArgument, "a log has at least one stream");
  if (sources.size() > kMaxPeers) {
    return fail(ErrorCode::InvalidArgument, "a log has at most 100000 streams");
  }
  FileSeam& files = sources.front().log->files();
  TIDEMARK_ASSIGN(pending,
                  PendingLog::create(files, destination, static_cast<uint32_t>(sources.size())));
  std::vector<DerivedStream> streams;
  for (const Source& source : sources) {
    DerivedStream which;
    which.stream = static_cast<uint32_t>(streams.size());
    which.source = source.index;
    which.source_stream = source.stream;
    TIDEMARK_ASSIGN(rewritten, rewrite(*source.log, which, options, pending.log()));
    streams.push_back(rewritten);
  }
  TIDEMARK_TRY(pending.publish());
  return streams;
}

// All of each stream, its open capabilities too.
ReplayOptions whole() {
  ReplayOptions options;
  options.end = EndMode::Hold;
  return options;
}

}  // namespace

Result<std::vector<DerivedStream>> slice_log(const Log& source, const std::string& destination,
                                             const SliceOptions& options) {
  std::vector<uint32_t> numbers;
  if (options.streams) {
    numbers = *options.streams;
    std::sort(numbers.begin(), numbers.end());
    if (std::adjacent_find(numbers.begin(), numbers.end()) != numbers.end()) {
      return fail(ErrorCode::InvalidArgument, "a stream is sliced once or not at all");
    }
  } else {
    TIDEMARK_ASSIGN(all, source.all_streams());
    numbers = all;
  }
  std::vector<Source> sources;
  sources.reserve(numbers.size());
  for (const uint32_t number : numbers) sources.push_back({&source, 0, number});
  ReplayOptions replayed = whole();
  replayed.from = options.from;
  replayed.until = options.until;
  return derive(sources, replayed, destination);
}

Result<std::vector<DerivedStream>> merge_logs(std::span<const Log> logs,
                                              const std::string& destination) {
  std::vector<Source> sources;
  std::optional<StreamTraits> first;
  for (size_t i = 0; i < logs.size(); ++i) {
    TIDEMARK_ASSIGN(streams, logs[i].all_streams());
    for (const uint32_t stream : streams) {
      sources.push_back({&logs[i], i, stream});
      TIDEMARK_ASSIGN(reader, logs[i].reader(stream));
      const auto& traits = reader.traits();
      if (!traits) continue;
      if (!first) first = traits;
      if (first->time == traits->time) continue;
      auto error = fail(ErrorCode::InvalidArgument,
                        "its times have another shape than those of the first log: no replay of "
                        "all streams would be possible");
      error.value().stream = stream;
      error.value().path = logs[i].path();
      return error;
    }
  }
  return derive(sources, whole(), destination);
}

}  // namespace tidemark
