#include "bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "measure/samples.h"

namespace tidemark::bench {

double Series::value() const { return measured() ? measure::median(samples) : 0; }
double Series::best() const { return measured() ? measure::least(samples) : 0; }

const Series* Line::find(std::string_view wanted) const {
  const auto found =
      std::find_if(series.begin(), series.end(), [&](const Series& s) { return s.name == wanted; });
  return found == series.end() ? nullptr : &*found;
}

Contestant contestant(std::string name, Role role, std::function<Result<double>()> run) {
  return {std::move(name), role, [run = std::move(run)]() -> Result<std::vector<double>> {
            TIDEMARK_ASSIGN(value, run());
            return std::vector<double>{value};
          }};
}

void Bench::begin(std::string suite) {
  suite_ = std::move(suite);
  fmt::print(stderr, "{}\n", suite_);
}

void Bench::note(std::string text) { notes_.push_back(suite_ + ": " + std::move(text)); }

void Bench::run(Row row) {
  const int runs = row.runs > 0 ? row.runs : options_.runs;
  const size_t metrics = std::max<size_t>(row.metrics.size(), 1);
  const size_t first = lines_.size();
  for (size_t m = 0; m < metrics; ++m) {
    Line line{suite_, row.name, row.unit, {}};
    if (!row.metrics.empty()) line.name += ", " + row.metrics[m];
    for (const Contestant& one : row.contestants) {
      line.series.push_back({one.name, one.role, {}, one.absent});
    }
    lines_.push_back(std::move(line));
  }
  fmt::print(stderr, "  {}", row.name);
  for (int run = 0; run < runs; ++run) {
    fmt::print(stderr, ".");
    for (size_t c = 0; c < row.contestants.size(); ++c) {
      if (!row.contestants[c].absent.empty()) continue;
      auto values = row.contestants[c].run();
      if (values && values->size() != metrics) {
        values = fail(ErrorCode::InvalidArgument, "another number of values than of metrics");
      }
      if (!values) {
        row.contestants[c].absent = values.error().text();
        fmt::print(stderr, "\n  {}: {}\n", row.contestants[c].name, row.contestants[c].absent);
        failed_ = true;
      }
      for (size_t m = 0; m < metrics; ++m) {
        Series& series = lines_[first + m].series[c];
        if (values) {
          series.samples.push_back((*values)[m]);
        } else {
          series.samples.clear();
          series.note = row.contestants[c].absent;
        }
      }
    }
  }
  fmt::print(stderr, "\n");
}

}  // namespace tidemark::bench
