// The tidemark command. Results go to standard output, everything else to standard error.

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <string_view>

#include "command.h"
#include "options.h"
#include "output.h"
#include "report.h"
#include "tidemark/version.h"

namespace {

using namespace tidemark::tools;

// Where a standard descriptor is closed, the next file that is opened takes its number, and results
// would be written into a log. What is opened here instead refuses the use that it stands for.
bool keep_standard_descriptors() {
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(descriptor, F_GETFD) >= 0) continue;
    const int mode = descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY;
    if (open("/dev/null", mode) != descriptor) return false;
  }
  return true;
}

Exit print(const std::string& text) {
  Output output = Output::standard_output();
  output.write(text);
  const auto finished = output.finish();
  return finished ? Exit::Done : report({}, finished.error());
}

std::string version() {
  return fmt::format("tidemark {}\nlibtidemark {}\nformat {}.{}\n", TIDEMARK_TOOL_VERSION,
                     tidemark::library_version(), tidemark::kFormatVersion.major,
                     tidemark::kFormatVersion.minor);
}

// The command line's mistake in one line, and where to read on.
Exit refuse(const CLI::App& tool, const CLI::ParseError& error) {
  const auto commands = tool.get_subcommands();
  const std::string command = commands.empty() ? "" : commands.back()->get_name();
  Failure failure{Exit::Usage, error.what(),
                  "`tidemark " + command + (command.empty() ? "" : " ") + "--help` says more"};
  const auto extras = tool.remaining(true);
  if (!extras.empty()) {
    const bool is_option = extras.front().starts_with("-") && extras.front() != "-";
    failure.text = fmt::format("{}: {}",
                               is_option         ? "unknown option"
                               : command.empty() ? "unknown command"
                                                 : "unexpected argument",
                               extras.front());
  } else if (command.empty()) {
    failure.text = "no command given";
  }
  return report(command, failure);
}

// For "--option=" CLI11 takes the next argument as the value, which is hardly what an unset shell
// variable was meant to give.
void refuse_empty_values(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--") return;
    if (!argument.starts_with("--") || argument.find('=') != argument.size() - 1) continue;
    throw CLI::ValidationError(std::string(argument.substr(0, argument.size() - 1)), "is empty");
  }
}

Exit run(int argc, char** argv) {
  CLI::App tool{"A memory-mapped, persistent event log for timely-style streams."};
  tool.name("tidemark");
  tool.footer(
      "  `tidemark COMMAND --help` explains a command and ends with examples.\n"
      "  Exit codes: 0 done, 1 failed, 2 usage, 3 done but data is damaged or was lost, 130 "
      "interrupted.");
  lay_out_help(tool);
  tool.set_version_flag("--version", version(), "versions of the tool, the library and the format");
  tool.require_subcommand(1);

  Action action;
  add_capture(tool, action);
  add_replay(tool, action);
  add_tail(tool, action);
  add_cat(tool, action);
  add_info(tool, action);
  add_verify(tool, action);
  add_recover(tool, action);
  add_snapshot(tool, action);
  add_slice(tool, action);
  add_merge(tool, action);
  add_reindex(tool, action);
  add_cursors(tool, action);
  add_purge(tool, action);
  add_bench(tool, action);

  try {
    tool.parse(argc, argv);
    refuse_empty_values(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return print(tool.help());
  } catch (const CLI::CallForVersion&) {
    return print(version());
  } catch (const CLI::ParseError& error) {
    return refuse(tool, error);
  }
  return action();
}

}  // namespace

int main(int argc, char** argv) {
  if (!keep_standard_descriptors()) return static_cast<int>(Exit::Failed);
  // A reader that goes away is seen where the write fails.
  std::signal(SIGPIPE, SIG_IGN);
  return static_cast<int>(run(argc, argv));
}
