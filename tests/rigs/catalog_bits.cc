// Damage of the catalog (SPEC.md section 2.4): every bit of its data file flipped, and the file cut
// short, in processes of their own, since LMDB trusts its pages. Reading, verifying and recovering
// never notice. Opening the catalog works or says Corrupt; a cursor is a place that it really had,
// or an error; and after a reindex there is a catalog again.

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <new>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rig.h"
#include "stream_oracle.h"
#include "tidemark/cursor.h"
#include "tidemark/verify.h"

namespace tidemark::rig {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kBitsOfCase = 1024;
constexpr uint64_t kCutBytes = 512;

struct Original {
  std::string data;                              // the catalog's data file
  std::vector<std::vector<CursorPlace>> places;  // that a cursor has or had
  std::vector<std::string> names;
  std::vector<uint64_t> events;
};

// In memory that a child shares.
struct Shared {
  std::atomic<uint64_t> at{0};  // the damage that it is at
  std::atomic<uint64_t> tried{0};
  std::atomic<uint64_t> refused{0};
  std::atomic<uint64_t> earlier{0};  // a cursor stood where it had been before
  std::atomic<uint64_t> damaged_cursors{0};
  std::atomic<uint64_t> absent{0};
  char failure[512];
};

std::string write_log(const std::string& path, Original& original) {
  LogOptions create;
  create.create_if_missing = true;
  const auto log = Log::open(path, create);
  if (!log) return log.error().text();
  auto writer = log->writer(0, small_segments(SyncPolicy::none()));
  if (!writer) return writer.error().text();
  std::vector<uint64_t> ends;
  for (uint64_t time = 0; time < 300; ++time) {
    const std::string text = std::to_string(time) + std::string(700, 'c');
    const std::string_view records[] = {text};
    const auto end = writer->append_messages(std::span(&time, 1), records);
    if (!end) return end.error().text();
    ends.push_back(*end);
    original.events.push_back(number_of_messages(time, records));
  }
  if (const auto closed = writer->close(); !closed) return closed.error().text();
  const uint32_t streams[] = {0};
  original.names = {"one", "two", "three"};
  for (size_t i = 0; i < original.names.size(); ++i) {
    auto consumer = Consumer::open(*log, original.names[i], streams);
    if (!consumer) return consumer.error().text();
    auto& places = original.places.emplace_back();
    for (size_t move = 0; move < 4; ++move) {
      const StreamPosition at[] = {{0, ends[20 * i + 60 * move]}};
      if (const auto moved = consumer->commit(at); !moved) return moved.error().text();
      const auto catalog = Catalog::open(*log);
      const auto cursor = catalog->cursor(original.names[i]);
      if (!cursor || !*cursor) return "the cursor is not there";
      places.push_back((*cursor)->positions.at(0));
    }
  }
  if (const auto indexed = reindex(*log); !indexed) return indexed.error().text();
  std::ifstream data(path + "/catalog/data.mdb", std::ios::binary);
  original.data.assign(std::istreambuf_iterator<char>(data), {});
  return original.data.empty() ? "the catalog has no data file" : "";
}

bool may_be_said(const Error& error) {
  return error.code == ErrorCode::Corrupt || error.code == ErrorCode::Unsupported;
}

std::string check_cursors(const Original& original, const Catalog& catalog, bool emptied,
                          Shared& shared) {
  const auto all = catalog.cursors();
  if (!all && !may_be_said(all.error())) return "unexpected: " + all.error().text();
  for (size_t i = 0; i < original.names.size(); ++i) {
    const auto cursor = catalog.cursor(original.names[i]);
    if (!cursor) {
      if (!may_be_said(cursor.error())) return "unexpected: " + cursor.error().text();
      shared.damaged_cursors.fetch_add(1);
      continue;
    }
    if (!*cursor) {
      shared.absent.fetch_add(1);  // its key was damaged: the consumer begins anew
      // A purge asks for all of them, and does nothing where it is told Corrupt. An empty file is a
      // new catalog.
      if (all && !emptied) return "the cursor '" + original.names[i] + "' is gone without a word";
      continue;
    }
    const auto& had = original.places[i];
    const auto& is = (*cursor)->positions;
    if (is.size() != 1 || std::find(had.begin(), had.end(), is[0]) == had.end()) {
      return "the cursor '" + original.names[i] + "' is somewhere else";
    }
    if (is[0] != had.back()) shared.earlier.fetch_add(1);
  }
  const auto segments = catalog.segments(0);
  if (!segments && !may_be_said(segments.error())) return segments.error().text();
  return "";
}

// `thoroughly`: also write to it, use the log beside it, and reindex.
std::string check(const Original& original, const std::string& path, bool thoroughly, bool emptied,
                  Shared& shared) {
  const auto log = Log::open(path);
  if (!log) return log.error().text();
  shared.tried.fetch_add(1, std::memory_order_relaxed);
  {
    auto catalog = Catalog::open(*log);
    if (!catalog) {
      if (!may_be_said(catalog.error())) return "unexpected: " + catalog.error().text();
      shared.refused.fetch_add(1, std::memory_order_relaxed);
    } else {
      if (auto wrong = check_cursors(original, *catalog, emptied, shared); !wrong.empty())
        return wrong;
      if (thoroughly) {
        const Cursor moved{original.names[0], 7, {original.places[0][1]}};
        if (const auto put = catalog->put_cursor(moved); !put && !may_be_said(put.error())) {
          return "unexpected: " + put.error().text();
        }
      }
    }
  }
  if (!thoroughly) return "";
  const Served served = serve(*log, 0, Access::Map);
  if (served.error || served.events != original.events) return "a reader noticed";
  const auto report = verify_log(path);
  if (!report || report->damaged()) return "verification noticed";
  const auto indexed = reindex(*log);
  if (!indexed) return "reindex: " + indexed.error().text();
  const auto catalog = Catalog::open(*log);
  if (!catalog) return "after a reindex: " + catalog.error().text();
  const auto segments = catalog->segments(0);
  if (!segments || segments->empty()) return "after a reindex the cache is empty";
  return "";
}

void restore(const std::string& path, const std::string& data) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(path)) {
    if (entry.path().filename().string().starts_with("catalog.damaged-")) {
      fs::remove_all(entry.path(), ignored);
    }
  }
  fs::create_directories(path + "/catalog");
  fs::remove(path + "/catalog/lock.mdb", ignored);
  std::ofstream file(path + "/catalog/data.mdb", std::ios::binary | std::ios::trunc);
  file.write(data.data(), static_cast<std::streamsize>(data.size()));
}

