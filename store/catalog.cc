// The only file that knows LMDB. It makes transactions of what catalog.h offers; the bytes of
// keys and values are those of catalog_values.h.
//
// What LMDB does not protect against: its pages have no checksums. catalog_check.h judges their
// structure when the environment is opened, and every value has a checksum of its own; a page that
// is damaged while the environment is open, or a file that is truncated under it, is beyond both.
// That is why nothing but cursors needs the catalog, and why reading, verifying and recovering
// never open it. LMDB also makes its own system calls: they do not go through the file seam.

#include "tidemark/catalog.h"

#include <lmdb.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <tuple>

#include "catalog_check.h"
#include "catalog_values.h"
#include "paths.h"

namespace tidemark {
namespace {

// Small at first, because it is only an upper bound and grows by doubling; a log of a thousand
// segments takes about 300 KiB.
constexpr uint64_t kInitialMapBytes = uint64_t{256} << 10;
constexpr uint64_t kMaxMapBytes = uint64_t{1} << 40;
constexpr MDB_dbi kDatabases = 3;
constexpr unsigned kMaxReaders = 1024;

MDB_val value_of(std::span<const std::byte> bytes) {
  // LMDB takes keys and values to be written by pointers that are not const, and leaves them be.
  return {bytes.size(), const_cast<std::byte*>(bytes.data())};
}
MDB_val value_of(std::string_view text) {
  return value_of(std::as_bytes(std::span(text.data(), text.size())));
}
std::span<const std::byte> bytes_of(const MDB_val& value) {
  return {static_cast<const std::byte*>(value.mv_data), value.mv_size};
}
std::string_view text_of(const MDB_val& value) {
  return {static_cast<const char*>(value.mv_data), value.mv_size};
}

// The error of an LMDB call that failed with `code`.
tl::unexpected<Error> fail_lmdb(std::string_view action, const std::string& path, int code) {
  if (code > 0) return fail_system(action, path, code);
  const ErrorCode kind = code == MDB_MAP_FULL           ? ErrorCode::NoSpace
                         : code == MDB_READERS_FULL     ? ErrorCode::Busy
                         : code == MDB_VERSION_MISMATCH ? ErrorCode::Unsupported
                         : code == MDB_PANIC            ? ErrorCode::Io
                                                        : ErrorCode::Corrupt;
  auto error = fail(kind, std::string(action) + ": " + mdb_strerror(code));
  error.value().path = path;
  return error;
}

// An open LMDB environment, shared by all handles to one catalog in this process.
class Environment {
 public:
  Environment(std::string directory, FileSeam& files)
      : directory_(std::move(directory)), files_(&files) {}
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  ~Environment() {
    if (environment_ != nullptr) mdb_env_close(environment_);
  }

  // Errors: Corrupt, Unsupported, NoSpace, Io.
  Result<void> open() {
    const std::string data = directory_ + "/data.mdb";
    TIDEMARK_TRY(check_catalog_file(*files_, data));
    if (const int code = mdb_env_create(&environment_); code != MDB_SUCCESS) {
      return fail_lmdb("creating an LMDB environment", directory_, code);
    }
    int code = mdb_env_set_maxdbs(environment_, kDatabases);
    if (code == MDB_SUCCESS) code = mdb_env_set_maxreaders(environment_, kMaxReaders);
    if (code == MDB_SUCCESS) code = mdb_env_set_mapsize(environment_, kInitialMapBytes);
    // With MDB_NOTLS a reader's slot belongs to its transaction, not to the thread for its life.
    if (code == MDB_SUCCESS) code = mdb_env_open(environment_, directory_.c_str(), MDB_NOTLS, 0664);
    int dead_readers = 0;
    // Slots of readers that were killed would keep their pages from being used again.
    if (code == MDB_SUCCESS) code = mdb_reader_check(environment_, &dead_readers);
    if (code != MDB_SUCCESS) return fail_lmdb("opening the catalog", directory_, code);

    TIDEMARK_TRY(read([&](MDB_txn* transaction) {
      int descriptor = -1;
      if (const int failed = mdb_env_get_fd(environment_, &descriptor); failed != MDB_SUCCESS) {
        return Step{failed};
      }
      auto checked = check_catalog_pages(*files_, descriptor, mdb_txn_id(transaction));
      if (!checked) checked.error().path = data;
      return Step(std::move(checked));
    }));
    return open_databases();
  }

