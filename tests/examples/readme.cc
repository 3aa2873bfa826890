// The program of the README, word for word between the two marks.

// begin
#include <cstdint>
#include <cstdio>
#include <vector>

#include "tidemark/tidemark.h"

using namespace tidemark;
using namespace tidemark::dataflow;
using Numbers = std::vector<uint64_t>;

int main() {
  const Log log = Log::open("numbers.tide", {.peers = 2}).value();
  const auto capture = execute(Config::process(2), [&](Worker& worker) {
    auto writer = open_writer<uint64_t, Numbers>(log, stream_of(worker)).value();
    worker.dataflow<uint64_t>([&](auto& scope) {
      to_stream(scope, Numbers{0, 1, 2, 3, 4}).capture_into(std::move(writer));
    });
  });
  const auto replay = execute(Config::process(3), [&](Worker& worker) {
    auto readers = open_readers<uint64_t, Numbers>(log, share_of(log, worker)).value();
    worker.dataflow<uint64_t>([&](auto& scope) {
      replay_into(scope, std::move(readers)).inspect([](uint64_t time, uint64_t number) {
        std::printf("%ju at time %ju\n", uintmax_t{number}, uintmax_t{time});
      });
    });
  });
  return capture.ok() && replay.ok() ? 0 : 1;
}
// end
