#include "capture_mark.h"

#include <nlohmann/json.hpp>

#include "values.h"

namespace tidemark::tools {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kVersion = 1;

Result<uint64_t> number_of(const Json& json, const char* name) {
  const auto found = json.find(name);
  if (found == json.end() || !found->is_string()) {
    return fail(ErrorCode::InvalidArgument, std::string("it has no \"") + name + '"');
  }
  return parse_unsigned(found->get<std::string>());
}

}  // namespace

std::vector<std::byte> encode_mark(const CaptureMark& mark) {
  Json json;
  json["tidemark_capture"] = kVersion;
  Json& options = json["options"] = Json::object();
  for (const auto& [name, value] : mark.options) options[name] = value;
  json["file"] = std::to_string(mark.place.file);
  json["offset"] = std::to_string(mark.place.offset);
  json["lines"] = std::to_string(mark.place.lines);
  json["records"] = std::to_string(mark.place.records);
  json["frontier"] = std::to_string(mark.place.frontier);
  json["fingerprint"] = std::to_string(mark.fingerprint);
  // Names of fields are whatever the command line held.
  const std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  const auto* bytes = reinterpret_cast<const std::byte*>(text.data());
  return {bytes, bytes + text.size()};
}

Result<CaptureMark> decode_mark(std::span<const std::byte> token) {
  const auto* text = reinterpret_cast<const char*>(token.data());
  const Json json = Json::parse(text, text + token.size(), nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || json.value("tidemark_capture", Json()) != kVersion ||
      !json.contains("options") || !json["options"].is_object()) {
    return fail(ErrorCode::InvalidArgument, "it is not that of a capture of this version");
  }
  CaptureMark mark;
  for (const auto& [name, value] : json["options"].items()) {
    if (!value.is_string()) return fail(ErrorCode::InvalidArgument, "its options are no texts");
    mark.options.emplace_back(name, value.get<std::string>());
  }
  TIDEMARK_ASSIGN(file, number_of(json, "file"));
  TIDEMARK_ASSIGN(offset, number_of(json, "offset"));
  TIDEMARK_ASSIGN(lines, number_of(json, "lines"));
  TIDEMARK_ASSIGN(records, number_of(json, "records"));
  TIDEMARK_ASSIGN(frontier, number_of(json, "frontier"));
  TIDEMARK_ASSIGN(fingerprint, number_of(json, "fingerprint"));
  mark.place = {file, offset, lines, records, frontier};
  mark.fingerprint = fingerprint;
  return mark;
}

}  // namespace tidemark::tools
