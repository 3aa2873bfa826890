#include "segment_preparer.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>
#include <utility>

#include "paths.h"
#include "tidemark/planted.h"

namespace tidemark {
namespace {

// Short enough that a writer that waits for the segment is soon heard.
constexpr uint64_t kTouchWindowBytes = uint64_t{8} << 20;

// What a writer finds in memory when it begins a segment.
constexpr uint64_t kTouchedAtFirstBytes = kLargePageBytes;

// The reserve where none was asked for: enough for whatever gives space back.
constexpr uint64_t kReserveFraction = 64;
constexpr uint64_t kMostReserveBytes = uint64_t{64} << 20;

// Magic numbers as in statfs(2).
constexpr uint64_t kBtrfs = 0x9123683E;
constexpr uint64_t kNetworkFileSystems[] = {
    0x6969,      // NFS
    0xFF534D42,  // CIFS
    0xFE534D42,  // SMB2
    0x517B,      // SMB
    0x01021997,  // 9P
    0x00C36400,  // Ceph
    0x5346414F,  // AFS
};

Result<void> make_file_system_safe(FileSeam& files, int descriptor, const std::string& path) {
  uint64_t magic = 0;
  if (const int answer = files.file_system(descriptor, magic); answer < 0) {
    return fail_system("cannot ask for the file system of", path, -answer);
  }
  if (std::find(std::begin(kNetworkFileSystems), std::end(kNetworkFileSystems), magic) !=
      std::end(kNetworkFileSystems)) {
    auto error = fail(ErrorCode::Unsupported,
                      "a log cannot be written on a network file system: neither its locks nor "
                      "its mappings hold there");
    error.value().path = path;
    return error;
  }
  // Where a store needs a new block, a full disk is a signal instead of an error.
  if (magic == kBtrfs) {
    if (const int answer = files.disable_copy_on_write(descriptor); answer < 0) {
      return fail_system("cannot turn off copy-on-write for", path, -answer);
    }
  }
  return {};
}

// The pages up to an offset. `cancel` ends it early.
Result<void> touch(FileSeam& files, PreparedSegment& segment, uint64_t upto,
                   const std::atomic<bool>* cancel) {
  while (segment.touched_bytes < upto) {
    if (cancel != nullptr && cancel->load(std::memory_order_relaxed)) return {};
    const uint64_t from = segment.touched_bytes;
    const uint64_t bytes = std::min(kTouchWindowBytes, upto - from);
    const int answer = files.populate(segment.base + from, bytes, /*for_writing=*/true);
    if (answer == -EINVAL) return {};  // an older kernel: the writer's first touch does it
    if (answer < 0) return fail_system("cannot touch the pages of", segment.path, -answer);
    segment.touched_bytes += bytes;
  }
  return {};
}

// Those that are brought in from now on. The first large page cannot be one any more, for the page
// of the identity is there already: zeros are written to the rest of it, which makes the largest
// pages that are left.
Result<void> use_large_pages(FileSeam& files, const PreparedSegment& segment) {
  const uint64_t first = std::min(kLargePageBytes, segment.bytes());
  const int answer = files.cache_zeros(segment.descriptor, kPageBytes, first - kPageBytes);
  if (answer < 0) return fail_system("cannot bring in the pages of", segment.path, -answer);
  if (first < segment.bytes()) {
    // Where the kernel does not know of any, they are small.
    (void)files.use_large_pages(segment.base + first, segment.bytes() - first);
  }
  return {};
}

Result<void> fill_in(FileSeam& files, const SegmentPlan& plan, PreparedSegment& segment,
                     const std::atomic<bool>* cancel) {
  TIDEMARK_TRY(make_file_system_safe(files, segment.descriptor, segment.path));
  if (const int answer = files.allocate(segment.descriptor, segment.bytes());
      answer < 0 && !planted(Bug::FailedAllocateAdopted)) {
    return fail_system("cannot allocate a segment of " + std::to_string(segment.bytes()) + " bytes",
                       segment.path, -answer);
  }
  int error = 0;
  segment.base = files.map(segment.descriptor, segment.bytes(), /*writable=*/true, error);
  if (segment.base == nullptr) return fail_system("cannot map", segment.path, -error);
  if (const int answer = files.random(std::as_writable_bytes(std::span(&segment.header.salt, 1)));
      answer < 0) {
    return fail_system("cannot get random bytes", segment.path, -answer);
  }
  if (planted(Bug::SameSalt)) segment.header.salt = 1;
  segment.header.prepared_at_ns = files.now_ns();
  finish_identity(segment.header);
  // All but the magic, which is zero here as in the file. By a write, which brings in one page; a
  // store brings in what the kernel would read around it.
  const auto identity =
      std::as_bytes(std::span(&segment.header, 1)).first(offsetof(SegmentHeader, first_sequence));
  if (const int answer = files.write(segment.descriptor, identity, 0); answer < 0) {
    return fail_system("cannot write the identity of", segment.path, -answer);
  }

  const auto bring_in = [&](uint64_t upto) -> Result<void> {
    if (plan.large_pages) TIDEMARK_TRY(use_large_pages(files, segment));
    return touch(files, segment, std::min(upto, segment.bytes()), cancel);
  };
  // Name and identity become durable under every policy, and not more than that unless commits are.
  if (plan.sync_populated) TIDEMARK_TRY(bring_in(segment.bytes()));
  int answer = planted(Bug::IdentityNotSynced) ? 0 : files.sync_all(segment.descriptor);
  if (answer == 0 && !planted(Bug::NoDirectorySync)) answer = files.sync_directory(plan.directory);
  if (answer < 0) return fail_system("cannot sync", segment.path, -answer);
  if (!plan.sync_populated) TIDEMARK_TRY(bring_in(kTouchedAtFirstBytes));
  return {};
}

}  // namespace

Result<PreparedSegment> prepare_segment(FileSeam& files, const SegmentPlan& plan,
                                        uint64_t first_position, uint64_t bytes,
                                        const std::atomic<bool>* cancel) {
  PreparedSegment segment;
  segment.path = segment_path(plan.directory, first_position);
  segment.header = plan.identity;
  segment.header.first_position = first_position;
  segment.header.segment_bytes = bytes;
  segment.descriptor = files.open(segment.path, OpenMode::Create);
  if (segment.descriptor < 0) {
    return fail_system("cannot create a segment", segment.path, -segment.descriptor);
  }
  if (auto filled = fill_in(files, plan, segment, cancel); !filled) {
    discard_segment(files, segment);
    return tl::make_unexpected(std::move(filled).error());
  }
  return segment;
}

void discard_segment(FileSeam& files, const PreparedSegment& segment) {
  if (segment.base != nullptr) files.unmap(segment.base, segment.bytes());
  files.close(segment.descriptor);
  files.remove_file(segment.path);
}

SegmentPreparer::SegmentPreparer(FileSeam& files, SegmentPlan plan)
    : files_(files), plan_(std::move(plan)) {}

SegmentPreparer::~SegmentPreparer() { stop(); }

void SegmentPreparer::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    cancel_.store(true, std::memory_order_relaxed);
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  if (ready_ && ready_->has_value()) discard_segment(files_, **ready_);
  ready_.reset();
}

