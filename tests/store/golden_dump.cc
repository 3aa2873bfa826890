#include "store/golden_dump.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <sstream>
#include <stdexcept>

namespace tidemark::test {
namespace {

constexpr size_t kBytesPerLine = 8;

struct Field {
  size_t offset;
  size_t bytes;
  std::string meaning;
};

enum class Type {
  U8,
  U16,
  U32,
  U64,
  Hex64,
  Text,
  Bytes,
  VectorU8,
  VectorU32,
  VectorU64,
  VectorI64
};

struct Column {
  const char* name;
  Type type;
};

std::string hex(uint64_t value, int digits) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%0*llx", digits, static_cast<unsigned long long>(value));
  return text;
}

class Dumper {
 public:
  explicit Dumper(std::span<const std::byte> segment) : segment_(segment) {}

  std::string run_segment() {
    header();
    size_t offset = 4096;
    while (offset + 8 <= segment_.size() && number<uint64_t>(offset) != 0) offset = frame(offset);
    note(offset, segment_.size() - offset, "no commit word: the segment ends");
    return print_all();
  }

  std::string run_wire() {
    hello();
    for (size_t offset = 160; offset < segment_.size();) offset = frame(offset);
    return print_all();
  }

 private:
  std::string print_all() {
    std::sort(fields_.begin(), fields_.end(),
              [](const Field& a, const Field& b) { return a.offset < b.offset; });
    std::string text;
    size_t at = 0;
    for (const Field& field : fields_) {
      if (field.offset < at) throw std::runtime_error("fields overlap: " + field.meaning);
      if (field.offset > at) print(text, {at, field.offset - at, "padding"});
      print(text, field);
      at = field.offset + field.bytes;
    }
    return text;
  }

  template <typename Number>
  Number number(size_t offset) const {
    Number value{};
    if (offset + sizeof value > segment_.size()) throw std::runtime_error("beyond the end");
    std::memcpy(&value, segment_.data() + offset, sizeof value);
    return value;
  }

  void note(size_t offset, size_t bytes, std::string meaning) {
    if (bytes > 0) fields_.push_back({offset, bytes, std::move(meaning)});
  }

  void note_value(size_t offset, Type type, size_t bytes, const std::string& name) {
    switch (type) {
      case Type::U8:
        return note(offset, 1, name + " " + std::to_string(number<uint8_t>(offset)));
      case Type::U16:
        return note(offset, 2, name + " " + std::to_string(number<uint16_t>(offset)));
      case Type::U32:
        return note(offset, 4, name + " " + std::to_string(number<uint32_t>(offset)));
      case Type::U64: {
        const auto value = number<uint64_t>(offset);
        return note(offset, 8, name + " " + (~value == 0 ? "NONE" : std::to_string(value)));
      }
      case Type::Hex64:
        return note(offset, 8, name + " " + hex(number<uint64_t>(offset), 16));
      case Type::Text: {
        const auto* from = reinterpret_cast<const char*>(segment_.data() + offset);
        return note(offset, bytes, name + " \"" + std::string(from, strnlen(from, bytes)) + "\"");
      }
      default:
        return note(offset, bytes, name);
    }
  }

  struct HeaderField {
    size_t offset;
    Type type;
    size_t bytes;
    const char* name;
  };

  // SPEC.md section 18.1.
  void hello() {
    constexpr HeaderField kFields[] = {
        {0, Type::Text, 8, "magic"},
        {8, Type::U16, 2, "format_minor"},
        {10, Type::Bytes, 2, "reserved"},
        {12, Type::U8, 1, "time_words"},
        {13, Type::U8, 1, "time_wide_mask"},
        {14, Type::U8, 1, "time_signed_mask"},
        {15, Type::U8, 1, "record_encoding"},
        {16, Type::U32, 4, "incompatible_features"},
        {20, Type::Bytes, 4, "reserved"},
        {24, Type::Hex64, 8, "salt"},
        {32, Type::U64, 8, "schema_hash"},
        {40, Type::Text, 32, "time_name"},
        {72, Type::Text, 64, "container_name"},
        {136, Type::Bytes, 16, "reserved"},
        {152, Type::Hex64, 8, "checksum"},
    };
    for (const auto& [offset, type, bytes, name] : kFields) note_value(offset, type, bytes, name);
  }

