// The figures that the project set out to reach, and whether it did.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bench.h"

namespace tidemark::bench {

struct Goal {
  std::string what;
  bool at_least = true;  // otherwise at most
  double wanted = 0;
  std::string unit;                // "", "x", "%", "MiB", ...
  std::optional<double> measured;  // nothing: its suite was not run, or could not be

  bool reached() const {
    return measured && (at_least ? *measured >= wanted : *measured <= wanted);
  }
};

std::vector<Goal> judge_goals(std::span<const Line> lines);

}  // namespace tidemark::bench
