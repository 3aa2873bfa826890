// `tidemark capture`: lines or NDJSON from files or standard input into a log.

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "acknowledgements.h"
#include "capture_streams.h"
#include "capture_times.h"
#include "command.h"
#include "event_times.h"
#include "human.h"
#include "interrupt.h"
#include "json_line.h"
#include "line_reader.h"
#include "options.h"
#include "output.h"
#include "progress_bar.h"
#include "report.h"
#include "terminal.h"
#include "tidemark/hash.h"
#include "tidemark/log.h"
#include "values.h"

namespace tidemark::tools {
namespace {

using Clock = CaptureStreams::Clock;
using std::chrono::milliseconds;

constexpr std::string_view kStandardInput = "-";

struct CaptureOptions {
  std::string log;
  std::vector<std::string> files;
  std::optional<uint32_t> workers;
  std::string key_field;
  std::string time_field;
  TimeFormat time_format = TimeFormat::Integer;
  uint64_t lateness = 0;
  Late late = Late::Clamp;
  bool skip_bad_lines = false;
  BatchLimits batch;
  SyncPolicy sync;
  uint64_t segment_bytes = WriterOptions{}.segment_bytes;
  bool acknowledge = false;
  bool leave_open = false;
  bool fresh = false;

  bool parses_lines() const { return !key_field.empty() || !time_field.empty(); }
};

struct CaptureCounts {
  uint64_t lines = 0;  // of all files
  uint64_t bytes = 0;  // of these lines
  uint64_t captured = 0;
  uint64_t clamped = 0;
  uint64_t dropped = 0;
  uint64_t skipped = 0;
};

std::string message_of(int error) { return std::generic_category().message(error); }

std::string name_of_input(const std::string& file) {
  return file == kStandardInput ? "standard input" : file;
}

// One input file, opened; standard input is not closed again.
class InputFile {
 public:
  static Outcome<InputFile> open(const std::string& file) {
    if (file == kStandardInput) return InputFile(STDIN_FILENO);
    const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return failed(fmt::format("cannot read: {}: {}", message_of(errno), file));
    return InputFile(descriptor);
  }
  InputFile(InputFile&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  InputFile& operator=(InputFile&&) = delete;
  ~InputFile() {
    if (descriptor_ > STDERR_FILENO) close(descriptor_);
  }
  int descriptor() const { return descriptor_; }

 private:
  explicit InputFile(int descriptor) : descriptor_(descriptor) {}

  int descriptor_;
};

// What can be said about the inputs before anything is created. Returns their bytes together where
// all of them are regular files.
Outcome<std::optional<uint64_t>> examine_inputs(const std::vector<std::string>& files) {
  std::optional<uint64_t> total = 0;
  if (std::count(files.begin(), files.end(), kStandardInput) > 1) {
    return misused("standard input can be read only once");
  }
  for (const std::string& file : files) {
    struct stat status {};
    const bool standard = file == kStandardInput;
    if ((standard ? fstat(STDIN_FILENO, &status) : stat(file.c_str(), &status)) != 0) {
      return misused(fmt::format("{}: {}", message_of(errno), name_of_input(file)));
    }
    if (standard && (fcntl(STDIN_FILENO, F_GETFL) & O_ACCMODE) == O_WRONLY) {
      return misused("is not open for reading: standard input");
    }
    if (S_ISDIR(status.st_mode)) {
      return misused(fmt::format("is a directory: {}", name_of_input(file)));
    }
    if (!standard && access(file.c_str(), R_OK) != 0) {
      return misused(fmt::format("{}: {}", message_of(errno), file));
    }
    if (!S_ISREG(status.st_mode)) total.reset();
    if (total) *total += static_cast<uint64_t>(status.st_size);
  }
  return total;
}

// One run of the command, from the first line to the last.
class Capture {
 public:
  Capture(const CaptureOptions& options, CaptureStreams& streams, std::optional<uint64_t> total)
      : options_(options),
        streams_(streams),
        total_(total),
        frontier_(streams.frontier(), options.lateness),
        json_({options.time_field, options.key_field}),
        output_(Output::standard_output()),
        acknowledgements_(output_),
        bar_("capturing", !(options.acknowledge && output_.is_terminal())) {}

  // Reads all inputs. Whatever happens, what waits is appended and synced afterwards.
  Outcome<void> run() {
    auto outcome = read_inputs();
    bar_.clear();
    auto settled = settle();
    // The first failure is the one to report; a full disk, say, would fail the second time too.
    return outcome ? settled : outcome;
  }

  const CaptureCounts& counts() const { return counts_; }

 private:
  Outcome<void> read_inputs() {
    for (const std::string& file : options_.files) {
      auto input = InputFile::open(file);
      if (!input) return tl::make_unexpected(std::move(input).error());
      LineReader reader(input->descriptor(), streams_.max_record_bytes());
      auto outcome = read_input(reader, name_of_input(file));
      if (!outcome) return outcome;
    }
    return {};
  }

