// `tidemark verify`: every frame of a log, and the replay protocol.

#include "tidemark/verify.h"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <string>

#include "command.h"
#include "describe.h"
#include "human.h"
#include "options.h"
#include "output.h"
#include "progress_bar.h"
#include "report.h"
#include "table.h"

namespace tidemark::tools {
namespace {

enum class VerifyFormat : uint8_t { Text, Json };

struct VerifyCommand {
  std::string log;
  VerifyFormat format = VerifyFormat::Text;
  std::string output;
};

std::string text_of(const VerifyReport& verdicts, const Paint& paint) {
  using Side = Table::Side;
  Table table({{"stream", Side::Right},
               {"verdict"},
               {"state"},
               {"segments", Side::Right},
               {"frames", Side::Right},
               {"records", Side::Right},
               {"data", Side::Right}});
  std::string remarks;
  for (const StreamVerdict& stream : verdicts.streams) {
    table.add({std::to_string(stream.stream),
               stream.damage.empty() ? paint.good("valid") : paint.bad("DAMAGED"),
               state_text(stream.state, paint), human_count(stream.segments),
               human_count(stream.frames), human_count(stream.totals.records),
               human_bytes(stream.totals.data_bytes)});
    for (const Error& error : stream.damage) {
      remarks += fmt::format("{} {}\n", paint.bad("damage:"), printable(error.text()));
    }
    for (const std::string& note : stream.notes) {
      remarks +=
          fmt::format("{} stream {}: {}\n", paint.warn("note:"), stream.stream, printable(note));
    }
  }
  for (const Error& error : verdicts.log_damage) {
    remarks += fmt::format("{} {}\n", paint.bad("damage:"), printable(error.text()));
  }
  return table.text(paint) + (remarks.empty() ? "" : "\n" + remarks);
}

std::string json_of(const VerifyCommand& command, const VerifyReport& verdicts) {
  Json json = {{"log", command.log}, {"damaged", verdicts.damaged()}};
  Json& streams = json["streams"] = Json::array();
  for (const StreamVerdict& verdict : verdicts.streams) {
    Json stream = {{"stream", verdict.stream},
                   {"damaged", !verdict.damage.empty()},
                   {"state", state_word(verdict.state)},
                   {"segments", json_number(verdict.segments)},
                   {"frames", json_number(verdict.frames)},
                   {"events", json_number(verdict.totals.events)},
                   {"records", json_number(verdict.totals.records)},
                   {"data_bytes", json_number(verdict.totals.data_bytes)},
                   {"end", json_number(verdict.end)}};
    Json& damage = stream["damage"] = Json::array();
    for (const Error& error : verdict.damage) damage.push_back(json_error(error));
    stream["notes"] = verdict.notes;
    streams.push_back(std::move(stream));
  }
  Json& log_damage = json["log_damage"] = Json::array();
  for (const Error& error : verdicts.log_damage) log_damage.push_back(json_error(error));
  return json_document(json);
}

std::string summary_of(const VerifyCommand& command, const VerifyReport& verdicts,
                       std::chrono::duration<double> taken) {
  uint64_t frames = 0;
  uint64_t places = verdicts.log_damage.size();
  for (const StreamVerdict& stream : verdicts.streams) {
    frames += stream.frames;
    places += stream.damage.size();
  }
  const Paint paint(STDERR_FILENO);
  const std::string verdict = places > 0
                                  ? paint.bad(fmt::format("damaged in {}", plural(places, "place")))
                                  : paint.good("valid");
  return fmt::format("{}: {}; {} in {}", printable(command.log), verdict, plural(frames, "frame"),
                     human_duration(taken));
}

Outcome<Exit> verify(const VerifyCommand& command) {
  const auto started = std::chrono::steady_clock::now();
  ProgressBar bar("verifying");
  const auto verdicts =
      verify_log(command.log, [&bar](uint64_t done, uint64_t total) { bar.show(done, total); });
  bar.clear();
  if (!verdicts) return failed(verdicts.error(), command.log);
  const auto taken = std::chrono::steady_clock::now() - started;

  auto output = Output::open(command.output);
  if (!output) return tl::make_unexpected(std::move(output).error());
  const Paint paint(output->descriptor());
  output->write(command.format == VerifyFormat::Json ? json_of(command, *verdicts)
                                                     : text_of(*verdicts, paint));
  if (auto finished = output->finish(); !finished) return tl::make_unexpected(finished.error());
  say(summary_of(command, *verdicts, taken));
  return verdicts->damaged() ? Exit::Damaged : Exit::Done;
}

constexpr const char* kExamples =
    "  tidemark verify trades.tide && echo every byte is as it was written\n"
    "  tidemark verify trades.tide --format json | jq '.streams[].damage[]'";

}  // namespace

void add_verify(CLI::App& tool, Action& action) {
  auto options = std::make_shared<VerifyCommand>();
  CLI::App& command = add_command(tool, "verify",
                                  "Check every frame and the replay protocol; name stream, "
                                  "segment, offset and rule of all damage "
                                  "(exit code 3). A killed writer is no damage.",
                                  kExamples);
  add_log(command, options->log, "the log's directory");
  add_choice<VerifyFormat>(command, "--format", options->format,
                           {{"text", VerifyFormat::Text}, {"json", VerifyFormat::Json}},
                           "for people (default) or for scripts");
  add_text(command, "-o,--output", "FILE", options->output, "a file instead of standard output");
  command.callback([options, &action] {
    action = [options] {
      const auto outcome = verify(*options);
      return outcome ? *outcome : report("verify", outcome.error());
    };
  });
}

}  // namespace tidemark::tools
