#include "event_times.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <iterator>
#include <span>

#include "values.h"

namespace tidemark::tools {
namespace {

__extension__ using Wide = unsigned __int128;

tl::unexpected<Error> refuse(std::string message) {
  return fail(ErrorCode::InvalidArgument, std::move(message));
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
}

// Takes a text apart from the left; once something does not match, `ok` stays false.
struct Cursor {
  std::string_view rest;
  bool ok = true;

  int number(size_t digits) {
    ok = ok && rest.size() >= digits && all_digits(rest.substr(0, digits));
    int value = 0;
    for (size_t i = 0; ok && i < digits; ++i) value = value * 10 + (rest[i] - '0');
    if (ok) rest.remove_prefix(digits);
    return value;
  }
  void any_of(std::string_view characters) {
    ok = ok && !rest.empty() && characters.find(rest.front()) != std::string_view::npos;
    if (ok) rest.remove_prefix(1);
  }
  bool take(char c) {
    if (!ok || rest.empty() || rest.front() != c) return false;
    rest.remove_prefix(1);
    return true;
  }
};

// Nanoseconds of ".5" and its like, up to the first character that is no digit.
int64_t fraction_ns(Cursor& cursor) {
  if (!cursor.take('.')) return 0;
  cursor.ok = cursor.ok && !cursor.rest.empty() && is_digit(cursor.rest.front());
  int64_t ns = 0;
  int64_t unit = 100'000'000;
  while (cursor.ok && !cursor.rest.empty() && is_digit(cursor.rest.front())) {
    ns += unit * (cursor.rest.front() - '0');
    unit /= 10;
    cursor.rest.remove_prefix(1);
  }
  return ns;
}

// Seconds to subtract for "+01:00"; "Z" is none.
int64_t offset_seconds(Cursor& cursor) {
  if (cursor.take('Z') || cursor.take('z')) return 0;
  const bool west = cursor.take('-');
  if (!west) cursor.any_of("+");
  const int hours = cursor.number(2);
  cursor.any_of(":");
  const int minutes = cursor.number(2);
  cursor.ok = cursor.ok && hours < 24 && minutes < 60;
  const int64_t seconds = (int64_t{hours} * 60 + minutes) * 60;
  return west ? -seconds : seconds;
}

bool bit(uint8_t mask, size_t index) { return ((mask >> index) & 1) != 0; }

// One coordinate of a time, into the one or two words that hold it.
Result<void> parse_coordinate(std::string_view text, bool is_signed, std::span<uint64_t> words) {
  const unsigned bits = words.size() == 2 ? 128 : 64;
  const Wide sign_bit = Wide{1} << (bits - 1);
  const Wide greatest = sign_bit - 1 + sign_bit;
  const bool negative = is_signed && text.starts_with('-');
  const std::string_view digits = negative ? text.substr(1) : text;
  if (!all_digits(digits)) return refuse(fmt::format("\"{}\" is no time of this log", text));
  const Wide limit = !is_signed ? greatest : negative ? sign_bit : sign_bit - 1;
  Wide value = 0;
  for (const char c : digits) {
    const auto digit = static_cast<unsigned>(c - '0');
    if (value > (limit - digit) / 10) {
      return refuse(fmt::format("\"{}\" is beyond the times of this log", text));
    }
    value = value * 10 + digit;
  }
  if (negative) value = (~value + 1) & greatest;
  if (is_signed) value ^= sign_bit;
  if (words.size() == 2) words[0] = static_cast<uint64_t>(value >> 64);
  words.back() = static_cast<uint64_t>(value);
  return {};
}

}  // namespace

Result<TimeFormat> parse_time_format(std::string_view text) {
  if (text == "integer") return TimeFormat::Integer;
  if (text == "rfc3339") return TimeFormat::Rfc3339;
  for (const std::string_view unit : {"s", "ms", "us", "ns"}) {
    if (text == unit) return TimeFormat::Unix;
  }
  return refuse(fmt::format("\"{}\" is not one of integer, s, ms, us, ns, rfc3339", text));
}

Result<uint64_t> parse_number_time(std::string_view number, TimeFormat format) {
  if (format == TimeFormat::Rfc3339) {
    return refuse("is a number, not an RFC 3339 text; --time-format says otherwise");
  }
  if (number.starts_with('-')) return refuse("is negative");
  const size_t point = format == TimeFormat::Unix ? number.find('.') : std::string_view::npos;
  const std::string_view whole = number.substr(0, point);
  const bool has_fraction = point != std::string_view::npos;
  if (!all_digits(whole) || (has_fraction && !all_digits(number.substr(point + 1)))) {
    return refuse(fmt::format("is no whole number: {}", number.substr(0, 64)));
  }
  const auto value = parse_unsigned(whole);
  if (!value) return refuse(fmt::format("is beyond 2^64 - 1: {}", number.substr(0, 64)));
  return *value;
}

Result<uint64_t> parse_rfc3339(std::string_view text) {
  using std::chrono::sys_days;
  Cursor cursor{text};
  const int year = cursor.number(4);
  cursor.any_of("-");
  const int month = cursor.number(2);
  cursor.any_of("-");
  const int day = cursor.number(2);
  cursor.any_of("Tt ");
  const int hour = cursor.number(2);
  cursor.any_of(":");
  const int minute = cursor.number(2);
  cursor.any_of(":");
  const int second = cursor.number(2);
  const int64_t fraction = fraction_ns(cursor);
  const int64_t offset = offset_seconds(cursor);
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!cursor.ok || !cursor.rest.empty() || !date.ok() || hour > 23 || minute > 59 || second > 60) {
    return refuse(fmt::format("is no RFC 3339 time: {}", text.substr(0, 64)));
  }
  const int64_t days = sys_days(date).time_since_epoch().count();
  const int64_t seconds = ((days * 24 + hour) * 60 + minute) * 60 + second - offset;
  if (seconds < 0) return refuse(fmt::format("is before 1970: {}", text));
  uint64_t ns = 0;
  if (__builtin_mul_overflow(static_cast<uint64_t>(seconds), uint64_t{1'000'000'000}, &ns) ||
      __builtin_add_overflow(ns, static_cast<uint64_t>(fraction), &ns)) {
    return refuse(fmt::format("is beyond what 64 bits of nanoseconds hold: {}", text));
  }
  return ns;
}

Result<Time> parse_time(std::string_view text, TimeShape shape) {
  if (shape == TimeShape{} && text.find(':') != std::string_view::npos) {
    const auto ns = parse_rfc3339(text);
    if (!ns) return refuse(fmt::format("\"{}\" {}", text, ns.error().message));
    return Time(*ns);
  }
  std::array<uint64_t, kMaxTimeWords> words{};
  size_t word = 0;
  std::string_view rest = text;
  while (word < shape.words) {
    const size_t taken = bit(shape.wide_mask, word) ? 2 : 1;
    const size_t comma = std::min(rest.find(','), rest.size());
    TIDEMARK_TRY(parse_coordinate(rest.substr(0, comma), bit(shape.signed_mask, word),
                                  std::span(words).subspan(word, taken)));
    word += taken;
    rest.remove_prefix(comma);
    const bool more = word < shape.words;
    if (rest.empty() == more) {
      return refuse(
          fmt::format("\"{}\" has another number of coordinates than the log's times", text));
    }
    if (more) rest.remove_prefix(1);
  }
  if (!rest.empty()) return refuse("the times of this log have no coordinates");
  return Time(shape, std::span(words).first(shape.words));
}

void append_time_json(std::string& json, const Time& time) {
  if (time.shape() == TimeShape{}) [[likely]] {
    fmt::format_to(std::back_inserter(json), "\"{}\"", time.word(0));
    return;
  }
  const std::string text = time.text();  // "5", "(5, -3)" or "()"
  if (!text.starts_with('(')) {
    json.append("\"").append(text).append("\"");
    return;
  }
  json += '[';
  std::string_view rest = std::string_view(text).substr(1, text.size() - 2);
  while (!rest.empty()) {
    const size_t comma = std::min(rest.find(", "), rest.size());
    json.append("\"").append(rest.substr(0, comma)).append("\"");
    rest.remove_prefix(std::min(rest.size(), comma + 2));
    if (!rest.empty()) json += ',';
  }
  json += ']';
}

}  // namespace tidemark::tools
