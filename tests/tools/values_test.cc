#include "values.h"

#include "support/catch.h"

using namespace tidemark;
using namespace tidemark::tools;

TEST_CASE("sizes take binary and decimal units and nothing else") {
  CHECK(parse_bytes("4096") == 4096U);
  CHECK(parse_bytes("64KiB") == 65536U);
  CHECK(parse_bytes("3MiB") == 3U * 1024 * 1024);
  CHECK(parse_bytes("2MB") == 2'000'000U);
  for (const char* text : {"", "KiB", "1 MiB", "1.5MiB", "-1", "1kib", "99999999999TiB",
                           "18446744073709551616", "0x10"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_bytes(text));
  }
}

TEST_CASE("a segment size is what the format allows") {
  CHECK(parse_segment_bytes("64KiB") == 65536U);
  CHECK(parse_segment_bytes("1GiB") == uint64_t{1} << 30);
  CHECK_FALSE(parse_segment_bytes("63KiB"));
  CHECK_FALSE(parse_segment_bytes("2GiB"));
  CHECK_FALSE(parse_segment_bytes("65537"));
}

TEST_CASE("milliseconds may be given in seconds") {
  CHECK(parse_milliseconds("10")->count() == 10);
  CHECK(parse_milliseconds("10ms")->count() == 10);
  CHECK(parse_milliseconds("2s")->count() == 2000);
  CHECK_FALSE(parse_milliseconds("99999999999999999s"));
  CHECK_FALSE(parse_milliseconds("1h"));
}

TEST_CASE("an age has a unit") {
  CHECK(parse_age("90s")->count() == 90);
  CHECK(parse_age("15min")->count() == 900);
  CHECK(parse_age("12h")->count() == 43'200);
  CHECK(parse_age("7d")->count() == 604'800);
  CHECK(parse_age("36500d"));
  for (const char* text : {"", "7", "d", "7 d", "7m", "1.5h", "36501d", "99999999999999999999s"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_age(text));
  }
}

TEST_CASE("a sync policy names its parameter") {
  using Kind = SyncPolicy::Kind;
  CHECK(parse_sync_policy("none")->kind == Kind::None);
  CHECK(parse_sync_policy("commit")->kind == Kind::EveryCommit);
  CHECK(parse_sync_policy("interval=250")->interval.count() == 250);
  CHECK(parse_sync_policy("bytes=1MiB")->bytes == 1U << 20);
  for (const char* text : {"interval", "interval=", "interval=0", "bytes=0", "always", ""}) {
    CAPTURE(text);
    CHECK_FALSE(parse_sync_policy(text));
  }
}

TEST_CASE("lists of streams may have ranges and repetitions") {
  CHECK(parse_streams("3,0-2,1") == std::vector<uint32_t>{0, 1, 2, 3});
  for (const char* text : {"", ",", "1,", "2-1", "-", "a", "100000"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_streams(text));
  }
}

TEST_CASE("a rate is above zero or max") {
  CHECK(parse_rate("max") == 0.0);
  CHECK(parse_rate("0.5") == 0.5);
  for (const char* text : {"0", "-1", "nan", "inf", "1x", ""}) {
    CAPTURE(text);
    CHECK_FALSE(parse_rate(text));
  }
}
