// Events and records as JSON text, appended to a string: the parts that must be quick.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tidemark/antichain.h"
#include "tidemark/event.h"
#include "tidemark/record_schema.h"
#include "tidemark/time.h"

namespace tidemark::tools {

// A record: a string, or {"base64":"..."} where it is not UTF-8.
void append_record_json(std::string& json, std::string_view record);

// One line of `tidemark cat`, without its newline. Where there is a schema, records are JSON
// objects; those that do not match it are as they would be without. Returns how many these are.
uint64_t append_event_json(std::string& json, uint32_t stream, const EventView& event,
                           const RecordSchema* schema = nullptr);

// The line for records that became void: earlier ones at times at or after `frontier`.
void append_void_json(std::string& json, uint32_t stream, uint64_t position,
                      const Antichain<Time>& frontier);

// One line of `--format ndjson`, without its newline: a record in its envelope.
void append_envelope_json(std::string& json, uint32_t stream, const EventView& event,
                          const MessagesView& messages, uint32_t index);

}  // namespace tidemark::tools