  // SPEC.md section 4.1.
  void header() {
    constexpr HeaderField kFields[] = {
        {0, Type::Text, 8, "magic"},
        {8, Type::U16, 2, "format_minor"},
        {10, Type::Bytes, 2, "reserved"},
        {12, Type::U8, 1, "time_words"},
        {13, Type::U8, 1, "time_wide_mask"},
        {14, Type::U8, 1, "time_signed_mask"},
        {15, Type::U8, 1, "record_encoding"},
        {16, Type::U32, 4, "incompatible_features"},
        {20, Type::U32, 4, "compatible_features"},
        {24, Type::Bytes, 16, "log_uuid"},
        {40, Type::U32, 4, "stream"},
        {44, Type::U32, 4, "worker_index"},
        {48, Type::U32, 4, "peers"},
        {52, Type::Bytes, 4, "reserved"},
        {56, Type::U64, 8, "segment_bytes"},
        {64, Type::U64, 8, "first_position"},
        {72, Type::U64, 8, "incarnation"},
        {80, Type::Hex64, 8, "salt"},
        {88, Type::U64, 8, "prepared_at_ns"},
        {96, Type::U64, 8, "schema_hash"},
        {104, Type::Text, 32, "time_name"},
        {136, Type::Text, 64, "container_name"},
        {200, Type::Bytes, 48, "reserved"},
        {248, Type::Hex64, 8, "identity_checksum"},
        {256, Type::U64, 8, "first_sequence"},
        {264, Type::U64, 8, "records_before"},
        {272, Type::U64, 8, "data_bytes_before"},
        {280, Type::U64, 8, "previous_first_position"},
        {288, Type::U64, 8, "previous_end"},
        {296, Type::U64, 8, "dropped_bytes"},
        {304, Type::U64, 8, "dropped_frames"},
        {312, Type::U64, 8, "dropped_segments"},
        {320, Type::U64, 8, "published_at_ns"},
        {328, Type::U64, 8, "void_segment"},
        {336, Type::Bytes, 3752, "reserved"},
        {4088, Type::Hex64, 8, "checksum"},
    };
    for (const auto& [offset, type, bytes, name] : kFields) note_value(offset, type, bytes, name);
  }

  // SPEC.md section 5.1. Returns the offset after the frame.
  size_t frame(size_t offset) {
    const auto word = number<uint64_t>(offset);
    const size_t length = word & 0xFFFFFFFF;
    const auto kind = static_cast<unsigned>((word >> 32) & 0xFF);
    std::vector<Column> columns;
    std::string name;
    switch (kind) {
      case 1:
        name = "progress";
        columns = {{"times", Type::VectorU64}, {"diffs", Type::VectorI64}};
        break;
      case 2:
        name = "messages";
        columns = {{"time", Type::U64},
                   {"more", Type::VectorU64},
                   {"records", Type::U32},
                   {"offsets", Type::VectorU32},
                   {"data", Type::VectorU8}};
        break;
      case 3:
        name = "checkpoint";
        columns = {{"times", Type::VectorU64},
                   {"counts", Type::VectorI64},
                   {"events", Type::U64},
                   {"records", Type::U64},
                   {"data_bytes", Type::U64}};
        break;
      case 7:
        name = "seal";
        columns = {{"end", Type::U64},
                   {"events", Type::U64},
                   {"records", Type::U64},
                   {"data_bytes", Type::U64},
                   {"times", Type::VectorU64},
                   {"counts", Type::VectorI64},
                   {"meet", Type::VectorU64},
                   {"join", Type::VectorU64},
                   {"waypoints", Type::VectorU64},
                   {"section_meets", Type::VectorU64},
                   {"section_joins", Type::VectorU64},
                   {"digest", Type::Hex64},
                   {"closed", Type::U8}};
        break;
      default:
        throw std::runtime_error("unknown kind of frame");
    }
    note(offset, 8, name + ": length " + std::to_string(length) + ", kind " + std::to_string(kind));
    note_value(offset + 8, Type::Hex64, 8, "checksum");
    note_value(offset + 16, Type::U64, 8, "durable_upto");
    note_value(offset + 24, Type::U64, 8, "captured_at_ns");
    table(offset + 32, columns);
    const size_t padded = (length + 7) / 8 * 8;
    if (padded > length) note(offset + length, padded - length, "padding of the frame");
    return offset + padded;
  }

