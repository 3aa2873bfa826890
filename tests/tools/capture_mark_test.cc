#include "capture_mark.h"

#include <string>

#include "support/catch.h"

using namespace tidemark;
using namespace tidemark::tools;

namespace {

Result<CaptureMark> decode(const std::string& text) {
  return decode_mark(std::as_bytes(std::span(text.data(), text.size())));
}

}  // namespace

TEST_CASE("a capture's mark comes back as it was") {
  CaptureMark mark;
  mark.options = {{"--time", "author \"time\"\n"}, {"--key", ""}};
  mark.place = {3, ~uint64_t{0}, 7, 8, 9};
  mark.fingerprint = 0x8000'0000'0000'0001;
  const auto back = decode_mark(encode_mark(mark));
  REQUIRE(back);
  CHECK(back->options == mark.options);
  CHECK(back->place.file == 3);
  CHECK(back->place.offset == ~uint64_t{0});
  CHECK(back->place.lines == 7);
  CHECK(back->place.records == 8);
  CHECK(back->place.frontier == 9);
  CHECK(back->fingerprint == mark.fingerprint);
}

TEST_CASE("a mark that is none of a capture is refused") {
  for (const char* text :
       {"", "{", "[]", "7", "{}", R"({"tidemark_capture":2,"options":{}})",
        R"({"tidemark_capture":1})", R"({"tidemark_capture":1,"options":[]})",
        R"({"tidemark_capture":1,"options":{"--time":1},"file":"0"})",
        R"({"tidemark_capture":1,"options":{},"file":0})",
        (R"({"tidemark_capture":1,"options":{},"file":"x","offset":"0","lines":"0","records":"0",)"
         R"("frontier":"0","fingerprint":"0"})"),
        (R"({"tidemark_capture":1,"options":{},"file":"0","offset":"0","lines":"0","records":"0",)"
         R"("frontier":"0"})")}) {
    CAPTURE(text);
    CHECK_FALSE(decode(text));
  }
}
