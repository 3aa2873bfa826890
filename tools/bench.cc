// `tidemark bench`: what this disk and this machine give, beside their own limits. The suites of
// tests/bench measure with the same functions, longer and against others.

#include <fmt/format.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "command.h"
#include "describe.h"
#include "interrupt.h"
#include "measure/bare_loops.h"
#include "measure/log_runs.h"
#include "measure/samples.h"
#include "measure/scratch.h"
#include "measure/sync_runs.h"
#include "measure/tail_runs.h"
#include "options.h"
#include "output.h"
#include "progress_bar.h"
#include "report.h"
#include "table.h"

namespace tidemark::tools {
namespace {

using namespace measure;

constexpr int kRuns = 3;  // interleaved; a figure is their median
constexpr uint64_t kCommits = 50;
constexpr uint64_t kTailed = 3000;

enum class BenchFormat : uint8_t { Text, Json };

struct BenchCommand {
  BenchFormat format = BenchFormat::Text;
  std::string output;
};

// Ours and the machine's, in ns.
struct Figure {
  std::string what;    // "append"
  std::string detail;  // "1 x 64 B"
  std::string per;     // "event", "commit"
  std::string limit_is;
  std::vector<double> ours = {};
  std::vector<double> limit = {};

  double ratio() const { return median(limit) / median(ours); }
};

// One thing that is measured: once ours and once the limit, in each run.
struct Measurement {
  std::vector<Figure> figures;
  // Adds a value to `ours` and `limit` of each figure.
  std::function<Result<void>(const ScratchDirectory&, std::vector<Figure>&)> run;
};

// Appending, and reading what was appended.
Measurement of_events(const Shape& shape) {
  Measurement measurement;
  measurement.figures = {
      {"append", shape.name(), "event", "copy, XXH3-64 and one release store"},
      {"replay, verified", shape.name(), "event", "XXH3-64 of the same bytes"},
  };
  measurement.run = [shape](const ScratchDirectory& scratch,
                            std::vector<Figure>& figures) -> Result<void> {
    const Input input(shape);
    const uint64_t events = timed_events(shape);
    const std::string path = scratch.fresh("log");
    TIDEMARK_ASSIGN(limit, append_barely(scratch.path(), input, events));
    TIDEMARK_ASSIGN(appended, append_prepared(path, shape, input, events));
    TIDEMARK_ASSIGN(scanned, scan_barely(path, shape, appended, Scan::Verified));
    TIDEMARK_ASSIGN(polled, poll_all(path, appended));
    figures[0].limit.push_back(limit);
    figures[0].ours.push_back(appended.ns_an_event);
    figures[1].limit.push_back(scanned);
    figures[1].ours.push_back(polled);
    return {};
  };
  return measurement;
}

Measurement of_tail(bool sleeping) {
  Measurement measurement;
  measurement.figures = {
      {sleeping ? "tail, sleeping" : "tail, spinning", "20,000/s, p50", "event",
       sleeping ? "a futex wake of another process" : "a cache line seen by another process"},
      {sleeping ? "tail, sleeping" : "tail, spinning", "20,000/s, p99", "event", "the same"}};
  measurement.run = [sleeping](const ScratchDirectory& scratch,
                               std::vector<Figure>& figures) -> Result<void> {
    const TailPlan plan = {.events = kTailed, .sleeping = sleeping};
    TIDEMARK_ASSIGN(limit, tail_line(plan));
    TIDEMARK_ASSIGN(ours, tail_log(scratch.fresh("log"), plan));
    figures[0].limit.push_back(limit.p50);
    figures[0].ours.push_back(ours.p50);
    figures[1].limit.push_back(limit.p99);
    figures[1].ours.push_back(ours.p99);
    return {};
  };
  return measurement;
}

Measurement of_sync() {
  Measurement measurement;
  measurement.figures = {
      {"durable append", "256 B, p50", "commit", "pwrite and fdatasync"},
      {"durable append", "256 B, mean", "commit", "the same"},
  };
  measurement.run = [](const ScratchDirectory& scratch,
                       std::vector<Figure>& figures) -> Result<void> {
    const SyncPlan plan = {.commits = kCommits};
    TIDEMARK_ASSIGN(limit, write_durably(scratch.path(), plan));
    TIDEMARK_ASSIGN(ours, append_durably(scratch.fresh("log"), plan));
    figures[0].limit.push_back(limit.ns.p50);
    figures[0].ours.push_back(ours.ns.p50);
    figures[1].limit.push_back(limit.ns_a_commit);
    figures[1].ours.push_back(ours.ns_a_commit);
    return {};
  };
  return measurement;
}

std::string time_text(double ns) {
  if (ns < 100) return fmt::format("{:.1f} ns", ns);
  if (ns < 10'000) return fmt::format("{:.0f} ns", ns);
  if (ns < 10'000'000) return fmt::format("{:.0f} us", ns / 1e3);
  return fmt::format("{:.0f} ms", ns / 1e6);
}

std::string rate_text(double ns) {
  const double rate = 1e9 / ns;
  if (rate >= 1e6) return fmt::format("{:.1f} M/s", rate / 1e6);
  if (rate >= 1e4) return fmt::format("{:.0f} k/s", rate / 1e3);
  return fmt::format("{:.0f} /s", rate);
}

std::string text_of(const std::vector<Figure>& figures, const Paint& paint) {
  using Side = Table::Side;
  Table table({{"measured"},
               {""},
               {"tidemark", Side::Right},
               {"rate", Side::Right},
               {"limit", Side::Right},
               {"limit / tidemark", Side::Right},
               {"the limit is"}});
  for (const Figure& figure : figures) {
    const double ours = median(figure.ours);
    const bool is_delay = figure.what.starts_with("tail");
    table.add({figure.what, figure.detail, time_text(ours), is_delay ? "" : rate_text(ours),
               time_text(median(figure.limit)), fmt::format("{:.2f}", figure.ratio()),
               paint.dim(figure.limit_is)});
  }
  return table.text(paint);
}

std::string json_of(const std::vector<Figure>& figures) {
  Json json = {{"runs", kRuns}, {"xxh3", bare_loops().name}};
  Json& list = json["figures"] = Json::array();
  for (const Figure& figure : figures) {
    list.push_back({{"what", figure.what},
                    {"detail", figure.detail},
                    {"unit", "ns/" + figure.per},
                    {"tidemark", median(figure.ours)},
                    {"limit", median(figure.limit)},
                    {"ratio", figure.ratio()},
                    {"limit_is", figure.limit_is}});
  }
  return json_document(json);
}

Failure failure_of(const Error& error) {
  return {Exit::Failed, printable(error.text()),
          error.code == ErrorCode::NoSpace ? "about 300 MiB are needed for some seconds" : ""};
}

Outcome<std::vector<Figure>> measure_all() {
  auto scratch = ScratchDirectory::create(".");
  if (!scratch) return tl::make_unexpected(failure_of(scratch.error()));
  std::vector<Measurement> measurements = {of_events({1, 64}),   of_events({1, 1024}),
                                           of_events({128, 64}), of_tail(false),
                                           of_tail(true),        of_sync()};
  warm_memory(uint64_t{256} << 20);
  ProgressBar bar("measuring");
  const uint64_t total = kRuns * measurements.size();
  uint64_t done = 0;
  for (int run = 0; run < kRuns; ++run) {
    for (Measurement& measurement : measurements) {
      bar.show(done++, total);
      if (auto measured = measurement.run(*scratch, measurement.figures); !measured) {
        return tl::make_unexpected(failure_of(measured.error()));
      }
      if (interrupted()) return stopped_by_interrupt();
    }
  }
  std::vector<Figure> figures;
  for (Measurement& measurement : measurements) {
    for (Figure& figure : measurement.figures) figures.push_back(std::move(figure));
  }
  return figures;
}

Outcome<Exit> bench(const BenchCommand& command) {
  catch_interrupts();
  auto output = Output::open(command.output);
  if (!output) return tl::make_unexpected(std::move(output).error());
  const auto figures = measure_all();
  if (!figures) return tl::make_unexpected(figures.error());
  output->write(command.format == BenchFormat::Json
                    ? json_of(*figures)
                    : text_of(*figures, Paint(output->descriptor())));
  if (auto finished = output->finish(); !finished) return tl::make_unexpected(finished.error());
  return Exit::Done;
}

constexpr const char* kExamples =
    "  cd /mnt/disk && tidemark bench       # of the disk below the current directory\n"
    "  tidemark bench --format json | jq '.figures[] | [.what, .detail, .ratio]'";

}  // namespace

void add_bench(CLI::App& tool, Action& action) {
  auto options = std::make_shared<BenchCommand>();
  CLI::App& command = add_command(
      tool, "bench",
      "Measure append, replay, tail latency and sync on the disk of the current "
      "directory, beside the machine's own limits, in about ten seconds. Needs 300 MiB, "
      "which are given back.",
      kExamples);
  add_choice<BenchFormat>(command, "--format", options->format,
                          {{"text", BenchFormat::Text}, {"json", BenchFormat::Json}},
                          "for people (default) or for scripts");
  add_text(command, "-o,--output", "FILE", options->output, "a file instead of standard output");
  command.callback([options, &action] {
    action = [options] {
      const auto outcome = bench(*options);
      return outcome ? *outcome : report("bench", outcome.error());
    };
  });
}

}  // namespace tidemark::tools
