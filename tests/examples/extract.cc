// Captured in one thread, extracted in another: timely's example of `Extract`. Prints the records
// of each time in order, whoever came first.

#include <cstdint>
#include <cstdio>
#include <optional>
#include <vector>

#include "tidemark/capture.h"
#include "tidemark/extract.h"

using namespace tidemark;
using namespace tidemark::dataflow;
using Numbers = std::vector<uint64_t>;

int main() {
  std::optional<EventChannel<uint64_t, Numbers>::Receiver> captured;
  const auto execution = execute(Config::thread(), [&](Worker& worker) {
    worker.dataflow<uint64_t>([&](auto& scope) {
      captured.emplace(to_stream(scope, Numbers{9, 8, 7, 6, 5, 4, 3, 2, 1, 0}).capture());
    });
  });
  const auto extracted = extract(*captured);
  if (!execution.ok() || !extracted) return 1;
  for (const auto& [time, numbers] : *extracted) {
    std::printf("time %ju:", uintmax_t{time});
    for (const uint64_t n : numbers) std::printf(" %ju", uintmax_t{n});
    std::printf("\n");
  }
  return 0;
}
