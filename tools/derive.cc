// `tidemark slice` and `tidemark merge`: logs made of others.

#include <fmt/format.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "command.h"
#include "human.h"
#include "options.h"
#include "output.h"
#include "reading.h"
#include "report.h"
#include "table.h"
#include "terminal.h"
#include "tidemark/derived_log.h"
#include "values.h"

namespace tidemark::tools {
namespace {

struct SliceCommand {
  std::string log;
  std::optional<std::vector<uint32_t>> streams;
  std::string from;
  std::string until;
  std::string destination;
};

struct MergeCommand {
  std::vector<std::string> logs;
  std::string destination;
};

// Which stream of the new log is which of the old ones, and what is in it.
Outcome<void> tell(const std::vector<DerivedStream>& streams, const std::vector<std::string>& logs,
                   const std::string& destination) {
  using Side = Table::Side;
  Table table({{"stream", Side::Right},
               {"from stream", Side::Right},
               {"records", Side::Right},
               {"events", Side::Right},
               {"data", Side::Right},
               {"state"},
               {"of log"}});
  uint64_t records = 0;
  for (const DerivedStream& stream : streams) {
    records += stream.totals.records;
    table.add({std::to_string(stream.stream), std::to_string(stream.source_stream),
               human_count(stream.totals.records), human_count(stream.totals.events),
               human_bytes(stream.totals.data_bytes), stream.finished ? "finished" : "open",
               printable(logs[stream.source])});
  }
  Output output = Output::standard_output();
  output.write(table.text(Paint(output.descriptor())));
  if (auto finished = output.finish(); !finished) return finished;
  say(fmt::format("{}: {} in {}, verified", printable(destination), plural(records, "record"),
                  plural(streams.size(), "stream")));
  return {};
}

Outcome<void> slice(const SliceCommand& command) {
  if (command.from.empty() && command.until.empty() && !command.streams) {
    return misused("a slice needs --from, --until or --streams");
  }
  auto log = open_log_for_reading(command.log);
  if (!log) return tl::make_unexpected(std::move(log).error());
  auto streams = choose_streams(*log, command.streams);
  if (!streams) return tl::make_unexpected(std::move(streams).error());
  auto shape = time_shape_of(*log, *streams);
  if (!shape) return tl::make_unexpected(std::move(shape).error());
  auto from = bound_of("--from", command.from, *shape);
  if (!from) return tl::make_unexpected(std::move(from).error());
  auto until = bound_of("--until", command.until, *shape);
  if (!until) return tl::make_unexpected(std::move(until).error());
  SliceOptions options;
  options.streams = *streams;
  options.from = *from;
  options.until = *until;
  const auto sliced = slice_log(*log, command.destination, options);
  if (!sliced) return failed(sliced.error(), command.log);
  return tell(*sliced, {command.log}, command.destination);
}

Outcome<void> merge(const MergeCommand& command) {
  std::vector<Log> logs;
  for (const std::string& path : command.logs) {
    auto log = open_log_for_reading(path);
    if (!log) return tl::make_unexpected(std::move(log).error());
    logs.push_back(*std::move(log));
  }
  const auto merged = merge_logs(logs, command.destination);
  if (!merged) return failed(merged.error(), command.logs.front());
  return tell(*merged, command.logs, command.destination);
}

constexpr const char* kSliceExamples =
    "  tidemark slice trades.tide --from 2026-11-22T09:00:00Z --until 2026-11-22T10:00:00Z -o "
    "nine.tide\n"
    "  tidemark slice trades.tide --streams 2 -o two.tide    its stream 2, as stream 0";
constexpr const char* kMergeExamples =
    "  tidemark merge monday.tide tuesday.tide -o week.tide    monday's streams, then tuesday's";

}  // namespace

void add_slice(CLI::App& tool, Action& action) {
  auto options = std::make_shared<SliceCommand>();
  CLI::App& command =
      add_command(tool, "slice",
                  "Write the records of some event times, or of some streams, into a new log, and "
                  "verify it. Its streams are numbered from 0 on.",
                  kSliceExamples);
  add_log(command, options->log, "the log's directory, which is not changed");
  add_text(command, "--from", "T", options->from,
           "only records at event times from T on; a number, or RFC 3339 for ns");
  add_text(command, "--until", "T", options->until, "only records at event times before T");
  add_value(command, "--streams", "LIST", options->streams, parse_streams,
            "only these streams: 0,2 or 0-3 (default all)");
  add_text(command, "-o,--output", "NEW", options->destination,
           "the new log; nothing may stand there")
      ->required();
  command.callback([options, &action] {
    action = [options] {
      const auto outcome = slice(*options);
      return outcome ? Exit::Done : report("slice", outcome.error());
    };
  });
}

void add_merge(CLI::App& tool, Action& action) {
  auto options = std::make_shared<MergeCommand>();
  CLI::App& command = add_command(tool, "merge",
                                  "Write the streams of several logs into a new one, the first "
                                  "log's first, and verify it.",
                                  kMergeExamples);
  command.add_option("LOG", options->logs, "the logs, which are not changed")
      ->required()
      ->type_name("");
  add_text(command, "-o,--output", "NEW", options->destination,
           "the new log; nothing may stand there")
      ->required();
  command.callback([options, &action] {
    action = [options] {
      const auto outcome = merge(*options);
      return outcome ? Exit::Done : report("merge", outcome.error());
    };
  });
}

}  // namespace tidemark::tools
