// `tidemark reindex`: rebuilds the cache in a log's catalog. The only command that opens it.

#include <fmt/format.h>

#include <memory>
#include <string>

#include "command.h"
#include "human.h"
#include "options.h"
#include "reading.h"
#include "report.h"
#include "terminal.h"
#include "tidemark/catalog.h"

namespace tidemark::tools {
namespace {

Outcome<Exit> reindex_log(const std::string& path) {
  const auto log = open_log_for_reading(path);
  if (!log) return tl::make_unexpected(log.error());
  const auto rebuilt = reindex(*log);
  if (!rebuilt) return failed(rebuilt.error(), path);
  if (rebuilt->catalog_was_unusable) {
    warn("reindex", "the old catalog could not be used and was set aside; its cursors are lost");
  }
  say(fmt::format("{}: {} of {} in the catalog", printable(path),
                  plural(rebuilt->segments, "segment"), plural(rebuilt->streams, "stream")));
  return rebuilt->catalog_was_unusable ? Exit::Damaged : Exit::Done;
}

constexpr const char* kExamples = "  rm -r trades.tide/catalog; tidemark reindex trades.tide";

}  // namespace

void add_reindex(CLI::App& tool, Action& action) {
  auto log = std::make_shared<std::string>();
  CLI::App& command = add_command(
      tool, "reindex",
      "Rebuild the cache of segment summaries in the log's catalog. Cursors are kept.", kExamples);
  add_log(command, *log, "the log's directory");
  command.callback([log, &action] {
    action = [log] {
      const auto outcome = reindex_log(*log);
      return outcome ? *outcome : report("reindex", outcome.error());
    };
  });
}

}  // namespace tidemark::tools
