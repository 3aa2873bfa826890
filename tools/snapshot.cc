// `tidemark snapshot`: a clean copy of a log, also while it is written.

#include "tidemark/snapshot.h"

#include <fmt/format.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "command.h"
#include "human.h"
#include "options.h"
#include "reading.h"
#include "report.h"
#include "terminal.h"

namespace tidemark::tools {
namespace {

struct SnapshotCommand {
  std::string log;
  std::string destination;
};

Outcome<void> snapshot(const SnapshotCommand& command) {
  auto log = open_log_for_reading(command.log);
  if (!log) return tl::make_unexpected(std::move(log).error());
  const auto made = snapshot_log(*log, command.destination);
  if (!made) return failed(made.error(), command.log);
  StreamSnapshot sum;
  for (const StreamSnapshot& stream : made->streams) {
    sum.linked += stream.linked;
    sum.cloned += stream.cloned;
    sum.copied += stream.copied;
    sum.copied_bytes += stream.copied_bytes;
  }
  say(fmt::format("{}: a copy of {} in {}: {} shared, {} copied ({})", printable(command.log),
                  plural(made->streams.size(), "stream"), printable(command.destination),
                  plural(sum.linked + sum.cloned, "segment"), sum.copied,
                  human_bytes(sum.copied_bytes)));
  return {};
}

constexpr const char* kExamples =
    "  tidemark snapshot trades.tide -o backup.tide\n"
    "  tidemark snapshot trades.tide -o now.tide && tidemark verify now.tide";

}  // namespace

void add_snapshot(CLI::App& tool, Action& action) {
  auto options = std::make_shared<SnapshotCommand>();
  CLI::App& command = add_command(
      tool, "snapshot",
      "Make a clean copy of a log as it is at this moment, also while it is written. Segments that "
      "are complete are shared by hard links on one file system; cursors are not copied.",
      kExamples);
  add_log(command, options->log, "the log's directory, which is not changed");
  add_text(command, "-o,--output", "COPY", options->destination,
           "the copy; nothing may stand there")
      ->required();
  command.callback([options, &action] {
    action = [options] {
      const auto outcome = snapshot(*options);
      return outcome ? Exit::Done : report("snapshot", outcome.error());
    };
  });
}

}  // namespace tidemark::tools
