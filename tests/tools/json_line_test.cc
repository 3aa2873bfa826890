#include "json_line.h"

#include "support/catch.h"

using namespace tidemark;
using namespace tidemark::tools;

namespace {

std::string problem_of(std::string_view line) {
  JsonLine json({"t"});
  const auto parsed = json.parse(line);
  return parsed ? "" : parsed.error().message;
}

}  // namespace

TEST_CASE("only fields of the outermost object are found") {
  JsonLine json({"t", "k"});
  REQUIRE(json.parse(R"({"a":{"t":1,"k":[{"k":2}]},"k":"v\n","t":7,"z":[]})"));
  CHECK(json.field(0).text == "7");
  CHECK(json.field(1).text == "v\n");
  REQUIRE(json.parse(R"({"a":{"t":1}})"));
  CHECK(json.field(0).kind == JsonField::Kind::Absent);
}

TEST_CASE("of two fields of one name the later counts") {
  JsonLine json({"t"});
  REQUIRE(json.parse(R"({"t":1,"t":2})"));
  CHECK(json.field(0).text == "2");
}

TEST_CASE("numbers keep every digit") {
  JsonLine json({"t"});
  REQUIRE(json.parse(R"({"t":18446744073709551615})"));
  CHECK(time_of(json.field(0), TimeFormat::Integer) == ~uint64_t{0});
  REQUIRE(json.parse(R"({"t":18446744073709551616})"));
  CHECK(time_of(json.field(0), TimeFormat::Integer).error().message ==
        "is beyond 2^64 - 1: 18446744073709551616");
  REQUIRE(json.parse(R"({"t":-9223372036854775809})"));
  CHECK(time_of(json.field(0), TimeFormat::Integer).error().message == "is negative");
  REQUIRE(json.parse(R"({"t":"18446744073709551615"})"));
  CHECK(time_of(json.field(0), TimeFormat::Integer) == ~uint64_t{0});
}

TEST_CASE("a time that is no time is refused with the reason") {
  JsonLine json({"t"});
  for (const char* line : {R"({"t":null})", R"({"t":true})", R"({"t":[1]})", R"({"t":{}})", "{}",
                           R"({"t":""})", R"({"t":"x"})", R"({"t":1.5})", R"({"t":1e3})"}) {
    CAPTURE(line);
    REQUIRE(json.parse(line));
    CHECK_FALSE(time_of(json.field(0), TimeFormat::Integer));
  }
}

TEST_CASE("a line that is no JSON object is refused") {
  for (const char* line : {"", " ", "7", "[]", "null", "\"x\"", "{", "{}{}", "{} x", "{\"t\":1,}",
                           "{'t':1}", "{\"t\":01}", "{\"\xff\":1}", "nope"}) {
    CAPTURE(line);
    CHECK_FALSE(problem_of(line).empty());
  }
  CHECK(problem_of("[]") == "is no JSON object");
  CHECK(problem_of("{\"t\":nope}").starts_with("is no JSON: byte 7"));
  CHECK(problem_of("{} \t\r").empty());
}

TEST_CASE("a NUL is refused wherever it stands") {
  using namespace std::string_literals;
  CHECK(problem_of("{\"t\":1}\0"s) == "is no JSON: byte 8 is NUL");
  CHECK(problem_of("{\"t\":1}\0garbage"s) == "is no JSON: byte 8 is NUL");
  CHECK(problem_of("\0{\"t\":1}"s) == "is no JSON: byte 1 is NUL");
}

TEST_CASE("deep nesting is refused without deep recursion") {
  const std::string brackets(200'000, '[');
  CHECK(problem_of("{\"t\":" + brackets) == "is nested deeper than 512 levels");
  CHECK(problem_of(brackets) == "is no JSON object");
  std::string braces;
  for (int i = 0; i < 200'000; ++i) braces += "{\"t\":";
  CHECK(problem_of(braces) == "is nested deeper than 512 levels");
  const std::string fits = "{\"t\":" + std::string(511, '[') + std::string(511, ']') + "}";
  CHECK(problem_of(fits).empty());
}

TEST_CASE("the reason for a refusal never repeats the line") {
  const std::string line = R"({"t":")" + std::string(1'000'000, 'x');
  CHECK(problem_of(line).size() < 200);
}

TEST_CASE("a key is a text whatever its type") {
  JsonLine json({"k"});
  REQUIRE(json.parse(R"({"k":"1"})"));
  CHECK(key_of(json.field(0)) == std::string_view("1"));
  REQUIRE(json.parse(R"({"k":1})"));
  CHECK(key_of(json.field(0)) == std::string_view("1"));
  REQUIRE(json.parse(R"({"k":-7})"));
  CHECK(key_of(json.field(0)) == std::string_view("-7"));
  REQUIRE(json.parse(R"({"k":1.50})"));
  CHECK(key_of(json.field(0)) == std::string_view("1.50"));
  REQUIRE(json.parse(R"({"k":null})"));
  CHECK(key_of(json.field(0)) == std::string_view("null"));
  REQUIRE(json.parse(R"({"k":[1]})"));
  CHECK_FALSE(key_of(json.field(0)));
}
