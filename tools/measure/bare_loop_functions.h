// What bare_loops.cc defines once for each instruction set.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tidemark::measure {

struct BareLoopFunctions {
  void (*append)(std::byte*, const std::byte*, uint64_t, uint64_t);
  uint64_t (*scan)(const std::byte*, uint64_t, uint64_t, uint64_t, uint64_t);
};
extern const BareLoopFunctions kBareLoopsBaseline;
extern const BareLoopFunctions kBareLoopsAvx2;
extern const BareLoopFunctions kBareLoopsAvx512;

}  // namespace tidemark::measure
