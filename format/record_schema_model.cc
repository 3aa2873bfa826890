#include "record_schema_model.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>
#include <utility>

#include <flatbuffers/reflection_generated.h>

#include "tidemark/json_string.h"

namespace tidemark {
namespace {

// A schema of at most 16 KiB has fewer, unless it points at the same ones again and again.
constexpr size_t kMaxTables = 8192;
// All names together, for the same reason.
constexpr size_t kMaxNameBytes = size_t{1} << 20;

tl::unexpected<Error> wrong(const std::string& why) {
  return fail(ErrorCode::Corrupt, "the records' schema is wrong: " + why);
}

class Parser {
 public:
  explicit Parser(RecordSchema::Model& model) : model_(model) {}

  Result<void> parse(const reflection::Schema& schema) {
    // Types point at objects and enumerations by their index.
    model_.objects.resize(schema.objects()->size());
    model_.enums.resize(schema.enums()->size());
    for (uint32_t i = 0; i < schema.enums()->size(); ++i) {
      model_.enums[i].is_union = schema.enums()->Get(i)->is_union();
    }
    for (uint32_t i = 0; i < schema.objects()->size(); ++i) {
      const reflection::Object& object = *schema.objects()->Get(i);
      model_.objects[i].is_struct = object.is_struct();
      if (!object.is_struct()) continue;
      if (object.bytesize() <= 0) return wrong("a struct has no size");
      model_.objects[i].bytes = static_cast<uint32_t>(object.bytesize());
    }
    for (uint32_t i = 0; i < schema.enums()->size(); ++i) {
      TIDEMARK_TRY(parse_enum(*schema.enums()->Get(i), model_.enums[i]));
    }
    for (uint32_t i = 0; i < schema.objects()->size(); ++i) {
      TIDEMARK_TRY(parse_object(*schema.objects()->Get(i), model_.objects[i]));
    }
    return find_root(schema.root_table());
  }

 private:
  // A name as it stands in the schema. FlatBuffers' verifier has seen to it that it is there.
  Result<std::string> name_of(const flatbuffers::String* name) {
    name_bytes_ += name->size();
    if (name_bytes_ > kMaxNameBytes) return wrong("its names are too long");
    return name->str();
  }
  Result<std::string> json_name_of(const flatbuffers::String* name) {
    TIDEMARK_ASSIGN(text, name_of(name));
    std::string json;
    if (!append_json_string(json, text)) return wrong("a name is not UTF-8");
    return json;
  }

  // The generated accessors give an enumeration, which an unknown value is none of.
  static Result<BaseType> base_type(const reflection::Type& type, flatbuffers::voffset_t field) {
    const auto* table = reinterpret_cast<const flatbuffers::Table*>(&type);
    const auto value = table->GetField<uint8_t>(field, 0);
    if (value > static_cast<uint8_t>(BaseType::Array)) {
      return fail(ErrorCode::Unsupported,
                  "the records' schema has a type that this version does "
                  "not know, " +
                      std::to_string(value));
    }
    return static_cast<BaseType>(value);
  }

  Result<SchemaType> type_of(const reflection::Type* type) const {
    if (type == nullptr) return wrong("a type is missing");
    SchemaType result;
    TIDEMARK_ASSIGN(base, base_type(*type, reflection::Type::VT_BASE_TYPE));
    TIDEMARK_ASSIGN(element, base_type(*type, reflection::Type::VT_ELEMENT));
    result.base = base;
    result.element = element;
    result.index = type->index();
    result.fixed_length = type->fixed_length();
    const bool series = base == BaseType::Vector || base == BaseType::Array;
    TIDEMARK_TRY(check_index(series ? element : base, result.index));
    if (base == BaseType::None) return wrong("a type is none");
    if (series &&
        (element == BaseType::None || element == BaseType::Vector || element == BaseType::Array)) {
      return wrong("the elements of a vector have an impossible type");
    }
    return result;
  }

  Result<void> check_index(BaseType type, int32_t index) const {
    const auto within = [&](size_t size) {
      return index >= 0 && static_cast<size_t>(index) < size;
    };
    if (type == BaseType::Object && !within(model_.objects.size())) {
      return wrong("a type points at no object");
    }
    if (type == BaseType::Union &&
        (!within(model_.enums.size()) || !model_.enums[static_cast<size_t>(index)].is_union)) {
      return wrong("a type points at no union");
    }
    if (is_scalar(type) && index >= 0 && !within(model_.enums.size())) {
      return wrong("a type points at no enumeration");
    }
    return {};
  }

  Result<void> parse_enum(const reflection::Enum& from, SchemaEnum& to) {
    for (const reflection::EnumVal* value : *from.values()) {
      SchemaEnumerator enumerator;
      TIDEMARK_ASSIGN(name, json_name_of(value->name()));
      enumerator.name = name;
      enumerator.value = value->value();
      if (to.is_union && value->value() != 0) {
        TIDEMARK_ASSIGN(type, type_of(value->union_type()));
        if (type.base != BaseType::Object && type.base != BaseType::String) {
          return wrong("a union's member is neither a table, a struct nor a text");
        }
        enumerator.type = type;
      }
      to.values.push_back(std::move(enumerator));
    }
    std::stable_sort(to.values.begin(), to.values.end(),
                     [](const auto& a, const auto& b) { return a.value < b.value; });
    return {};
  }

