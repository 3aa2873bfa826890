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

}  // namespace tidemark::bench
