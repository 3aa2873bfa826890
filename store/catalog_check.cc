#include "catalog_check.h"

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <span>
#include <thread>
#include <vector>

#include "catalog_values.h"

namespace tidemark {
namespace {

// LMDB's file format, data version 1, as 64-bit little-endian hosts write it. A file is pages of
// one size; pages 0 and 1 are meta pages, of which the one with the greater transaction counts.
constexpr uint32_t kMagic = 0xBEEFC0DE;
constexpr uint32_t kDataVersion = 1;
constexpr uint64_t kNoPage = ~uint64_t{0};
constexpr unsigned kMaxDepth = 32;

enum PageFlags : uint16_t { kBranch = 1, kLeaf = 2, kOverflow = 4, kMeta = 8 };
enum NodeFlags : uint16_t { kBigData = 1, kSubDatabase = 2 };

struct PageHeader {
  uint64_t number;
  uint16_t pad;
  uint16_t flags;
  uint16_t lower;  // bytes of header and node offsets; of an overflow page, with `upper`, its pages
  uint16_t upper;  // where the free space between offsets and nodes ends
};
static_assert(sizeof(PageHeader) == 16);

struct Database {
  uint32_t pad;  // of the free database: the page size
  uint16_t flags;
  uint16_t depth;
  uint64_t branch_pages;
  uint64_t leaf_pages;
  uint64_t overflow_pages;
  uint64_t entries;
  uint64_t root;
};
static_assert(sizeof(Database) == 48);

struct Meta {
  PageHeader page;
  uint32_t magic;
  uint32_t version;
  uint64_t address;
  uint64_t map_bytes;
  Database free;  // of pages that may be reused: transaction -> list of page numbers
  Database main;  // of the named databases
  uint64_t last_page;
  uint64_t transaction;
};
static_assert(sizeof(Meta) == 152);

struct NodeHeader {
  uint16_t low;  // size of the data; of a branch node, with `flags`, the page below
  uint16_t high;
  uint16_t flags;
  uint16_t key_bytes;
};
static_assert(sizeof(NodeHeader) == 8);

tl::unexpected<Error> unusable(std::string why) {
  return fail(ErrorCode::Corrupt, "the catalog is unusable: " + std::move(why));
}

Result<void> read_exactly(FileSeam& files, int descriptor, std::span<std::byte> bytes,
                          uint64_t offset) {
  const int64_t count = files.read(descriptor, bytes, offset);
  if (count < 0) return fail_system("reading the catalog", "", static_cast<int>(-count));
  if (static_cast<uint64_t>(count) != bytes.size()) return unusable("it is truncated");
  return {};
}

// Both meta pages, the newer one first.
Result<std::array<Meta, 2>> read_metas(FileSeam& files, int descriptor) {
  std::array<Meta, 2> metas;
  TIDEMARK_TRY(read_exactly(files, descriptor, std::as_writable_bytes(std::span(&metas[0], 1)), 0));
  const uint64_t page_bytes = metas[0].free.pad;
  if (metas[0].magic != kMagic) return unusable("it does not start with LMDB's magic");
  if (page_bytes < 512 || page_bytes > 65536 || !std::has_single_bit(page_bytes)) {
    return unusable("its page size is impossible");
  }
  TIDEMARK_TRY(
      read_exactly(files, descriptor, std::as_writable_bytes(std::span(&metas[1], 1)), page_bytes));
  for (const Meta& meta : metas) {
    if (meta.magic != kMagic || (meta.page.flags & kMeta) == 0) {
      return unusable("a meta page lacks LMDB's magic");
    }
    if (meta.version != metas[0].version || meta.free.pad != page_bytes) {
      return unusable("its meta pages contradict each other");
    }
  }
  // Transaction n writes meta page n % 2, and that is where LMDB looks for it.
  if (metas[0].transaction % 2 != 0 ||
      (metas[1].transaction != 0 && metas[1].transaction % 2 != 1)) {
    return unusable("a meta page stands in the place of the other");
  }
  if (metas[0].transaction < metas[1].transaction) std::swap(metas[0], metas[1]);
  return metas;
}

Result<void> check_metas(FileSeam& files, int descriptor) {
  TIDEMARK_ASSIGN(metas, read_metas(files, descriptor));
  // Another version is LMDB's to refuse.
  if (metas[0].version != kDataVersion) return {};
  FileStatus status;
  if (const int error = files.status(descriptor, status); error < 0) {
    return fail_system("looking at the catalog", "", -error);
  }
  const uint64_t page_bytes = metas[0].free.pad;
  const uint64_t pages = status.bytes / page_bytes;
  uint64_t needed = 2;
  for (const Meta& meta : metas) {
    for (const uint64_t root : {meta.free.root, meta.main.root}) {
      if (root != kNoPage && root >= pages) return unusable("it is truncated");
    }
    needed = std::max(needed, meta.last_page + 1);
  }
  if (pages >= needed) return {};
  // Twice the file and a MiB is more than one transaction of ours leaves unwritten.
  if (needed == 0 || needed > 2 * pages + (uint64_t{1} << 20) / page_bytes) {
    return unusable("it is truncated");
  }
  if (const int error = files.allocate(descriptor, needed * page_bytes); error < 0) {
    return fail_system("extending the catalog", "", -error);
  }
  return {};
}

// One look at all pages of a snapshot.
class PageWalk {
 public:
  PageWalk(FileSeam& files, int descriptor, const Meta& meta)
      : files_(files),
        descriptor_(descriptor),
        page_bytes_(meta.free.pad),
        end_page_(meta.last_page + 1),
        budget_(end_page_) {}

