// The tidemark command. Results go to standard output, everything else to standard error.

#include <fmt/core.h>

#include <CLI/CLI.hpp>

#include "tidemark/version.h"

int main(int argc, char** argv) {
  CLI::App app{"Tidemark: a memory-mapped, persistent event log for timely-style streams"};
  app.name("tidemark");
  app.set_version_flag(
      "--version",
      fmt::format("tidemark {0}, libtidemark {0}, format {1}.{2}", tidemark::library_version(),
                  tidemark::kFormatVersion.major, tidemark::kFormatVersion.minor));
  CLI11_PARSE(app, argc, argv);
  return 0;
}