  Outcome<void> read_input(LineReader& reader, const std::string& name) {
    const uint64_t bytes_before = counts_.bytes;
    bool ended = false;
    while (true) {
      while (const auto line = reader.next()) {
        if (auto taken = take(*line); !taken) {
          taken.error().text += fmt::format(": {}, line {}", name, reader.lines());
          return taken;
        }
        counts_.bytes = bytes_before + reader.bytes();
      }
      if (reader.too_long()) {
        return failed(
            fmt::format("the line is longer than {} bytes, the most that this --segment-size "
                        "takes: {}, line {}",
                        streams_.max_record_bytes(), name, reader.lines() + 1));
      }
      if (ended) return {};
      if (auto tended = tend(); !tended) return tended;
      switch (reader.fill(patience())) {
        case LineReader::Fill::More:
        case LineReader::Fill::TimedOut:
          break;
        case LineReader::Fill::End:
          ended = true;
          break;
        case LineReader::Fill::Interrupted:
          return stopped_by_interrupt();
        case LineReader::Fill::Failed:
          return failed(fmt::format("cannot read: {}: {}, line {}", message_of(reader.error()),
                                    name, reader.lines() + 1));
      }
    }
  }

  // One input line, which is input record `counts_.lines`. It is counted once it was taken, so
  // that an acknowledgement never covers the line at which a capture stopped.
  Outcome<void> take(std::string_view line) {
    if (auto sorted = sort_in(line); !sorted) return sorted;
    ++counts_.lines;
    // With every commit durable at once, an acknowledgement can follow it at once.
    if (options_.sync.kind != SyncPolicy::Kind::EveryCommit) return {};
    if (streams_.appends() == appends_seen_) return {};
    appends_seen_ = streams_.appends();
    return tend();
  }

  // Finds the line's stream and time, and adds it there.
  Outcome<void> sort_in(std::string_view line) {
    if (options_.parses_lines()) {
      const auto parsed = json_.parse(line);
      if (!parsed) return bad_line("the line " + parsed.error().message);
    }
    size_t stream = counts_.lines % streams_.size();
    if (!options_.key_field.empty()) {
      const auto key = key_of(json_.field(1));
      if (!key) return bad_field(options_.key_field, key.error());
      stream = hash_bytes(std::as_bytes(std::span(*key))) % streams_.size();
    }
    if (!options_.time_field.empty()) {
      const auto time = time_of(json_.field(0), options_.time_format);
      if (!time) return bad_field(options_.time_field, time.error());
      return add_at(stream, *time, line);
    }
    auto added = streams_.add_now(stream, line, counts_.lines);
    if (!added) return stopped(added.error());
    ++counts_.captured;
    return {};
  }

  Outcome<void> add_at(size_t stream, uint64_t time, std::string_view line) {
    const uint64_t frontier = frontier_.frontier();
    if (frontier_.is_late(time)) {
      switch (options_.late) {
        case Late::Error:
          return failed(
              fmt::format("the record is late: its time is {}, the frontier {}", time, frontier));
        case Late::Drop:
          ++counts_.dropped;
          return {};
        case Late::Clamp:
          ++counts_.clamped;
          break;
      }
    }
    auto added = streams_.add(stream, std::max(time, frontier), line, counts_.lines);
    if (!added) return stopped(added.error());
    frontier_.advance(time);
    streams_.advance(frontier_.frontier());
    ++counts_.captured;
    return {};
  }

  Outcome<void> bad_line(std::string text) {
    if (!options_.skip_bad_lines) return failed(std::move(text));
    ++counts_.skipped;
    return {};
  }
  Outcome<void> bad_field(const std::string& field, const Error& error) {
    return bad_line(fmt::format("the field \"{}\" {}", field, error.message));
  }

  // The log cannot take more.
  Outcome<void> stopped(const Error& error) const { return failed(error, options_.log); }

  // What has to be done now and then: appending what has waited long enough, acknowledging.
  Outcome<void> tend() {
    if (auto tended = streams_.tend(Clock::now()); !tended) return stopped(tended.error());
    bar_.show(counts_.bytes, total_, plural(counts_.lines, "record"));
    if (!told_low_space_ && streams_.low_on_space()) {
      told_low_space_ = true;
      warn("capture", fmt::format("the disk is nearly full: {}; `tidemark purge` gives space back",
                                  printable(options_.log)));
    }
    if (!options_.acknowledge) return {};
    acknowledgements_.note(streams_.first_waiting(counts_.lines), streams_.committed());
    return written(acknowledgements_.settle(streams_.durable()));
  }

