#include "log_runs.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <span>
#include <string_view>
#include <thread>
#include <vector>

#include "bare_loops.h"
#include "clock.h"
#include "mapped_file.h"
#include "tidemark/frame.h"
#include "tidemark/log.h"

namespace tidemark::measure {
namespace {

// The segment in which appends are timed, and how much of it they fill. What comes before it makes
// the writer's helper prepare it, and the one after it, outside the timed part.
constexpr uint64_t kSegmentBytes = uint64_t{64} << 20;
constexpr uint64_t kTimedBytes = uint64_t{36} << 20;
constexpr auto kHelperTime = std::chrono::milliseconds(150);

Result<EventWriter> open_new(const std::string& path, const WriterOptions& options) {
  TIDEMARK_ASSIGN(log, Log::open(path, {.refuse_existing = true}));
  return log.writer(0, options);
}

// An event that takes about `bytes`, on the way to the segment that is timed.
Result<void> fill(EventWriter& writer, const Shape& shape, uint64_t bytes) {
  Shape one = shape;
  one.records = 1;
  one.record_bytes = static_cast<uint32_t>(bytes);
  const Input input(one);
  TIDEMARK_TRY(append(writer, one, input, 0));
  return {};
}

Result<void> append_all(EventWriter& writer, const Shape& shape, const Input& input,
                        uint64_t events) {
  for (uint64_t i = 0; i < events; ++i) {
    auto position = append(writer, shape, input, 0);
    if (!position) [[unlikely]]
      return tl::make_unexpected(std::move(position).error());
  }
  return {};
}

tl::unexpected<Error> unexpected_stream(const std::string& path, std::string what) {
  return fail(ErrorCode::Corrupt, "the log " + path + " that was just written " + std::move(what));
}

Result<uint64_t> last_segment(const std::string& directory) {
  std::error_code error;
  std::vector<std::string> names;
  for (std::filesystem::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().extension() == ".seg") names.push_back(entry->path().stem().string());
  }
  if (error) return fail_system("reading", directory, error.value());
  if (names.empty()) return unexpected_stream(directory, "has no segment");
  return std::stoull(*std::max_element(names.begin(), names.end()));
}

std::string stream_directory(const std::string& log) { return log + "/streams/00000"; }

}  // namespace

uint64_t timed_events(const Shape& shape) {
  // The frame of a messages event is at most 80 bytes longer than its data, and 4 a record.
  return kTimedBytes / (shape.data_bytes() + 80 + 4 * uint64_t{shape.records} + 8);
}

WriterOptions unsynced_options(const Shape& shape) {
  WriterOptions options;
  options.sync = SyncPolicy::none();
  options.clock = CaptureClock::Coarse;
  options.encoding = shape.encoding;
  return options;
}

namespace {

// Appends `events` by append_them(writer).
template <typename Append>
Result<AppendedEvents> time_appends(const std::string& path, const Shape& shape, uint64_t events,
                                    Append append_them) {
  WriterOptions options = unsynced_options(shape);
  options.segment_bytes = kSegmentBytes;
  TIDEMARK_ASSIGN(writer, open_new(path, options));
  // A segment of its own for this one; the next one has twice its size.
  TIDEMARK_TRY(fill(writer, shape, kSegmentBytes / 2));
  std::this_thread::sleep_for(kHelperTime);
  TIDEMARK_TRY(fill(writer, shape, 8));
  // From here on the one after it is prepared.
  TIDEMARK_TRY(fill(writer, shape, kSegmentBytes / 8));
  std::this_thread::sleep_for(kHelperTime);

  AppendedEvents result;
  result.events = events;
  result.from = writer.committed();
  const auto start = Clock::now();
  TIDEMARK_TRY(append_them(writer));
  result.ns_an_event = ns_since(start) / static_cast<double>(events);
  result.upto = writer.committed();
  TIDEMARK_TRY(writer.close());
  // A roll leaves out what is left of the segment.
  if (result.upto - result.from > kSegmentBytes * 5 / 8) {
    return unexpected_stream(path, "rolled where it should not");
  }
  return result;
}

}  // namespace

Result<AppendedEvents> append_prepared(const std::string& path, const Shape& shape,
                                       const Input& input, uint64_t events) {
  return time_appends(path, shape, events, [&](EventWriter& writer) {
    return append_all(writer, shape, input, events);
  });
}

