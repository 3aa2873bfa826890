// XXH3-64, behind the one door through which xxHash is used.
//
// It finds damage; it is no signature: whoever can write a file can make it verify (SPEC.md
// section 13).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace tidemark {

// XXH3-64 of `bytes`. Stable for ever: it is stored in files and decides how keys are partitioned.
uint64_t hash_bytes(std::span<const std::byte> bytes, uint64_t seed = 0);

}  // namespace tidemark
