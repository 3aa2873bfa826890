// The suites, one a file. Each runs its rows.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "bench.h"
#include "measure/shape.h"

namespace tidemark::bench {

void append_suite(Bench& bench);
void durable_suite(Bench& bench);
void replay_suite(Bench& bench);
void tail_suite(Bench& bench);
void scale_suite(Bench& bench);
void space_suite(Bench& bench);
void instructions_suite(Bench& bench);
void operators_suite(Bench& bench);

// What is appended and replayed: each size once and 128 times an event, beside the peers, and
// records of variable length, which they do not know.
struct ShapeRow {
  measure::Shape shape;
  bool with_peers = true;
};
std::vector<ShapeRow> standard_shapes(const Options& options);

struct Suite {
  std::string_view name;
  void (*run)(Bench& bench);
};
std::span<const Suite> all_suites();

}  // namespace tidemark::bench
