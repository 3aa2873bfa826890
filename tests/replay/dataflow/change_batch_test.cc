#include "tidemark/dataflow/change_batch.h"

#include <cstdint>
#include <map>
#include <random>

#include "support/catch.h"
#include "support/seed.h"

namespace tidemark {
namespace {

TEST_CASE("Changes of the same time are summed up, and those that come to nothing vanish") {
  ChangeBatch<int> batch;
  batch.update(3, 1);
  batch.update(1, 2);
  batch.update(3, -1);
  batch.update(1, 1);
  batch.update(2, 0);
  REQUIRE(batch.changes() == std::vector<std::pair<int, int64_t>>{{1, 3}});
  batch.update(1, -3);
  REQUIRE(batch.empty());
}

TEST_CASE("Taking the changes leaves none") {
  ChangeBatch<int> batch(7, 1);
  REQUIRE(batch.take() == std::vector<std::pair<int, int64_t>>{{7, 1}});
  REQUIRE(batch.empty());
  batch.update(8, 1);
  REQUIRE(batch.changes().size() == 1);
}

TEST_CASE("A batch sums up like a map, however long it gets and whenever it is looked at") {
  const uint64_t seed = test::seed_or(1);
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 50; ++round) {
    ChangeBatch<uint64_t> batch;
    std::map<uint64_t, int64_t> expected;
    for (int i = 0; i < 500; ++i) {
      const uint64_t time = random() % 40;
      const int64_t diff = static_cast<int64_t>(random() % 5) - 2;
      batch.update(time, diff);
      expected[time] += diff;
      if (random() % 97 == 0) static_cast<void>(batch.changes());
    }
    std::erase_if(expected, [](const auto& entry) { return entry.second == 0; });
    REQUIRE(batch.changes() ==
            std::vector<std::pair<uint64_t, int64_t>>(expected.begin(), expected.end()));
  }
}

}  // namespace
}  // namespace tidemark
