#include "json_text.h"

#include <nlohmann/json.hpp>

#include "support/catch.h"
#include "terminal.h"

using namespace tidemark::tools;

namespace {

std::string json_of(std::string_view record) {
  std::string json;
  append_record_json(json, record);
  return json;
}

}  // namespace

TEST_CASE("a record of UTF-8 is a JSON string that parses back to it") {
  using namespace std::string_literals;
  for (const std::string& text :
       {""s, "plain"s, R"(quote " and \ backslash)"s, "tab\tbell\x07 nul\0 del\x7f"s,
        "\xc2\x80\xc2\x9b\xc2\xa0"s, "\xe2\x82\xac \xf0\x9f\x8c\x8a"s, "\x1b[31mred"s}) {
    const std::string json = json_of(text);
    CAPTURE(json);
    CHECK(nlohmann::json::parse(json) == text);
    CHECK(is_plain_text(json));
  }
}

TEST_CASE("a record that is not UTF-8 is base64") {
  CHECK(json_of("\xff") == R"({"base64":"/w=="})");
  CHECK(json_of("a\xff") == R"({"base64":"Yf8="})");
  CHECK(json_of("ab\xff") == R"({"base64":"YWL/"})");
  for (const char* text : {"\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\x80"}) {
    CHECK(json_of(text).starts_with(R"({"base64":")"));
  }
}

TEST_CASE("text that would command a terminal is not plain") {
  using namespace std::string_literals;
  CHECK(is_plain_text("a\tb \xe2\x82\xac\r"));
  for (const std::string& text : {"\x1b[2J"s, "a\rb"s, "\0"s, "\x7f"s, "\xc2\x9b"s, "\xff"s}) {
    CHECK_FALSE(is_plain_text(text));
  }
  CHECK(printable("a\x1b[2Jb\xff") == "a?[2Jb?");
}
