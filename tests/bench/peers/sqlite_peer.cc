// SQLite: one table whose rows are keyed by their number, in WAL mode, by a prepared statement.
// Without durability: synchronous=OFF. Fully synchronous: FULL, for NORMAL does not sync a commit
// in WAL mode. Checkpoints run as by default, every 1,000 pages: without them the log grows for
// ever. Locking stays NORMAL, because EXCLUSIVE would keep out the readers that Tidemark allows. It
// reads through a mapping (mmap_size), which spares the copy into its cache.

#include <sqlite3.h>

#include "peer.h"

namespace tidemark::bench {
namespace {

class Connection {
 public:
  ~Connection() { (void)close(); }

  Result<void> open(const std::string& path, int flags) {
    path_ = path;
    return check(sqlite3_open_v2(path.c_str(), &connection_, flags | SQLITE_OPEN_NOMUTEX, nullptr),
                 "open");
  }
  Result<void> execute(const std::string& text) {
    return check(sqlite3_exec(connection_, text.c_str(), nullptr, nullptr, nullptr), text);
  }
  Result<void> prepare(const std::string& text, sqlite3_stmt** statement) {
    return check(sqlite3_prepare_v3(connection_, text.c_str(), -1, SQLITE_PREPARE_PERSISTENT,
                                    statement, nullptr),
                 text);
  }
  Result<void> check(int code, const std::string& action) const {
    if (code == SQLITE_OK || code == SQLITE_DONE || code == SQLITE_ROW) return {};
    return fail(ErrorCode::Io,
                "SQLite cannot do \"" + action + "\" in " + path_ + ": " +
                    (connection_ == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(connection_)));
  }
  Result<void> close() {
    const int code = sqlite3_close(connection_);
    if (code == SQLITE_OK) connection_ = nullptr;
    return check(code, "close");
  }

 private:
  sqlite3* connection_ = nullptr;
  std::string path_;
};

class Writer final : public PeerWriter {
 public:
  ~Writer() override { finalize(); }

  static Result<std::unique_ptr<PeerWriter>> open(const std::string& path, Durability durability) {
    auto writer = std::make_unique<Writer>();
    Connection& connection = writer->connection_;
    TIDEMARK_TRY(connection.open(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE));
    TIDEMARK_TRY(connection.execute("PRAGMA journal_mode=WAL"));
    TIDEMARK_TRY(connection.execute(durability == Durability::None ? "PRAGMA synchronous=OFF"
                                                                   : "PRAGMA synchronous=FULL"));
    TIDEMARK_TRY(connection.execute("CREATE TABLE records(number INTEGER PRIMARY KEY, data BLOB)"));
    TIDEMARK_TRY(connection.prepare("INSERT INTO records VALUES(?, ?)", &writer->insert_));
    TIDEMARK_TRY(connection.prepare("BEGIN", &writer->begin_));
    TIDEMARK_TRY(connection.prepare("COMMIT", &writer->commit_));
    return writer;
  }

  Result<void> append(std::span<const std::byte> record, uint64_t records,
                      uint64_t records_a_commit) override {
    TIDEMARK_TRY(
        connection_.check(sqlite3_bind_blob(insert_, 2, record.data(),
                                            static_cast<int>(record.size()), SQLITE_STATIC),
                          "bind"));
    // A statement outside a transaction is one of its own, which is quicker than to begin one.
    const bool batched = records_a_commit > 1;
    for (uint64_t i = 0; i < records; ++i) {
      if (batched && i % records_a_commit == 0) TIDEMARK_TRY(step(begin_, "begin"));
      TIDEMARK_TRY(connection_.check(
          sqlite3_bind_int64(insert_, 1, static_cast<sqlite3_int64>(number_++)), "bind"));
      TIDEMARK_TRY(step(insert_, "insert"));
      if (batched && ((i + 1) % records_a_commit == 0 || i + 1 == records)) {
        TIDEMARK_TRY(step(commit_, "commit"));
      }
    }
    return {};
  }

  Result<void> close() override {
    finalize();
    return connection_.close();
  }

 private:
  Result<void> step(sqlite3_stmt* statement, const char* action) {
    const int code = sqlite3_step(statement);
    sqlite3_reset(statement);
    if (code == SQLITE_DONE) [[likely]]
      return {};
    return connection_.check(code, action);
  }
  void finalize() {
    for (sqlite3_stmt** statement : {&insert_, &begin_, &commit_}) {
      sqlite3_finalize(*statement);
      *statement = nullptr;
    }
  }

  Connection connection_;
  sqlite3_stmt* insert_ = nullptr;
  sqlite3_stmt* begin_ = nullptr;
  sqlite3_stmt* commit_ = nullptr;
  uint64_t number_ = 0;
};

class Reader final : public PeerReader {
 public:
  ~Reader() override { sqlite3_finalize(select_); }

  static Result<std::unique_ptr<PeerReader>> open(const std::string& path) {
    auto reader = std::make_unique<Reader>();
    TIDEMARK_TRY(reader->connection_.open(path, SQLITE_OPEN_READWRITE));
    TIDEMARK_TRY(reader->connection_.execute("PRAGMA mmap_size=2147418112"));
    TIDEMARK_TRY(
        reader->connection_.prepare("SELECT data FROM records ORDER BY number", &reader->select_));
    return reader;
  }

  Result<uint64_t> scan() override {
    uint64_t records = 0;
    uint64_t sum = 0;
    int code = sqlite3_step(select_);
    for (; code == SQLITE_ROW; code = sqlite3_step(select_)) {
      sum += *static_cast<const uint8_t*>(sqlite3_column_blob(select_, 0));
      ++records;
    }
    sqlite3_reset(select_);
    TIDEMARK_TRY(connection_.check(code, "select"));
    return sum == 0 ? 0 : records;
  }

 private:
  Connection connection_;
  sqlite3_stmt* select_ = nullptr;
};

}  // namespace

Peer sqlite_peer() {
  Peer peer;
  peer.name = "SQLite";
  peer.writer = Writer::open;
  peer.reader = Reader::open;
  return peer;
}

}  // namespace tidemark::bench
