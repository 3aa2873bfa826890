// The suites, one a file. Each runs its rows.
#pragma once

#include <span>
#include <string_view>

#include "bench.h"

namespace tidemark::bench {

void append_suite(Bench& bench);
void durable_suite(Bench& bench);
void replay_suite(Bench& bench);
void tail_suite(Bench& bench);
void scale_suite(Bench& bench);
void space_suite(Bench& bench);
void instructions_suite(Bench& bench);
void operators_suite(Bench& bench);

struct Suite {
  std::string_view name;
  void (*run)(Bench& bench);
};
std::span<const Suite> all_suites();

}  // namespace tidemark::bench
