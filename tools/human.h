// Numbers as people like to read them. Never used where a script reads.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace tidemark::tools {

std::string human_count(uint64_t count);                         // "33,790"
std::string human_bytes(uint64_t bytes);                         // "512 B", "5.5 MiB"
std::string human_duration(std::chrono::duration<double> time);  // "0.21 s", "3 min 20 s"
std::string human_clock(uint64_t ns_since_epoch);                // "2026-11-22 18:01:32.123 UTC"
// "1 stream", "3 streams"; for words whose plural ends in s.
std::string plural(uint64_t count, std::string_view word);

}  // namespace tidemark::tools
