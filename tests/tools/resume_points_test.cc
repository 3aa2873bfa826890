#include "resume_points.h"

#include <random>
#include <vector>

#include "support/catch.h"
#include "support/seed.h"

using namespace tidemark::tools;
using tidemark::test::rounds_or;
using tidemark::test::seed_or;

namespace {

InputPlace at(uint64_t record) { return {0, record * 10, record, record, 0}; }

}  // namespace

TEST_CASE("an input is read again from the first record that may not be complete") {
  ResumePoints points;
  const std::vector<uint64_t> times = {5, 9, 6, 12};
  for (size_t record = 0; record < times.size(); ++record) points.note(times[record], at(record));
  REQUIRE(points.first_from(0) != nullptr);
  CHECK(points.first_from(0)->records == 0);
  CHECK(points.first_from(6)->records == 1);
  CHECK(points.first_from(10)->records == 3);
  CHECK(points.first_from(13) == nullptr);
}

TEST_CASE("however many records wait, reading again never begins too late, and seldom early") {
  const uint64_t seed = seed_or(1789);
  INFO("TIDEMARK_TEST_SEED=" << seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < rounds_or(20); ++round) {
    ResumePoints points;
    std::vector<uint64_t> times;
    uint64_t greatest = 0;
    uint64_t frontier = 0;
    const uint64_t lateness = round % 2 == 0 ? 100 : 1'000'000;
    uint64_t too_early = 0;
    uint64_t asked = 0;
    for (uint64_t record = 0; record < 20'000; ++record) {
      const uint64_t time = std::max(frontier, record + random() % 50);
      points.note(time, at(record));
      times.push_back(time);
      greatest = std::max(greatest, time);
      frontier = std::max(frontier, greatest - std::min(greatest, lateness));
      if (random() % 500 != 0) continue;
      uint64_t wanted = 0;
      while (wanted < times.size() && times[wanted] < frontier) ++wanted;
      const InputPlace* const place = points.first_from(frontier);
      if (wanted == times.size()) {
        CHECK(place == nullptr);
        continue;
      }
      REQUIRE(place != nullptr);
      REQUIRE(place->records <= wanted);
      ++asked;
      too_early += wanted - place->records;
    }
    // Where little waits nothing is thinned out.
    if (lateness == 100) CHECK(too_early == 0);
    CHECK(too_early <= asked * 40);
  }
}
