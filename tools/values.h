// Values of options, from text. Every parser takes the whole text or refuses it, and says why.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>
#include <vector>

#include "tidemark/event_writer.h"
#include "tidemark/result.h"

namespace tidemark::tools {

// Decimal digits only; no sign, no spaces.
Result<uint64_t> parse_unsigned(std::string_view text);
Result<uint64_t> parse_between(std::string_view text, uint64_t least, uint64_t greatest);
// "4096", "64KiB", "1MiB", "2GiB", and powers of ten: "64kB", "1MB", "2GB".
Result<uint64_t> parse_bytes(std::string_view text);
// A segment's size: what the format allows.
Result<uint64_t> parse_segment_bytes(std::string_view text);
// Milliseconds: "10", "10ms", "2s"; at most a day.
Result<std::chrono::milliseconds> parse_milliseconds(std::string_view text);
// How long something is kept: "90s", "15min", "12h", "7d"; at most 36,500 days.
Result<std::chrono::seconds> parse_age(std::string_view text);
// "none", "interval=MS", "bytes=N", "commit".
Result<SyncPolicy> parse_sync_policy(std::string_view text);
// "0,2" or "0-3,7": ascending, without repetition.
Result<std::vector<uint32_t>> parse_streams(std::string_view text);
// "2", "0.5", and "max": 0.
Result<double> parse_rate(std::string_view text);

}  // namespace tidemark::tools
