// The benchmark suites: prints a table and the goals, and writes JSON and Markdown. tests/bench/run
// builds and calls it.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "print.h"
#include "suites/suites.h"

namespace {

using namespace tidemark;
using namespace tidemark::bench;

bool write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text;
  file.close();
  if (file) return true;
  std::fprintf(stderr, "bench: cannot write %s\n", path.c_str());
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"The benchmark suites of Tidemark."};
  Options options;
  options.directory = ".";
  options.runs = 0;
  std::vector<std::string> names;
  for (const Suite& suite : all_suites()) names.emplace_back(suite.name);
  std::vector<std::string> wanted;
  std::string json;
  std::string markdown;
  app.add_option("--suite", wanted, "only this one; may be given several times")
      ->check(CLI::IsMember(names));
  app.add_option("--runs", options.runs, "interleaved runs of each row (default 5; 1 if quick)")
      ->check(CLI::Range(1, 1000));
  app.add_option("--directory", options.directory, "where files are written (default: here)");
  app.add_flag("--quick", options.quick, "tiny sizes: whether it works, not how fast it is");
  app.add_flag("--large", options.large, "logs of 10 and 30 GB and 10^8 events, too: minutes");
  app.add_option("--json", json, "a file for all samples");
  app.add_option("--markdown", markdown, "a file for the tables as Markdown");
  CLI11_PARSE(app, argc, argv);
  if (options.runs == 0) options.runs = options.quick ? 1 : 5;

  auto scratch = measure::ScratchDirectory::create(options.directory);
  if (!scratch) {
    std::fprintf(stderr, "bench: %s\n", scratch.error().text().c_str());
    return 1;
  }
  if (!options.quick) measure::warm_memory(uint64_t{2} << 30);
  Results results;
  results.machine = describe_machine(options.directory);
  results.runs = options.runs;
  // Where its files are is said by "storage"; a path would only say whose machine it was.
  results.command = "tests/bench/run";
  for (const std::string& name : wanted) results.command += " --suite " + name;
  if (options.runs != 5) results.command += " --runs " + std::to_string(options.runs);
  if (options.quick) results.command += " --quick";
  if (options.large) results.command += " --large";

  Bench bench(options, std::move(*scratch));
  for (const Suite& suite : all_suites()) {
    if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), suite.name) == wanted.end()) {
      continue;
    }
    bench.begin(std::string(suite.name));
    suite.run(bench);
  }
  results.machine.load += " before, " + load_average() + " after";
  results.lines = bench.lines();
  results.notes = bench.notes();
  results.goals = judge_goals(bench.lines());
  std::fputs(text_of(results).c_str(), stdout);
  if (options.quick) std::puts("\nTiny sizes: these figures say nothing about speed.");
  bool written = true;
  if (!json.empty()) written &= write_file(json, json_of(results));
  if (!markdown.empty()) written &= write_file(markdown, markdown_of(results));
  return written && !bench.failed() ? 0 : 1;
}
