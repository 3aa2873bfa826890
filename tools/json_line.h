// Looks at one line of NDJSON: whether it is one JSON object, and what a few of its fields hold.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "event_times.h"
#include "tidemark/result.h"

namespace tidemark::tools {

// A field of the outermost object.
struct JsonField {
  enum class Kind : uint8_t {
    Absent,
    Literal,  // null, true or false
    Number,
    String,
    Structured,  // an array or an object, whose content is not kept
  };

  Kind kind = Kind::Absent;
  std::string text;  // a number or literal as it stands in the line, a string's content
};

// Parses by events, without a tree: memory and stack do not depend on the line's structure.
class JsonLine {
 public:
  // Deeper nesting is refused, so that nothing that reads the records back has to cope with it.
  static constexpr size_t kMaxDepth = 512;

  // `names` are the fields to look for.
  explicit JsonLine(std::vector<std::string> names);

  // Errors: InvalidArgument, saying what is wrong with the line.
  Result<void> parse(std::string_view line);
  // What parse() found; where a name stands twice, the later one.
  const JsonField& field(size_t index) const { return fields_[index]; }

 private:
  std::vector<std::string> names_;
  std::vector<JsonField> fields_;
};

// The event time that a field holds. Errors: InvalidArgument.
Result<uint64_t> time_of(const JsonField& field, TimeFormat format);
// The text by which a record is assigned to a stream. Errors: InvalidArgument.
Result<std::string_view> key_of(const JsonField& field);

}  // namespace tidemark::tools
