#include "values.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <utility>

#include "tidemark/layout.h"

namespace tidemark::tools {
namespace {

tl::unexpected<Error> refuse(std::string message) {
  return fail(ErrorCode::InvalidArgument, std::move(message));
}

// Splits "64KiB" into 64 and "KiB".
Result<std::pair<uint64_t, std::string_view>> parse_quantity(std::string_view text) {
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  TIDEMARK_ASSIGN(number, parse_unsigned(text.substr(0, digits)));
  return std::pair(number, text.substr(digits));
}

}  // namespace

Result<uint64_t> parse_unsigned(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) {
    return refuse(fmt::format("\"{}\" is beyond 2^64 - 1", text));
  }
  if (error != std::errc() || end != text.data() + text.size()) {
    return refuse(fmt::format("\"{}\" is no whole number of 0 or more", text));
  }
  return value;
}

Result<uint64_t> parse_between(std::string_view text, uint64_t least, uint64_t greatest) {
  TIDEMARK_ASSIGN(value, parse_unsigned(text));
  if (value < least || value > greatest) {
    return refuse(fmt::format("{} is not between {} and {}", value, least, greatest));
  }
  return value;
}

Result<uint64_t> parse_bytes(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, uint64_t>, 9> kUnits = {{
      {"", 1},
      {"B", 1},
      {"KiB", uint64_t{1} << 10},
      {"MiB", uint64_t{1} << 20},
      {"GiB", uint64_t{1} << 30},
      {"TiB", uint64_t{1} << 40},
      {"kB", 1'000},
      {"MB", 1'000'000},
      {"GB", 1'000'000'000},
  }};
  TIDEMARK_ASSIGN(quantity, parse_quantity(text));
  for (const auto& [name, bytes] : kUnits) {
    if (name != quantity.second) continue;
    uint64_t product = 0;
    if (__builtin_mul_overflow(quantity.first, bytes, &product)) {
      return refuse(fmt::format("\"{}\" is beyond 2^64 - 1 bytes", text));
    }
    return product;
  }
  return refuse(
      fmt::format("\"{}\" is no size: units are B, KiB, MiB, GiB, TiB, kB, MB, GB", text));
}

Result<uint64_t> parse_segment_bytes(std::string_view text) {
  TIDEMARK_ASSIGN(bytes, parse_bytes(text));
  if (bytes < kMinSegmentBytes || bytes > kMaxSegmentBytes || bytes % kPageBytes != 0) {
    return refuse(fmt::format("{} is not a multiple of 4KiB between 64KiB and 1GiB", text));
  }
  return bytes;
}

Result<std::chrono::milliseconds> parse_milliseconds(std::string_view text) {
  constexpr uint64_t kDay = uint64_t{24} * 60 * 60 * 1000;
  TIDEMARK_ASSIGN(quantity, parse_quantity(text));
  uint64_t milliseconds = quantity.first;
  if (quantity.second == "s") {
    milliseconds = std::min(milliseconds, kDay) * 1000;
  } else if (!quantity.second.empty() && quantity.second != "ms") {
    return refuse(fmt::format("\"{}\" is no time: units are ms and s", text));
  }
  if (milliseconds > kDay) return refuse(fmt::format("\"{}\" is more than a day", text));
  return std::chrono::milliseconds(milliseconds);
}

Result<std::chrono::seconds> parse_age(std::string_view text) {
  constexpr uint64_t kDay = uint64_t{24} * 60 * 60;
  constexpr uint64_t kMost = 36'500 * kDay;
  static constexpr std::array<std::pair<std::string_view, uint64_t>, 4> kUnits = {
      {{"s", 1}, {"min", 60}, {"h", 60 * 60}, {"d", kDay}}};
  TIDEMARK_ASSIGN(quantity, parse_quantity(text));
  for (const auto& [name, seconds] : kUnits) {
    if (name != quantity.second) continue;
    if (quantity.first > kMost / seconds) {
      return refuse(fmt::format("\"{}\" is more than 36,500 days", text));
    }
    return std::chrono::seconds(quantity.first * seconds);
  }
  return refuse(fmt::format("\"{}\" is no time: units are s, min, h and d", text));
}

Result<SyncPolicy> parse_sync_policy(std::string_view text) {
  constexpr std::string_view kInterval = "interval=";
  constexpr std::string_view kBytes = "bytes=";
  if (text == "none") return SyncPolicy::none();
  if (text == "commit") return SyncPolicy::every_commit();
  if (text.starts_with(kInterval)) {
    TIDEMARK_ASSIGN(interval, parse_milliseconds(text.substr(kInterval.size())));
    if (interval.count() == 0) return refuse("an interval is at least 1 ms; or use \"commit\"");
    return SyncPolicy::every(interval);
  }
  if (text.starts_with(kBytes)) {
    TIDEMARK_ASSIGN(bytes, parse_bytes(text.substr(kBytes.size())));
    if (bytes == 0) return refuse("bytes= needs at least 1; or use \"commit\"");
    return SyncPolicy::every_bytes(bytes);
  }
  return refuse(fmt::format("\"{}\" is not one of none, interval=MS, bytes=N, commit", text));
}

Result<std::vector<uint32_t>> parse_streams(std::string_view text) {
  std::vector<uint32_t> streams;
  while (true) {
    const size_t comma = std::min(text.find(','), text.size());
    const std::string_view part = text.substr(0, comma);
    const size_t dash = part.find('-');
    TIDEMARK_ASSIGN(first, parse_between(part.substr(0, dash), 0, kMaxPeers - 1));
    uint64_t last = first;
    if (dash != std::string_view::npos) {
      TIDEMARK_ASSIGN(end, parse_between(part.substr(dash + 1), first, kMaxPeers - 1));
      last = end;
    }
    for (uint64_t i = first; i <= last; ++i) streams.push_back(static_cast<uint32_t>(i));
    if (comma == text.size()) break;
    text.remove_prefix(comma + 1);
  }
  std::sort(streams.begin(), streams.end());
  streams.erase(std::unique(streams.begin(), streams.end()), streams.end());
  return streams;
}

Result<double> parse_rate(std::string_view text) {
  if (text == "max") return 0.0;
  double rate = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), rate);
  if (error != std::errc() || end != text.data() + text.size() || !(rate > 0) || rate > 1e9) {
    return refuse(fmt::format("\"{}\" is neither max nor a number above 0", text));
  }
  return rate;
}

}  // namespace tidemark::tools
