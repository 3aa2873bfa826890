// Seeds of randomised tests: fixed, printed with a failure, and overridable to look further.

#pragma once

#include <cstdint>
#include <cstdlib>

namespace tidemark::test {

// TIDEMARK_TEST_SEED=<n> in the environment replaces the fixed seed, TIDEMARK_TEST_ROUNDS=<n> how
// often a randomised test repeats.
inline uint64_t seed_or(uint64_t fixed) {
  const char* given = std::getenv("TIDEMARK_TEST_SEED");
  return given == nullptr ? fixed : std::strtoull(given, nullptr, 10);
}
inline int rounds_or(int fixed) {
  const char* given = std::getenv("TIDEMARK_TEST_ROUNDS");
  return given == nullptr ? fixed : static_cast<int>(std::strtol(given, nullptr, 10));
}

}  // namespace tidemark::test