  // How long the next read may wait. Unset: until something comes.
  std::optional<milliseconds> patience() const {
    std::optional<milliseconds> limit;
    if (const auto deadline = streams_.next_deadline()) {
      limit = std::max(milliseconds(0), std::chrono::ceil<milliseconds>(*deadline - Clock::now()));
    }
    if (acknowledgements_.waiting()) {
      // Nothing tells when the policy has synced, so look a few times in each of its intervals.
      const auto interval = options_.sync.kind == SyncPolicy::Kind::Interval
                                ? options_.sync.interval / 4
                                : milliseconds(50);
      const auto look = std::clamp(interval, milliseconds(1), milliseconds(50));
      limit = limit ? std::min(*limit, look) : look;
    }
    return limit;
  }

  // Appends, syncs and acknowledges what was read; where not all of it can be appended, the rest.
  Outcome<void> settle() {
    const auto flushed = streams_.flush();
    const auto synced = streams_.sync();
    Outcome<void> acknowledged;
    if (synced && options_.acknowledge) {
      acknowledged = written(acknowledgements_.settle_all(streams_.first_waiting(counts_.lines)));
    }
    if (!flushed) return stopped(flushed.error());
    if (!synced) return stopped(synced.error());
    return acknowledged;
  }

  Outcome<void> written(bool ok) {
    if (ok) return {};
    if (output_.pipe_closed()) return failed("nobody reads the acknowledgements: standard output");
    return output_.finish();
  }