  Result<void> database(const Database& database, bool free) {
    if (database.flags != 0 && !free)
      return unusable("a database has flags that Tidemark never sets");
    if (database.root == kNoPage) {
      if (database.entries != 0) return unusable("a database has entries but no root");
      return {};
    }
    if (database.depth == 0 || database.depth > kMaxDepth) {
      return unusable("a database has an impossible depth");
    }
    // An entry that cannot be found is a cursor that a purge does not wait for: so each is counted,
    // and their keys ascend, since that is how LMDB finds them.
    Count count;
    TIDEMARK_TRY(page(database.root, database.depth, free, count));
    if (count.entries != database.entries) return unusable("a database has lost entries");
    return {};
  }

 private:
  struct Count {
    uint64_t entries = 0;
    std::vector<std::byte> last_key;
  };

  // Reads page `number`; every page may be read once, which ends any cycle.
  Result<std::vector<std::byte>> load(uint64_t number) {
    if (number < 2 || number >= end_page_ || budget_ == 0) {
      return unusable("it refers to a page that it does not have");
    }
    --budget_;
    std::vector<std::byte> bytes(page_bytes_);
    TIDEMARK_TRY(read_exactly(files_, descriptor_, bytes, number * page_bytes_));
    PageHeader header;
    std::memcpy(&header, bytes.data(), sizeof header);
    if (header.number != number) return unusable("a page bears another page's number");
    return bytes;
  }

  Result<void> page(uint64_t number, unsigned depth, bool free, Count& count) {
    TIDEMARK_ASSIGN(bytes, load(number));
    PageHeader header;
    std::memcpy(&header, bytes.data(), sizeof header);
    if (header.flags != (depth > 1 ? kBranch : kLeaf))
      return unusable("a page is of the wrong kind");
    if (header.lower < sizeof header || header.lower > header.upper || header.upper > page_bytes_ ||
        header.lower % 2 != 0) {
      return unusable("a page's bounds are impossible");
    }
    const size_t nodes = (header.lower - sizeof header) / sizeof(uint16_t);
    if (nodes < (depth > 1 ? 2U : 1U)) return unusable("a page has too few nodes");
    for (size_t i = 0; i < nodes; ++i) {
      uint16_t offset = 0;
      std::memcpy(&offset, bytes.data() + sizeof header + i * sizeof offset, sizeof offset);
      if (offset < header.upper || offset + sizeof(NodeHeader) > page_bytes_ || offset % 2 != 0) {
        return unusable("a node lies outside of its page");
      }
      TIDEMARK_TRY(node(std::span<const std::byte>(bytes).subspan(offset), depth, free, count));
    }
    return {};
  }