  // SPEC.md section 5.2.
  void table(size_t payload, const std::vector<Column>& columns) {
    const size_t root = payload + number<uint32_t>(payload);
    note(payload, 4, "root table at " + std::to_string(root));
    const auto distance = number<int32_t>(root);
    const size_t vtable = static_cast<size_t>(static_cast<int64_t>(root) - distance);
    const size_t vtable_bytes = number<uint16_t>(vtable);
    note(root, 4, "table; its vtable " + std::to_string(distance) + " before");
    note(vtable, 4,
         "vtable of " + std::to_string(vtable_bytes) + " bytes, table of " +
             std::to_string(number<uint16_t>(vtable + 2)));
    for (size_t i = 0; i < columns.size(); ++i) {
      const size_t entry = 4 + 2 * i;
      const std::string name = columns[i].name;
      if (entry + 2 > vtable_bytes) continue;
      const size_t place = number<uint16_t>(vtable + entry);
      note(vtable + entry, 2,
           "  " + name + (place == 0 ? " absent" : " at +" + std::to_string(place)));
      if (place == 0) continue;
      const bool is_vector = columns[i].type >= Type::VectorU8;
      if (is_vector) {
        vector(root + place, columns[i]);
      } else {
        note_value(root + place, columns[i].type, 8, "  " + name);
      }
    }
  }

  void vector(size_t reference, const Column& column) {
    const size_t at = reference + number<uint32_t>(reference);
    const size_t count = number<uint32_t>(at);
    const std::string name = column.name;
    note(reference, 4, "  " + name + " at " + std::to_string(at));
    note(at, 4, name + ": " + std::to_string(count));
    const size_t from = at + 4;
    if (column.type == Type::VectorU8) {
      const auto* text = reinterpret_cast<const char*>(segment_.data() + from);
      number<uint8_t>(from + count - (count > 0 ? 1 : 0));
      return note(from, count, "  \"" + std::string(text, count) + "\"");
    }
    for (size_t i = 0; i < count; ++i) {
      switch (column.type) {
        case Type::VectorU32:
          note_value(from + 4 * i, Type::U32, 4, " ");
          break;
        case Type::VectorI64: {
          const auto value = number<int64_t>(from + 8 * i);
          note(from + 8 * i, 8, "  " + std::string(value > 0 ? "+" : "") + std::to_string(value));
          break;
        }
        default:
          note_value(from + 8 * i, Type::U64, 8, " ");
          break;
      }
    }
  }

  void print(std::string& text, const Field& field) const {
    const auto bytes = segment_.subspan(field.offset, field.bytes);
    const bool zero =
        std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
    char line[160];
    if (zero && bytes.size() > kBytesPerLine) {
      const std::string run = "00 x " + std::to_string(bytes.size());
      std::snprintf(line, sizeof line, "%6zu  %-24s %s\n", field.offset, run.c_str(),
                    field.meaning.c_str());
      text += line;
      return;
    }
    for (size_t from = 0; from < bytes.size(); from += kBytesPerLine) {
      const auto part = bytes.subspan(from, std::min(kBytesPerLine, bytes.size() - from));
      const bool rest_is_zero =
          from > 0 && bytes.size() - from > kBytesPerLine &&
          std::all_of(bytes.begin() + static_cast<std::ptrdiff_t>(from), bytes.end(),
                      [](std::byte b) { return b == std::byte{0}; });
      std::string digits;
      for (const std::byte byte : part) {
        char pair[4];
        std::snprintf(pair, sizeof pair, "%02x ", std::to_integer<unsigned>(byte));
        digits += pair;
      }
      if (rest_is_zero) digits = "00 x " + std::to_string(bytes.size() - from);
      std::snprintf(line, sizeof line, "%6zu  %-24s %s", field.offset + from, digits.c_str(),
                    from == 0 ? field.meaning.c_str() : "");
      std::string printed = line;
      while (printed.back() == ' ') printed.pop_back();
      text += printed + "\n";
      if (rest_is_zero) return;
    }
  }

  std::span<const std::byte> segment_;
  std::vector<Field> fields_;
};

bool is_pair(std::string_view word) {
  return word.size() == 2 && word.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

std::string annotated_dump(std::span<const std::byte> segment) {
  return Dumper(segment).run_segment();
}
std::string annotated_wire_dump(std::span<const std::byte> stream) {
  return Dumper(stream).run_wire();
}

std::vector<std::byte> bytes_of_dump(std::string_view dump) {
  std::vector<std::byte> bytes;
  std::istringstream lines{std::string(dump)};
  for (std::string line; std::getline(lines, line);) {
    // Offset, two blanks, 24 columns of pairs or "00 x count", then the meaning.
    std::istringstream words(line.substr(0, 33));
    size_t offset = 0;
    if (!(words >> offset) || offset != bytes.size()) return {};
    for (std::string word; words >> word;) {
      size_t count = 0;
      if (word == "x" && words >> count) {
        bytes.resize(bytes.size() - 1 + count);
      } else if (is_pair(word)) {
        bytes.push_back(static_cast<std::byte>(std::stoi(word, nullptr, 16)));
      } else {
        return {};
      }
    }
  }
  return bytes;
}

}  // namespace tidemark::test
