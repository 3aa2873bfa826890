#include "stream_directory.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <span>
#include <thread>

#include "fork_guard.h"
#include "paths.h"
#include "segment.h"
#include "tidemark/frame.h"
#include "tidemark/hash.h"
#include "tidemark/planted.h"

namespace tidemark {
namespace {

// The file `purged`: 24 bytes.
struct PurgedFile {
  uint64_t magic;  // "TIDEPURG"
  uint64_t position;
  uint64_t checksum;  // of the bytes before it
};
static_assert(sizeof(PurgedFile) == 24);
constexpr uint64_t kPurgedMagic = 0x4752555045444954;

uint64_t checksum_of(const PurgedFile& file) {
  return hash_bytes(std::as_bytes(std::span(&file, 1)).first(offsetof(PurgedFile, checksum)));
}

// A segment that is not published holds at most the frames that open one: checkpoint, schema, mark.
// Whatever follows them was appended, so the segment had been published, and its magic is lost.
bool was_appended_to(FileSeam& files, int descriptor, uint64_t file_bytes) {
  uint64_t offset = kSegmentHeaderBytes;
  FrameKind last = FrameKind::Seal;  // of those that may follow, none precedes
  for (;;) {
    uint64_t word = 0;
    const auto word_bytes = std::as_writable_bytes(std::span(&word, 1));
    if (files.read(descriptor, word_bytes, offset) != sizeof word || word == 0) return false;
    if (file_bytes < offset) return false;
    const bool first = offset == kSegmentHeaderBytes;
    const auto kind = static_cast<FrameKind>((word >> 32) & 0xFF);
    const bool opens = first || (kind == FrameKind::Schema && last == FrameKind::Checkpoint) ||
                       (kind == FrameKind::Mark && last != FrameKind::Mark);
    const auto padded = check_commit_word(word, file_bytes - offset);
    if (!opens || !padded) return true;
    last = first ? FrameKind::Checkpoint : kind;
    offset += *padded;
  }
}

// Whether nothing but zeros stands after the header. Unused space costs no reading.
Result<bool> is_empty_after_header(FileSeam& files, int descriptor, const std::string& path,
                                   uint64_t file_bytes) {
  std::array<std::byte, size_t{16} << 10> chunk;
  for (uint64_t at = kSegmentHeaderBytes; at < file_bytes;) {
    const auto data = files.next_data(descriptor, at);
    if (data > 0) at = std::max(at, static_cast<uint64_t>(data));
    if (at >= file_bytes) break;
    const auto count = files.read(descriptor, chunk, at);
    if (count < 0) return fail_system("cannot read a segment", path, static_cast<int>(-count));
    if (count == 0) break;
    const auto bytes = std::span(chunk).first(static_cast<size_t>(count));
    if (std::any_of(bytes.begin(), bytes.end(), [](std::byte b) { return b != std::byte{0}; })) {
      return false;
    }
    at += static_cast<uint64_t>(count);
  }
  return true;
}

Result<std::vector<std::string>> list_names(FileSeam& files, const std::string& directory) {
  std::vector<std::string> names;
  if (const int answer = files.list(directory, names); answer < 0) {
    return fail_system("cannot list a stream", directory, -answer);
  }
  return names;
}

}  // namespace

Result<SegmentFile> examine_segment(FileSeam& files, const std::string& directory, uint32_t stream,
                                    uint64_t first_position) {
  SegmentFile file;
  file.first_position = first_position;
  file.path = segment_path(directory, first_position);
  const int descriptor = files.open(file.path, OpenMode::Read);
  if (descriptor < 0) return fail_system("cannot open a segment", file.path, -descriptor);
  FileStatus status;
  SegmentHeader header;
  int examined = files.status(descriptor, status);
  // Asked before the header is read: a writer may publish and append at this moment, and then the
  // header shows it. The size is asked for again after that, for the same reason.
  const bool appended = examined == 0 && was_appended_to(files, descriptor, status.bytes);
  const auto header_bytes = std::as_writable_bytes(std::span(&header, 1));
  auto count = files.read(descriptor, header_bytes, 0);
  if (examined == 0) examined = files.status(descriptor, status);
  if (examined == 0 && count == sizeof header && header.magic != 0 &&
      !check_header(header, status.bytes)) {
    // It may have been read while it was published: nothing orders the bytes of one read.
    count = files.read(descriptor, header_bytes, 0);
  }
  // A loss of power in the middle of its preparation may leave anything where the identity was
  // about to be. Whatever was published has an identity, or at least the frame that opens it.
  Result<bool> unborn = false;
  if (examined == 0 && count == sizeof header && header.magic != 0 &&
      !check_header(header, status.bytes) && !check_identity(header, header.segment_bytes)) {
    unborn = is_empty_after_header(files, descriptor, file.path, status.bytes);
  }
  files.close(descriptor);
  if (examined < 0) return fail_system("cannot examine a segment", file.path, -examined);
  if (!unborn) return tl::make_unexpected(unborn.error());
  file.file_bytes = status.bytes;
  file.disk_bytes = status.disk_bytes;

  const auto damaged = [&](Error error) {
    file.damage = with_place(std::move(error), stream, first_position, 0, file.path);
  };
  if (count < 0) {
    damaged(
        fail_system("cannot read a segment's header", file.path, static_cast<int>(-count)).value());
    return file;
  }
  if (static_cast<size_t>(count) < sizeof header) {
    // A writer killed before it allocated the file leaves it short, and without a magic.
    uint64_t magic = 0;
    if (static_cast<size_t>(count) >= sizeof magic) std::memcpy(&magic, &header, sizeof magic);
    if (magic != 0) {
      damaged(fail(ErrorCode::Corrupt, "the file is shorter than a segment's header").value());
    }
    return file;
  }
  // An identity that was written to the wrong place would judge no frame here.
  const bool identified = check_identity(header, header.segment_bytes).has_value() &&
                          header.stream == stream && header.first_position == first_position;
  if (header.magic == 0) {
    const bool usable = identified && header.segment_bytes == status.bytes;
    if (usable) file.header = header;
    if (appended) {
      damaged(fail(ErrorCode::Corrupt, "frames stand in a segment whose magic is lost").value());
    }
    return file;
  }
  if (*unborn) return file;
  if (auto checked = check_header(header, status.bytes); !checked) {
    // A file that was cut short has a header all the same.
    if (identified) file.header = header;
    damaged(std::move(checked).error());
    return file;
  }
  if (header.stream != stream || header.first_position != first_position) {
    damaged(fail(ErrorCode::Corrupt, "the header is that of stream " +
                                         std::to_string(header.stream) + ", position " +
                                         std::to_string(header.first_position))
                .value());
    return file;
  }
  file.published = true;
  file.header = header;
  return file;
}

Result<std::vector<uint64_t>> list_segment_names(FileSeam& files, const std::string& directory) {
  TIDEMARK_ASSIGN(names, list_names(files, directory));
  std::vector<uint64_t> positions;
  for (const std::string& name : names) {
    if (const auto position = parse_segment_name(name)) positions.push_back(*position);
  }
  std::sort(positions.begin(), positions.end());
  return positions;
}

Result<std::vector<SegmentFile>> list_segments(FileSeam& files, const std::string& directory,
                                               uint32_t stream) {
  TIDEMARK_ASSIGN(positions, list_segment_names(files, directory));
  std::map<uint64_t, SegmentFile> found;
  // A spare may be unlinked by its writer, and a segment purged, after it was listed.
  const auto examine = [&](uint64_t position) -> Result<bool> {
    auto file = examine_segment(files, directory, stream, position);
    if (!file && file.error().code == ErrorCode::NotFound) return false;
    if (!file) return tl::make_unexpected(file.error());
    found.insert_or_assign(position, *std::move(file));
    return true;
  };
  for (const uint64_t position : positions) TIDEMARK_TRY(examine(position));

  // A directory is not listed at one moment: beside a writer that rolls, a segment may be seen
  // while its predecessor was missed, or was looked at before it was published. Headers know.
  std::vector<uint64_t> to_check;
  to_check.reserve(found.size());
  for (const auto& [position, file] : found) to_check.push_back(position);
  while (!to_check.empty()) {
    const auto file = found.find(to_check.back());
    to_check.pop_back();
    if (file == found.end() || !file->second.published) continue;
    const uint64_t previous = file->second.header->previous_first_position;
    if (previous == kNoPosition) continue;
    const auto before = found.find(previous);
    if (before != found.end() && (before->second.published || before->second.damage)) continue;
    // Each is examined at most once more: afterwards it is published, damaged, absent or a spare.
    TIDEMARK_ASSIGN(examined, examine(previous));
    if (examined) to_check.push_back(previous);
  }

  std::vector<SegmentFile> segments;
  segments.reserve(found.size());
  for (auto& [position, file] : found) segments.push_back(std::move(file));
  return segments;
}

uint64_t bytes_of_segments(FileSeam& files, const std::string& directory) {
  uint64_t bytes = 0;
  const auto positions = list_segment_names(files, directory);
  if (!positions) return 0;
  for (const uint64_t position : *positions) {
    FileStatus status;
    if (files.status(segment_path(directory, position), status) == 0) bytes += status.bytes;
  }
  return bytes;
}

Result<std::vector<SetAsideFile>> list_set_aside(FileSeam& files, const std::string& directory) {
  TIDEMARK_ASSIGN(names, list_names(files, directory));
  std::vector<SetAsideFile> found;
  for (const std::string& name : names) {
    const auto position = parse_set_aside_name(name);
    if (!position) continue;
    SetAsideFile file{*position, directory, 0, 0};
    file.path.append("/").append(name);
    FileStatus status;
    if (const int answer = files.status(file.path, status); answer < 0) {
      return fail_system("cannot examine a segment that was set aside", file.path, -answer);
    }
    file.file_bytes = status.bytes;
    file.disk_bytes = status.disk_bytes;
    found.push_back(std::move(file));
  }
  std::sort(found.begin(), found.end(), [](const SetAsideFile& a, const SetAsideFile& b) {
    return a.first_position < b.first_position;
  });
  return found;
}

Result<std::optional<uint64_t>> read_purged(FileSeam& files, const std::string& directory) {
  const std::string path = purged_path(directory);
  const int descriptor = files.open(path, OpenMode::Read);
  if (descriptor == -ENOENT) return std::nullopt;
  if (descriptor < 0) return fail_system("cannot open", path, -descriptor);
  PurgedFile file{};
  const auto count = files.read(descriptor, std::as_writable_bytes(std::span(&file, 1)), 0);
  files.close(descriptor);
  if (count < 0) return fail_system("cannot read", path, static_cast<int>(-count));
  if (count != sizeof file || file.magic != kPurgedMagic || file.checksum != checksum_of(file)) {
    auto error = fail(ErrorCode::Corrupt, "what says how far the stream was purged is damaged");
    error.value().path = path;
    return error;
  }
  return file.position;
}

Result<StreamListing> list_stream(FileSeam& files, const std::string& directory, uint32_t stream) {
  // In this order: a purge replaces the file before it unlinks anything, so that what is missing
  // from the list lies below what the file says now.
  TIDEMARK_ASSIGN(segments, list_segments(files, directory, stream));
  return StreamListing{read_purged(files, directory), std::move(segments)};
}

Result<void> write_purged(FileSeam& files, const std::string& directory, uint64_t position) {
  PurgedFile file{kPurgedMagic, position, 0};
  file.checksum = checksum_of(file);
  const std::string path = purged_path(directory);
  const std::string temporary = path + ".new";
  files.remove_file(temporary);  // of a writer that was killed right here
  const int descriptor = files.open(temporary, OpenMode::Create);
  if (descriptor < 0) return fail_system("cannot create", temporary, -descriptor);
  int answer = files.write(descriptor, std::as_bytes(std::span(&file, 1)), 0);
  const bool synced = !planted(Bug::PurgedNotSynced);
  if (answer == 0 && synced) answer = files.sync_all(descriptor);
  files.close(descriptor);
  if (answer == 0) answer = files.rename_over(temporary, path);
  if (answer == 0 && synced) answer = files.sync_directory(directory);
  if (answer < 0) return fail_system("cannot replace", path, -answer);
  return {};
}

Result<StreamLock> StreamLock::acquire(FileSeam& files, const std::string& directory,
                                       uint32_t stream) {
  const int descriptor = files.open(directory, OpenMode::Directory);
  if (descriptor < 0) return fail_system("cannot open a stream", directory, -descriptor);
  // A reader that asks whether a writer is alive holds a shared lock for an instant. Where a
  // shared lock can be had, there was no writer: try again. Two writers that do so at once may
  // refuse each other for a few rounds, which the bound ends.
  constexpr int kAttempts = 100;
  int answer = 0;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    answer = planted(Bug::LockNotTaken) ? 0 : files.lock(descriptor, LockMode::Exclusive);
    if (answer != -EWOULDBLOCK) break;
    if (files.lock(descriptor, LockMode::Shared) == -EWOULDBLOCK) break;
    files.lock(descriptor, LockMode::Unlock);
    std::this_thread::yield();
  }
  if (answer == 0) {
    close_in_fork_children(descriptor);
    return StreamLock(files, descriptor);
  }
  files.close(descriptor);
  if (answer != -EWOULDBLOCK) return fail_system("cannot lock a stream", directory, -answer);
  auto error = fail(ErrorCode::Busy, "another writer holds the stream");
  error.value().stream = stream;
  error.value().path = directory;
  return error;
}

StreamLock::StreamLock(StreamLock&& other) noexcept
    : files_(other.files_), descriptor_(std::exchange(other.descriptor_, -1)) {}

StreamLock& StreamLock::operator=(StreamLock&& other) noexcept {
  std::swap(files_, other.files_);
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

StreamLock::~StreamLock() { release(); }

void StreamLock::release() {
  if (descriptor_ < 0) return;
  // In a fork's child the descriptor is closed already, and its number may be another file's.
  if (forget_in_fork_children(descriptor_)) files_->close(descriptor_);
  descriptor_ = -1;
}

Result<bool> is_locked(FileSeam& files, const std::string& directory) {
  const int descriptor = files.open(directory, OpenMode::Directory);
  if (descriptor < 0) return fail_system("cannot open a stream", directory, -descriptor);
  const int answer = files.lock(descriptor, LockMode::Shared);
  files.close(descriptor);
  if (answer == -EWOULDBLOCK) return true;
  if (answer < 0) return fail_system("cannot ask for a stream's lock", directory, -answer);
  return false;
}

}  // namespace tidemark
