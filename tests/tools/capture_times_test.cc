#include "capture_times.h"

#include <vector>

#include "support/catch.h"

using namespace tidemark::tools;

TEST_CASE("the frontier is the greatest time so far less the lateness") {
  InputFrontier frontier(0, 2);
  std::vector<uint64_t> seen;
  for (const uint64_t time : std::vector<uint64_t>{5, 9, 6, 8, 1, 20}) {
    seen.push_back(frontier.frontier());
    frontier.advance(time);
  }
  CHECK(seen == std::vector<uint64_t>{0, 3, 7, 7, 7, 7});
  CHECK(frontier.frontier() == 18);
}

TEST_CASE("the frontier never falls below its start or below zero") {
  InputFrontier frontier(100, 50);
  frontier.advance(10);
  CHECK(frontier.frontier() == 100);
  CHECK(frontier.is_late(99));
  CHECK_FALSE(frontier.is_late(100));
  frontier.advance(~uint64_t{0});
  CHECK(frontier.frontier() == ~uint64_t{0} - 50);
}
