// A disk in memory, and processes that use it through `FileSeam`: files are pages with a version on
// the medium and one in the page cache, directory entries are volatile until their directory is
// synced. Power can be cut at any moment, and what may then be on the medium is enumerated by
// crash_image.h. No system call is made, so that millions of crashes take minutes.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "page_buffer.h"
#include "tidemark/file_seam.h"

namespace tidemark::rig {

struct Node;
using NodePtr = std::shared_ptr<Node>;

// A change of a directory that is not on the medium for certain.
struct EntryChange {
  enum class Kind : uint8_t { Create, Remove, Rename } kind{};
  std::string name;
  std::string to;  // Rename
  NodePtr node;
};
void apply_change(const EntryChange& change, std::map<std::string, NodePtr>& entries);

struct Node {
  bool is_directory = false;
  uint64_t inode = 0;
  // A file: what processes see (shared with their mappings), what the last sync left on the medium
  // (nullptr: nothing), and what was seen of it in between.
  std::shared_ptr<PageBuffer> live;
  std::shared_ptr<const PageBuffer> synced;
  std::vector<std::shared_ptr<const PageBuffer>> versions;
  bool populated = false;
  // `live` belongs to other trees too: whoever stores to it takes a copy first.
  bool is_shared = false;
  void take_copy() {
    if (is_shared && live) live = live->clone();
    is_shared = false;
  }
  // To a file that is so long, the new bytes zero. Mappings stay with the old ones.
  void grow(uint64_t bytes) {
    live = live ? std::make_shared<PageBuffer>(bytes, *live) : std::make_shared<PageBuffer>(bytes);
    is_shared = false;
  }
  // A directory: the same.
  std::map<std::string, NodePtr> entries;
  std::map<std::string, NodePtr> durable;
  std::vector<EntryChange> pending;
  // flock: descriptors that hold it.
  int exclusive = 0;
  int shared = 0;
  // Locks of bytes: once for each open file that holds one.
  std::multiset<uint64_t> locked_bytes;

  uint64_t bytes() const { return live ? live->size() : 0; }
};

// A tree of its own with the same contents, all of it in the page cache alone.
NodePtr copy_tree(const NodePtr& node);

enum class Call : uint8_t {
  Open,
  Create,
  Close,
  Status,
  Read,
  Write,
  Allocate,
  CacheZeros,
  PunchHole,
  NextData,
  SyncData,
  SyncAll,
  SyncDirectory,
  RenameNew,
  RenameOver,
  RemoveFile,
  RemoveDirectory,
  MakeDirectory,
  List,
  Lock,
  LockByte,
  FindLockedByte,
  Space,
  FileSystem,
  DisableCopyOnWrite,
  Map,
  Unmap,
  UseLargePages,
  Populate,
  FutexWait,
  FutexWake,
  Membarrier,
  RegisterMembarrier,
  Random,
  BootId,
};
inline constexpr int kCalls = static_cast<int>(Call::BootId) + 1;
std::string_view name_of(Call call);
// Whether the call changes what a loss of power would leave.
bool changes_the_medium(Call call);

class SimulatedDisk {
 public:
  // An empty root directory, or one that a crash left.
  explicit SimulatedDisk(NodePtr root = nullptr, uint64_t boot = 1);
  // A process died with all its mappings: what it still stores (its destructors run here) must
  // reach nobody. The page cache stays.
  void cut_off_mappings();
  // Whether every segment in a stream's directory is prepared to the last step, and there is one
  // beyond `position`. For rigs that want helper threads to be done before they go on.
  bool prepared_beyond(const std::string& directory, uint64_t position);

  NodePtr root;
  const std::string boot_id;
  std::mutex mutex;  // of all the below and of the tree
  uint64_t clock_ns = 1'700'000'000'000'000'000;
  uint64_t random = 0;
  uint64_t next_inode = 1;
  // Without it nothing is remembered of what the medium has: for disks that lose power no more.
  bool tracks_the_medium = true;
  // Somebody mapped more than a file has: the first access beyond it would have been a signal.
  bool mapped_beyond_a_file = false;

