// `RecordSchema`: what a stream's records are, by the FlatBuffers schema stored with it, so that
// they can be judged and printed without the code that wrote them (SPEC.md section 5.7).
//
// Nothing of a schema or a record is believed: either may be hostile. The schema is read with
// FlatBuffers' own verifier, checked as a whole, and copied; records are walked by it without
// FlatBuffers. FlatBuffers' parser and JSON printer would have to be linked, and are made for
// schemas of one's own: they follow what a schema says of itself (ids, indices, nested buffers)
// without looking, and crash where it lies, or where a union's type is absent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "tidemark/layout.h"
#include "tidemark/result.h"

namespace tidemark {

// The bytes of a schema: a quarter of the smallest segment, as for a checkpoint.
inline constexpr size_t kMaxSchemaBytes = kMinSegmentBytes / 4;

// What a segment's header says of the schema that stands in it.
uint64_t schema_hash_of(std::span<const std::byte> schema);

// Constant once made; any number of threads may use it. Copies share what they hold.
class RecordSchema {
 public:
  // Tables, structs, unions and vectors may nest so deep, in a schema's records.
  static constexpr size_t kMaxDepth = 64;
  // JSON text of one record. What is printed can be larger than the record by any factor, because
  // tables may be shared within it.
  static constexpr size_t kMaxJsonBytes = size_t{64} << 20;

  // `schema` is what `flatc --binary --schema` writes (.bfbs), with a root table. The bytes may go
  // afterwards. Errors: TooLarge; Corrupt where they are no such schema or contradict themselves;
  // Unsupported for types that came after this version.
  static Result<RecordSchema> parse(std::span<const std::byte> schema);

  // The root table's name with its namespaces, for instance "shop.Trade"; UTF-8.
  const std::string& root_name() const;

  // Whether a record is a FlatBuffer of the root table: all that append_json() would print.
  // Errors: Corrupt, saying where; TooLarge beyond kMaxDepth or kMaxJsonBytes.
  Result<void> verify(std::span<const std::byte> record) const;

  // Appends a record as one JSON object, without line breaks, or nothing where it returns an error:
  // those of verify(). Fields in the order of their ids. Scalars that are absent have their
  // defaults, other absent fields are left out, and so are unions of an unknown type. Integers of
  // 64 bits are strings; enumerators stand by their names where they have one; bytes are numbers;
  // floating-point numbers that JSON has not are "nan", "inf" and "-inf".
  Result<void> append_json(std::string& json, std::span<const std::byte> record) const;

  class Model;  // the schema, checked

 private:
  explicit RecordSchema(std::shared_ptr<const Model> model) : model_(std::move(model)) {}
  std::shared_ptr<const Model> model_;
};

}  // namespace tidemark