  // What a step of a transaction came to: LMDB's code, and, where that is none, our own word.
  struct Step {
    Step() = default;
    explicit Step(int lmdb) : code(lmdb) {}
    explicit Step(Result<void> word) : result(std::move(word)) {}

    int code = MDB_SUCCESS;
    Result<void> result;
  };

  // Runs `body` in a read transaction. What it points to ends with it.
  template <typename Body>
  Result<void> read(Body body) {
    bool checked_readers = false;
    for (;;) {
      int code = MDB_SUCCESS;
      {
        const std::shared_lock map(map_);
        MDB_txn* transaction = nullptr;
        code = mdb_txn_begin(environment_, nullptr, MDB_RDONLY, &transaction);
        if (code == MDB_SUCCESS) {
          Step step = body(transaction);
          mdb_txn_abort(transaction);
          TIDEMARK_TRY(std::move(step.result));
          if (step.code == MDB_SUCCESS) return {};
          code = step.code;
        }
      }
      if (code == MDB_READERS_FULL && !checked_readers) {
        checked_readers = true;
        int dead_readers = 0;
        mdb_reader_check(environment_, &dead_readers);
      } else if (code == MDB_MAP_RESIZED) {
        TIDEMARK_TRY(adopt_map());
      } else {
        return fail_lmdb("reading the catalog", directory_, code);
      }
    }
  }

  // Runs `body` in a write transaction and commits it; from the beginning again where the map was
  // too small, so that `body` must give the same each time.
  template <typename Body>
  Result<void> write(Body body) {
    for (;;) {
      int code = MDB_SUCCESS;
      uint64_t map_bytes = 0;
      {
        const std::shared_lock map(map_);
        map_bytes = current_map_bytes();
        MDB_txn* transaction = nullptr;
        code = mdb_txn_begin(environment_, nullptr, 0, &transaction);
        if (code == MDB_SUCCESS) {
          Step step = body(transaction);
          if (step.result && step.code == MDB_SUCCESS) {
            code = mdb_txn_commit(transaction);
          } else {
            mdb_txn_abort(transaction);
            TIDEMARK_TRY(std::move(step.result));
            code = step.code;
          }
        }
      }
      if (code == MDB_SUCCESS) return {};
      if (code == MDB_MAP_RESIZED) {
        TIDEMARK_TRY(adopt_map());
      } else if (code == MDB_MAP_FULL && map_bytes < kMaxMapBytes) {
        TIDEMARK_TRY(grow_map(map_bytes));
      } else {
        return fail_lmdb("writing to the catalog", directory_, code);
      }
    }
  }

  MDB_dbi segments() const { return segments_; }
  MDB_dbi cursors() const { return cursors_; }
  const std::string& directory() const { return directory_; }

 private:
  // The format's version, and handles to the three databases: created where they are missing.
  Result<void> open_databases() {
    const auto names = {std::pair(kMetaDatabase, &meta_), std::pair(kSegmentsDatabase, &segments_),
                        std::pair(kCursorsDatabase, &cursors_)};
    const auto open_all = [&](MDB_txn* transaction, unsigned flags) {
      for (const auto& [name, handle] : names) {
        const int code = mdb_dbi_open(transaction, std::string(name).c_str(), flags, handle);
        if (code != MDB_SUCCESS) return code;
      }
      return MDB_SUCCESS;
    };
    // Most often all is there, and opening needs no write transaction, which could have to wait.
    // Handles last only if their transaction is committed, so that read() does not serve.
    MDB_txn* transaction = nullptr;
    int code = mdb_txn_begin(environment_, nullptr, MDB_RDONLY, &transaction);
    if (code == MDB_SUCCESS) {
      code = open_all(transaction, 0);
      if (code == MDB_SUCCESS) {
        Result<void> format = check_format(transaction);
        code = mdb_txn_commit(transaction);
        if (code == MDB_SUCCESS) return format;
      } else {
        mdb_txn_abort(transaction);
      }
    }
    if (code != MDB_NOTFOUND && code != MDB_MAP_RESIZED) {
      return fail_lmdb("opening the catalog's databases", directory_, code);
    }
    return write([&](MDB_txn* writing) {
      if (const int failed = open_all(writing, MDB_CREATE); failed != MDB_SUCCESS) {
        return Step{failed};
      }
      const auto format = encode_format(kCatalogMajor);
      MDB_val key = value_of(kFormatKey);
      MDB_val value = value_of(format);
      const int put = mdb_put(writing, meta_, &key, &value, MDB_NOOVERWRITE);
      if (put != MDB_SUCCESS && put != MDB_KEYEXIST) return Step{put};
      return Step(check_format(writing));
    });
  }

