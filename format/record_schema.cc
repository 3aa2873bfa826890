#include "tidemark/record_schema.h"

#include <charconv>
#include <cmath>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "record_schema_model.h"
#include "tidemark/hash.h"
#include "tidemark/json_string.h"

namespace tidemark {
namespace {

// Prints one record, or only walks it. Every place is checked before it is read; the methods return
// false once something is wrong, and error() says what.
class RecordPrinter {
 public:
  RecordPrinter(const RecordSchema::Model& model, std::span<const std::byte> record,
                std::string* json)
      : model_(model), record_(record), json_(json) {}

  bool print() {
    uint32_t root = 0;
    return read(0, root) && table(model_.objects[model_.root], root);
  }

  Error error() const {
    Error error;
    error.code = too_large_ ? ErrorCode::TooLarge : ErrorCode::Corrupt;
    error.message = "the record does not match the stream's schema at byte " +
                    std::to_string(wrong_at_) + ": " + reason_;
    return error;
  }

 private:
  bool wrong(uint64_t at, const char* reason) {
    wrong_at_ = at;
    reason_ = reason;
    return false;
  }

  // Deeper by one, for as long as it lives.
  class Nested {
   public:
    explicit Nested(RecordPrinter& printer) : printer_(printer) { ++printer_.depth_; }
    ~Nested() { --printer_.depth_; }
    Nested(const Nested&) = delete;
    Nested& operator=(const Nested&) = delete;

   private:
    RecordPrinter& printer_;
  };
  bool may_nest(uint64_t at) {
    if (depth_ < RecordSchema::kMaxDepth) return true;
    too_large_ = true;
    return wrong(at, "it nests too deep");
  }

  bool emit(std::string_view text) {
    printed_ += text.size();
    if (printed_ > RecordSchema::kMaxJsonBytes) {
      too_large_ = true;
      return wrong(0, "its text is too long");
    }
    if (json_ != nullptr) json_->append(text);
    return true;
  }

  // Places count from the record's first byte and may come from it, so that sums must not wrap:
  // all of them stay far below 2^64.
  bool within(uint64_t at, uint64_t bytes) {
    return (at <= record_.size() && bytes <= record_.size() - at) ||
           wrong(at, "it ends before this");
  }
  template <typename Value>
  bool read(uint64_t at, Value& value) {
    if (!within(at, sizeof value)) return false;
    if (at % sizeof value != 0) return wrong(at, "this is not aligned");
    std::memcpy(&value, record_.data() + at, sizeof value);
    return true;
  }
  // What the offset at `at` points to.
  bool follow(uint64_t at, uint64_t& to) {
    uint32_t offset = 0;
    if (!read(at, offset)) return false;
    if (offset == 0) return wrong(at, "this points nowhere");
    to = at + offset;
    return true;
  }

  struct TableAt {
    uint64_t at = 0;
    uint64_t vtable = 0;
    uint16_t vtable_bytes = 0;
    uint16_t bytes = 0;
  };

  bool open_table(uint64_t at, TableAt& opened) {
    int32_t back = 0;
    if (!read(at, back)) return false;
    const int64_t vtable = static_cast<int64_t>(at) - back;
    if (vtable < 0) return wrong(at, "its vtable lies before the record");
    opened.at = at;
    opened.vtable = static_cast<uint64_t>(vtable);
    if (!read(opened.vtable, opened.vtable_bytes) || !read(opened.vtable + 2, opened.bytes)) {
      return false;
    }
    if (opened.vtable_bytes < 4 || opened.vtable_bytes % 2 != 0) {
      return wrong(opened.vtable, "a vtable has an impossible size");
    }
    return within(opened.vtable, opened.vtable_bytes) && within(at, opened.bytes);
  }

  // The place of a field that is there, 0 of one that is not.
  bool place_of(const TableAt& table, uint16_t vtable_offset, uint64_t bytes, uint64_t& place) {
    place = 0;
    if (vtable_offset + 2U > table.vtable_bytes) return true;
    uint16_t offset = 0;
    if (!read(table.vtable + vtable_offset, offset)) return false;
    if (offset == 0) return true;
    if (offset + bytes > table.bytes) return wrong(table.at, "a field lies outside of its table");
    place = table.at + offset;
    return true;
  }

  const SchemaObject& object_of(const SchemaType& type) const {
    return model_.objects[static_cast<size_t>(type.index)];
  }

  // What a value of this type takes where it stands: itself, or the offset of where it is.
  uint64_t inline_bytes(const SchemaType& type, BaseType base) const {
    if (is_scalar(base)) return scalar_bytes(base);
    if (base == BaseType::Object && object_of(type).is_struct) return object_of(type).bytes;
    return sizeof(uint32_t);
  }

  bool key(const SchemaField& field, bool& first) {
    if (!first && !emit(",")) return false;
    first = false;
    return emit(field.key);
  }

