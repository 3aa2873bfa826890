// The annotated dump of a small segment or stream, as SPEC.md sections 16 and 18 show them. It
// reads the bytes with a naive reader of its own, by the tables of SPEC.md and without the
// library's decoders: where the two disagree, one of them is wrong.

#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::test {

// One line for each field: its offset, its bytes, its meaning. `segment` ends with its seal.
std::string annotated_dump(std::span<const std::byte> segment);
// The same for a stream that is sent, as SPEC.md section 18.5 shows one.
std::string annotated_wire_dump(std::span<const std::byte> stream);

// The bytes that such lines show, whatever they say of them; empty where they leave something out.
std::vector<std::byte> bytes_of_dump(std::string_view dump);

}  // namespace tidemark::test
