// Reading everything once, warm: ours verified, the limits, and what people use.

#include <algorithm>
#include <map>
#include <optional>
#include <string>

#include "measure/clock.h"
#include "measure/log_runs.h"
#include "peers/peer.h"
#include "suites.h"

namespace tidemark::bench {
namespace {

using namespace measure;

// Writes a peer's store and keeps a reader of it open, for all runs.
class PeerStore {
 public:
  static Result<PeerStore> write(const Peer& peer, const std::string& path, const Shape& shape,
                                 const Input& input, uint64_t events) {
    const uint64_t records = events * shape.records;
    TIDEMARK_ASSIGN(writer, peer.writer(path, Durability::None));
    TIDEMARK_TRY(writer->append(std::span(input.data).first(shape.record_bytes), records,
                                peer.database ? 1024 : shape.records));
    TIDEMARK_TRY(writer->close());
    writer.reset();
    PeerStore store;
    store.records_ = records;
    store.events_ = events;
    TIDEMARK_ASSIGN(reader, peer.reader(path));
    store.reader_ = std::move(reader);
    TIDEMARK_TRY(store.scan());  // what follows is warm
    return store;
  }

  Result<double> scan() {
    const auto start = Clock::now();
    TIDEMARK_ASSIGN(seen, reader_->scan());
    const double ns = ns_since(start) / static_cast<double>(events_);
    if (seen != records_) return fail(ErrorCode::Corrupt, "another number of records was read");
    return ns;
  }

 private:
  std::unique_ptr<PeerReader> reader_;
  uint64_t records_ = 0;
  uint64_t events_ = 0;
};

void run_row(Bench& bench, const Shape& shape, bool with_peers) {
  const Input input(shape);
  const uint64_t events = bench.options().size(timed_events(shape), 100);
  const std::string path = bench.scratch().fresh("replay");
  const auto appended = append_prepared(path, shape, input, events);

  Row row;
  row.name = shape.name();
  row.unit = "ns/event";
  const auto scan = [&](Scan what) {
    return [&, what]() -> Result<double> {
      if (!appended) return tl::make_unexpected(appended.error());
      return scan_barely(path, shape, *appended, what);
    };
  };
  row.contestants = {
      contestant("XXH3 scan", Role::Limit, scan(Scan::Verified)),
      contestant("XXH3 of records", Role::Limit, scan(Scan::Records)),
      contestant("frame walk", Role::Limit, scan(Scan::Words)),
      contestant("ours", Role::Ours,
                 [&]() -> Result<double> {
                   if (!appended) return tl::make_unexpected(appended.error());
                   return poll_all(path, *appended);
                 }),
  };
  std::map<std::string, std::optional<PeerStore>> stores;
  for (const Peer& peer : all_peers()) {
    if (!with_peers) break;
    const std::string store_path = bench.scratch().fresh("replay " + peer.name);
    // A database reads slower, and is written slower still.
    const uint64_t peer_events = peer.database ? std::max<uint64_t>(events / 4, 20) : events;
    row.contestants.push_back(contestant(peer.name, Role::Peer, [&, store_path, peer_events] {
      auto& store = stores[peer.name];
      if (!store) {
        auto written = PeerStore::write(peer, store_path, shape, input, peer_events);
        if (!written) return Result<double>(tl::make_unexpected(written.error()));
        store.emplace(std::move(*written));
      }
      return store->scan();
    }));
    row.contestants.back().absent = peer.absent;
  }
  bench.run(std::move(row));
  stores.clear();
  bench.scratch().fresh("replay");
  for (const Peer& peer : all_peers()) bench.scratch().fresh("replay " + peer.name);
}

}  // namespace

void replay_suite(Bench& bench) {
  bench.note(
      "from the page cache; ours verifies every frame, its payload and the protocol, and maps the "
      "pages as it goes; there is no way to read without verifying, so its ratio to the frame walk "
      "is that of the same reading; the scans are over pages that are mapped already; the peers' "
      "stores are open and were read once before: RocksDB's blocks are verified and cached by "
      "then, "
      "LMDB and the buffered file have no checksums");
  for (const auto& [shape, with_peers] : standard_shapes(bench.options())) {
    run_row(bench, shape, with_peers);
  }
}

}  // namespace tidemark::bench