  Result<void> check_format(MDB_txn* transaction) const {
    MDB_val key = value_of(kFormatKey);
    MDB_val value{};
    const int code = mdb_get(transaction, meta_, &key, &value);
    if (code != MDB_SUCCESS) return fail_lmdb("reading the catalog's version", directory_, code);
    const auto major = decode_format(bytes_of(value));
    Error error;
    error.path = directory_;
    if (!major) {
      error.code = ErrorCode::Corrupt;
      error.message = "the catalog's version does not match its checksum";
    } else if (*major != kCatalogMajor) {
      error.code = ErrorCode::Unsupported;
      error.message = "the catalog has version " + std::to_string(*major) + ", expected " +
                      std::to_string(kCatalogMajor);
    } else {
      return {};
    }
    return tl::make_unexpected(std::move(error));
  }

  uint64_t current_map_bytes() const {
    MDB_envinfo info{};
    mdb_env_info(environment_, &info);
    return info.me_mapsize;
  }

  // The map may only change while this process has no transaction: hence the lock. Another thread
  // may have grown it since this one found it too small.
  Result<void> grow_map(uint64_t too_small) {
    const std::unique_lock map(map_);
    if (current_map_bytes() > too_small) return {};
    if (const int code = mdb_env_set_mapsize(environment_, 2 * too_small); code != MDB_SUCCESS) {
      return fail_lmdb("growing the catalog's map", directory_, code);
    }
    return {};
  }

  // Another process has grown it: 0 means as large as it now is.
  Result<void> adopt_map() {
    const std::unique_lock map(map_);
    if (const int code = mdb_env_set_mapsize(environment_, 0); code != MDB_SUCCESS) {
      return fail_lmdb("growing the catalog's map", directory_, code);
    }
    return {};
  }

  std::string directory_;
  FileSeam* files_;
  MDB_env* environment_ = nullptr;
  MDB_dbi meta_ = 0;
  MDB_dbi segments_ = 0;
  MDB_dbi cursors_ = 0;
  std::shared_mutex map_;  // shared: a transaction is open; exclusive: the map's size is changing
};

// LMDB's locks are of fcntl(2), which belong to the process: the first close of a second
// environment of the same file would release those of the first. So there is one for each data
// file, known by device and inode, and whoever opens that catalog shares it.
struct Place {
  uint64_t device = 0;
  uint64_t inode = 0;
  friend bool operator==(const Place&, const Place&) = default;
  friend bool operator<(const Place& a, const Place& b) {
    return std::tie(a.device, a.inode) < std::tie(b.device, b.inode);
  }
};

struct Entry {
  std::mutex opening;  // held while the environment is opened
  Environment* environment = nullptr;
  size_t users = 0;  // guarded by the registry
};

class Registry {
 public:
  static Registry& instance() {
    // Never destroyed: a handle may outlive every other static object.
    static auto* const registry = new Registry;
    return *registry;
  }

