#include "simulated_disk.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "tidemark/check.h"

namespace tidemark::rig {
namespace {

constexpr uint64_t kExt4 = 0xEF53;
std::pair<std::string_view, std::string_view> split(std::string_view path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return {{}, path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

// A read may see a mapping in the middle of a store, and whoever reads so allows for it: that is no
// race of the process.
#ifdef __SANITIZE_THREAD__
__attribute__((no_sanitize("thread")))
#endif
void copy_as_the_kernel(std::byte* to, const std::byte* from, uint64_t count) {
#ifdef __SANITIZE_THREAD__
  const volatile std::byte* const source = from;
  volatile std::byte* const target = to;
  for (uint64_t i = 0; i < count; ++i) target[i] = source[i];
#else
  std::memcpy(to, from, count);
#endif
}

// What a sync that fails leaves: nothing written, and every page clean.
void fail_sync(Node& node) {
  if (!node.live) return;
  node.take_copy();
  for (uint64_t page = 0; page < node.live->pages(); ++page) {
    if (!node.live->same_page(page, node.synced.get())) node.live->leave_clean(page);
  }
}

void sync_file(Node& node) {
  auto medium = node.live ? std::make_shared<PageBuffer>(node.bytes(), *node.live)
                          : std::make_shared<PageBuffer>(0);
  if (node.live) {
    for (uint64_t page = 0; page < medium->pages(); ++page) {
      if (!node.live->is_clean(page)) continue;
      std::byte* const to = medium->data() + page * kPageBytes;
      std::memset(to, 0, kPageBytes);
      if (node.synced && page < node.synced->pages()) {
        std::memcpy(to, node.synced->page(page), kPageBytes);
      }
    }
  }
  node.synced = std::move(medium);
  node.versions.clear();
}

}  // namespace

void apply_change(const EntryChange& change, std::map<std::string, NodePtr>& entries) {
  switch (change.kind) {
    case EntryChange::Kind::Create:
      entries[change.name] = change.node;
      break;
    case EntryChange::Kind::Remove:
      entries.erase(change.name);
      break;
    case EntryChange::Kind::Rename:
      entries.erase(change.name);
      entries[change.to] = change.node;
      break;
  }
}

NodePtr copy_tree(const NodePtr& node) {
  auto made = std::make_shared<Node>();
  made->is_directory = node->is_directory;
  made->inode = node->inode;
  if (node->live) made->live = node->live->clone();
  for (const auto& [name, child] : node->entries) made->entries[name] = copy_tree(child);
  return made;
}

std::string_view name_of(Call call) {
  constexpr std::string_view kNames[] = {"open",
                                         "create",
                                         "close",
                                         "status",
                                         "read",
                                         "write",
                                         "allocate",
                                         "cache_zeros",
                                         "punch_hole",
                                         "next_data",
                                         "sync_data",
                                         "sync_all",
                                         "sync_directory",
                                         "rename_new",
                                         "rename_over",
                                         "remove_file",
                                         "remove_directory",
                                         "make_directory",
                                         "list",
                                         "lock",
                                         "lock_byte",
                                         "find_locked_byte",
                                         "space",
                                         "file_system",
                                         "disable_copy_on_write",
                                         "map",
                                         "unmap",
                                         "use_large_pages",
                                         "populate",
                                         "futex_wait",
                                         "futex_wake",
                                         "membarrier",
                                         "register_membarrier",
                                         "random",
                                         "boot_id"};
  static_assert(std::size(kNames) == kCalls);
  return kNames[static_cast<size_t>(call)];
}

bool changes_the_medium(Call call) {
  switch (call) {
    case Call::Create:
    case Call::Write:
    case Call::Allocate:
    case Call::PunchHole:
    case Call::SyncData:
    case Call::SyncAll:
    case Call::SyncDirectory:
    case Call::RenameNew:
    case Call::RenameOver:
    case Call::RemoveFile:
    case Call::RemoveDirectory:
    case Call::MakeDirectory:
      return true;
    default:
      return false;
  }
}

SimulatedDisk::SimulatedDisk(NodePtr given, uint64_t boot)
    : root(std::move(given)),
      boot_id("00000000-0000-4000-8000-" + std::to_string(1'000'000'000'000 + boot)) {
  random = boot << 32;
  next_inode = boot << 20;
  if (root) return;
  root = std::make_shared<Node>();
  root->is_directory = true;
}

NodePtr SimulatedDisk::find(std::string_view path) const {
  NodePtr at = root;
  while (!path.empty()) {
    const size_t begin = path.find_first_not_of('/');
    if (begin == std::string_view::npos) return at;
    path.remove_prefix(begin);
    const size_t end = std::min(path.find('/'), path.size());
    if (!at->is_directory) return nullptr;
    const auto found = at->entries.find(std::string(path.substr(0, end)));
    if (found == at->entries.end()) return nullptr;
    at = found->second;
    path.remove_prefix(end);
  }
  return at;
}

namespace {

void cut_off(Node& node) {
  if (node.is_directory) {
    node.exclusive = 0;
    node.shared = 0;
    for (auto& [name, child] : node.entries) cut_off(*child);
  } else if (node.live && !node.is_shared && node.live.use_count() > 1) {
    node.live = node.live->clone();
  }
}

}  // namespace

void SimulatedDisk::cut_off_mappings() {
  const std::lock_guard lock(mutex);
  cut_off(*root);
}

bool SimulatedDisk::prepared_beyond(const std::string& directory, uint64_t position) {
  const std::lock_guard lock(mutex);
  const NodePtr stream = find(directory);
  if (!stream) return false;
  bool beyond = false;
  for (const auto& [name, node] : stream->entries) {
    if (!name.ends_with(".seg")) continue;
    if (!node->populated || !node->synced) return false;
    for (const EntryChange& change : stream->pending) {
      if (change.name == name) return false;
    }
    if (std::stoull(name) > position) beyond = true;
  }
  return beyond;
}

SimulatedProcess::~SimulatedProcess() {
  const std::lock_guard lock(disk_.mutex);
  for (auto& [descriptor, open] : open_) {
    release(open);
    release_bytes(open);
  }
}

void SimulatedProcess::die() {
  disk_.cut_off_mappings();
  const std::lock_guard lock(disk_.mutex);
  dead_ = true;
  for (auto& [descriptor, open] : open_) {
    open.exclusive = false;
    open.shared = false;
  }
}

int SimulatedProcess::ask(Call call, const std::string& path) {
  if (dead_) return -EIO;
  return before ? before(call, path) : 0;
}

SimulatedProcess::Open* SimulatedProcess::opened(int descriptor) {
  const auto found = open_.find(descriptor);
  return found == open_.end() ? nullptr : &found->second;
}

void SimulatedProcess::release(Open& open) {
  if (open.exclusive) --open.node->exclusive;
  if (open.shared) --open.node->shared;
  open.exclusive = open.shared = false;
}

void SimulatedProcess::release_bytes(Open& open) {
  auto& all = open.node->locked_bytes;
  for (const uint64_t offset : open.locked_bytes) all.erase(all.find(offset));
  open.locked_bytes.clear();
}

int SimulatedProcess::add(const std::string& path, NodePtr node) {
  const auto [parent, name] = split(path);
  const NodePtr directory = disk_.find(parent);
  if (!directory || !directory->is_directory) return -ENOENT;
  if (directory->entries.contains(std::string(name))) return -EEXIST;
  node->inode = ++disk_.next_inode;
  directory->entries[std::string(name)] = node;
  directory->pending.push_back({EntryChange::Kind::Create, std::string(name), "", std::move(node)});
  return 0;
}

int SimulatedProcess::open(const std::string& path, OpenMode mode) {
  const std::lock_guard lock(disk_.mutex);
  if (const int answer = ask(mode == OpenMode::Create ? Call::Create : Call::Open, path);
      answer < 0) {
    return answer;
  }
  NodePtr node;
  if (mode == OpenMode::Create) {
    node = std::make_shared<Node>();
    if (const int answer = add(path, node); answer < 0) return answer;
  } else {
    node = disk_.find(path);
    if (!node) return -ENOENT;
    if (node->is_directory != (mode == OpenMode::Directory)) {
      return node->is_directory ? -EISDIR : -ENOTDIR;
    }
  }
  open_[next_descriptor_] = {std::move(node), path, false, false, {}};
  return next_descriptor_++;
}

int SimulatedProcess::close(int descriptor) {
  const std::lock_guard lock(disk_.mutex);
  Open* const open = opened(descriptor);
  if (open == nullptr) return -EBADF;
  release(*open);
  release_bytes(*open);
  const std::string path = std::move(open->path);
  open_.erase(descriptor);
  return ask(Call::Close, path);  // an error of close(2): the descriptor is gone all the same
}

int SimulatedProcess::status(int descriptor, FileStatus& result) {
  const std::lock_guard lock(disk_.mutex);
  Open* const open = opened(descriptor);
  if (open == nullptr) return -EBADF;
  if (const int answer = ask(Call::Status, open->path); answer < 0) return answer;
  result = {open->node->bytes(), open->node->bytes(), 1, open->node->inode,
            open->node->is_directory};
  return 0;
}

int SimulatedProcess::status(const std::string& path, FileStatus& result) {
  const std::lock_guard lock(disk_.mutex);
  if (const int answer = ask(Call::Status, path); answer < 0) return answer;
  const NodePtr node = disk_.find(path);
  if (!node) return -ENOENT;
  result = {node->bytes(), node->bytes(), 1, node->inode, node->is_directory};
  return 0;
}

int64_t SimulatedProcess::read(int descriptor, std::span<std::byte> bytes, uint64_t offset) {
  const std::lock_guard lock(disk_.mutex);
  Open* const open = opened(descriptor);
  if (open == nullptr) return -EBADF;
  const int answer = ask(Call::Read, open->path);
  if (answer < 0) return answer;
  const uint64_t size = open->node->bytes();
  if (offset >= size) return 0;
  uint64_t count = std::min<uint64_t>(bytes.size(), size - offset);
  if (answer > 0) count /= 2;  // a read that ends early, where a fault rig asks for it
  copy_as_the_kernel(bytes.data(), open->node->live->data() + offset, count);
  return static_cast<int64_t>(count);
}

int SimulatedProcess::write(int descriptor, std::span<const std::byte> bytes, uint64_t offset) {
  const std::lock_guard lock(disk_.mutex);
  Open* const open = opened(descriptor);
  if (open == nullptr) return -EBADF;
  const int answer = ask(Call::Write, open->path);
  // A write that fails may have written a part.
  const size_t count = answer < 0 ? bytes.size() / 2 : bytes.size();
  if (dead_) return answer;
  open->node->take_copy();
  if (open->node->bytes() < offset + count) {
    open->node->grow(offset + count);
  }
  if (count > 0) std::memcpy(open->node->live->data() + offset, bytes.data(), count);
  return answer;
}

int SimulatedProcess::allocate(int descriptor, uint64_t bytes) {
  const std::lock_guard lock(disk_.mutex);
  Open* const open = opened(descriptor);
  if (open == nullptr) return -EBADF;
  const int answer = ask(Call::Allocate, open->path);
  if (dead_) return answer;
  if (answer < 0) bytes = bytes / 2 & ~uint64_t{kPageBytes - 1};
  if (open->node->bytes() < bytes) {
    open->node->grow(bytes);
  }
  return answer;
}

// What was allocated reads as zeros already, and no medium holds anything else.
int SimulatedProcess::cache_zeros(int descriptor, uint64_t /*offset*/, uint64_t /*bytes*/) {
  const std::lock_guard lock(disk_.mutex);
  Open* const open = opened(descriptor);
  return open == nullptr ? -EBADF : ask(Call::CacheZeros, open->path);
}

int SimulatedProcess::punch_hole(int descriptor, uint64_t offset, uint64_t bytes) {
  const std::lock_guard lock(disk_.mutex);
  Open* const open = opened(descriptor);
  if (open == nullptr) return -EBADF;
  if (const int answer = ask(Call::PunchHole, open->path); answer < 0) return answer;
  const uint64_t size = open->node->bytes();
  if (offset < size) {
    open->node->take_copy();
    std::memset(open->node->live->data() + offset, 0, std::min(bytes, size - offset));
  }
  return 0;
}

int64_t SimulatedProcess::next_data(int descriptor, uint64_t offset) {
  const std::lock_guard lock(disk_.mutex);
  Open* const open = opened(descriptor);
  if (open == nullptr) return -EBADF;
  if (const int answer = ask(Call::NextData, open->path); answer < 0) return answer;
  const uint64_t size = open->node->bytes();
  for (uint64_t page = offset / kPageBytes; page * kPageBytes < size; ++page) {
    if (!open->node->live->same_page(page, nullptr)) {
      return static_cast<int64_t>(std::max(offset, page * kPageBytes));
    }
  }
  return static_cast<int64_t>(size);
}

int SimulatedProcess::sync(Call call, int descriptor) {
  const std::lock_guard lock(disk_.mutex);
  Open* const open = opened(descriptor);
  if (open == nullptr) return -EBADF;
  const int answer = ask(call, open->path);
  if (dead_ || open->node->is_directory || !disk_.tracks_the_medium) return answer;
  if (answer < 0) {
    fail_sync(*open->node);
  } else {
    sync_file(*open->node);
  }
  return answer;
}

int SimulatedProcess::sync_directory(const std::string& path) {
  const std::lock_guard lock(disk_.mutex);
  if (const int answer = ask(Call::SyncDirectory, path); answer < 0) return answer;
  const NodePtr node = disk_.find(path);
  if (!node || !node->is_directory) return -ENOENT;
  for (const EntryChange& change : node->pending) apply_change(change, node->durable);
  node->pending.clear();
  return 0;
}

int SimulatedProcess::rename(Call call, const std::string& from, const std::string& to) {
  const std::lock_guard lock(disk_.mutex);
  if (const int answer = ask(call, from); answer < 0) return answer;
  const auto [from_parent, from_name] = split(from);
  const auto [to_parent, to_name] = split(to);
  TIDEMARK_CHECK(from_parent == to_parent);
  const NodePtr directory = disk_.find(from_parent);
  if (!directory) return -ENOENT;
  const auto found = directory->entries.find(std::string(from_name));
  if (found == directory->entries.end()) return -ENOENT;
  const auto there = directory->entries.find(std::string(to_name));
  if (there != directory->entries.end()) {
    if (call == Call::RenameNew) return -EEXIST;
    if (there->second->is_directory && !there->second->entries.empty()) return -ENOTEMPTY;
  }
  EntryChange change{EntryChange::Kind::Rename, std::string(from_name), std::string(to_name),
                     found->second};
  apply_change(change, directory->entries);
  directory->pending.push_back(std::move(change));
  return 0;
}

int SimulatedProcess::rename_new(const std::string& from, const std::string& to) {
  return rename(Call::RenameNew, from, to);
}
int SimulatedProcess::rename_over(const std::string& from, const std::string& to) {
  return rename(Call::RenameOver, from, to);
}

int SimulatedProcess::remove(Call call, const std::string& path) {
  const std::lock_guard lock(disk_.mutex);
  if (const int answer = ask(call, path); answer < 0) return answer;
  const auto [parent, name] = split(path);
  const NodePtr directory = disk_.find(parent);
  if (!directory) return -ENOENT;
  const auto found = directory->entries.find(std::string(name));
  if (found == directory->entries.end()) return -ENOENT;
  const bool of_directory = call == Call::RemoveDirectory;
  if (found->second->is_directory != of_directory) return of_directory ? -ENOTDIR : -EISDIR;
  if (of_directory && !found->second->entries.empty()) return -ENOTEMPTY;
  EntryChange change{EntryChange::Kind::Remove, std::string(name), "", found->second};
  apply_change(change, directory->entries);
  directory->pending.push_back(std::move(change));
  return 0;
}

int SimulatedProcess::remove_file(const std::string& path) {
  return remove(Call::RemoveFile, path);
}
int SimulatedProcess::remove_directory(const std::string& path) {
  return remove(Call::RemoveDirectory, path);
}

int SimulatedProcess::make_directory(const std::string& path) {
  const std::lock_guard lock(disk_.mutex);
  if (const int answer = ask(Call::MakeDirectory, path); answer < 0) return answer;
  auto node = std::make_shared<Node>();
  node->is_directory = true;
  return add(path, std::move(node));
}

int SimulatedProcess::list(const std::string& path, std::vector<std::string>& names) {
  const std::lock_guard lock(disk_.mutex);
  if (const int answer = ask(Call::List, path); answer < 0) return answer;
  const NodePtr node = disk_.find(path);
  if (!node) return -ENOENT;
  if (!node->is_directory) return -ENOTDIR;
  for (const auto& [name, child] : node->entries) names.push_back(name);
  return 0;
}

int SimulatedProcess::lock(int descriptor, LockMode mode) {
  const std::lock_guard lock(disk_.mutex);
  Open* const open = opened(descriptor);
  if (open == nullptr) return -EBADF;
  if (const int answer = ask(Call::Lock, open->path); answer < 0) return answer;
  release(*open);
  Node& node = *open->node;
  if (mode == LockMode::Exclusive) {
    if (node.exclusive > 0 || node.shared > 0) return -EWOULDBLOCK;
    ++node.exclusive;
    open->exclusive = true;
  } else if (mode == LockMode::Shared) {
    if (node.exclusive > 0) return -EWOULDBLOCK;
    ++node.shared;
    open->shared = true;
  }
  return 0;
}

int SimulatedProcess::lock_byte(int descriptor, uint64_t offset, bool locked) {
  const std::lock_guard lock(disk_.mutex);
  Open* const open = opened(descriptor);
  if (open == nullptr) return -EBADF;
  if (const int answer = ask(Call::LockByte, open->path); answer < 0) return answer;
  if (open->locked_bytes.contains(offset) == locked) return 0;
  auto& all = open->node->locked_bytes;
  if (locked) {
    open->locked_bytes.insert(offset);
    all.insert(offset);
  } else {
    open->locked_bytes.erase(offset);
    all.erase(all.find(offset));
  }
  return 0;
}

int SimulatedProcess::find_locked_byte(int descriptor, uint64_t end,
                                       std::optional<uint64_t>& found) {
  const std::lock_guard lock(disk_.mutex);
  Open* const open = opened(descriptor);
  if (open == nullptr) return -EBADF;
  if (const int answer = ask(Call::FindLockedByte, open->path); answer < 0) return answer;
  found.reset();
  const auto& all = open->node->locked_bytes;
  for (auto at = all.begin(); at != all.end() && *at < end; ++at) {
    const size_t own = open->locked_bytes.contains(*at) ? 1 : 0;
    if (all.count(*at) > own) {
      found = *at;
      break;
    }
  }
  return 0;
}

int SimulatedProcess::space(const std::string& path, FileSystemSpace& result) {
  const std::lock_guard lock(disk_.mutex);
  constexpr uint64_t kPlenty = uint64_t{1} << 40;
  result = {kPlenty, kPlenty};
  return ask(Call::Space, path);
}

int SimulatedProcess::file_system(int descriptor, uint64_t& magic) {
  const std::lock_guard lock(disk_.mutex);
  Open* const open = opened(descriptor);
  if (open == nullptr) return -EBADF;
  magic = kExt4;
  return ask(Call::FileSystem, open->path);
}

int SimulatedProcess::disable_copy_on_write(int /*descriptor*/) {
  const std::lock_guard lock(disk_.mutex);
  return ask(Call::DisableCopyOnWrite, "");
}

std::byte* SimulatedProcess::map(int descriptor, uint64_t bytes, bool writable, int& error) {
  const std::lock_guard lock(disk_.mutex);
  Open* const open = opened(descriptor);
  error = open == nullptr ? -EBADF : ask(Call::Map, open->path);
  if (error < 0) return nullptr;
  error = 0;
  if (open->node->bytes() < bytes) {
    disk_.mapped_beyond_a_file = true;
    open->node->grow(bytes);
  }
  if (writable) open->node->take_copy();
  std::byte* const address = open->node->live->data();
  mappings_.insert({address, {open->node->live, open->node}});
  return address;
}

int SimulatedProcess::unmap(std::byte* address, uint64_t /*bytes*/) {
  const std::lock_guard lock(disk_.mutex);
  const auto found = mappings_.find(address);
  if (found == mappings_.end()) return -EINVAL;
  mappings_.erase(found);
  return ask(Call::Unmap, "");
}

int SimulatedProcess::use_large_pages(std::byte* /*address*/, uint64_t /*bytes*/) {
  const std::lock_guard lock(disk_.mutex);
  return ask(Call::UseLargePages, "");
}

int SimulatedProcess::populate(std::byte* address, uint64_t /*bytes*/, bool for_writing) {
  const std::lock_guard lock(disk_.mutex);
  auto found = mappings_.upper_bound(address);
  TIDEMARK_CHECK(found != mappings_.begin());
  --found;
  if (const int answer = ask(Call::Populate, ""); answer < 0) return answer;
  if (for_writing) found->second.node->populated = true;
  return 0;
}

int SimulatedProcess::futex_wait(std::span<const FutexWait> /*words*/,
                                 std::chrono::nanoseconds /*limit*/) {
  if (on_wait) on_wait(Call::FutexWait);
  const std::lock_guard lock(disk_.mutex);
  const int answer = ask(Call::FutexWait, "");
  return answer < 0 ? answer : -ETIMEDOUT;
}

int SimulatedProcess::futex_wake_all(uint32_t* /*word*/) {
  const std::lock_guard lock(disk_.mutex);
  ++wakes;
  return ask(Call::FutexWake, "");
}

int SimulatedProcess::membarrier() {
  if (on_wait) on_wait(Call::Membarrier);
  const std::lock_guard lock(disk_.mutex);
  return ask(Call::Membarrier, "");
}

int SimulatedProcess::register_membarrier() {
  const std::lock_guard lock(disk_.mutex);
  return ask(Call::RegisterMembarrier, "");
}

uint64_t SimulatedProcess::now_ns() {
  const std::lock_guard lock(disk_.mutex);
  return disk_.clock_ns += 1'000'000;
}

int SimulatedProcess::random(std::span<std::byte> bytes) {
  const std::lock_guard lock(disk_.mutex);
  const int answer = ask(Call::Random, "");
  if (answer < 0) return answer;
  for (size_t i = 0; i < bytes.size(); i += sizeof(uint64_t)) {
    uint64_t word = ++disk_.random * 0x9E37'79B9'7F4A'7C15;
    word ^= word >> 29;
    std::memcpy(bytes.data() + i, &word, std::min(sizeof word, bytes.size() - i));
  }
  return 0;
}

std::string SimulatedProcess::boot_id() {
  const std::lock_guard lock(disk_.mutex);
  return ask(Call::BootId, "") < 0 ? "" : disk_.boot_id;
}

}  // namespace tidemark::rig