  const CaptureOptions& options_;
  CaptureStreams& streams_;
  std::optional<uint64_t> total_;
  InputFrontier frontier_;
  JsonLine json_;
  Output output_;
  Acknowledgements acknowledgements_;
  ProgressBar bar_;
  CaptureCounts counts_;
  uint64_t appends_seen_ = 0;
  bool told_low_space_ = false;
};

Outcome<Log> open_log(const CaptureOptions& options) {
  LogOptions log_options;
  log_options.peers = options.workers;
  log_options.refuse_existing = options.fresh;
  auto log = Log::open(options.log, log_options);
  if (!log) return failed(log.error(), options.log);
  return *std::move(log);
}

Outcome<CaptureStreams> open_streams(const Log& log, const CaptureOptions& options) {
  WriterOptions writer;
  writer.segment_bytes = options.segment_bytes;
  writer.sync = options.sync;
  writer.container_name = "lines";
  auto streams = CaptureStreams::open(log, writer, options.batch);
  if (!streams) return failed(streams.error(), options.log);
  return *std::move(streams);
}

// What opening the streams found, where that is worth a word.
void tell_recovery(const std::vector<RecoveryReport>& reports) {
  for (size_t stream = 0; stream < reports.size(); ++stream) {
    const RecoveryReport& report = reports[stream];
    if (!report.existed || report.was_closed) continue;
    std::string text = fmt::format("stream {} was not closed by its last writer; ", stream);
    if (report.dropped_bytes == 0) {
      text += "all that was committed is kept";
    } else {
      text +=
          fmt::format("{} in {} never became durable and were lost with the power",
                      human_bytes(report.dropped_bytes), plural(report.dropped_frames, "frame"));
    }
    if (report.set_aside_segments > 0) {
      text += fmt::format(", {} set aside", plural(report.set_aside_segments, "segment"));
    }
    warn("capture", text);
  }
}

void tell_summary(const CaptureOptions& options, const CaptureCounts& counts, size_t streams,
                  Clock::duration taken, std::string_view ending) {
  const std::chrono::duration<double> elapsed = taken;
  const double seconds = std::max(elapsed.count(), 1e-6);
  std::string text = fmt::format(
      "captured {} ({}) into {} of {} in {}: {} records/s, {}/s", plural(counts.captured, "record"),
      human_bytes(counts.bytes), plural(streams, "stream"), printable(options.log),
      human_duration(elapsed),
      human_count(static_cast<uint64_t>(static_cast<double>(counts.captured) / seconds)),
      human_bytes(static_cast<uint64_t>(static_cast<double>(counts.bytes) / seconds)));
  if (counts.clamped > 0) {
    text += fmt::format("; {} late, moved to the frontier", human_count(counts.clamped));
  }
  if (counts.dropped > 0) text += fmt::format("; {} late, dropped", human_count(counts.dropped));
  if (counts.skipped > 0) text += fmt::format("; {} skipped", plural(counts.skipped, "bad line"));
  say(text.append("; ").append(ending));
}

Outcome<void> capture(const CaptureOptions& options) {
  const auto total = examine_inputs(options.files);
  if (!total) return tl::make_unexpected(total.error());
  catch_interrupts();
  const auto started = Clock::now();
  auto log = open_log(options);
  if (!log) return tl::make_unexpected(std::move(log).error());
  auto streams = open_streams(*log, options);
  if (!streams) return tl::make_unexpected(std::move(streams).error());
  tell_recovery(streams->recoveries());
  if (options.files.front() == kStandardInput && is_terminal(STDIN_FILENO)) {
    say("reading from the terminal; Ctrl-D ends the input");
  }

  Capture run(options, *streams, *total);
  Outcome<void> outcome = run.run();
  const bool finishes = outcome && !options.leave_open;
  if (finishes) {
    if (auto finished = streams->finish(); !finished)
      outcome = failed(finished.error(), options.log);
  }
  if (auto closed = streams->close(); !closed && outcome) {
    outcome = failed(closed.error(), options.log);
  }
  const bool was_interrupted = !outcome && outcome.error().exit == Exit::Interrupted;
  tell_summary(options, run.counts(), streams->size(), Clock::now() - started,
               finishes && outcome ? "finished"
               : was_interrupted   ? "interrupted, open for the next capture"
                                   : "open for the next capture");
  return outcome;
}

constexpr const char* kExamples =
    "  tidemark capture requests.tide access.log            each line a record, at its arrival "
    "time\n"
    "  tail -F access.log | tidemark capture requests.tide  the same, live, until Ctrl-C\n"
    "  tidemark capture trades.tide a.ndjson b.ndjson --time when --time-format ms --lateness "
    "5000\n"
    "  tidemark capture trades.tide a.ndjson --workers 4 --key symbol --time when\n"
    "  feed | tidemark capture trades.tide --sync commit --ack     say what survives power loss";

}  // namespace

void add_capture(CLI::App& tool, Action& action) {
  auto options = std::make_shared<CaptureOptions>();
  CLI::App& command =
      add_command(tool, "capture",
                  "Capture lines or NDJSON from files or standard input into a log.", kExamples);
  add_log(command, options->log,
          "the log's directory: a new one, or one whose streams are open, to append to");
  command.add_option("FILE", options->files,
                     "inputs, one after the other; - is standard input (default)");
  const auto parse_workers = [](std::string_view text) -> Result<uint32_t> {
    TIDEMARK_ASSIGN(workers, parse_between(text, 1, kMaxPeers));
    return static_cast<uint32_t>(workers);
  };
  add_value(command, "--workers", "N", options->workers, parse_workers,
            "streams to write (default 1; a log that exists keeps its number)");
  add_text(command, "--key", "FIELD", options->key_field,
           "partition by the hash of this field (default: round robin)");
  CLI::Option* time = add_text(
      command, "--time", "FIELD", options->time_field,
      "event time from this field of NDJSON (default: the clock at arrival in ns, one time a "
      "batch; a line is then any bytes, and the last one needs no newline)");
  add_value(command, "--time-format", "FORMAT", options->time_format, parse_time_format,
            "integer (default), s, ms, us, ns: Unix times, kept in that unit, a fraction cut off; "
            "rfc3339: kept as ns")
      ->needs(time);
  add_value(command, "--lateness", "D", options->lateness, parse_unsigned,
            "the frontier before a record is the greatest time before it less D (default 0)")
      ->needs(time);
  add_choice<Late>(
      command, "--late", options->late,
      {{"clamp", Late::Clamp}, {"drop", Late::Drop}, {"error", Late::Error}},
      "a record behind the frontier: move it there (default; counted), drop it, or stop")
      ->needs(time);
  add_choice<bool>(
      command, "--bad-lines", options->skip_bad_lines, {{"error", false}, {"skip", true}},
      "a line that is no JSON or lacks a field: stop with its number (default), or skip "
      "and count it");
  const auto parse_batch = [](std::string_view text) { return parse_between(text, 1, 1'000'000); };
  add_value(command, "--batch", "N", options->batch.records, parse_batch,
            "records of one event at most (default 128)");
  add_value(command, "--linger", "MS", options->batch.linger, parse_milliseconds,
            "longest wait of a record for its batch (default 10)");
  add_value(
      command, "--sync", "POLICY", options->sync, parse_sync_policy,
      "none, interval=MS, bytes=N or commit: when what was committed is made durable (default "
      "interval=100)");
  add_value(command, "--segment-size", "BYTES", options->segment_bytes, parse_segment_bytes,
            "64KiB to 1GiB (default 128MiB); the first segments are smaller");
  command.add_flag(
      "--ack", options->acknowledge,
      "print {\"durable_records\":\"N\"} after syncs: the first N input records of this "
      "run survive power loss; skipped and dropped ones count");
  command.add_flag("--leave-open", options->leave_open,
                   "at the end of input leave the streams open (default: finish them, for good)");
  command.add_flag("--fresh", options->fresh, "refuse a log that exists");
  command.callback([options, &action] {
    if (options->files.empty()) options->files.emplace_back(kStandardInput);
    action = [options] {
      const auto outcome = capture(*options);
      return outcome ? Exit::Done : report("capture", outcome.error());
    };
  });
}

}  // namespace tidemark::tools