  // `bytes` reach from the node to the page's end.
  Result<void> node(std::span<const std::byte> bytes, unsigned depth, bool free, Count& count) {
    NodeHeader header;
    std::memcpy(&header, bytes.data(), sizeof header);
    bytes = bytes.subspan(sizeof header);
    const uint64_t low = header.low | uint64_t{header.high} << 16;
    if (header.key_bytes > bytes.size()) return unusable("a key is longer than its page");
    if (depth > 1) return page(low | uint64_t{header.flags} << 32, depth - 1, free, count);

    const auto key = bytes.first(header.key_bytes);
    bytes = bytes.subspan(header.key_bytes);
    // Free pages are listed by number, and LMDB walks their list from one end.
    if (!free && count.entries > 0 && !std::ranges::lexicographical_compare(count.last_key, key)) {
      return unusable("a database's keys do not ascend");
    }
    count.last_key.assign(key.begin(), key.end());
    ++count.entries;
    if (header.flags == kBigData) {
      uint64_t number = 0;
      if (bytes.size() < sizeof number) return unusable("a node lies outside of its page");
      std::memcpy(&number, bytes.data(), sizeof number);
      return overflow(number, low, key, free);
    }
    if (low > bytes.size()) return unusable("a value is longer than its page");
    bytes = bytes.first(low);
    if (header.flags == kSubDatabase && !free) {
      Database below;
      if (bytes.size() != sizeof below) return unusable("a database's record has the wrong size");
      // LMDB would make an empty database in the place of one that lost its name.
      const std::string_view name(reinterpret_cast<const char*>(key.data()), key.size());
      if (name != kMetaDatabase && name != kSegmentsDatabase && name != kCursorsDatabase) {
        return unusable("it has a database that Tidemark never makes");
      }
      std::memcpy(&below, bytes.data(), sizeof below);
      return database(below, false);
    }
    if (header.flags != 0) return unusable("a node has flags that Tidemark never sets");
    return free ? free_list(key, bytes) : Result<void>{};
  }

  Result<void> overflow(uint64_t number, uint64_t size, std::span<const std::byte> key, bool free) {
    TIDEMARK_ASSIGN(first, load(number));
    PageHeader header;
    std::memcpy(&header, first.data(), sizeof header);
    const uint64_t pages = header.lower | uint64_t{header.upper} << 16;
    if (header.flags != kOverflow || pages == 0 || pages > end_page_ - number ||
        pages - 1 > budget_ || size > pages * page_bytes_ - sizeof header) {
      return unusable("a value's own pages are impossible");
    }
    budget_ -= pages - 1;
    if (!free) return {};
    std::vector<std::byte> value(size);
    TIDEMARK_TRY(
        read_exactly(files_, descriptor_, value, number * page_bytes_ + sizeof(PageHeader)));
    return free_list(key, value);
  }

  // A transaction's free pages: their number, then the pages, descending. LMDB will write to them.
  Result<void> free_list(std::span<const std::byte> key, std::span<const std::byte> value) {
    std::vector<uint64_t> words(value.size() / sizeof(uint64_t));
    if (key.size() != sizeof(uint64_t) || value.size() % sizeof(uint64_t) != 0 || words.empty()) {
      return unusable("a list of free pages has the wrong size");
    }
    std::memcpy(words.data(), value.data(), value.size());
    if (words[0] > words.size() - 1) return unusable("a list of free pages has the wrong size");
    uint64_t above = end_page_;
    for (uint64_t i = 1; i <= words[0]; ++i) {
      if (words[i] < 2 || words[i] >= above) return unusable("a free page is impossible");
      above = words[i];
    }
    return {};
  }

  FileSeam& files_;
  int descriptor_;
  uint64_t page_bytes_;
  uint64_t end_page_;
  uint64_t budget_;
};

}  // namespace

Result<void> check_catalog_file(FileSeam& files, const std::string& path) {
  const int descriptor = files.open(path, OpenMode::ReadWrite);
  if (descriptor < 0) return fail_system("opening the catalog", path, -descriptor);
  FileStatus status;
  Result<void> result;
  if (const int error = files.status(descriptor, status); error < 0) {
    result = fail_system("looking at the catalog", path, -error);
  } else if (status.bytes > 0) {
    // Another process may be writing a meta page at this moment: what looks torn is looked at
    // again.
    for (int attempt = 0; attempt < 5; ++attempt) {
      if (attempt > 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
      result = check_metas(files, descriptor);
      if (result || result.error().code != ErrorCode::Corrupt) break;
    }
    if (!result) result.error().path = path;
  }
  files.close(descriptor);
  return result;
}

Result<void> check_catalog_pages(FileSeam& files, int descriptor, uint64_t transaction) {
  TIDEMARK_ASSIGN(metas, read_metas(files, descriptor));
  if (metas[0].version != kDataVersion) return {};
  for (const Meta& meta : metas) {
    if (meta.transaction != transaction) continue;
    PageWalk walk(files, descriptor, meta);
    TIDEMARK_TRY(walk.database(meta.free, true));
    return walk.database(meta.main, false);
  }
  // Two more transactions were committed since: whoever did that could walk these pages.
  return {};
}

}  // namespace tidemark