  NodePtr find(std::string_view path) const;
};

class SimulatedProcess : public FileSeam {
 public:
  explicit SimulatedProcess(SimulatedDisk& disk) : disk_(disk) {}
  ~SimulatedProcess() override;

  // Asked before each call, with the disk locked: 0, or the error that it shall fail with. A failed
  // allocation leaves a part of the file behind, a failed sync clean pages, as with real systems.
  std::function<int(Call, const std::string& path)> before;
  // Called in place of sleeping, and in the place of the barrier, with nothing locked.
  std::function<void(Call)> on_wait;
  // From now on every call fails, changes nothing, and all locks are free.
  void die();

  int open(const std::string& path, OpenMode mode) override;
  int close(int descriptor) override;
  int status(int descriptor, FileStatus& result) override;
  int status(const std::string& path, FileStatus& result) override;
  int64_t read(int descriptor, std::span<std::byte> bytes, uint64_t offset) override;
  int write(int descriptor, std::span<const std::byte> bytes, uint64_t offset) override;
  int allocate(int descriptor, uint64_t bytes) override;
  int cache_zeros(int descriptor, uint64_t offset, uint64_t bytes) override;
  int punch_hole(int descriptor, uint64_t offset, uint64_t bytes) override;
  int64_t next_data(int descriptor, uint64_t offset) override;
  int sync_data(int descriptor) override { return sync(Call::SyncData, descriptor); }
  int sync_all(int descriptor) override { return sync(Call::SyncAll, descriptor); }
  int sync_directory(const std::string& path) override;
  int rename_new(const std::string& from, const std::string& to) override;
  int rename_over(const std::string& from, const std::string& to) override;
  int remove_file(const std::string& path) override;
  int remove_directory(const std::string& path) override;
  int make_directory(const std::string& path) override;
  int list(const std::string& path, std::vector<std::string>& names) override;
  int lock(int descriptor, LockMode mode) override;
  int lock_byte(int descriptor, uint64_t offset, bool locked) override;
  int find_locked_byte(int descriptor, uint64_t end, std::optional<uint64_t>& found) override;
  int space(const std::string& path, FileSystemSpace& result) override;
  int file_system(int descriptor, uint64_t& magic) override;
  int disable_copy_on_write(int descriptor) override;
  std::byte* map(int descriptor, uint64_t bytes, bool writable, int& error) override;
  int unmap(std::byte* address, uint64_t bytes) override;
  int use_large_pages(std::byte* address, uint64_t bytes) override;
  int populate(std::byte* address, uint64_t bytes, bool for_writing) override;
  int futex_wait(std::span<const FutexWait> words, std::chrono::nanoseconds limit) override;
  int futex_wake_all(uint32_t* word) override;
  int membarrier() override;
  int register_membarrier() override;
  uint64_t now_ns() override;
  uint64_t coarse_now_ns() override { return now_ns(); }
  int random(std::span<std::byte> bytes) override;
  std::string boot_id() override;

  uint64_t wakes = 0;

 private:
  struct Open {
    NodePtr node;
    std::string path;
    bool exclusive = false;
    bool shared = false;
    std::set<uint64_t> locked_bytes;
  };
  struct Mapping {
    std::shared_ptr<PageBuffer> buffer;
    NodePtr node;
  };
  int ask(Call call, const std::string& path);
  int sync(Call call, int descriptor);
  int rename(Call call, const std::string& from, const std::string& to);
  int remove(Call call, const std::string& path);
  int add(const std::string& path, NodePtr node);
  Open* opened(int descriptor);
  void release(Open& open);
  void release_bytes(Open& open);

  SimulatedDisk& disk_;
  bool dead_ = false;
  // High, so that nothing takes them for the real process's.
  int next_descriptor_ = 1 << 20;
  std::map<int, Open> open_;
  std::multimap<std::byte*, Mapping> mappings_;
};

}  // namespace tidemark::rig
