// What a record takes on disk. It repeats exactly, so one run is enough.

#include <sys/stat.h>
#include <algorithm>
#include <filesystem>
#include <string>
#include <system_error>

#include "measure/log_runs.h"
#include "peers/peer.h"
#include "suites.h"
#include "tidemark/log.h"

namespace tidemark::bench {
namespace {

using namespace measure;

// What is allocated for a file, or for all files below a directory.
Result<double> allocated_bytes(const std::string& path) {
  double bytes = 0;
  const auto add = [&](const std::string& file) {
    struct stat status {};
    if (::stat(file.c_str(), &status) == 0 && S_ISREG(status.st_mode)) {
      bytes += 512.0 * static_cast<double>(status.st_blocks);
    }
  };
  add(path);
  std::error_code error;
  if (std::filesystem::is_directory(path)) {
    for (std::filesystem::recursive_directory_iterator entry(path, error), end;
         !error && entry != end; entry.increment(error)) {
      add(entry->path().string());
    }
  }
  if (error) return fail_system("reading", path, error.value());
  return bytes;
}

struct Space {
  double event = 0;  // bytes from one event to the next
  double disk = 0;   // of the whole closed log, by payload
};

Result<Space> space_of_log(const std::string& path, const Shape& shape, const Input& input,
                           uint64_t events) {
  Space space;
  TIDEMARK_ASSIGN(log, Log::open(path));
  TIDEMARK_ASSIGN(writer, log.writer(0, unsynced_options(shape)));
  TIDEMARK_ASSIGN(first, append(writer, shape, input, 0));
  TIDEMARK_ASSIGN(second, append(writer, shape, input, 0));
  space.event = static_cast<double>(second - first);
  for (uint64_t i = 2; i < events; ++i) TIDEMARK_TRY(append(writer, shape, input, 0));
  TIDEMARK_TRY(writer.close());
  TIDEMARK_ASSIGN(bytes, allocated_bytes(path));
  space.disk = bytes / static_cast<double>(events * shape.data_bytes());
  return space;
}

void run_row(Bench& bench, const Shape& shape) {
  const Input input(shape);
  // As many records for all, and enough that what a store begins with does not count.
  const uint64_t payload = bench.options().size(uint64_t{16} << 20, uint64_t{1} << 17);
  const uint64_t events = std::max<uint64_t>(payload / shape.data_bytes(), 8);
  Row row;
  row.name = shape.name();
  row.runs = 1;
  row.unit = "B/B";
  row.metrics = {"disk"};
  row.contestants = {contestant("ours", Role::Ours, [&]() -> Result<double> {
    TIDEMARK_ASSIGN(space, space_of_log(bench.scratch().fresh("space"), shape, input, events));
    return space.disk;
  })};
  for (const Peer& peer : all_peers()) {
    row.contestants.push_back(contestant(peer.name, Role::Peer, [&]() -> Result<double> {
      const std::string path = bench.scratch().fresh("space");
      TIDEMARK_ASSIGN(writer, peer.writer(path, Durability::None));
      TIDEMARK_TRY(writer->append(std::span(input.data).first(shape.record_bytes),
                                  events * shape.records,
                                  std::max<uint64_t>(shape.records, peer.database ? 1024 : 1)));
      TIDEMARK_TRY(writer->close());
      writer.reset();
      TIDEMARK_ASSIGN(bytes, allocated_bytes(path));
      return bytes / static_cast<double>(events * shape.data_bytes());
    }));
    row.contestants.back().absent = peer.absent;
  }
  bench.run(std::move(row));

  Row event;
  event.name = shape.name();
  event.runs = 1;
  event.unit = "B";
  event.metrics = {"event"};
  event.contestants = {contestant("ours", Role::Ours, [&]() -> Result<double> {
    TIDEMARK_ASSIGN(space, space_of_log(bench.scratch().fresh("space"), shape, input, 8));
    return space.event;
  })};
  bench.run(std::move(event));
  bench.scratch().fresh("space");
}

}  // namespace

void space_suite(Bench& bench) {
  bench.note(
      "bytes on disk by bytes of records, of a closed store with 16 MiB of records; beside it what "
      "one event takes; LMDB as it stands, SQLite after its last checkpoint, RocksDB compacted, "
      "nothing compressed");
  for (const ShapeRow& row : standard_shapes(bench.options())) run_row(bench, row.shape);
}

}  // namespace tidemark::bench
