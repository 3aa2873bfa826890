// `tidemark cursors`: the named reading places of consumers.

#include <fmt/format.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "command.h"
#include "cursor_places.h"
#include "describe.h"
#include "human.h"
#include "options.h"
#include "output.h"
#include "reading.h"
#include "report.h"
#include "table.h"

namespace tidemark::tools {
namespace {

enum class CursorsFormat : uint8_t { Text, Json };

struct CursorsCommand {
  std::string log;
  std::string remove;
  CursorsFormat format = CursorsFormat::Text;
};

std::string text_of(const std::vector<CursorReport>& cursors, const Paint& paint) {
  if (cursors.empty()) return "no cursors\n";
  return cursors_table(cursors, paint);
}

Outcome<Exit> remove_cursor(const CursorsCommand& command, const Log& log) {
  const auto removed = delete_cursor(log, command.remove);
  if (!removed) return failed(removed.error(), command.log);
  if (!*removed) {
    return misused(fmt::format("there is no cursor {}: {}", printable(command.remove),
                               printable(command.log)));
  }
  say(fmt::format("cursor {} deleted", printable(command.remove)));
  return Exit::Done;
}

Outcome<Exit> cursors(const CursorsCommand& command) {
  auto log = open_log_for_reading(command.log);
  if (!log) return tl::make_unexpected(std::move(log).error());
  if (!command.remove.empty()) return remove_cursor(command, *log);
  const auto reports = report_cursors(*log);
  if (!reports) return failed(reports.error(), command.log);
  Output output = Output::standard_output();
  const Paint paint(output.descriptor());
  output.write(command.format == CursorsFormat::Json ? json_document(json_cursors(*reports))
                                                     : text_of(*reports, paint));
  if (auto finished = output.finish(); !finished) return tl::make_unexpected(finished.error());
  for (const CursorReport& cursor : *reports) {
    for (const PlaceReport& place : cursor.places) {
      if (place.state == PlaceState::Lost) return Exit::Damaged;
    }
  }
  return Exit::Done;
}

constexpr const char* kExamples =
    "  tidemark replay trades.tide --cursor billing     makes one and moves it\n"
    "  tidemark cursors trades.tide                     where each one is, and how far behind\n"
    "  tidemark cursors trades.tide --delete billing";

}  // namespace

void add_cursors(CLI::App& tool, Action& action) {
  auto options = std::make_shared<CursorsCommand>();
  CLI::App& command = add_command(tool, "cursors",
                                  "List the cursors of a log: where each consumer goes on reading, "
                                  "and how far that is from the "
                                  "end. Exit code 3 where a cursor's place was lost.",
                                  kExamples);
  add_log(command, options->log, "the log's directory");
  add_text(command, "--delete", "NAME", options->remove, "delete this cursor instead");
  add_choice<CursorsFormat>(command, "--format", options->format,
                            {{"text", CursorsFormat::Text}, {"json", CursorsFormat::Json}},
                            "for people (default) or for scripts");
  command.callback([options, &action] {
    action = [options] {
      const auto outcome = cursors(*options);
      return outcome ? *outcome : report("cursors", outcome.error());
    };
  });
}

}  // namespace tidemark::tools
