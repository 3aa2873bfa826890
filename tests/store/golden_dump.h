// The annotated dump of a small segment, as SPEC.md section 16 shows one. It reads the bytes with
// a naive reader of its own, by the tables of SPEC.md and without the library's decoders: where the
// two disagree, one of them is wrong.

#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::test {

// One line for each field: its offset, its bytes, its meaning. `segment` ends with its seal.
std::string annotated_dump(std::span<const std::byte> segment);

// The bytes that such lines show, whatever they say of them; empty where they leave something out.
std::vector<std::byte> bytes_of_dump(std::string_view dump);

}  // namespace tidemark::test