  Result<void> parse_object(const reflection::Object& from, SchemaObject& to) {
    TIDEMARK_ASSIGN(name, name_of(from.name()));
    std::string unused;
    if (!append_json_string(unused, name)) return wrong("a name is not UTF-8");
    to.name = name;
    std::vector<const reflection::Field*> fields(from.fields()->begin(), from.fields()->end());
    std::stable_sort(fields.begin(), fields.end(),
                     [](const auto* a, const auto* b) { return a->id() < b->id(); });
    for (const reflection::Field* field : fields) {
      TIDEMARK_ASSIGN(parsed, parse_field(*field, to));
      to.fields.push_back(std::move(parsed));
    }
    return {};
  }

  Result<SchemaField> parse_field(const reflection::Field& from, const SchemaObject& object) {
    SchemaField field;
    TIDEMARK_ASSIGN(key, json_name_of(from.name()));
    TIDEMARK_ASSIGN(type, type_of(from.type()));
    field.key = key + ':';
    field.type = type;
    field.offset = from.offset();
    field.default_integer = from.default_integer();
    field.default_real = from.default_real();
    field.optional = from.optional();
    field.required = from.required();
    field.hidden = from.deprecated();
    if (object.is_struct) {
      TIDEMARK_TRY(check_in_struct(field, object));
      return field;
    }
    if (type.base == BaseType::Array) return wrong("a table has an array");
    if (field.offset < 4 || field.offset % 2 != 0) return wrong("a field has no place");
    if (type.base == BaseType::Union ||
        (type.base == BaseType::Vector && type.element == BaseType::Union)) {
      // The type stands in the field before it, under the next lower id.
      if (object.fields.empty()) return wrong("a union has no type");
      const SchemaField& before = object.fields.back();
      const bool vector = type.base == BaseType::Vector;
      const BaseType kind = vector ? before.type.element : before.type.base;
      if (kind != BaseType::UType || vector != (before.type.base == BaseType::Vector)) {
        return wrong("a union has no type");
      }
      field.type_offset = before.offset;
    }
    return field;
  }

  Result<void> check_in_struct(const SchemaField& field, const SchemaObject& object) const {
    const SchemaType& type = field.type;
    const bool array = type.base == BaseType::Array;
    const BaseType element = array ? type.element : type.base;
    uint64_t bytes = 0;
    if (is_scalar(element)) {
      bytes = scalar_bytes(element);
    } else if (element == BaseType::Object &&
               model_.objects[static_cast<size_t>(type.index)].is_struct) {
      bytes = model_.objects[static_cast<size_t>(type.index)].bytes;
    } else {
      return wrong("a struct holds something that has no size");
    }
    if (array) bytes *= type.fixed_length;
    if (field.offset + bytes > object.bytes) return wrong("a struct's field lies outside of it");
    return {};
  }

  Result<void> find_root(const reflection::Object* root) {
    if (root == nullptr) return wrong("it names no root table");
    const std::string name = root->name()->str();
    const auto at = std::find_if(model_.objects.begin(), model_.objects.end(),
                                 [&](const SchemaObject& object) { return object.name == name; });
    if (at == model_.objects.end() || at->is_struct) return wrong("its root is no table");
    model_.root = static_cast<size_t>(at - model_.objects.begin());
    return {};
  }

  RecordSchema::Model& model_;
  size_t name_bytes_ = 0;
};

}  // namespace

size_t scalar_bytes(BaseType type) {
  switch (type) {
    case BaseType::Short:
    case BaseType::UShort:
      return 2;
    case BaseType::Int:
    case BaseType::UInt:
    case BaseType::Float:
      return 4;
    case BaseType::Long:
    case BaseType::ULong:
    case BaseType::Double:
      return 8;
    default:
      return 1;
  }
}

const SchemaEnumerator* SchemaEnum::find(int64_t value) const {
  const auto at =
      std::lower_bound(values.begin(), values.end(), value,
                       [](const SchemaEnumerator& e, int64_t wanted) { return e.value < wanted; });
  return at != values.end() && at->value == value ? &*at : nullptr;
}

Result<RecordSchema::Model> RecordSchema::Model::parse(std::span<const std::byte> schema) {
  if (schema.size() > kMaxSchemaBytes) {
    return fail(ErrorCode::TooLarge, "a schema has at most " + std::to_string(kMaxSchemaBytes) +
                                         " bytes, this one has " + std::to_string(schema.size()));
  }
  // Generated accessors read in place, and what was given may stand anywhere.
  std::vector<uint64_t> aligned(schema.size() / sizeof(uint64_t) + 1);
  if (!schema.empty()) std::memcpy(aligned.data(), schema.data(), schema.size());
  const auto* bytes = reinterpret_cast<const uint8_t*>(aligned.data());
  flatbuffers::Verifier verifier(bytes, schema.size(), kMaxDepth, kMaxTables);
  if (!reflection::VerifySchemaBuffer(verifier)) return wrong("it is no binary FlatBuffers schema");
  Model model;
  TIDEMARK_TRY(Parser(model).parse(*reflection::GetSchema(bytes)));
  return model;
}

}  // namespace tidemark
