#include "report.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "terminal.h"

namespace tidemark::tools {
namespace {

std::string prefix(std::string_view command) {
  return command.empty() ? std::string("tidemark:") : fmt::format("tidemark: {}:", command);
}

}  // namespace

Exit report(std::string_view command, const Failure& failure) {
  if (failure.exit == Exit::Interrupted) return failure.exit;
  const Paint paint(STDERR_FILENO);
  fmt::print(stderr, "{} {}\n", paint.bad(prefix(command)), printable(failure.text));
  if (!failure.hint.empty()) fmt::print(stderr, "  {}\n", paint.dim(printable(failure.hint)));
  return failure.exit;
}

void warn(std::string_view command, std::string_view text) {
  fmt::print(stderr, "{} {}\n", Paint(STDERR_FILENO).warn(prefix(command)), printable(text));
}

void say(std::string_view text) { fmt::print(stderr, "{}\n", text); }

}  // namespace tidemark::tools
