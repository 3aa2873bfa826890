// Event times: from the text of a field or an option, and as JSON.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tidemark/result.h"
#include "tidemark/time.h"

namespace tidemark::tools {

// What the time field of an input record means. Its value becomes the event time unchanged, except
// that RFC 3339 becomes nanoseconds since the Unix epoch.
enum class TimeFormat : uint8_t {
  Integer,  // any number from 0 to 2^64 - 1; no fractions
  Unix,     // seconds, milli-, micro- or nanoseconds since 1970; a fraction of the unit is cut off
  Rfc3339,  // "2026-11-22T18:01:32.5+01:00"
};
Result<TimeFormat> parse_time_format(std::string_view text);

// The decimal text of a number as it stands in the input.
Result<uint64_t> parse_number_time(std::string_view number, TimeFormat format);

// Nanoseconds since 1970. A "T" or a space between date and time; digits beyond nanoseconds are
// cut off; second 60, a leap second, counts as the second after it. Errors where the time lies
// before 1970 or beyond 2554-07-21, the greatest that 64 bits hold.
Result<uint64_t> parse_rfc3339(std::string_view text);

// A time of a log, as an option gives it: its coordinates separated by commas. For a log of plain
// u64 times also RFC 3339, which stands for nanoseconds.
Result<Time> parse_time(std::string_view text, TimeShape shape);

// Appends "7", or ["7","3"] for a time of several coordinates.
void append_time_json(std::string& json, const Time& time);

}  // namespace tidemark::tools
