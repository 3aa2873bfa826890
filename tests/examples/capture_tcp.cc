// Captured into a TCP socket and replayed from it without blocking, in the same worker: the second
// example of timely's module `operators::capture`. Prints 0 to 9.

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <utility>
#include <vector>

#include "tidemark/capture_into.h"
#include "tidemark/descriptor_streams.h"
#include "tidemark/replay_into.h"
#include "tidemark/wire_reader.h"
#include "tidemark/wire_writer.h"

using namespace tidemark;
using namespace tidemark::dataflow;
using namespace std::chrono_literals;
using Numbers = std::vector<uint64_t>;

namespace {

Result<Execution> run() {
  TIDEMARK_ASSIGN(listener, tcp_listen());
  TIDEMARK_ASSIGN(sending, tcp_connect(listener.port(), 5s));
  TIDEMARK_ASSIGN(receiving, listener.accept(5s));
  TIDEMARK_TRY(receiving.set_non_blocking(true));
  TIDEMARK_ASSIGN(
      writer,
      (WireWriter<uint64_t, Numbers, DescriptorSink>::open(DescriptorSink(std::move(sending)))));
  TIDEMARK_ASSIGN(reader, (WireReader<uint64_t, Numbers, DescriptorSource>::open(
                              DescriptorSource(std::move(receiving)))));

  return execute(Config::thread(), [&](Worker& worker) {
    worker.dataflow<uint64_t>([&](auto& scope) {
      to_stream(scope, Numbers{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}).capture_into(std::move(writer));
    });
    std::vector<WireReader<uint64_t, Numbers, DescriptorSource>> readers;
    readers.push_back(std::move(reader));
    worker.dataflow<uint64_t>([&](auto& scope) {
      replay_into(scope, std::move(readers)).inspect([](uint64_t n) {
        std::printf("replayed: %ju\n", uintmax_t{n});
      });
    });
  });
}

}  // namespace

int main() {
  const auto execution = run();
  if (!execution) std::fprintf(stderr, "%s\n", execution.error().text().c_str());
  return execution && execution->ok() ? 0 : 1;
}