  Result<std::shared_ptr<Entry>> acquire(const Place& place, const std::string& directory,
                                         FileSeam& files) {
    std::shared_ptr<Entry> entry;
    {
      const std::lock_guard lock(mutex_);
      auto& slot = entries_[place];
      if (!slot) slot = std::make_shared<Entry>();
      entry = slot;
      ++entry->users;
    }
    Result<void> opened;
    {
      const std::lock_guard lock(entry->opening);
      if (entry->environment == nullptr) {
        auto environment = std::make_unique<Environment>(directory, files);
        opened = environment->open();
        if (opened) entry->environment = environment.release();
      }
    }
    if (!opened) {
      release(place, entry);
      return tl::make_unexpected(std::move(opened).error());
    }
    return entry;
  }

  // The last user closes the environment, under the lock, so that nobody can open it meanwhile.
  void release(const Place& place, const std::shared_ptr<Entry>& entry) {
    const std::lock_guard lock(mutex_);
    if (--entry->users > 0) return;
    delete entry->environment;
    entry->environment = nullptr;
    entries_.erase(place);
  }

 private:
  // A fork must not happen while another thread holds the lock, for that thread is not in the
  // child; and the child starts without environments, for those are the parent's. They are left
  // open in it on purpose: closing one would touch the file that the parent uses.
  Registry() {
    pthread_atfork([] { instance().mutex_.lock(); }, [] { instance().mutex_.unlock(); },
                   [] {
                     instance().inherited_.emplace_back().swap(instance().entries_);
                     instance().mutex_.unlock();
                   });
  }

  std::mutex mutex_;
  std::map<Place, std::shared_ptr<Entry>> entries_;
  std::vector<std::map<Place, std::shared_ptr<Entry>>> inherited_;
};

Result<Place> place_of(FileSeam& files, const std::string& path) {
  FileStatus status;
  if (const int error = files.status(path, status); error < 0) {
    return fail_system("looking at the catalog", path, -error);
  }
  return Place{status.device, status.inode};
}

// The directory with an empty data file, where there is none: so that there is an inode by which
// the registry knows the environment before it is opened.
Result<void> make_catalog(FileSeam& files, const std::string& log, const std::string& directory,
                          const std::string& data) {
  int error = files.make_directory(directory);
  if (error < 0 && error != -EEXIST) {
    return fail_system("creating the catalog", directory, -error);
  }
  if (error == 0) error = files.sync_directory(log);
  if (error < 0 && error != -EEXIST) return fail_system("syncing the log", log, -error);

  const int descriptor = files.open(data, OpenMode::Create);
  if (descriptor == -EEXIST) return {};
  if (descriptor < 0) return fail_system("creating the catalog", data, -descriptor);
  files.close(descriptor);
  error = files.sync_directory(directory);
  if (error < 0) return fail_system("syncing the catalog", directory, -error);
  return {};
}

Result<void> check_name(const std::string& name) {
  if (!name.empty() && name.size() <= kMaxCursorNameBytes) return {};
  return fail(ErrorCode::InvalidArgument, "a cursor's name has 1 to " +
                                              std::to_string(kMaxCursorNameBytes) +
                                              " bytes, found " + std::to_string(name.size()));
}

// Calls `visit(key, value)` for every entry from `first` on until it says false.
template <typename Visit>
int for_each_from(MDB_txn* transaction, MDB_dbi database, std::span<const std::byte> first,
                  Visit visit) {
  MDB_cursor* cursor = nullptr;
  int code = mdb_cursor_open(transaction, database, &cursor);
  if (code != MDB_SUCCESS) return code;
  MDB_val key = value_of(first);
  MDB_val value{};
  code = mdb_cursor_get(cursor, &key, &value, first.empty() ? MDB_FIRST : MDB_SET_RANGE);
  while (code == MDB_SUCCESS && visit(bytes_of(key), value)) {
    code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
  }
  mdb_cursor_close(cursor);
  return code == MDB_NOTFOUND ? MDB_SUCCESS : code;
}

tl::unexpected<Error> damaged_cursor(std::string_view name, const std::string& directory) {
  auto error = fail(ErrorCode::Corrupt,
                    "the cursor '" + std::string(name) + "' does not match its checksum");
  error.value().path = directory;
  return error;
}

bool belongs_to(std::span<const std::byte> key, uint32_t stream) {
  const auto place = parse_segment_key(key);
  return place && place->first == stream;
}

}  // namespace

// One handle: a user of an environment.
class Catalog::Implementation {
 public:
  Implementation(FileSeam& files, std::string data, Place place, std::shared_ptr<Entry> entry)
      : files_(&files),
        data_(std::move(data)),
        place_(place),
        entry_(std::move(entry)),
        process_(getpid()) {}
  Implementation(const Implementation&) = delete;
  Implementation& operator=(const Implementation&) = delete;
  ~Implementation() {
    // A fork's child has no share in its parent's environments.
    if (process_ == getpid()) Registry::instance().release(place_, entry_);
  }

