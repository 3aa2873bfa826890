#include "json_text.h"

#include <fmt/format.h>

#include <iterator>

#include "event_times.h"
#include "tidemark/json_string.h"

namespace tidemark::tools {
namespace {

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

void append_record_json(std::string& json, std::string_view record) {
  if (append_json_string(json, record)) return;
  json += R"({"base64":")";
  append_base64(json, record);
  json += "\"}";
}

uint64_t append_event_json(std::string& json, uint32_t stream, const EventView& event,
                           const RecordSchema* schema) {
  uint64_t unmatched = 0;
  fmt::format_to(std::back_inserter(json), R"({{"stream":{},"position":"{}","sequence":"{}",)",
                 stream, event.position, event.sequence);
  if (const MessagesView* messages = event.messages()) {
    json += R"("kind":"messages","time":)";
    append_time_json(json, messages->time());
    json += R"(,"records":[)";
    for (uint32_t i = 0; i < messages->size(); ++i) {
      if (i > 0) json += ',';
      if (schema != nullptr) {
        if (schema->append_json(json, messages->record(i))) continue;
        ++unmatched;
      }
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
  return unmatched;
}

void append_void_json(std::string& json, uint32_t stream, uint64_t position,
                      const Antichain<Time>& frontier) {
  fmt::format_to(std::back_inserter(json),
                 R"({{"stream":{},"position":"{}","kind":"void","frontier":[)", stream, position);
  const auto& elements = frontier.elements();
  for (size_t i = 0; i < elements.size(); ++i) {
    if (i > 0) json += ',';
    append_time_json(json, elements[i]);
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