Result<AppendedEvents> append_prepared_by_many(const std::string& path, const Shape& shape,
                                               uint64_t events) {
  Shape call = shape;
  call.records = kEventsACall;
  const Input input(call);
  const uint64_t calls = std::max<uint64_t>(1, events / kEventsACall);
  return time_appends(path, shape, calls * kEventsACall, [&](EventWriter& writer) -> Result<void> {
    const uint64_t time = 0;
    for (uint64_t i = 0; i < calls; ++i) {
      auto end = writer.append_each(std::span(&time, 1), shape.record_bytes, input.data);
      if (!end) [[unlikely]]
        return tl::make_unexpected(std::move(end).error());
    }
    return {};
  });
}

Result<double> append_with_rolls(const std::string& path, const Shape& shape, const Input& input,
                                 uint64_t events) {
  TIDEMARK_ASSIGN(writer, open_new(path, unsynced_options(shape)));
  const auto start = Clock::now();
  TIDEMARK_TRY(append_all(writer, shape, input, events));
  return ns_since(start) / static_cast<double>(events);
}

Result<double> append_barely(const std::string& directory, const Input& input, uint64_t events) {
  const uint64_t bytes = input.data.size();
  // As append_prepared() finds its segment: touched some time ago, by another core, and the next
  // one after it, so that it is not in a cache that the log's segment cannot be in.
  const uint64_t file_bytes = std::max(events * bare_bytes(bytes), kSegmentBytes);
  TIDEMARK_ASSIGN(file, MappedFile::create(directory, file_bytes));
  std::this_thread::sleep_for(kHelperTime);
  TIDEMARK_ASSIGN(next, MappedFile::create(directory, file_bytes));
  (void)next;  // kept until the end
  std::this_thread::sleep_for(kHelperTime);
  const auto append = bare_loops().append;
  const auto start = Clock::now();
  append(file.base(), input.data.data(), bytes, events);
  return ns_since(start) / static_cast<double>(events);
}

Result<double> poll_all(const std::string& path, const AppendedEvents& events) {
  TIDEMARK_ASSIGN(log, Log::open(path));
  ReaderOptions options;
  TIDEMARK_ASSIGN(segment, last_segment(stream_directory(path)));
  options.segment = segment;
  TIDEMARK_ASSIGN(reader, log.reader(0, options));
  using Status = EventReader::Status;
  while (reader.position() < events.from) {
    TIDEMARK_ASSIGN(status, reader.poll());
    if (status != Status::Event) return unexpected_stream(path, "lacks an event");
  }
  uint64_t records = 0;
  const auto start = Clock::now();
  for (uint64_t i = 0; i < events.events; ++i) {
    auto status = reader.poll();
    if (!status) [[unlikely]]
      return tl::make_unexpected(std::move(status).error());
    if (*status != Status::Event) [[unlikely]]
      return unexpected_stream(path, "lacks an event");
    records += reader.event().messages()->size();
  }
  const double ns = ns_since(start) / static_cast<double>(events.events);
  if (records == 0 || records % events.events != 0) return unexpected_stream(path, "lacks records");
  return ns;
}

Result<double> scan_barely(const std::string& path, const Shape& shape,
                           const AppendedEvents& events, Scan what) {
  const std::string directory = stream_directory(path);
  TIDEMARK_ASSIGN(segment, last_segment(directory));
  const std::string number = std::to_string(segment);
  TIDEMARK_ASSIGN(file, MappedFile::open(directory + "/" + std::string(20 - number.size(), '0') +
                                         number + ".seg"));
  const std::byte* const at = file.base() + (events.from - segment);
  const uint64_t bytes = events.bytes_an_event();
  const uint64_t from = what == Scan::Verified ? kChecksummedFrom : bytes - shape.data_bytes();
  const auto scan = bare_loops().scan;
  const auto start = Clock::now();
  const uint64_t found = what == Scan::Words ? walk_frames(at, events.upto - events.from)
                                             : scan(at, events.events, bytes, from, bytes);
  const double ns = ns_since(start) / static_cast<double>(events.events);
  // So that nothing is left out as useless; and a walk has to end where the events end.
  const bool right = what == Scan::Words ? found == events.upto - events.from : found != 0;
  if (!right) return unexpected_stream(path, "is not laid out as it should be");
  return ns;
}

}  // namespace tidemark::measure