  bool table(const SchemaObject& object, uint64_t at) {
    if (!may_nest(at)) return false;
    const Nested nested(*this);
    TableAt opened;
    if (!open_table(at, opened) || !emit("{")) return false;
    bool first = true;
    for (const SchemaField& field : object.fields) {
      ++printed_;  // looking costs time too, where nothing is printed
      uint64_t place = 0;
      if (!place_of(opened, field.offset, inline_bytes(field.type, field.type.base), place)) {
        return false;
      }
      if (place == 0 && field.required) return wrong(at, "a required field is absent");
      if (field.hidden) continue;
      if (place == 0) {
        if (!is_scalar(field.type.base) || field.optional) continue;
        if (!key(field, first) || !default_of(field)) return false;
      } else if (field.type_offset != 0) {
        if (!union_field(opened, field, place, first)) return false;
      } else if (!key(field, first) || !value(field.type, field.type.base, place)) {
        return false;
      }
    }
    return emit("}");
  }

  bool structure(const SchemaObject& object, uint64_t at) {
    if (!may_nest(at)) return false;
    const Nested nested(*this);
    if (!within(at, object.bytes) || !emit("{")) return false;
    bool first = true;
    for (const SchemaField& field : object.fields) {
      if (!key(field, first)) return false;
      const uint64_t place = at + field.offset;
      if (field.type.base != BaseType::Array) {
        if (!value(field.type, field.type.base, place)) return false;
      } else if (!elements(field.type, place, field.type.fixed_length)) {
        return false;
      }
    }
    return emit("}");
  }

  // A value of any type but a union's, at its place in a table, a struct or a vector.
  bool value(const SchemaType& type, BaseType base, uint64_t place) {
    if (is_scalar(base)) return scalar(type, base, place);
    if (base == BaseType::Object && object_of(type).is_struct) {
      return structure(object_of(type), place);
    }
    uint64_t to = 0;
    if (!follow(place, to)) return false;
    if (base == BaseType::Object) return table(object_of(type), to);
    if (base == BaseType::String) return text(to);
    if (base == BaseType::Vector) return vector(type, to);
    return wrong(place, "a value has an impossible type");
  }

  bool elements(const SchemaType& type, uint64_t place, uint64_t count) {
    const uint64_t bytes = inline_bytes(type, type.element);
    if (!emit("[")) return false;
    for (uint64_t i = 0; i < count; ++i) {
      if (i > 0 && !emit(",")) return false;
      if (!value(type, type.element, place + i * bytes)) return false;
    }
    return emit("]");
  }

  bool vector(const SchemaType& type, uint64_t at) {
    uint32_t count = 0;
    if (!read(at, count)) return false;
    const uint64_t first = at + sizeof count;
    return within(first, uint64_t{count} * inline_bytes(type, type.element)) &&
           elements(type, first, count);
  }

  bool text(uint64_t at) {
    uint32_t bytes = 0;
    if (!read(at, bytes)) return false;
    at += sizeof bytes;
    if (!within(at, uint64_t{bytes} + 1)) return false;
    if (record_[at + bytes] != std::byte{0}) return wrong(at, "a text does not end with NUL");
    const std::string_view content(reinterpret_cast<const char*>(record_.data()) + at, bytes);
    scratch_.clear();
    if (!append_json_string(scratch_, content)) return wrong(at, "a text is not UTF-8");
    return emit(scratch_);
  }

  // A union, or a vector of them: left out where it is nothing, or what only a later schema knows.
  bool union_field(const TableAt& table, const SchemaField& field, uint64_t place, bool& first) {
    const SchemaEnum& members = model_.enums[static_cast<size_t>(field.type.index)];
    const bool many = field.type.base == BaseType::Vector;
    uint64_t types = 0;
    if (!place_of(table, field.type_offset, many ? sizeof(uint32_t) : 1, types)) return false;
    if (types == 0) return !many || wrong(table.at, "a vector of unions has no types");
    if (!many) {
      uint8_t type = 0;
      if (!read(types, type)) return false;
      const SchemaEnumerator* member = members.find(type);
      if (type == 0 || member == nullptr) return true;
      return key(field, first) && union_value(*member, place);
    }
    uint64_t types_at = 0;
    uint64_t values_at = 0;
    uint32_t count = 0;
    uint32_t type_count = 0;
    if (!follow(types, types_at) || !follow(place, values_at) || !read(types_at, type_count) ||
        !read(values_at, count)) {
      return false;
    }
    if (count != type_count) return wrong(values_at, "unions and their types differ in number");
    types_at += sizeof count;
    values_at += sizeof count;
    if (!within(types_at, count) || !within(values_at, uint64_t{count} * sizeof(uint32_t)) ||
        !key(field, first) || !emit("[")) {
      return false;
    }
    for (uint64_t i = 0; i < count; ++i) {
      uint8_t type = 0;
      if ((i > 0 && !emit(",")) || !read(types_at + i, type)) return false;
      const SchemaEnumerator* member = members.find(type);
      const bool known = type != 0 && member != nullptr;
      // A place in the vector is kept for it.
      if (known ? !union_value(*member, values_at + i * sizeof(uint32_t)) : !emit("null")) {
        return false;
      }
    }
    return emit("]");
  }

