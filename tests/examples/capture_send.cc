// Sends what its workers see to another process, a connection a worker: timely's example of this
// name.
//
//   capture_send PORT WORKERS        after capture_recv has said its port

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <utility>
#include <vector>

#include "tidemark/capture_into.h"
#include "tidemark/descriptor_streams.h"
#include "tidemark/wire_writer.h"

using namespace tidemark;
using namespace tidemark::dataflow;
using namespace std::chrono_literals;
using Numbers = std::vector<uint64_t>;
using Writer = WireWriter<uint64_t, Numbers, DescriptorSink>;

namespace {

Result<std::vector<Writer>> connect(uint16_t port, size_t connections) {
  std::vector<Writer> writers;
  for (size_t i = 0; i < connections; ++i) {
    TIDEMARK_ASSIGN(socket, tcp_connect(port, 5s));
    TIDEMARK_ASSIGN(writer, Writer::open(DescriptorSink(std::move(socket))));
    writers.push_back(std::move(writer));
  }
  return writers;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const size_t workers = std::strtoul(argv[2], nullptr, 10);
  auto writers = connect(static_cast<uint16_t>(std::strtoul(argv[1], nullptr, 10)), workers);
  if (!writers) {
    std::fprintf(stderr, "capture_send: %s\n", writers.error().text().c_str());
    return 1;
  }
  const auto execution = execute(Config::process(workers), [&](Worker& worker) {
    worker.dataflow<uint64_t>([&](auto& scope) {
      to_stream(scope, Numbers{0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
          .capture_into(std::move((*writers)[worker.index()]));
    });
  });
  for (const auto& failure : execution.failures) std::fprintf(stderr, "%s\n", failure.c_str());
  return execution.ok() ? 0 : 1;
}