// Damages `first` to `last`, of which the first ones are bits and the others lengths.
[[noreturn]] void try_all(const Original& original, const std::string& path, uint64_t first,
                          uint64_t last, uint64_t each, Shared& shared) {
  const uint64_t bits = original.data.size() * 8;
  for (uint64_t at = first; at < last; ++at) {
    shared.at.store(at);
    if (at < bits && at % each != 0) continue;
    std::string data = original.data;
    if (at < bits) {
      data[at / 8] = static_cast<char>(data[at / 8] ^ (1 << at % 8));
    } else {
      data.resize((at - bits) * kCutBytes);
    }
    restore(path, data);
    const bool thoroughly = at / each % 64 == 0;
    if (const auto wrong = check(original, path, thoroughly, data.empty(), shared);
        !wrong.empty()) {
      const std::string what = at < bits ? "bit " + std::to_string(at) + " flipped: "
                                         : "cut to " + std::to_string(data.size()) + " bytes: ";
      std::snprintf(shared.failure, sizeof shared.failure, "%s%s", what.c_str(), wrong.c_str());
      ::_exit(1);
    }
  }
  ::_exit(0);
}

}  // namespace

// --count N: every Nth bit; 1 by default. --directory: where; else /dev/shm, as it syncs often.
int catalog_bits(Rig& rig) {
  const uint64_t each = std::max<uint64_t>(rig.options().count, 1);
  std::string base = rig.options().directory;
  if (base.empty()) base = ::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : ".";
  base += "/catalog_bits-" + std::to_string(::getpid());
  Original original;
  fs::create_directories(base);
  if (auto wrong = write_log(base + "/original", original); !wrong.empty()) {
    rig.fail("the log cannot be written: " + wrong, 0);
    return rig.finish();
  }
  const uint64_t all = original.data.size() * 8 + original.data.size() / kCutBytes;
  rig.counter("bits").store(original.data.size() * 8);
  auto& died = rig.counter("lmdb_died");
  for_each_case(rig, (all + kBitsOfCase - 1) / kBitsOfCase, [&](uint64_t number) {
    const std::string path = base + "/" + std::to_string(number);
    fs::copy(base + "/original", path, fs::copy_options::recursive);
    void* const memory =
        ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return rig.fail("no shared memory", number);
    auto& shared = *new (memory) Shared;
    const uint64_t last = std::min(all, (number + 1) * kBitsOfCase);
    for (uint64_t first = number * kBitsOfCase; first < last && !rig.should_stop();) {
      const pid_t child = ::fork();
      if (child == 0) try_all(original, path, first, last, each, shared);
      int status = 0;
      ::waitpid(child, &status, 0);
      if (WIFEXITED(status) && WEXITSTATUS(status) == 0) break;
      if (!WIFSIGNALED(status)) {
        rig.fail(shared.failure, number);
        break;
      }
      // Counted, and named: what LMDB does with a page that passed the checks.
      died.fetch_add(1);
      std::fprintf(stderr, "died of signal %d at damage %llu\n", WTERMSIG(status),
                   static_cast<unsigned long long>(shared.at.load()));
      first = shared.at.load() + 1;
    }
    rig.counter("damaged_catalogs").fetch_add(shared.tried.load());
    rig.counter("refused").fetch_add(shared.refused.load());
    rig.counter("cursors_refused").fetch_add(shared.damaged_cursors.load());
    rig.counter("cursors_absent").fetch_add(shared.absent.load());
    rig.counter("cursors_earlier").fetch_add(shared.earlier.load());
    ::munmap(memory, sizeof(Shared));
    if (!rig.failed()) fs::remove_all(path);
  });
  if (died.load() > 0 && !rig.failed()) {
    rig.fail("LMDB died of " + std::to_string(died.load()) + " damaged files", 0);
  }
  if (!rig.failed()) fs::remove_all(base);
  return rig.finish();
}

}  // namespace tidemark::rig