void SegmentPreparer::prepare_ahead(uint64_t first_position, uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  if (request_ || busy_ || ready_) return;
  request_ = Request{first_position, bytes};
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  changed_.notify_all();
}

Result<PreparedSegment> SegmentPreparer::take(uint64_t first_position, uint64_t least_bytes,
                                              uint64_t bytes) {
  std::unique_lock lock(mutex_);
  // A writer that has caught up takes the segment as soon as it is usable.
  cancel_.store(true, std::memory_order_relaxed);
  changed_.wait(lock, [this] { return !request_ && !busy_; });
  cancel_.store(false, std::memory_order_relaxed);
  auto ready = std::exchange(ready_, std::nullopt);
  lock.unlock();
  if (ready && ready->has_value()) {
    if ((*ready)->header.first_position == first_position && (*ready)->bytes() >= least_bytes) {
      return **std::move(ready);
    }
    discard_segment(files_, **ready);
  }
  // Also after a failure ahead: space may have been freed since.
  return prepare(first_position, std::max(bytes, least_bytes));
}

Result<PreparedSegment> SegmentPreparer::prepare(uint64_t first_position, uint64_t bytes,
                                                 const std::atomic<bool>* cancel) {
  TIDEMARK_TRY(check_space(bytes));
  return prepare_segment(files_, plan_, first_position, bytes, cancel);
}

// Where the system does not tell, the allocation will.
Result<void> SegmentPreparer::check_space(uint64_t bytes) {
  FileSystemSpace space;
  if (files_.space(plan_.directory, space) < 0) return {};
  const uint64_t reserve =
      plan_.reserve_bytes.value_or(std::min(space.bytes / kReserveFraction, kMostReserveBytes));
  const uint64_t usable = space.free_bytes - std::min(space.free_bytes, reserve);
  low_on_space_.store(usable < bytes || usable - bytes < plan_.low_space_bytes,
                      std::memory_order_relaxed);
  if (usable >= bytes) return {};
  auto error = fail(ErrorCode::NoSpace, "the file system has " + std::to_string(space.free_bytes) +
                                            " bytes left, of which " + std::to_string(reserve) +
                                            " are kept in reserve, and the next segment takes " +
                                            std::to_string(bytes));
  error.value().path = plan_.directory;
  return error;
}

void SegmentPreparer::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stop_ || request_; });
    if (stop_) {
      request_.reset();
      return;
    }
    const Request request = *std::exchange(request_, std::nullopt);
    busy_ = true;
    lock.unlock();
    auto prepared = prepare(request.first_position, request.bytes, &cancel_);
    lock.lock();
    busy_ = false;
    ready_.emplace(std::move(prepared));
    changed_.notify_all();
  }
}

}  // namespace tidemark
