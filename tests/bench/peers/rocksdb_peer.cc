// RocksDB with its write-ahead log. No compression, because nobody else compresses; a memtable of
// 256 MiB, so that an append waits neither for a flush nor for a compaction; keys are big-endian.
// WAL files are recycled, so that a synced append does not have to change the file's size, and two
// writers' syncs are one (group commit), its best where threads commit at once: one database then.
// Reading: everything was flushed into one table, checksums are verified when a block is brought
// in, and the cache holds all blocks, so that a warm scan meets decoded, verified blocks.

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include <atomic>

#include "peer.h"

namespace tidemark::bench {
namespace {

Result<void> check(const rocksdb::Status& status, const char* action, const std::string& path) {
  if (status.ok()) return {};
  return fail(ErrorCode::Io,
              "RocksDB cannot " + std::string(action) + " in " + path + ": " + status.ToString());
}

rocksdb::Options options() {
  rocksdb::Options result;
  result.create_if_missing = true;
  result.compression = rocksdb::kNoCompression;
  result.write_buffer_size = size_t{256} << 20;
  result.recycle_log_file_num = 4;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(size_t{256} << 20);
  result.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return result;
}

rocksdb::Slice slice_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class Writer final : public PeerWriter {
 public:
  static Result<std::unique_ptr<PeerWriter>> open(const std::string& path, Durability durability) {
    rocksdb::DB* database = nullptr;
    TIDEMARK_TRY(check(rocksdb::DB::Open(options(), path, &database), "open", path));
    auto writer = std::make_unique<Writer>();
    writer->path_ = path;
    writer->database_.reset(database);
    writer->write_.sync = durability == Durability::EveryCommit;
    return writer;
  }

  // Any number of threads, as an exception.
  Result<void> append(std::span<const std::byte> record, uint64_t records,
                      uint64_t records_a_commit) override {
    std::byte key[8];
    rocksdb::WriteBatch batch;
    for (uint64_t i = 0; i < records; ++i) {
      store_key(number_.fetch_add(1, std::memory_order_relaxed), key);
      if (records_a_commit == 1) {
        TIDEMARK_TRY(check(database_->Put(write_, slice_of(key), slice_of(record)), "put", path_));
        continue;
      }
      TIDEMARK_TRY(check(batch.Put(slice_of(key), slice_of(record)), "put", path_));
      if ((i + 1) % records_a_commit == 0 || i + 1 == records) {
        TIDEMARK_TRY(check(database_->Write(write_, &batch), "write", path_));
        batch.Clear();
      }
    }
    return {};
  }

  Result<void> close() override {
    TIDEMARK_TRY(check(database_->Flush({}), "flush", path_));
    TIDEMARK_TRY(check(database_->CompactRange({}, nullptr, nullptr), "compact", path_));
    return check(database_->Close(), "close", path_);
  }

 private:
  std::string path_;
  std::unique_ptr<rocksdb::DB> database_;
  rocksdb::WriteOptions write_;
  std::atomic<uint64_t> number_{0};
};

class Reader final : public PeerReader {
 public:
  static Result<std::unique_ptr<PeerReader>> open(const std::string& path) {
    rocksdb::DB* database = nullptr;
    TIDEMARK_TRY(check(rocksdb::DB::OpenForReadOnly(options(), path, &database), "open", path));
    auto reader = std::make_unique<Reader>();
    reader->path_ = path;
    reader->database_.reset(database);
    return reader;
  }

  Result<uint64_t> scan() override {
    const std::unique_ptr<rocksdb::Iterator> iterator(database_->NewIterator({}));
    uint64_t records = 0;
    uint64_t sum = 0;
    for (iterator->SeekToFirst(); iterator->Valid(); iterator->Next()) {
      sum += static_cast<uint8_t>(iterator->value()[0]);
      ++records;
    }
    TIDEMARK_TRY(check(iterator->status(), "read", path_));
    return sum == 0 ? 0 : records;
  }

 private:
  std::string path_;
  std::unique_ptr<rocksdb::DB> database_;
};

}  // namespace

Peer rocksdb_peer() {
  Peer peer;
  peer.name = "RocksDB";
  peer.writer = Writer::open;
  peer.reader = Reader::open;
  peer.groups_commits = true;
  return peer;
}

}  // namespace tidemark::bench
