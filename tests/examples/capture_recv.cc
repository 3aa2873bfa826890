// Replays what another process's workers send, on any number of its own: timely's example of this
// name.
//
//   capture_recv CONNECTIONS WORKERS      prints its port first, then what it replays

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <utility>
#include <vector>

#include "tidemark/descriptor_streams.h"
#include "tidemark/replay_into.h"
#include "tidemark/wire_reader.h"

using namespace tidemark;
using namespace tidemark::dataflow;
using namespace std::chrono_literals;
using Numbers = std::vector<uint64_t>;
using Reader = WireReader<uint64_t, Numbers, DescriptorSource>;

namespace {

// Connection i goes to worker i % workers.
Result<std::vector<std::vector<Reader>>> accept(size_t connections, size_t workers) {
  TIDEMARK_ASSIGN(listener, tcp_listen());
  std::printf("port: %u\n", unsigned{listener.port()});
  std::fflush(stdout);
  std::vector<std::vector<Reader>> shares(workers);
  for (size_t i = 0; i < connections; ++i) {
    TIDEMARK_ASSIGN(socket, listener.accept(30s));
    TIDEMARK_ASSIGN(reader, Reader::open(DescriptorSource(std::move(socket))));
    shares[i % workers].push_back(std::move(reader));
  }
  return shares;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const size_t workers = std::strtoul(argv[2], nullptr, 10);
  auto shares = accept(std::strtoul(argv[1], nullptr, 10), workers);
  if (!shares) {
    std::fprintf(stderr, "capture_recv: %s\n", shares.error().text().c_str());
    return 1;
  }
  const auto execution = execute(Config::process(workers), [&](Worker& worker) {
    worker.dataflow<uint64_t>([&](auto& scope) {
      replay_into(scope, std::move((*shares)[worker.index()])).inspect([](uint64_t n) {
        std::printf("replayed: %ju\n", uintmax_t{n});
      });
    });
  });
  for (const auto& failure : execution.failures) std::fprintf(stderr, "%s\n", failure.c_str());
  return execution.ok() ? 0 : 1;
}