  // Structs too stand elsewhere when they are a union's member.
  bool union_value(const SchemaEnumerator& member, uint64_t place) {
    uint64_t to = 0;
    if (!follow(place, to)) return false;
    if (member.type.base == BaseType::String) return text(to);
    const SchemaObject& object = object_of(member.type);
    return object.is_struct ? structure(object, to) : table(object, to);
  }

  bool scalar(const SchemaType& type, BaseType base, uint64_t place) {
    switch (base) {
      case BaseType::Bool: {
        uint8_t stored = 0;
        return read(place, stored) && emit(stored != 0 ? "true" : "false");
      }
      case BaseType::Byte:
        return integer<int8_t>(type, place);
      case BaseType::UType:
      case BaseType::UByte:
        return integer<uint8_t>(type, place);
      case BaseType::Short:
        return integer<int16_t>(type, place);
      case BaseType::UShort:
        return integer<uint16_t>(type, place);
      case BaseType::Int:
        return integer<int32_t>(type, place);
      case BaseType::UInt:
        return integer<uint32_t>(type, place);
      case BaseType::Long:
        return integer<int64_t>(type, place);
      case BaseType::ULong:
        return integer<uint64_t>(type, place);
      case BaseType::Float:
        return real<float>(place);
      case BaseType::Double:
        return real<double>(place);
      default:
        return wrong(place, "a scalar has an impossible type");
    }
  }

  template <typename Integer>
  bool integer(const SchemaType& type, uint64_t place) {
    Integer stored = 0;
    return read(place, stored) && put_integer(type, stored);
  }
  template <typename Real>
  bool real(uint64_t place) {
    Real stored = 0;
    return read(place, stored) && put_real(stored);
  }

  template <typename Integer>
  bool put_integer(const SchemaType& type, Integer stored) {
    if (type.index >= 0) {
      const SchemaEnum& known = model_.enums[static_cast<size_t>(type.index)];
      if (const auto* found = known.find(static_cast<int64_t>(stored))) return emit(found->name);
    }
    // Readers of JSON keep 53 bits of a number.
    const bool quoted = sizeof(Integer) == 8;
    char digits[24];
    const auto end = std::to_chars(digits, digits + sizeof digits, +stored).ptr;
    return (!quoted || emit("\"")) && emit({digits, static_cast<size_t>(end - digits)}) &&
           (!quoted || emit("\""));
  }

  template <typename Real>
  bool put_real(Real stored) {
    if (std::isnan(stored)) return emit("\"nan\"");
    if (std::isinf(stored)) return emit(stored > 0 ? "\"inf\"" : "\"-inf\"");
    char digits[64];
    const auto end = std::to_chars(digits, digits + sizeof digits, stored).ptr;
    return emit({digits, static_cast<size_t>(end - digits)});
  }

  bool default_of(const SchemaField& field) {
    switch (field.type.base) {
      case BaseType::Bool:
        return emit(field.default_integer != 0 ? "true" : "false");
      case BaseType::Float:
        return put_real(static_cast<float>(field.default_real));
      case BaseType::Double:
        return put_real(field.default_real);
      case BaseType::Long:
        return put_integer(field.type, field.default_integer);
      case BaseType::ULong:
        return put_integer(field.type, static_cast<uint64_t>(field.default_integer));
      case BaseType::UInt:
        return put_integer(field.type, static_cast<uint32_t>(field.default_integer));
      default:
        // Narrower ones fit, or the schema lies, which does no harm.
        return put_integer(field.type, static_cast<int32_t>(field.default_integer));
    }
  }

  const RecordSchema::Model& model_;
  std::span<const std::byte> record_;
  std::string* json_;
  std::string scratch_;
  size_t depth_ = 0;
  uint64_t printed_ = 0;
  bool too_large_ = false;
  uint64_t wrong_at_ = 0;
  const char* reason_ = "";
};

}  // namespace

uint64_t schema_hash_of(std::span<const std::byte> schema) { return hash_bytes(schema); }

Result<RecordSchema> RecordSchema::parse(std::span<const std::byte> schema) {
  TIDEMARK_ASSIGN(model, Model::parse(schema));
  return RecordSchema(std::make_shared<const Model>(std::move(model)));
}

const std::string& RecordSchema::root_name() const { return model_->objects[model_->root].name; }

Result<void> RecordSchema::verify(std::span<const std::byte> record) const {
  RecordPrinter printer(*model_, record, nullptr);
  if (!printer.print()) return tl::make_unexpected(printer.error());
  return {};
}

Result<void> RecordSchema::append_json(std::string& json, std::span<const std::byte> record) const {
  const size_t before = json.size();
  RecordPrinter printer(*model_, record, &json);
  if (printer.print()) return {};
  json.resize(before);
  return tl::make_unexpected(printer.error());
}

}  // namespace tidemark
