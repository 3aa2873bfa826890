// What people use instead, doing the same work: records of one length, in order, kept in a file.
//
// Every peer is set up as well as its documentation and measurements say; its file states the
// settings and why. Keys are the numbers of the records, so that all of them keep the order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tidemark/result.h"

namespace tidemark::bench {

enum class Durability : uint8_t {
  None,         // left to the system; survives the death of the process
  EveryCommit,  // a commit returns when it would survive power loss
};

// One store that is open for appending. One thread at a time.
class PeerWriter {
 public:
  virtual ~PeerWriter() = default;
  // Appends `record` so often, with a commit after every `records_a_commit` of them and at the end.
  virtual Result<void> append(std::span<const std::byte> record, uint64_t records,
                              uint64_t records_a_commit) = 0;
  // Ends writing and closes, so that all is where a reader looks for it.
  virtual Result<void> close() = 0;
};

// One store that is open for reading.
class PeerReader {
 public:
  virtual ~PeerReader() = default;
  // Reads all records in order and looks at the first byte of each: returns how many there are.
  virtual Result<uint64_t> scan() = 0;
};

struct Peer {
  std::string name;
  std::string absent;  // why this build does not have it; empty: it does
  std::function<Result<std::unique_ptr<PeerWriter>>(const std::string& path, Durability)> writer;
  std::function<Result<std::unique_ptr<PeerReader>>(const std::string& path)> reader;
  // Whether several threads that commit at once share one store and its syncs, which then is its
  // best; otherwise each of them has a store of its own.
  bool groups_commits = false;
  // Whether it is a database: the buffered file is not, and does not commit record by record.
  bool database = true;
};

// The buffered file, RocksDB, LMDB and SQLite, in this order.
const std::vector<Peer>& all_peers();

Peer buffered_file();
#ifdef TIDEMARK_BENCH_ROCKSDB
Peer rocksdb_peer();
#endif
Peer lmdb_peer();
#ifdef TIDEMARK_BENCH_SQLITE
Peer sqlite_peer();
#endif

// A key that sorts as the numbers do.
inline void store_key(uint64_t number, std::byte (&key)[8]) {
  for (size_t i = 0; i < 8; ++i) key[i] = static_cast<std::byte>(number >> (56 - 8 * i));
}

}  // namespace tidemark::bench
