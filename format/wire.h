// How generated FlatBuffers accessors are reached: verified first, and never past this package.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <flatbuffers/flatbuffers.h>

#include "tidemark/protocol.h"
#include "tidemark/result.h"
#include "tidemark/time.h"

namespace tidemark {

inline tl::unexpected<Error> contradiction(std::string_view table, std::string_view why) {
  return fail(ErrorCode::Corrupt,
              "a " + std::string(table) + " payload is wrong: " + std::string(why));
}

// The payload's root table, after FlatBuffers' own verifier has walked all of it. Tables here do
// not nest, which bounds its depth.
template <typename Table>
Result<const Table*> verified_root(std::span<const std::byte> payload, std::string_view name) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(payload.data());
  flatbuffers::Verifier verifier(bytes, payload.size(), /*max_depth=*/2, /*max_tables=*/2);
  if (payload.size() < sizeof(flatbuffers::uoffset_t) || !verifier.VerifyBuffer<Table>(nullptr)) {
    return contradiction(name, "it is no such FlatBuffer");
  }
  return flatbuffers::GetRoot<Table>(bytes);
}

// The elements of a vector of 64-bit words; an absent one is empty. Errors: Corrupt where they are
// not aligned, which FlatBuffers' verifier looks at for scalars and lengths only.
template <typename Word>
Result<std::span<const Word>> words_of(std::string_view table,
                                       const flatbuffers::Vector<Word>* vector) {
  static_assert(sizeof(Word) == 8);
  if (vector == nullptr || vector->size() == 0) return std::span<const Word>();
  if (reinterpret_cast<uintptr_t>(vector->Data()) % alignof(Word) != 0) {
    return contradiction(table, "a vector's words are not aligned to 8 bytes");
  }
  return std::span(reinterpret_cast<const Word*>(vector->Data()), vector->size());
}

// Times and counts, one count a time. Errors: Corrupt.
Result<std::vector<Change>> changes_of(std::string_view table, TimeShape shape,
                                       const flatbuffers::Vector<uint64_t>* times,
                                       const flatbuffers::Vector<int64_t>* counts);

}  // namespace tidemark
