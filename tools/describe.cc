#include "describe.h"

#include <fmt/format.h>

#include "event_times.h"

namespace tidemark::tools {

Json json_number(uint64_t number) { return std::to_string(number); }

Json json_time(const Time& time) {
  std::string text;
  append_time_json(text, time);
  return Json::parse(text);
}

Json json_error(const Error& error) {
  Json json = {{"code", name_of(error.code)}, {"message", error.message}};
  if (error.stream) json["stream"] = *error.stream;
  if (error.segment) json["segment"] = json_number(*error.segment);
  if (error.offset) json["offset"] = json_number(*error.offset);
  if (!error.rule.empty()) json["rule"] = error.rule;
  if (!error.path.empty()) json["path"] = error.path;
  return json;
}

std::string_view state_word(StreamState state) {
  switch (state) {
    case StreamState::Empty:
      return "empty";
    case StreamState::Writing:
    case StreamState::Closed:
      return "open";
    case StreamState::Crashed:
      return "crashed";
    case StreamState::Finished:
      return "finished";
    case StreamState::Damaged:
      return "damaged";
  }
  return "unknown";
}

std::string state_text(StreamState state, const Paint& paint) {
  switch (state) {
    case StreamState::Writing:
      return paint.good("being written");
    case StreamState::Finished:
      return paint.good("finished");
    case StreamState::Crashed:
      return paint.warn("crashed");
    case StreamState::Damaged:
      return paint.bad("damaged");
    default:
      return std::string(state_word(state));
  }
}

std::string uuid_text(const Uuid& uuid) {
  std::string text;
  for (size_t i = 0; i < uuid.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += fmt::format("{:02x}", uuid[i]);
  }
  return text;
}

std::string frontier_text(const std::vector<Time>& frontier) {
  std::string text;
  for (const Time& time : frontier) text += (text.empty() ? "" : ", ") + time.text();
  return text.empty() ? "empty" : text;
}

std::string json_document(const Json& json) {
  // File names need not be UTF-8; the bytes that are not become U+FFFD.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

}  // namespace tidemark::tools
