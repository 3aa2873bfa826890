#include "paths.h"

#include "support/catch.h"

using namespace tidemark;

TEST_CASE("The names of segments give back their positions, in the numbers' order") {
  CHECK(segment_path("s", 0) == "s/00000000000000000000.seg");
  CHECK(parse_segment_name("00000000000001048576.seg") == uint64_t{1048576});
  CHECK(parse_set_aside_name("00000000000001048576.lost") == uint64_t{1048576});
  CHECK(segment_path("s", 65536) < segment_path("s", 1048576));
  CHECK(stream_path("log", 7) == "log/streams/00007");
  CHECK(parse_stream_name("00007") == 7U);
}

TEST_CASE("Names that are not written like a segment's are none") {
  for (const char* name :
       {"", ".seg", "1048576.seg", "00000000000001048576", "00000000000001048576.lost",
        "0000000000000104857x.seg", "-0000000000001048576.seg", "000000000000001048576.seg",
        "99999999999999999999.seg", "18446744073709547520.seg"}) {
    INFO(name);
    CHECK_FALSE(parse_segment_name(name));
  }
  CHECK_FALSE(parse_stream_name("7"));
  CHECK_FALSE(parse_stream_name("0000x"));
}
