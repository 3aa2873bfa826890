#include "tidemark/hash.h"

#include <vector>

#include "support/catch.h"

using namespace tidemark;

// Stored in every file and part of how keys are partitioned: it may never change. The lengths lie
// on both sides of those at which XXH3 takes another way.
TEST_CASE("hash: the values are those of XXH3-64, for ever") {
  struct Known {
    size_t bytes;
    uint64_t without_seed;
    uint64_t with_seed;
  };
  constexpr Known kKnown[] = {
      {0, 0x2D06'8005'38D3'94C2, 0x602B'0E2C'D666'2C8B},
      {1, 0xE12E'F9D2'EB86'CEEB, 0x439A'256D'3DA4'E7E3},
      {3, 0x5C83'885A'0FB5'D516, 0x8840'137A'8295'D79B},
      {4, 0x244F'36DE'481E'7522, 0x89AF'97F4'A1E8'D1FC},
      {8, 0x96CC'97A6'768F'D7A9, 0x7F79'86A4'AC53'42B6},
      {9, 0x4781'D83B'8E99'D495, 0xA9FD'0DD2'DB7E'1FC7},
      {16, 0x913B'D4A8'0380'27A7, 0xCDF0'CBAA'77AF'E281},
      {17, 0x2BF6'F669'73A6'179D, 0x5129'0E3A'B460'CF3F},
      {128, 0xC439'9C78'29D0'628F, 0xB485'2AEC'21EB'5644},
      {129, 0x8433'4890'5675'0B32, 0xEEA4'8E72'8C6C'A28A},
      {240, 0x3C0B'B968'64E5'43A1, 0xFDBB'FB1F'A843'FE64},
      {241, 0xBFF7'2150'8920'2D8F, 0xDBBC'9F7C'061B'0878},
      {1024, 0xAC8E'32E4'EA3B'A062, 0xC222'E49B'30F1'DF42},
      {4088, 0x0766'2B53'71AE'E025, 0xE443'D169'FE1C'EDCF},
  };
  for (const auto& [bytes, without_seed, with_seed] : kKnown) {
    std::vector<std::byte> input(bytes);
    for (size_t i = 0; i < bytes; ++i) input[i] = static_cast<std::byte>(i * 7 + 1);
    CAPTURE(bytes);
    CHECK(hash_bytes(input) == without_seed);
    CHECK(hash_bytes(input, 0x9E37'79B9'7F4A'7C15) == with_seed);
  }
}
