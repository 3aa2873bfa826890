// `tidemark capture`: lines or NDJSON from files or standard input into a log.

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "capture_resume.h"
#include "capture_run.h"
#include "capture_streams.h"
#include "command.h"
#include "human.h"
#include "input_file.h"
#include "interrupt.h"
#include "options.h"
#include "report.h"
#include "terminal.h"
#include "tidemark/log.h"
#include "values.h"

namespace tidemark::tools {
namespace {

using Clock = CaptureStreams::Clock;

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
  if (options.resume) writer.resume = Resume::DiscardIncomplete;
  auto streams = CaptureStreams::open(log, writer, options.batch);
  if (!streams) return failed(streams.error(), options.log);
  return *std::move(streams);
}

// What opening the streams found, where that is worth a word.
void tell_recovery(const std::vector<std::pair<uint32_t, RecoveryReport>>& reports) {
  for (const auto& [stream, report] : reports) {
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

// From where a capture that was resumed goes on.
void tell_resume(const CaptureOptions& options, const ResumePlan& resume) {
  if (resume.place.records == 0 && resume.void_records == 0) return;
  const bool at_end = resume.place.file >= options.files.size();
  std::string text =
      at_end ? std::string("resuming at the end of the input")
             : fmt::format("resuming at {}, line {}", printable(options.files[resume.place.file]),
                           resume.place.lines + 1);
  text += fmt::format("; {} skipped", plural(resume.place.records, "record"));
  if (resume.void_records > 0) {
    text += fmt::format(", {} of incomplete times void and offered again",
                        human_count(resume.void_records));
  }
  say(text);
}

void tell_summary(const CaptureOptions& options, const CaptureCounts& counts,
                  const CaptureStreams& streams, Clock::duration taken, std::string_view ending) {
  const std::chrono::duration<double> elapsed = taken;
  const double seconds = std::max(elapsed.count(), 1e-6);
  const uint64_t captured = counts.captured - streams.already_there();
  std::string text =
      fmt::format("captured {} ({}) into {} of {} in {}: {} records/s, {}/s",
                  plural(captured, "record"), human_bytes(counts.bytes),
                  plural(streams.size(), "stream"), printable(options.log), human_duration(elapsed),
                  human_count(static_cast<uint64_t>(static_cast<double>(captured) / seconds)),
                  human_bytes(static_cast<uint64_t>(static_cast<double>(counts.bytes) / seconds)));
  if (counts.clamped > 0) {
    text += fmt::format("; {} late, moved to the frontier", human_count(counts.clamped));
  }
  if (streams.already_there() > 0) {
    text += fmt::format("; {} there already", human_count(streams.already_there()));
  }
  if (counts.dropped > 0) text += fmt::format("; {} late, dropped", human_count(counts.dropped));
  if (counts.skipped > 0) text += fmt::format("; {} skipped", plural(counts.skipped, "bad line"));
  say(text.append("; ").append(ending));
}

Outcome<void> check_resumable(const CaptureOptions& options, bool marks) {
  if (!options.resume || marks) return {};
  return misused(options.time_field.empty()
                     ? "a capture by arrival time cannot be resumed: --resume needs --time"
                     : "only a capture of regular files can be resumed");
}

Outcome<void> capture(const CaptureOptions& options) {
  const auto inputs = examine_inputs(options.files);
  if (!inputs) return tl::make_unexpected(inputs.error());
  const bool marks = inputs->bytes && !options.time_field.empty() &&
                     std::count(options.files.begin(), options.files.end(), kStandardInput) == 0;
  if (auto checked = check_resumable(options, marks); !checked) return checked;
  catch_interrupts();
  const auto started = Clock::now();
  auto log = open_log(options);
  if (!log) return tl::make_unexpected(std::move(log).error());
  ResumePlan resume;
  if (options.resume) {
    auto plan = plan_resume(*log, options.files, options.deciding());
    if (!plan) return tl::make_unexpected(std::move(plan).error());
    resume = *plan;
    if (resume.finished) {
      say("nothing to resume: all streams are finished");
      return {};
    }
  }
  auto streams = open_streams(*log, options);
  if (!streams) return tl::make_unexpected(std::move(streams).error());
  if (options.resume) streams->start_at(resume.place.frontier);
  tell_recovery(streams->recoveries());
  if (options.files.front() == kStandardInput && is_terminal(STDIN_FILENO)) {
    say("reading from the terminal; Ctrl-D ends the input");
  }

  tell_resume(options, resume);
  CaptureRun run = run_capture(options, *streams, inputs->bytes, resume, marks);
  Outcome<void>& outcome = run.outcome;
  const bool finishes = outcome && !options.leave_open;
  if (finishes) {
    if (auto finished = streams->finish(); !finished)
      outcome = failed(finished.error(), options.log);
  }
  if (auto closed = streams->close(); !closed && outcome) {
    outcome = failed(closed.error(), options.log);
  }
  const bool was_interrupted = !outcome && outcome.error().exit == Exit::Interrupted;
  tell_summary(options, run.counts, *streams, Clock::now() - started,
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
    "  tidemark capture trades.tide a.ndjson --time when --resume  after a crash: goes on, exactly "
    "once\n"
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
  CLI::Option* fresh = command.add_flag("--fresh", options->fresh, "refuse a log that exists");
  command
      .add_flag("--resume", options->resume,
                "go on with a capture of these files that was killed or left open, so that each "
                "record is there exactly once; begins one where there is none")
      ->excludes(fresh);
  command.callback([options, &action] {
    if (options->files.empty()) options->files.emplace_back(kStandardInput);
    action = [options] {
      const auto outcome = capture(*options);
      return outcome ? Exit::Done : report("capture", outcome.error());
    };
  });
}

}  // namespace tidemark::tools
