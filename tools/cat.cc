// `tidemark cat`: every event of a log, progress too, one JSON line each.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "command.h"
#include "interrupt.h"
#include "json_text.h"
#include "options.h"
#include "output.h"
#include "reading.h"
#include "report.h"
#include "tidemark/layout.h"
#include "tidemark/record_schema.h"
#include "tidemark/stream_end.h"
#include "values.h"

namespace tidemark::tools {
namespace {

struct CatCommand {
  std::string log;
  std::optional<std::vector<uint32_t>> streams;
  std::string output;
};

// What the stream's records are, where it says so. Without that they are printed as they stand.
std::optional<RecordSchema> schema_of(const EventReader& reader) {
  const auto& traits = reader.traits();
  if (!traits || !traits->schema) return std::nullopt;
  auto schema = RecordSchema::parse(*traits->schema);
  if (schema) return *std::move(schema);
  warn("cat", "stream " + std::to_string(traits->stream) + ": " + schema.error().text());
  return std::nullopt;
}

// One stream, up to where it ends now: a quick writer must not keep this running for ever.
Outcome<void> put_stream(const Log& log, uint32_t stream, Output& output) {
  // Where damage hides the end, the reader stops at the damage.
  const uint64_t end = committed_end(log, stream).value_or(kNoPosition);
  ReaderOptions options;
  options.hide_void = false;  // what was written, and where it became void
  auto reader = log.reader(stream, options);
  if (!reader) return failed(reader.error(), log.path());
  std::optional<RecordSchema> schema;
  bool looked_for_schema = false;
  bool warned = false;
  std::string line;
  while (reader->position() < end) {
    if (interrupted()) return stopped_by_interrupt();
    const auto status = reader->poll();
    if (!status) return failed(status.error(), log.path());
    if (*status == EventReader::Status::Voided) {
      line.clear();
      append_void_json(line, stream, reader->position(), reader->protocol().frontier());
      line += '\n';
      if (!output.write(line)) return {};
      continue;
    }
    if (*status != EventReader::Status::Event) return {};
    if (!looked_for_schema) {
      schema = schema_of(*reader);
      looked_for_schema = true;
    }
    line.clear();
    const EventView& event = reader->event();
    if (append_event_json(line, stream, event, schema ? &*schema : nullptr) > 0 && !warned) {
      warned = true;
      warn("cat", "stream " + std::to_string(stream) + ": records that do not match its schema " +
                      "are printed as they stand, the first at position " +
                      std::to_string(event.position));
    }
    line += '\n';
    if (!output.write(line)) return {};
  }
  return {};
}

// Each stream up to its damage. Returns the exit code, and reports each failure.
Exit put_streams(const CatCommand& command) {
  catch_interrupts();
  auto log = open_log_for_reading(command.log);
  if (!log) return report("cat", log.error());
  auto streams = choose_streams(*log, command.streams);
  if (!streams) return report("cat", streams.error());
  auto output = Output::open(command.output);
  if (!output) return report("cat", output.error());

  Exit exit = Exit::Done;
  for (const uint32_t stream : *streams) {
    const auto put = put_stream(*log, stream, *output);
    if (!put) {
      output->flush();
      exit = report("cat", put.error());
      if (exit != Exit::Damaged) break;
    }
    if (!output->ok()) break;
  }
  const auto finished = output->finish();
  return finished ? exit : report("cat", finished.error());
}

constexpr const char* kExamples =
    "  tidemark cat trades.tide | jq 'select(.kind == \"progress\")'\n"
    "  tidemark cat trades.tide --streams 0 -o events.ndjson";

}  // namespace

void add_cat(CLI::App& tool, Action& action) {
  auto options = std::make_shared<CatCommand>();
  CLI::App& command =
      add_command(tool, "cat", "Print every event, progress too, one JSON line each.", kExamples);
  add_log(command, options->log, "the log's directory");
  add_value(command, "--streams", "LIST", options->streams, parse_streams,
            "only these streams: 0,2 or 0-3 (default all)");
  add_text(command, "-o,--output", "FILE", options->output, "a file instead of standard output");
  command.callback([options, &action] { action = [options] { return put_streams(*options); }; });
}

}  // namespace tidemark::tools
