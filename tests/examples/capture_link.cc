// Captured into a link and replayed from it, in the same worker: the first example of timely's
// module `operators::capture`. Prints 0 to 9.

#include <cstdint>
#include <cstdio>
#include <utility>
#include <vector>

#include "tidemark/capture_into.h"
#include "tidemark/event_link.h"
#include "tidemark/replay_into.h"

using namespace tidemark;
using namespace tidemark::dataflow;

int main() {
  const auto execution = execute(Config::thread(), [](Worker& worker) {
    using Numbers = std::vector<uint64_t>;
    auto [pusher, reader] = EventLink<uint64_t, Numbers>::make();

    worker.dataflow<uint64_t>([&, &into = pusher](auto& scope) {
      to_stream(scope, Numbers{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}).capture_into(std::move(into));
    });
    worker.dataflow<uint64_t>([&, &from = reader](auto& scope) {
      replay_into(scope, std::vector{std::move(from)}).inspect([](uint64_t n) {
        std::printf("replayed: %ju\n", uintmax_t{n});
      });
    });
  });
  return execution.ok() ? 0 : 1;
}