  template <typename Body>
  Result<void> read(Body body) const {
    TIDEMARK_TRY(check_process());
    return environment().read(body);
  }

  template <typename Body>
  Result<void> write(Body body) const {
    TIDEMARK_TRY(check_process());
    // Into a file that nobody can find any more, a cursor would go for nothing.
    const auto place = place_of(*files_, data_);
    if (!place || *place != place_) {
      Error error;
      error.code = ErrorCode::NotFound;
      error.message = "the catalog was deleted or replaced since it was opened";
      error.path = data_;
      return tl::make_unexpected(std::move(error));
    }
    return environment().write(body);
  }

  Environment& environment() const { return *entry_->environment; }

 private:
  Result<void> check_process() const {
    if (process_ == getpid()) return {};
    auto error = fail(ErrorCode::Forked, "the catalog was opened by the parent process");
    error.value().path = data_;
    return error;
  }

  FileSeam* files_;
  std::string data_;
  Place place_;
  std::shared_ptr<Entry> entry_;
  pid_t process_;
};

using Step = Environment::Step;

Result<Catalog> Catalog::open(const Log& log) {
  const std::string directory = catalog_path(log.path());
  const std::string data = directory + "/data.mdb";
  TIDEMARK_TRY(make_catalog(log.files(), log.path(), directory, data));
  TIDEMARK_ASSIGN(place, place_of(log.files(), data));
  TIDEMARK_ASSIGN(entry, Registry::instance().acquire(place, directory, log.files()));
  return Catalog(std::make_shared<Implementation>(log.files(), data, place, std::move(entry)));
}

Result<std::vector<SegmentSurvey>> Catalog::segments(uint32_t stream) const {
  std::vector<SegmentSurvey> segments;
  TIDEMARK_TRY(implementation_->read([&](MDB_txn* transaction) {
    segments.clear();
    return Step{for_each_from(transaction, implementation_->environment().segments(),
                              segment_key(stream, 0), [&](auto key, const MDB_val& value) {
                                if (!belongs_to(key, stream)) return false;
                                auto segment = decode_segment(key, bytes_of(value));
                                if (segment) segments.push_back(std::move(*segment));
                                return true;
                              })};
  }));
  return segments;
}

Result<std::vector<uint32_t>> Catalog::cached_streams() const {
  std::vector<uint32_t> streams;
  TIDEMARK_TRY(implementation_->read([&](MDB_txn* transaction) {
    streams.clear();
    return Step{for_each_from(transaction, implementation_->environment().segments(), {},
                              [&](auto key, const MDB_val& /*value*/) {
                                const auto place = parse_segment_key(key);
                                if (place && (streams.empty() || streams.back() != place->first)) {
                                  streams.push_back(place->first);
                                }
                                return true;
                              })};
  }));
  return streams;
}

Result<void> Catalog::replace_segments(uint32_t stream, TimeShape shape,
                                       const std::vector<SegmentSurvey>& segments) {
  return implementation_->write([&](MDB_txn* transaction) {
    const MDB_dbi database = implementation_->environment().segments();
    std::vector<SegmentKey> old;
    int code = for_each_from(transaction, database, segment_key(stream, 0),
                             [&](auto key, const MDB_val& /*value*/) {
                               if (!belongs_to(key, stream)) return false;
                               std::copy(key.begin(), key.end(), old.emplace_back().begin());
                               return true;
                             });
    for (const SegmentKey& bytes : old) {
      if (code != MDB_SUCCESS) break;
      MDB_val key = value_of(bytes);
      code = mdb_del(transaction, database, &key, nullptr);
    }
    for (const SegmentSurvey& segment : segments) {
      if (code != MDB_SUCCESS) break;
      const SegmentKey bytes = segment_key(stream, segment.first_position);
      const auto content = encode_segment(bytes, shape, segment);
      MDB_val key = value_of(bytes);
      MDB_val value = value_of(content);
      code = mdb_put(transaction, database, &key, &value, 0);
    }
    return Step{code};
  });
}

Result<std::vector<Cursor>> Catalog::cursors() const {
  std::vector<Cursor> cursors;
  TIDEMARK_TRY(implementation_->read([&](MDB_txn* transaction) {
    cursors.clear();
    Step step;
    step.code = for_each_from(transaction, implementation_->environment().cursors(), {},
                              [&](auto key, const MDB_val& value) {
                                const MDB_val name = value_of(key);
                                auto cursor = decode_cursor(text_of(name), bytes_of(value));
                                if (!cursor) {
                                  step.result = damaged_cursor(
                                      text_of(name), implementation_->environment().directory());
                                  return false;
                                }
                                cursors.push_back(std::move(*cursor));
                                return true;
                              });
    return step;
  }));
  return cursors;
}

Result<std::optional<Cursor>> Catalog::cursor(const std::string& name) const {
  TIDEMARK_TRY(check_name(name));
  std::optional<Cursor> found;
  TIDEMARK_TRY(implementation_->read([&](MDB_txn* transaction) {
    MDB_val key = value_of(name);
    MDB_val value{};
    const int code = mdb_get(transaction, implementation_->environment().cursors(), &key, &value);
    if (code == MDB_NOTFOUND) return Step{};
    if (code != MDB_SUCCESS) return Step{code};
    found = decode_cursor(name, bytes_of(value));
    if (found) return Step{};
    return Step(damaged_cursor(name, implementation_->environment().directory()));
  }));
  return found;
}

Result<void> Catalog::put_cursor(const Cursor& cursor) {
  TIDEMARK_TRY(check_name(cursor.name));
  const auto content = encode_cursor(cursor);
  return implementation_->write([&](MDB_txn* transaction) {
    MDB_val key = value_of(cursor.name);
    MDB_val value = value_of(content);
    return Step{mdb_put(transaction, implementation_->environment().cursors(), &key, &value, 0)};
  });
}

Result<void> Catalog::move_cursor(const Cursor& cursor) {
  TIDEMARK_TRY(check_name(cursor.name));
  return implementation_->write([&](MDB_txn* transaction) {
    const MDB_dbi database = implementation_->environment().cursors();
    Cursor moved = cursor;
    MDB_val key = value_of(cursor.name);
    MDB_val value{};
    const int code = mdb_get(transaction, database, &key, &value);
    if (code == MDB_SUCCESS) {
      const auto old = decode_cursor(cursor.name, bytes_of(value));
      if (!old)
        return Step(damaged_cursor(cursor.name, implementation_->environment().directory()));
      for (const CursorPlace& place : old->positions) {
        const bool named = std::any_of(cursor.positions.begin(), cursor.positions.end(),
                                       [&](const auto& p) { return p.stream == place.stream; });
        if (!named) moved.positions.push_back(place);
      }
    } else if (code != MDB_NOTFOUND) {
      return Step{code};
    }
    std::sort(moved.positions.begin(), moved.positions.end(),
              [](const CursorPlace& a, const CursorPlace& b) { return a.stream < b.stream; });
    const auto content = encode_cursor(moved);
    value = value_of(content);
    return Step{mdb_put(transaction, database, &key, &value, 0)};
  });
}

Result<bool> Catalog::remove_cursor(const std::string& name) {
  TIDEMARK_TRY(check_name(name));
  bool removed = false;
  TIDEMARK_TRY(implementation_->write([&](MDB_txn* transaction) {
    MDB_val key = value_of(name);
    const int code = mdb_del(transaction, implementation_->environment().cursors(), &key, nullptr);
    removed = code == MDB_SUCCESS;
    return Step{code == MDB_NOTFOUND ? MDB_SUCCESS : code};
  }));
  return removed;
}

}  // namespace tidemark
