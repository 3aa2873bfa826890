// `tidemark info`: what stands in a log.

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "command.h"
#include "cursor_places.h"
#include "describe.h"
#include "human.h"
#include "interrupt.h"
#include "metrics_text.h"
#include "options.h"
#include "output.h"
#include "reading.h"
#include "report.h"
#include "table.h"
#include "tidemark/metrics.h"
#include "tidemark/record_schema.h"
#include "tidemark/survey.h"

namespace tidemark::tools {
namespace {

enum class InfoFormat : uint8_t { Text, Json };

// Of a longer list of segments the first and the last of these are shown.
constexpr size_t kShownSegments = 6;

constexpr int kWatchMilliseconds = 1000;
constexpr std::string_view kClearScreen = "\033[H\033[2J";

struct InfoCommand {
  std::string log;
  InfoFormat format = InfoFormat::Text;
  std::string output;
  std::string metrics;
  bool watch = false;
};

struct Sums {
  uint64_t records = 0;
  uint64_t events = 0;
  uint64_t data_bytes = 0;
  uint64_t disk_bytes = 0;
  uint64_t segments = 0;
};

Sums sums_of(const std::vector<StreamSurvey>& streams) {
  Sums sums;
  for (const StreamSurvey& stream : streams) {
    sums.records += stream.totals.records;
    sums.events += stream.totals.events;
    sums.data_bytes += stream.totals.data_bytes;
    sums.disk_bytes += stream.disk_bytes;
    sums.segments += stream.segments.size();
  }
  return sums;
}

std::string bounds_text(const std::optional<TimeBounds>& bounds) {
  if (!bounds) return "-";
  if (bounds->meet == bounds->join) return bounds->meet.text();
  return bounds->meet.text() + " .. " + bounds->join.text();
}

// The name of the records' table, where the stream has a schema that tells it.
std::optional<std::string> root_table_of(const StreamSurvey& stream) {
  if (!stream.traits || !stream.traits->schema) return std::nullopt;
  const auto schema = RecordSchema::parse(*stream.traits->schema);
  if (!schema) return std::nullopt;
  return schema->root_name();
}

std::string streams_table(const std::vector<StreamSurvey>& streams, const Paint& paint) {
  using Side = Table::Side;
  Table table({{"stream", Side::Right},
               {"state"},
               {"records", Side::Right},
               {"events", Side::Right},
               {"data", Side::Right},
               {"on disk", Side::Right},
               {"times"},
               {"frontier"},
               {"last capture"}});
  for (const StreamSurvey& stream : streams) {
    table.add({std::to_string(stream.stream), state_text(stream.state, paint),
               human_count(stream.totals.records), human_count(stream.totals.events),
               human_bytes(stream.totals.data_bytes), human_bytes(stream.disk_bytes),
               bounds_text(stream.bounds), frontier_text(stream.frontier),
               stream.last_captured_at_ns == 0 ? "-" : human_clock(stream.last_captured_at_ns)});
  }
  return table.text(paint);
}

std::string segments_table(const std::vector<StreamSurvey>& streams, const Paint& paint) {
  using Side = Table::Side;
  Table table({{"stream", Side::Right},
               {"segment", Side::Right},
               {"state"},
               {"incarnation", Side::Right},
               {"records", Side::Right},
               {"size", Side::Right},
               {"on disk", Side::Right},
               {"times"}});
  for (const StreamSurvey& stream : streams) {
    const size_t count = stream.segments.size();
    for (size_t i = 0; i < count; ++i) {
      if (count > 2 * kShownSegments && i == kShownSegments) {
        const size_t left_out = count - 2 * kShownSegments;
        table.add({"", "...", fmt::format("{} more", left_out), "", "", "", "", ""});
        i += left_out;
      }
      const SegmentSurvey& segment = stream.segments[i];
      const uint64_t records =
          std::max(segment.after.records, segment.before.records) - segment.before.records;
      table.add({std::to_string(stream.stream), std::to_string(segment.first_position),
                 std::string(name_of(segment.state)), std::to_string(segment.incarnation),
                 human_count(records), human_bytes(segment.segment_bytes),
                 human_bytes(segment.disk_bytes), bounds_text(segment.bounds)});
    }
  }
  return table.text(paint);
}

std::string text_of(const Log& log, const std::vector<StreamSurvey>& streams,
                    const std::vector<CursorReport>& cursors, const Paint& paint) {
  const Sums sums = sums_of(streams);
  std::string text =
      fmt::format("{}  {}\n", paint.bold(printable(log.path())), paint.dim(uuid_text(log.uuid())));
  text += fmt::format("{}, {}, {} of data, {} on disk in {}\n\n", plural(streams.size(), "stream"),
                      plural(sums.records, "record"), human_bytes(sums.data_bytes),
                      human_bytes(sums.disk_bytes), plural(sums.segments, "segment"));
  text += streams_table(streams, paint);
  if (sums.segments > 0) text += '\n' + segments_table(streams, paint);
  for (const StreamSurvey& stream : streams) {
    if (const auto root = root_table_of(stream)) {
      text += fmt::format("\nstream {}: records are FlatBuffers tables, {}\n", stream.stream,
                          printable(*root));
    }
    if (stream.purged_upto) {
      text += fmt::format("\nstream {}: purged up to position {}\n", stream.stream,
                          *stream.purged_upto);
    }
    if (stream.damage) {
      text += fmt::format("\n{} {}\n", paint.bad("damaged:"), printable(stream.damage->text()));
    }
  }
  if (!cursors.empty()) text += '\n' + cursors_table(cursors, paint);
  return text;
}

Json json_bounds(const std::optional<TimeBounds>& bounds) {
  if (!bounds) return nullptr;
  return {{"least", json_time(bounds->meet)}, {"greatest", json_time(bounds->join)}};
}

Json json_segment(const SegmentSurvey& segment) {
  return {{"segment", json_number(segment.first_position)},
          {"state", name_of(segment.state)},
          {"incarnation", json_number(segment.incarnation)},
          {"end", json_number(segment.end)},
          {"events", json_number(segment.after.events - segment.before.events)},
          {"records", json_number(segment.after.records - segment.before.records)},
          {"data_bytes", json_number(segment.after.data_bytes - segment.before.data_bytes)},
          {"segment_bytes", json_number(segment.segment_bytes)},
          {"disk_bytes", json_number(segment.disk_bytes)},
          {"times", json_bounds(segment.bounds)}};
}

Json json_stream(const StreamSurvey& stream) {
  Json json = {
      {"stream", stream.stream},
      {"state", state_word(stream.state)},
      {"writing", stream.state == StreamState::Writing},
      {"events", json_number(stream.totals.events)},
      {"records", json_number(stream.totals.records)},
      {"data_bytes", json_number(stream.totals.data_bytes)},
      {"disk_bytes", json_number(stream.disk_bytes)},
      {"end", json_number(stream.end)},
      {"durable", stream.durable ? json_number(*stream.durable) : Json(nullptr)},
      {"purged_upto", stream.purged_upto ? json_number(*stream.purged_upto) : Json(nullptr)},
      {"last_captured_at", json_number(stream.last_captured_at_ns)},
      {"times", json_bounds(stream.bounds)}};
  Json& frontier = json["frontier"] = Json::array();
  for (const Time& time : stream.frontier) frontier.push_back(json_time(time));
  Json& counts = json["capabilities"] = Json::array();
  for (const Change& change : stream.counts) {
    counts.push_back(Json::array({json_time(change.time), change.diff}));
  }
  if (stream.traits) {
    json["time_name"] = stream.traits->time_name;
    json["container"] = stream.traits->container_name;
    if (const auto root = root_table_of(stream)) json["schema"] = *root;
  }
  Json& segments = json["segments"] = Json::array();
  for (const SegmentSurvey& segment : stream.segments) segments.push_back(json_segment(segment));
  if (stream.damage) json["damage"] = json_error(*stream.damage);
  return json;
}

std::string json_of(const Log& log, const std::vector<StreamSurvey>& streams,
                    const std::vector<CursorReport>& cursors) {
  const Sums sums = sums_of(streams);
  Json json = {{"log", log.path()},
               {"uuid", uuid_text(log.uuid())},
               {"events", json_number(sums.events)},
               {"records", json_number(sums.records)},
               {"data_bytes", json_number(sums.data_bytes)},
               {"disk_bytes", json_number(sums.disk_bytes)}};
  Json& list = json["streams"] = Json::array();
  for (const StreamSurvey& stream : streams) list.push_back(json_stream(stream));
  json["cursors"] = json_cursors(cursors);
  return json_document(json);
}

// What is told of the streams at one moment.
struct Told {
  Exit exit = Exit::Done;
  bool all_finished = true;
};

Outcome<std::vector<StreamSurvey>> survey_all(const InfoCommand& command, const Log& log) {
  std::vector<StreamSurvey> streams;
  const auto present = log.streams();
  if (!present) return failed(present.error(), command.log);
  for (const uint32_t number : *present) {
    auto survey = survey_stream(log, number);
    if (!survey) return failed(survey.error(), command.log);
    streams.push_back(*std::move(survey));
  }
  return streams;
}

Outcome<void> tell_metrics(const InfoCommand& command, const Log& log,
                           const std::vector<StreamSurvey>& streams) {
  LogMetrics metrics;
  for (const StreamSurvey& stream : streams) {
    auto of_stream = metrics_of(log, stream);
    if (!of_stream) return failed(of_stream.error(), command.log);
    metrics.streams.push_back(*std::move(of_stream));
  }
  if (const int answer = log.files().space(log.path(), metrics.space); answer < 0) {
    return failed(fail_system("cannot ask for the space left for", log.path(), -answer).value(),
                  command.log);
  }
  return write_metrics(command.metrics, metrics_text(command.log, metrics));
}

Outcome<Told> tell(const InfoCommand& command, const Log& log, Output& output) {
  const auto streams = survey_all(command, log);
  if (!streams) return tl::make_unexpected(streams.error());
  Told told;
  for (const StreamSurvey& stream : *streams) {
    if (stream.damage) told.exit = Exit::Damaged;
    told.all_finished = told.all_finished && stream.state == StreamState::Finished;
  }
  if (!command.metrics.empty()) {
    if (auto written = tell_metrics(command, log, *streams); !written) {
      return tl::make_unexpected(std::move(written).error());
    }
    return told;
  }
  auto cursors = report_cursors(log);
  if (!cursors) {
    // Nothing else needs the catalog.
    warn("info", fmt::format("the log's cursors cannot be read: {}", cursors.error().text()));
    cursors = std::vector<CursorReport>();
  }
  const Paint paint(output.descriptor());
  if (command.watch && output.is_terminal()) output.write(kClearScreen);
  output.write(command.format == InfoFormat::Json ? json_of(log, *streams, *cursors)
                                                  : text_of(log, *streams, *cursors, paint));
  if (command.watch && !output.is_terminal() && command.format == InfoFormat::Text) {
    output.write("\n");
  }
  return told;
}

// Again each second, until all streams are finished, somebody interrupts, or nobody reads.
Outcome<Told> watch(const InfoCommand& command, const Log& log, Output& output) {
  for (;;) {
    auto told = tell(command, log, output);
    if (!told || told->all_finished) return told;
    if (!output.flush() || output.reader_is_gone()) return told;
    pollfd interrupt{interrupt_descriptor(), POLLIN, 0};
    ::poll(&interrupt, 1, kWatchMilliseconds);
    if (interrupted()) return stopped_by_interrupt();
  }
}

Outcome<Exit> info(const InfoCommand& command) {
  auto log = open_log_for_reading(command.log);
  if (!log) return tl::make_unexpected(std::move(log).error());
  if (command.watch) catch_interrupts();
  auto output = Output::open(command.output);
  if (!output) return tl::make_unexpected(std::move(output).error());
  const auto told = command.watch ? watch(command, *log, *output) : tell(command, *log, *output);
  auto finished = output->finish();
  if (!told) return tl::make_unexpected(told.error());
  if (!finished) return tl::make_unexpected(finished.error());
  if (const auto all = log->all_streams(); !all) return failed(all.error(), command.log);
  return told->exit;
}

constexpr const char* kExamples =
    "  tidemark info trades.tide\n"
    "  tidemark info trades.tide --format json | jq -r '.streams[].state'\n"
    "  tidemark info trades.tide --watch                        each second, until all is "
    "finished\n"
    "  tidemark info trades.tide --watch --metrics /var/lib/node_exporter/trades.prom";

}  // namespace

void add_info(CLI::App& tool, Action& action) {
  auto options = std::make_shared<InfoCommand>();
  CLI::App& command = add_command(
      tool, "info", "Say what stands in a log: streams, segments, records, times, states.",
      kExamples);
  add_log(command, options->log, "the log's directory");
  add_choice<InfoFormat>(command, "--format", options->format,
                         {{"text", InfoFormat::Text}, {"json", InfoFormat::Json}},
                         "for people (default) or for scripts");
  CLI::Option* output = add_text(command, "-o,--output", "FILE", options->output,
                                 "a file instead of standard output");
  command.add_flag("--watch", options->watch,
                   "again each second, until all streams are finished or Ctrl-C");
  add_text(command, "--metrics", "FILE", options->metrics,
           "instead of all that, metrics for Prometheus into this file, which is replaced at once; "
           "- is standard output")
      ->excludes(output);
  command.callback([options, &action] {
    action = [options] {
      const auto outcome = info(*options);
      return outcome ? *outcome : report("info", outcome.error());
    };
  });
}

}  // namespace tidemark::tools
