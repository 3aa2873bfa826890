// The results, for people, for RESULTS.md, and for scripts.
#pragma once

#include <span>
#include <string>

#include "bench.h"
#include "goals.h"
#include "machine.h"

namespace tidemark::bench {

struct Results {
  Machine machine;
  int runs = 0;
  std::string command;  // that made them
  std::span<const Line> lines;
  std::span<const std::string> notes;
  std::vector<Goal> goals;
};

std::string text_of(const Results& results);
std::string markdown_of(const Results& results);
std::string json_of(const Results& results);

}  // namespace tidemark::bench
