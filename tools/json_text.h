// Events and records as JSON text, appended to a string: the parts that must be quick.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tidemark/event.h"

namespace tidemark::tools {

// `text` in quotes and escaped, so that neither a JSON parser nor a terminal is surprised. Returns
// false, and appends nothing, where `text` is not UTF-8.
bool append_json_string(std::string& json, std::string_view text);

// A record: a string, or {"base64":"..."} where it is not UTF-8.
void append_record_json(std::string& json, std::string_view record);

// One line of `tidemark cat`, without its newline.
void append_event_json(std::string& json, uint32_t stream, const EventView& event);

// One line of `--format ndjson`, without its newline: a record in its envelope.
void append_envelope_json(std::string& json, uint32_t stream, const EventView& event,
                          const MessagesView& messages, uint32_t index);

}  // namespace tidemark::tools
