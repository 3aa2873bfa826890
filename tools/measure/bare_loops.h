// The limits: loops that do only what cannot be left out. An append of theirs is a copy, an
// XXH3-64 and one release store; a read is the XXH3-64 of the same bytes.
//
// The library is compiled for every processor of its architecture. A limit is what this one can
// do, so these loops exist once for each instruction set that makes XXH3 quicker.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace tidemark::measure {

// Before each event of bare_append: a length word and a checksum.
inline constexpr uint64_t kBareHeaderBytes = 16;
constexpr uint64_t bare_bytes(uint64_t data_bytes) { return kBareHeaderBytes + data_bytes; }

struct BareLoops {
  std::string_view name;  // of the instructions that it is compiled for
  // Puts `events` events one after the other at `at`, of bare_bytes(data_bytes) each.
  void (*append)(std::byte* at, const std::byte* data, uint64_t data_bytes, uint64_t events);
  // XXH3-64 of bytes [from, upto) of each of `events` events that are `stride` bytes apart; their
  // sum, so that nobody may leave the work out.
  uint64_t (*scan)(const std::byte* at, uint64_t events, uint64_t stride, uint64_t from,
                   uint64_t upto);
};

// Those that this processor can run; the first one is compiled as the library is.
const std::vector<BareLoops>& all_bare_loops();
// The quickest of them, as found out once.
const BareLoops& bare_loops();

// Walks the frames in `bytes` of a segment, by their commit words alone; returns the bytes walked.
uint64_t walk_frames(const std::byte* at, uint64_t bytes);

}  // namespace tidemark::measure
