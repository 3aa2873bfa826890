// The names of a log's files (SPEC.md section 2). Pure text; touches no file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tidemark {

std::string log_identity_path(const std::string& log);
std::string streams_path(const std::string& log);
std::string catalog_path(const std::string& log);
std::string catalog_data_path(const std::string& log);
std::string stream_path(const std::string& log, uint32_t stream);
std::string control_path(const std::string& stream_directory);
std::string purged_path(const std::string& stream_directory);
std::string segment_path(const std::string& stream_directory, uint64_t first_position);
std::string leases_path(const std::string& stream_directory);
// What recovery renames a segment to that a power loss has cut off.
std::string set_aside_path(const std::string& stream_directory, uint64_t first_position);

std::optional<uint32_t> parse_stream_name(std::string_view name);
// The first position in the name of a segment; nothing for any other file.
std::optional<uint64_t> parse_segment_name(std::string_view name);
std::optional<uint64_t> parse_set_aside_name(std::string_view name);

}  // namespace tidemark
