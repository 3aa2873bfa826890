#include "tidemark/json_string.h"

namespace tidemark {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

unsigned byte_at(std::string_view text, size_t index) {
  return static_cast<unsigned char>(text[index]);
}

bool is_continuation(unsigned byte) { return (byte & 0xC0) == 0x80; }

// A control character: below U+0100.
void append_escaped(std::string& json, unsigned character) {
  switch (character) {
    case '"':
      json += "\\\"";
      return;
    case '\\':
      json += "\\\\";
      return;
    case '\b':
      json += "\\b";
      return;
    case '\f':
      json += "\\f";
      return;
    case '\n':
      json += "\\n";
      return;
    case '\r':
      json += "\\r";
      return;
    case '\t':
      json += "\\t";
      return;
    default:
      json += "\\u00";
      json += kHexDigits[character >> 4];
      json += kHexDigits[character & 15];
  }
}

bool needs_no_escape(unsigned char c) { return c >= 0x20 && c < 0x7F && c != '"' && c != '\\'; }

}  // namespace

// The table of well-formed sequences in the Unicode standard (table 3-7): no overlong forms, no
// surrogates, nothing beyond U+10FFFF.
size_t utf8_sequence_bytes(std::string_view text) {
  if (text.empty()) return 0;
  const unsigned first = byte_at(text, 0);
  if (first < 0x80) return 1;
  const size_t bytes = first < 0xC2   ? 0
                       : first < 0xE0 ? 2
                       : first < 0xF0 ? 3
                       : first < 0xF5 ? 4
                                      : 0;
  if (bytes == 0 || text.size() < bytes) return 0;
  const unsigned second = byte_at(text, 1);
  const unsigned least = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
  const unsigned greatest = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
  if (second < least || second > greatest) return 0;
  for (size_t i = 2; i < bytes; ++i) {
    if (!is_continuation(byte_at(text, i))) return 0;
  }
  return bytes;
}

bool append_json_string(std::string& json, std::string_view text) {
  const size_t before = json.size();
  json += '"';
  size_t at = 0;
  while (at < text.size()) {
    size_t plain = at;
    while (plain < text.size() && needs_no_escape(static_cast<unsigned char>(text[plain]))) ++plain;
    json.append(text.substr(at, plain - at));
    at = plain;
    if (at == text.size()) break;

    const std::string_view rest = text.substr(at);
    const size_t bytes = utf8_sequence_bytes(rest);
    const auto first = static_cast<unsigned char>(rest.front());
    if (bytes == 0) {
      json.resize(before);
      return false;
    }
    if (bytes == 1) {
      append_escaped(json, first);
    } else if (first == 0xC2 && static_cast<unsigned char>(rest[1]) < 0xA0) {
      append_escaped(json, static_cast<unsigned char>(rest[1]));  // U+0080 to U+009F
    } else {
      json.append(rest.substr(0, bytes));
    }
    at += bytes;
  }
  json += '"';
  return true;
}

}  // namespace tidemark
