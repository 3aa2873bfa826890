// Single-steps a piece of code in this very thread, and notes what it stores to some memory,
// instruction by instruction: the moments at which a kill may catch it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace tidemark::rig {

// A word that had another value after an instruction than before it.
struct StoredWord {
  uint32_t region = 0;  // index into what is watched
  uint32_t offset = 0;  // in bytes
  uint64_t value = 0;
  uint64_t step = 0;  // instructions since single_step() began
};

// Whether this system can.
bool can_single_step();

// Regions may be watched anew in the middle, by code that runs unwatched (see below). One thread at
// a time in a process.
void watch(const std::vector<std::span<const std::byte>>& regions);
void single_step(const std::function<void()>& code);
// Runs `code`, called from within single_step(), at full speed.
void without_stepping(const std::function<void()>& code);
// What was stored since the last call of this or of watch().
std::vector<StoredWord> take_stores();
uint64_t steps_taken();

}  // namespace tidemark::rig
