// `tidemark purge`: drops the beginning of a log's streams.

#include "tidemark/purge.h"

#include <fmt/format.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "command.h"
#include "event_times.h"
#include "human.h"
#include "interrupt.h"
#include "options.h"
#include "output.h"
#include "reading.h"
#include "report.h"
#include "terminal.h"
#include "values.h"

namespace tidemark::tools {
namespace {

struct PurgeCommand {
  std::string log;
  std::string before;
  RetentionPolicy policy;
  bool dry_run = false;
};

std::string reason_of(const StreamPurge& purge) {
  switch (purge.kept_for) {
    case KeptFor::Nothing:
      return "the stream has no segment";
    case KeptFor::Last:
      return "what follows is the last segment with anything durable";
    case KeptFor::Policy:
      return "what follows is to be kept";
    case KeptFor::Incomplete:
      return "what follows has times that the frontier has not passed";
    case KeptFor::Cursor:
      return fmt::format("what follows is needed by cursor {}", printable(purge.cursor));
    case KeptFor::Lease:
      return "what follows is needed by a live reader";
    case KeptFor::Bound:
      return "more could go";
  }
  return {};
}

std::string line_of(const StreamPurge& purge, bool dry_run) {
  std::string line =
      fmt::format("stream {}: {} {} ({}, {})", purge.stream, dry_run ? "would purge" : "purged",
                  plural(purge.segments, "segment"), plural(purge.records, "record"),
                  human_bytes(purge.disk_bytes));
  if (purge.purged_upto > 0) line += fmt::format(", up to position {}", purge.purged_upto);
  line += "; " + reason_of(purge);
  if (purge.waiting > 0) {
    line += fmt::format("; {} unlinked later, when no reader is in there any more",
                        plural(purge.waiting, "segment"));
  }
  return line + "\n";
}

// The time before which this stream is purged: its shape is known from a segment only.
Outcome<std::optional<Time>> time_for(const PurgeCommand& command, const Log& log,
                                      uint32_t stream) {
  if (command.before.empty()) return std::nullopt;
  ReaderOptions options;
  options.leasing = Leasing::None;
  const auto reader = log.reader(stream, options);
  if (!reader) return failed(reader.error(), command.log);
  const TimeShape shape = reader->traits() ? reader->traits()->time : TimeShape{};
  auto time = parse_time(command.before, shape);
  if (!time) return misused("--before: " + time.error().message);
  return *time;
}

// All of one stream that may go, in steps that are short for everybody else.
Outcome<StreamPurge> purge_all_of(const PurgeCommand& command, const Log& log, uint32_t stream) {
  RetentionPolicy policy = command.policy;
  auto before = time_for(command, log, stream);
  if (!before) return tl::make_unexpected(std::move(before).error());
  policy.before = *before;
  if (command.dry_run) {
    policy.max_segments = ~size_t{0};
    auto purge = purge_stream(log, stream, policy, /*dry_run=*/true);
    if (!purge) return failed(purge.error(), command.log);
    return *std::move(purge);
  }
  StreamPurge sum;
  while (!interrupted()) {
    auto step = purge_stream(log, stream, policy);
    if (!step) return failed(step.error(), command.log);
    step->segments += sum.segments;
    step->records += sum.records;
    step->disk_bytes += sum.disk_bytes;
    const bool more = step->kept_for == KeptFor::Bound;
    sum = *std::move(step);
    if (!more) return sum;
  }
  return stopped_by_interrupt();
}

Outcome<Exit> purge(const PurgeCommand& command) {
  catch_interrupts();
  auto log = open_log_for_reading(command.log);
  if (!log) return tl::make_unexpected(std::move(log).error());
  const auto streams = log->streams();
  if (!streams) return failed(streams.error(), command.log);

  Output output = Output::standard_output();
  Exit exit = Exit::Done;
  uint64_t segments = 0;
  uint64_t bytes = 0;
  std::string told;  // the same catalog stops the purge of each stream
  for (const uint32_t stream : *streams) {
    auto purged = purge_all_of(command, *log, stream);
    if (!purged && purged.error().exit != Exit::Damaged) {
      output.finish();
      return tl::make_unexpected(std::move(purged).error());
    }
    if (!purged) {
      // What is left of a damaged stream is for `recover`; the others are purged all the same.
      exit = Exit::Damaged;
      if (purged.error().text != told) report("purge", purged.error());
      told = purged.error().text;
      continue;
    }
    output.write(line_of(*purged, command.dry_run));
    segments += purged->segments;
    bytes += purged->disk_bytes;
  }
  if (auto finished = output.finish(); !finished) return tl::make_unexpected(finished.error());
  say(fmt::format("{}: {} of {} {}", printable(command.log), plural(segments, "segment"),
                  human_bytes(bytes), command.dry_run ? "would be purged" : "purged"));
  if (const auto all = log->all_streams(); !all) return failed(all.error(), command.log);
  return exit;
}

constexpr const char* kExamples =
    "  tidemark purge trades.tide --before 2026-11-01T00:00:00Z --dry-run   what would go\n"
    "  tidemark purge trades.tide --keep-time 7d --keep-bytes 10GiB   older than a week, and "
    "beyond "
    "10 GiB\n"
    "  tidemark purge trades.tide --to-cursors                        what all cursors have passed";

}  // namespace

void add_purge(CLI::App& tool, Action& action) {
  auto options = std::make_shared<PurgeCommand>();
  CLI::App& command = add_command(
      tool, "purge",
      "Drop the beginning of each stream, whole segments at a time, while it is written and read. "
      "A "
      "segment goes where everything that is asked for lets it, all of its times are complete, and "
      "no cursor and no live reader needs it.",
      kExamples);
  add_log(command, options->log, "the log's directory");
  add_text(command, "--before", "T", options->before,
           "segments with only event times before T; a number, or RFC 3339 for ns");
  add_value(command, "--keep-bytes", "N", options->policy.keep_bytes, parse_bytes,
            "segments without which the stream still takes N bytes on disk: 10GiB");
  add_value(command, "--keep-time", "D", options->policy.keep_time, parse_age,
            "segments whose last event was captured longer ago than D: 12h, 7d");
  command.add_flag("--to-cursors", options->policy.to_cursors,
                   "segments that all cursors of the stream have passed");
  command.add_flag("--dry-run", options->dry_run, "change nothing, say what would go");
  command.add_flag("--force", options->policy.force,
                   "also what cursors and live readers still need: they are told what is left");
  command.callback([options, &action] {
    const RetentionPolicy& policy = options->policy;
    if (options->before.empty() && !policy.keep_bytes && !policy.keep_time && !policy.to_cursors) {
      throw CLI::RequiredError("one of --before, --keep-bytes, --keep-time, --to-cursors");
    }
    action = [options] {
      const auto outcome = purge(*options);
      return outcome ? *outcome : report("purge", outcome.error());
    };
  });
}

}  // namespace tidemark::tools
