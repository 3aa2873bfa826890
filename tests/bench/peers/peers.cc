#include "peer.h"

namespace tidemark::bench {
namespace {

[[maybe_unused]] Peer absent(std::string name, std::string package) {
  return {std::move(name), std::move(package) + " was not installed when this was built", {}, {}};
}

}  // namespace

const std::vector<Peer>& all_peers() {
  static const std::vector<Peer> peers = {
      buffered_file(),
#ifdef TIDEMARK_BENCH_ROCKSDB
      rocksdb_peer(),
#else
      absent("RocksDB", "librocksdb-dev"),
#endif
      lmdb_peer(),
#ifdef TIDEMARK_BENCH_SQLITE
      sqlite_peer(),
#else
      absent("SQLite", "libsqlite3-dev"),
#endif
  };
  return peers;
}

}  // namespace tidemark::bench
