// A FlatBuffers schema, checked: every index below points at something, every place lies within
// what contains it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tidemark/record_schema.h"

namespace tidemark {

// FlatBuffers' reflection::BaseType, as stored.
enum class BaseType : uint8_t {
  None = 0,
  UType = 1,  // which member a union is
  Bool = 2,
  Byte = 3,
  UByte = 4,
  Short = 5,
  UShort = 6,
  Int = 7,
  UInt = 8,
  Long = 9,
  ULong = 10,
  Float = 11,
  Double = 12,
  String = 13,
  Vector = 14,
  Object = 15,  // a table or a struct
  Union = 16,
  Array = 17,  // of fixed length, within a struct
};

constexpr bool is_scalar(BaseType type) {
  return type >= BaseType::UType && type <= BaseType::Double;
}
// Bytes of a scalar.
size_t scalar_bytes(BaseType type);

struct SchemaType {
  BaseType base = BaseType::None;
  BaseType element = BaseType::None;  // of a vector or an array
  uint16_t fixed_length = 0;          // of an array
  // Of Object, and of vectors and arrays of it: the object. Of scalars: the enumeration, or
  // negative. Of unions: theirs. Likewise of vectors of them.
  int32_t index = -1;
};

struct SchemaField {
  std::string key;  // the name as JSON, its colon too
  SchemaType type;
  uint16_t offset = 0;  // in a struct the place, in a table the place in the vtable
  int64_t default_integer = 0;
  double default_real = 0;
  bool optional = false;  // a scalar without a default
  bool required = false;
  bool hidden = false;       // deprecated: not printed
  uint16_t type_offset = 0;  // of a union: where the vtable has its type
};

struct SchemaObject {
  std::string name;
  bool is_struct = false;
  uint32_t bytes = 0;               // of a struct
  std::vector<SchemaField> fields;  // in the order of their ids
};

struct SchemaEnumerator {
  int64_t value = 0;
  std::string name;  // as JSON
  SchemaType type;   // of a union's member
};

struct SchemaEnum {
  bool is_union = false;
  std::vector<SchemaEnumerator> values;

  const SchemaEnumerator* find(int64_t value) const;
};

class RecordSchema::Model {
 public:
  static Result<Model> parse(std::span<const std::byte> schema);

  std::vector<SchemaObject> objects;
  std::vector<SchemaEnum> enums;
  size_t root = 0;  // of `objects`; a table
};

}  // namespace tidemark
