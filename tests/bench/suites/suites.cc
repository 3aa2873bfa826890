#include "suites.h"

#include <array>

namespace tidemark::bench {

std::span<const Suite> all_suites() {
  static constexpr std::array kSuites = {
      Suite{"append", append_suite},
      Suite{"durable", durable_suite},
      Suite{"replay", replay_suite},
      Suite{"tail", tail_suite},
      Suite{"scale", scale_suite},
      Suite{"space", space_suite},
      Suite{"instructions", instructions_suite},
      Suite{"operators", operators_suite},
  };
  return kSuites;
}

std::vector<ShapeRow> standard_shapes(const Options& options) {
  std::vector<ShapeRow> rows;
  for (const uint32_t records : {1U, 128U}) {
    for (const uint32_t bytes : {16U, 64U, 1024U, 16384U}) {
      if (!options.quick || bytes == 64) rows.push_back({{records, bytes}});
    }
  }
  if (options.quick) return rows;
  rows.push_back({{1, 64, RecordEncoding::Variable}, false});
  rows.push_back({{1, 1024, RecordEncoding::Variable}, false});
  rows.push_back({{128, 64, RecordEncoding::Variable}, false});
  return rows;
}

}  // namespace tidemark::bench
