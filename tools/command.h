// What every command of the tool shares: how it is offered, how it ends, how it fails.
#pragma once

#include <functional>
#include <string>

#include <tl/expected.hpp>

#include "tidemark/result.h"

namespace CLI {
class App;
}

namespace tidemark::tools {

// The exit codes that scripts rely on.
enum class Exit : int {
  Done = 0,
  Failed = 1,
  Usage = 2,
  Damaged = 3,  // done, but data is damaged or was lost
  Interrupted = 130,
};

// Why a command cannot go on, in words for people: what, and where.
struct Failure {
  Exit exit = Exit::Failed;
  std::string text;
  std::string hint;  // what to do about it; may be empty
};

template <typename T>
using Outcome = tl::expected<T, Failure>;

tl::unexpected<Failure> failed(std::string text);
tl::unexpected<Failure> misused(std::string text);
// Not worth a message: whoever interrupts a command knows it.
tl::unexpected<Failure> stopped_by_interrupt();
// Turns the library's error into its exit code, text and hint. `log` is the path as the user gave
// it.
Failure failure_of(const Error& error, const std::string& log);
tl::unexpected<Failure> failed(const Error& error, const std::string& log);

// What main() runs once the command line was understood.
using Action = std::function<Exit()>;

// Each adds one command with its options, and sets `action` when the command line names it.
void add_capture(CLI::App& tool, Action& action);
void add_replay(CLI::App& tool, Action& action);
void add_tail(CLI::App& tool, Action& action);
void add_cat(CLI::App& tool, Action& action);
void add_info(CLI::App& tool, Action& action);
void add_verify(CLI::App& tool, Action& action);
void add_recover(CLI::App& tool, Action& action);
void add_snapshot(CLI::App& tool, Action& action);
void add_slice(CLI::App& tool, Action& action);
void add_merge(CLI::App& tool, Action& action);
void add_reindex(CLI::App& tool, Action& action);
void add_cursors(CLI::App& tool, Action& action);
void add_purge(CLI::App& tool, Action& action);
void add_bench(CLI::App& tool, Action& action);

}  // namespace tidemark::tools
