#include "event_times.h"

#include "support/catch.h"

using namespace tidemark;
using namespace tidemark::tools;

namespace {

std::string json_of(const Time& time) {
  std::string json;
  append_time_json(json, time);
  return json;
}

}  // namespace

TEST_CASE("RFC 3339 times become nanoseconds since 1970") {
  CHECK(parse_rfc3339("1970-01-01T00:00:00Z") == 0U);
  CHECK(parse_rfc3339("2019-01-14T13:04:26Z") == 1547471066'000000000U);
  CHECK(parse_rfc3339("2019-01-14T13:04:26.5Z") == 1547471066'500000000U);
  CHECK(parse_rfc3339("2019-01-14t14:04:26.000000001+01:00") == 1547471066'000000001U);
  CHECK(parse_rfc3339("2019-01-14 05:04:26.1234567899-08:00") == 1547471066'123456789U);
  CHECK(parse_rfc3339("2016-12-31T23:59:60Z") == *parse_rfc3339("2017-01-01T00:00:00Z"));
  CHECK(parse_rfc3339("2554-07-21T23:34:33.709551615Z") == ~uint64_t{0});
}

TEST_CASE("what is no RFC 3339 time is refused") {
  for (const char* text :
       {"", "2019", "2019-01-14", "2019-01-14T13:04:26", "2019-13-01T00:00:00Z",
        "2019-02-29T00:00:00Z", "2019-01-14T24:00:00Z", "2019-01-14T13:60:00Z",
        "2019-01-14T13:04:61Z", "2019-01-14T13:04:26.Z", "2019-01-14T13:04:26+1:00",
        "2019-01-14T13:04:26Z ", "1969-12-31T23:59:59Z", "1970-01-01T00:00:00+00:01",
        "2554-07-21T23:34:33.709551616Z", "9999-12-31T23:59:59Z"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_rfc3339(text));
  }
}

TEST_CASE("a number is a time unless it is negative, broken or too large") {
  CHECK(parse_number_time("18446744073709551615", TimeFormat::Integer) == ~uint64_t{0});
  CHECK(parse_number_time("7.9", TimeFormat::Unix) == 7U);
  for (const char* text : {"18446744073709551616", "-1", "-0.5", "7.9", "1e3", "", "x"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_number_time(text, TimeFormat::Integer));
  }
  for (const char* text : {"1.", ".5", "1e3", "1.5e3", "-1"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_number_time(text, TimeFormat::Unix));
  }
}

TEST_CASE("times of options have the shape of the log") {
  const TimeShape pair{.words = 2};
  const TimeShape signed_word{.words = 1, .signed_mask = 1};
  const TimeShape wide{.words = 2, .wide_mask = 1, .signed_mask = 1};
  CHECK(parse_time("7", {}) == Time(7));
  CHECK(parse_time("1970-01-01T00:00:01Z", {}) == Time(1'000'000'000));
  CHECK(parse_time("7,3", pair)->text() == "(7, 3)");
  CHECK(parse_time("-9223372036854775808", signed_word)->text() == "-9223372036854775808");
  CHECK(parse_time("-9223372036854775808", signed_word) == Time::minimum(signed_word));
  CHECK(parse_time("-5", wide)->text() == "-5");
  CHECK(parse_time("170141183460469231731687303715884105727", wide) == Time::maximum(wide));
  CHECK(parse_time("", TimeShape{.words = 0}));

  CHECK_FALSE(parse_time("7,3", {}));
  CHECK_FALSE(parse_time("7", pair));
  CHECK_FALSE(parse_time("7,", pair));
  CHECK_FALSE(parse_time("-1", {}));
  CHECK_FALSE(parse_time("18446744073709551616", {}));
  CHECK_FALSE(parse_time("9223372036854775808", signed_word));
  CHECK_FALSE(parse_time("170141183460469231731687303715884105728", wide));
  CHECK_FALSE(parse_time("5", TimeShape{.words = 0}));
}

TEST_CASE("times as JSON are strings and arrays of strings") {
  CHECK(json_of(Time(7)) == R"("7")");
  CHECK(json_of(*parse_time("7,3", TimeShape{.words = 2})) == R"(["7","3"])");
  CHECK(json_of(*parse_time("-2", TimeShape{.words = 1, .signed_mask = 1})) == R"("-2")");
  CHECK(json_of(Time::minimum(TimeShape{.words = 0})) == "[]");
}
