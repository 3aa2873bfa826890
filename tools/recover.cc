// `tidemark recover`: everything that is valid in a log, into a new one.

#include <fmt/format.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "command.h"
#include "human.h"
#include "options.h"
#include "output.h"
#include "progress_bar.h"
#include "report.h"
#include "table.h"
#include "tidemark/salvage.h"

namespace tidemark::tools {
namespace {

struct RecoverCommand {
  std::string log;
  std::string destination;
};

std::string text_of(const SalvageReport& report, const Paint& paint) {
  using Side = Table::Side;
  Table table({{"stream", Side::Right},
               {"records saved", Side::Right},
               {"events", Side::Right},
               {"data", Side::Right},
               {"left behind", Side::Right},
               {"state"}});
  std::string reasons;
  for (const StreamSalvage& stream : report.streams) {
    uint64_t bytes = 0;
    for (const LeftBehind& left : stream.left_behind) {
      bytes += left.bytes;
      reasons += fmt::format("{} {}", paint.bad("left behind:"), human_bytes(left.bytes));
      if (left.progress_events > 0) {
        reasons += fmt::format(" and {}", plural(left.progress_events, "progress event"));
      }
      reasons += fmt::format(": {}\n", printable(left.reason.text()));
    }
    table.add({std::to_string(stream.stream), human_count(stream.saved.records),
               human_count(stream.saved.events), human_bytes(stream.saved.data_bytes),
               stream.left_behind.empty() ? "nothing" : paint.bad(human_bytes(bytes)),
               stream.finished ? "finished" : "open"});
  }
  return table.text(paint) + (reasons.empty() ? "" : "\n" + reasons);
}

Outcome<Exit> recover(const RecoverCommand& command) {
  ProgressBar bar("recovering");
  const auto salvaged =
      salvage_log(command.log, command.destination,
                  [&bar](uint64_t done, uint64_t total) { bar.show(done, total); });
  bar.clear();
  if (!salvaged) return failed(salvaged.error(), command.log);
  Output output = Output::standard_output();
  output.write(text_of(*salvaged, Paint(output.descriptor())));
  if (auto finished = output.finish(); !finished) return tl::make_unexpected(finished.error());

  uint64_t records = 0;
  for (const StreamSalvage& stream : salvaged->streams) records += stream.saved.records;
  const bool lost = salvaged->lost_anything();
  const Paint paint(STDERR_FILENO);
  say(fmt::format("{}: {} saved into {}, which was verified; {}", printable(command.log),
                  plural(records, "record"), printable(command.destination),
                  lost ? paint.bad("not all could be saved") : paint.good("nothing was lost")));
  return lost ? Exit::Damaged : Exit::Done;
}

constexpr const char* kExamples =
    "  tidemark recover rotten.tide -o saved.tide    exit code 3 where something was lost";

}  // namespace

void add_recover(CLI::App& tool, Action& action) {
  auto options = std::make_shared<RecoverCommand>();
  CLI::App& command = add_command(tool, "recover",
                                  "Write everything that is valid in a damaged log into a new one, "
                                  "say what was left behind, and "
                                  "verify the new log.",
                                  kExamples);
  add_log(command, options->log, "the log's directory, which is not changed");
  add_text(command, "-o,--output", "NEW", options->destination,
           "the new log; nothing may stand there")
      ->required();
  command.callback([options, &action] {
    action = [options] {
      const auto outcome = recover(*options);
      return outcome ? *outcome : report("recover", outcome.error());
    };
  });
}

}  // namespace tidemark::tools
