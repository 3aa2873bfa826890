#include "json_text.h"

#include <fmt/format.h>

#include <iterator>

#include "event_times.h"
#include "terminal.h"

namespace tidemark::tools {
namespace {

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
      fmt::format_to(std::back_inserter(json), "\\u{:04x}", character);
  }
}

bool needs_no_escape(unsigned char c) { return c >= 0x20 && c < 0x7F && c != '"' && c != '\\'; }

void append_base64(std::string& json, std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i < bytes.size(); i += 3) {
    unsigned triple = 0;
    for (size_t j = i; j < i + 3; ++j) {
      triple = triple << 8 | (j < bytes.size() ? static_cast<unsigned char>(bytes[j]) : 0U);
    }
    json += kDigits[triple >> 18];
    json += kDigits[triple >> 12 & 63];
    json += i + 1 < bytes.size() ? kDigits[triple >> 6 & 63] : '=';
    json += i + 2 < bytes.size() ? kDigits[triple & 63] : '=';
  }
}

}  // namespace

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

void append_record_json(std::string& json, std::string_view record) {
  if (append_json_string(json, record)) return;
  json += R"({"base64":")";
  append_base64(json, record);
  json += "\"}";
}

void append_event_json(std::string& json, uint32_t stream, const EventView& event) {
  fmt::format_to(std::back_inserter(json), R"({{"stream":{},"position":"{}","sequence":"{}",)",
                 stream, event.position, event.sequence);
  if (const MessagesView* messages = event.messages()) {
    json += R"("kind":"messages","time":)";
    append_time_json(json, messages->time());
    json += R"(,"records":[)";
    for (uint32_t i = 0; i < messages->size(); ++i) {
      if (i > 0) json += ',';
      append_record_json(json, messages->text(i));
    }
  } else {
    json += R"("kind":"progress","changes":[)";
    const ProgressView* progress = event.progress();
    for (size_t i = 0; progress != nullptr && i < progress->size(); ++i) {
      const Change change = progress->change(i);
      json += i > 0 ? ",[" : "[";
      append_time_json(json, change.time);
      fmt::format_to(std::back_inserter(json), ",{}]", change.diff);
    }
  }
  json += "]}";
}

void append_envelope_json(std::string& json, uint32_t stream, const EventView& event,
                          const MessagesView& messages, uint32_t index) {
  fmt::format_to(std::back_inserter(json), R"({{"stream":{},"position":"{}","time":)", stream,
                 event.position);
  append_time_json(json, messages.time());
  fmt::format_to(std::back_inserter(json), R"(,"captured_at":"{}","record":)",
                 event.captured_at_ns);
  append_record_json(json, messages.text(index));
  json += '}';
}

}  // namespace tidemark::tools
