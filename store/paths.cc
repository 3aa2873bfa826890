#include "paths.h"

#include <charconv>

namespace tidemark {
namespace {

constexpr size_t kStreamDigits = 5;
constexpr size_t kPositionDigits = 20;
constexpr uint64_t kPositionLimit = uint64_t{1} << 63;  // leaves room to add sizes to positions
constexpr std::string_view kSegmentSuffix = ".seg";
constexpr std::string_view kSetAsideSuffix = ".lost";

std::string padded(uint64_t number, size_t digits) {
  std::string text = std::to_string(number);
  return std::string(digits - std::min(digits, text.size()), '0') + text;
}

template <typename Number>
std::optional<Number> parse_padded(std::string_view text, size_t digits) {
  Number number = 0;
  if (text.size() != digits) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<uint64_t> parse_position(std::string_view name, std::string_view suffix) {
  if (!name.ends_with(suffix)) return std::nullopt;
  name.remove_suffix(suffix.size());
  const auto position = parse_padded<uint64_t>(name, kPositionDigits);
  if (position && *position >= kPositionLimit) return std::nullopt;
  return position;
}

}  // namespace

std::string log_identity_path(const std::string& log) { return log + "/identity"; }
std::string streams_path(const std::string& log) { return log + "/streams"; }
std::string catalog_path(const std::string& log) { return log + "/catalog"; }
std::string catalog_data_path(const std::string& log) { return catalog_path(log) + "/data.mdb"; }
std::string stream_path(const std::string& log, uint32_t stream) {
  return streams_path(log) + "/" + padded(stream, kStreamDigits);
}
std::string control_path(const std::string& stream_directory) {
  return stream_directory + "/control";
}
std::string purged_path(const std::string& stream_directory) {
  return stream_directory + "/purged";
}
std::string leases_path(const std::string& stream_directory) {
  return stream_directory + "/leases";
}
std::string segment_path(const std::string& stream_directory, uint64_t first_position) {
  return stream_directory + "/" + padded(first_position, kPositionDigits) +
         std::string(kSegmentSuffix);
}
std::string set_aside_path(const std::string& stream_directory, uint64_t first_position) {
  return stream_directory + "/" + padded(first_position, kPositionDigits) +
         std::string(kSetAsideSuffix);
}

std::optional<uint32_t> parse_stream_name(std::string_view name) {
  return parse_padded<uint32_t>(name, kStreamDigits);
}
std::optional<uint64_t> parse_segment_name(std::string_view name) {
  return parse_position(name, kSegmentSuffix);
}
std::optional<uint64_t> parse_set_aside_name(std::string_view name) {
  return parse_position(name, kSetAsideSuffix);
}

}  // namespace tidemark
