#include "control_page.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

#include "paths.h"
#include "tidemark/planted.h"

namespace tidemark {
namespace {

template <typename Word>
std::atomic_ref<Word> atomic(Word& word) {
  return std::atomic_ref<Word>(word);
}

}  // namespace

ControlPage::ControlPage(FileSeam& files, ControlLayout* page, bool writable)
    : files_(&files), page_(page), writable_(writable), boot_id_(files.boot_id()) {}

ControlPage::ControlPage(ControlPage&& other) noexcept
    : files_(other.files_),
      page_(std::exchange(other.page_, nullptr)),
      writable_(other.writable_),
      boot_id_(std::move(other.boot_id_)) {}

ControlPage& ControlPage::operator=(ControlPage&& other) noexcept {
  std::swap(files_, other.files_);
  std::swap(page_, other.page_);
  std::swap(writable_, other.writable_);
  std::swap(boot_id_, other.boot_id_);
  return *this;
}

ControlPage::~ControlPage() {
  if (page_ != nullptr) files_->unmap(reinterpret_cast<std::byte*>(page_), kControlBytes);
}

Result<ControlPage> ControlPage::open_for_writing(FileSeam& files, const std::string& directory) {
  const std::string path = control_path(directory);
  int descriptor = files.open(path, OpenMode::ReadWrite);
  if (descriptor == -ENOENT) descriptor = files.open(path, OpenMode::Create);
  if (descriptor < 0) return fail_system("cannot open", path, -descriptor);
  FileStatus status;
  int answer = files.status(descriptor, status);
  if (answer == 0 && status.bytes < kControlBytes) {
    // New, or left short by a writer that was killed right here. The mapping needs its block.
    answer = files.allocate(descriptor, kControlBytes);
    if (answer == 0) answer = files.sync_all(descriptor);
    if (answer == 0) answer = files.sync_directory(directory);
  }
  int error = 0;
  std::byte* base = answer < 0 ? nullptr : files.map(descriptor, kControlBytes, true, error);
  files.close(descriptor);
  if (answer < 0) return fail_system("cannot create", path, -answer);
  if (base == nullptr) return fail_system("cannot map", path, -error);
  return ControlPage(files, reinterpret_cast<ControlLayout*>(base), true);
}

std::optional<ControlPage> ControlPage::open_for_reading(FileSeam& files,
                                                         const std::string& directory) {
  const std::string path = control_path(directory);
  bool writable = true;
  int descriptor = files.open(path, OpenMode::ReadWrite);
  if (descriptor < 0) {
    writable = false;
    descriptor = files.open(path, OpenMode::Read);
  }
  if (descriptor < 0) return std::nullopt;
  FileStatus status;
  std::byte* base = nullptr;
  if (files.status(descriptor, status) == 0 && status.bytes >= kControlBytes) {
    int error = 0;
    base = files.map(descriptor, kControlBytes, writable, error);
  }
  files.close(descriptor);
  if (base == nullptr) return std::nullopt;
  return ControlPage(files, reinterpret_cast<ControlLayout*>(base), writable);
}

void ControlPage::begin(uint64_t incarnation, uint64_t durable) {
  if (!of_this_boot()) {
    // No process of an earlier boot can look at this any more, and one of this boot does not
    // believe it before the state is stored.
    set_state(WriterState::Unknown);
    std::memset(page_->boot_id, 0, sizeof page_->boot_id);
    std::memcpy(page_->boot_id, boot_id_.data(),
                std::min(boot_id_.size(), sizeof page_->boot_id - 1));
  }
  atomic(page_->incarnation).store(incarnation, std::memory_order_relaxed);
  atomic(page_->durable).store(durable, std::memory_order_relaxed);
  set_state(WriterState::Open);
}

void ControlPage::set_durable(uint64_t position) {
  atomic(page_->durable).store(position, std::memory_order_release);
}

void ControlPage::note_published() {
  atomic(page_->published).fetch_add(1, std::memory_order_release);
}

void ControlPage::set_state(WriterState state) {
  atomic(page_->state).store(static_cast<uint32_t>(state), std::memory_order_release);
}

void ControlPage::wake_all() {
  // The writer's threads may all come here.
  const auto sleepers = atomic(page_->sleepers);
  uint32_t seen = sleepers.load(std::memory_order_seq_cst);
  while (seen % 2 != 0) {
    if (!sleepers.compare_exchange_weak(seen, seen + 1, std::memory_order_seq_cst)) continue;
    if (!planted(Bug::WakeDropped)) files_->futex_wake_all(&page_->sleepers);
    return;
  }
}

bool ControlPage::of_this_boot() const {
  return !boot_id_.empty() &&
         std::strncmp(page_->boot_id, boot_id_.c_str(), sizeof page_->boot_id) == 0;
}

std::optional<uint64_t> ControlPage::durable() const {
  if (state() == WriterState::Unknown) return std::nullopt;
  return atomic(page_->durable).load(std::memory_order_acquire);
}

WriterState ControlPage::state() const {
  const auto state = atomic(page_->state).load(std::memory_order_acquire);
  if (!of_this_boot() || state > static_cast<uint32_t>(WriterState::Poisoned)) {
    return WriterState::Unknown;
  }
  return static_cast<WriterState>(state);
}

uint64_t ControlPage::published() const {
  return atomic(page_->published).load(std::memory_order_acquire);
}

std::optional<FutexWait> ControlPage::arm() {
  if (!writable_) return std::nullopt;
  const uint32_t before = atomic(page_->sleepers).fetch_or(1, std::memory_order_seq_cst);
  return FutexWait{&page_->sleepers, before | 1};
}

}  // namespace tidemark
