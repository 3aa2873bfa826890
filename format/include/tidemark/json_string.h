// Text as a JSON string. Used wherever records become JSON, so that all of them look alike.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tidemark {

// Appends `text` in quotes and escaped, so that neither a JSON parser nor a terminal is surprised.
// Returns false, and appends nothing, where `text` is not UTF-8.
bool append_json_string(std::string& json, std::string_view text);

// Bytes of the well-formed UTF-8 sequence that `text` begins with; 0 where it begins with none.
size_t utf8_sequence_bytes(std::string_view text);

}  // namespace tidemark
