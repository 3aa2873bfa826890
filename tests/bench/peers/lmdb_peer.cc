// LMDB. Keys are integers and each record is appended behind the last one, for which it splits no
// page in half. Without durability: MDB_NOSYNC with MDB_WRITEMAP, its quickest way, which writes
// into the mapping as Tidemark does, and MDB_NOMEMINIT, which leaves new pages uncleared. Fully
// synchronous: its default, without MDB_WRITEMAP, which then would sync by msync and is slower.
// MDB_NOLOCK, MDB_NOTLS and MDB_NORDAHEAD make no difference to one writer on warm pages.

#include <lmdb.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "peer.h"

namespace tidemark::bench {
namespace {

// The map's size is a limit, not an allocation.
constexpr size_t kMapBytes = size_t{16} << 30;

Result<void> check(int code, const char* action, const std::string& path) {
  if (code == 0) return {};
  return fail(ErrorCode::Io,
              "LMDB cannot " + std::string(action) + " in " + path + ": " + mdb_strerror(code));
}

class Environment {
 public:
  ~Environment() {
    if (environment_ != nullptr) mdb_env_close(environment_);
  }
  Result<void> open(const std::string& path, unsigned flags) {
    TIDEMARK_TRY(check(mdb_env_create(&environment_), "begin", path));
    TIDEMARK_TRY(check(mdb_env_set_mapsize(environment_, kMapBytes), "set the map's size", path));
    return check(mdb_env_open(environment_, path.c_str(), flags, 0600), "open", path);
  }
  MDB_env* get() const { return environment_; }

 private:
  MDB_env* environment_ = nullptr;
};

class Writer final : public PeerWriter {
 public:
  static Result<std::unique_ptr<PeerWriter>> open(const std::string& path, Durability durability) {
    if (::mkdir(path.c_str(), 0700) != 0) return fail_system("creating", path, errno);
    auto writer = std::make_unique<Writer>();
    writer->path_ = path;
    TIDEMARK_TRY(writer->environment_.open(
        path, durability == Durability::None ? MDB_NOSYNC | MDB_WRITEMAP | MDB_NOMEMINIT : 0));
    MDB_txn* transaction = nullptr;
    TIDEMARK_TRY(check(mdb_txn_begin(writer->environment_.get(), nullptr, 0, &transaction),
                       "begin a transaction", path));
    TIDEMARK_TRY(check(mdb_dbi_open(transaction, nullptr, MDB_INTEGERKEY, &writer->database_),
                       "open the database", path));
    TIDEMARK_TRY(check(mdb_txn_commit(transaction), "commit", path));
    return writer;
  }

  Result<void> append(std::span<const std::byte> record, uint64_t records,
                      uint64_t records_a_commit) override {
    MDB_txn* transaction = nullptr;
    for (uint64_t i = 0; i < records; ++i, ++number_) {
      if (transaction == nullptr) {
        TIDEMARK_TRY(check(mdb_txn_begin(environment_.get(), nullptr, 0, &transaction),
                           "begin a transaction", path_));
      }
      MDB_val key{sizeof number_, &number_};
      // Room is made and filled by the caller: one copy less.
      MDB_val data{record.size(), nullptr};
      const int code = mdb_put(transaction, database_, &key, &data, MDB_APPEND | MDB_RESERVE);
      if (code != 0) {
        mdb_txn_abort(transaction);
        return check(code, "put a record", path_);
      }
      std::memcpy(data.mv_data, record.data(), record.size());
      if ((i + 1) % records_a_commit == 0 || i + 1 == records) {
        TIDEMARK_TRY(check(mdb_txn_commit(transaction), "commit", path_));
        transaction = nullptr;
      }
    }
    return {};
  }

  Result<void> close() override { return {}; }  // what is committed is where readers look

 private:
  std::string path_;
  Environment environment_;
  MDB_dbi database_ = 0;
  uint64_t number_ = 0;
};

class Reader final : public PeerReader {
 public:
  static Result<std::unique_ptr<PeerReader>> open(const std::string& path) {
    auto reader = std::make_unique<Reader>();
    reader->path_ = path;
    TIDEMARK_TRY(reader->environment_.open(path, MDB_RDONLY));
    return reader;
  }

  Result<uint64_t> scan() override {
    MDB_txn* transaction = nullptr;
    TIDEMARK_TRY(check(mdb_txn_begin(environment_.get(), nullptr, MDB_RDONLY, &transaction),
                       "begin a transaction", path_));
    auto records = scan(transaction);
    mdb_txn_abort(transaction);
    return records;
  }

 private:
  Result<uint64_t> scan(MDB_txn* transaction) const {
    MDB_dbi database = 0;
    TIDEMARK_TRY(check(mdb_dbi_open(transaction, nullptr, MDB_INTEGERKEY, &database),
                       "open the database", path_));
    MDB_cursor* cursor = nullptr;
    TIDEMARK_TRY(check(mdb_cursor_open(transaction, database, &cursor), "open a cursor", path_));
    MDB_val key{};
    MDB_val data{};
    uint64_t records = 0;
    uint64_t sum = 0;
    int code = mdb_cursor_get(cursor, &key, &data, MDB_FIRST);
    for (; code == 0; code = mdb_cursor_get(cursor, &key, &data, MDB_NEXT)) {
      sum += *static_cast<const uint8_t*>(data.mv_data);
      ++records;
    }
    mdb_cursor_close(cursor);
    if (code != MDB_NOTFOUND) TIDEMARK_TRY(check(code, "read", path_));
    return sum == 0 ? 0 : records;
  }

  std::string path_;
  Environment environment_;
};

}  // namespace

Peer lmdb_peer() {
  Peer peer;
  peer.name = "LMDB";
  peer.writer = Writer::open;
  peer.reader = Reader::open;
  return peer;
}

}  // namespace tidemark::bench
