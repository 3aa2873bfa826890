// Streams, segments and damage in words and as JSON, the same in every command.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "terminal.h"
#include "tidemark/survey.h"

namespace tidemark::tools {

using Json = nlohmann::ordered_json;

// 64-bit numbers may exceed what JSON readers keep exactly, so they are strings.
Json json_number(uint64_t number);
Json json_time(const Time& time);
Json json_error(const Error& error);

// What scripts read: empty, open, finished, crashed or damaged. A stream that is being written and
// one that its writer closed are both open.
std::string_view state_word(StreamState state);
// The same for people, painted.
std::string state_text(StreamState state, const Paint& paint);

std::string uuid_text(const Uuid& uuid);
// "7", or "7, (2, 3)" where there are several; "none, finished" where there are none.
std::string frontier_text(const std::vector<Time>& frontier);

// JSON as a file or terminal gets it, with a newline at its end.
std::string json_document(const Json& json);

}  // namespace tidemark::tools
