// How soon another process sees what was appended.

#include <string>

#include "measure/tail_runs.h"
#include "suites.h"

namespace tidemark::bench {
namespace {

using namespace measure;

void run_row(Bench& bench, const std::string& name, const TailPlan& plan) {
  const auto values = [](const Result<Percentiles>& delays) -> Result<std::vector<double>> {
    if (!delays) return tl::make_unexpected(delays.error());
    return std::vector<double>{delays->p50, delays->p99, delays->p999, delays->max};
  };
  Row row;
  row.name = name + (plan.sleeping ? ", sleeping" : ", spinning");
  row.metrics = {"p50", "p99", "p99.9", "max"};
  row.unit = "ns";
  row.contestants = {
      {plan.sleeping ? "futex wake" : "cache line", Role::Limit,
       [&] { return values(tail_line(plan)); }},
      {"ours", Role::Ours, [&] { return values(tail_log(bench.scratch().fresh("tail"), plan)); }},
  };
  bench.run(std::move(row));
  bench.scratch().fresh("tail");
}

}  // namespace

void tail_suite(Bench& bench) {
  bench.note(
      "two processes on two processors, records of 64 B, no sync; a delay reaches from before the "
      "append to when the reader has the verified event; the limits are one cache line that "
      "carries "
      "the time, seen by a spinning process or by one that sleeps on a futex beside it; the next "
      "one "
      "is written when it is due and the reader has answered; but flat out, ours waits for no "
      "answers, and a writer that is quicker than its reader makes a queue");
  const uint64_t events = bench.options().size(10'000, 200);
  for (const bool sleeping : {false, true}) {
    run_row(bench, "20,000/s", {events, 20'000, sleeping});
    run_row(bench, "flat out", {10 * events, 0, sleeping});
  }
}

}  // namespace tidemark::bench
