// Which segments may be shared: those with a successor. They are sealed or abandoned, and whatever
// a writer or a recovery may still do to them, of the log or of the copy, leaves the bytes below
// their logical ends as they are: rewriting a byte with its own value, punching a hole behind the
// end. The last segment may be appended to, so its committed beginning is copied.

#include "tidemark/snapshot.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <optional>
#include <utility>

#include "paths.h"
#include "pending_directory.h"
#include "segment.h"
#include "stream_directory.h"
#include "tidemark/summary_frames.h"

namespace tidemark {
namespace {

constexpr int kAttempts = 10;
constexpr size_t kChunkBytes = size_t{1} << 20;

// A file descriptor that is closed at the end of its block.
class Descriptor {
 public:
  Descriptor(FileSeam& files, int number) : files_(files), number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) files_.close(number_);
  }
  int number() const { return number_; }

 private:
  FileSeam& files_;
  int number_;
};

class StreamCopier {
 public:
  StreamCopier(const Log& log, uint32_t stream, const std::string& to)
      : files_(log.files()),
        from_(stream_path(log.path(), stream)),
        to_(stream_path(to, stream)),
        stream_(stream) {}

  Result<StreamSnapshot> run();

 private:
  // NotFound where a segment went away meanwhile.
  Result<void> attempt();
  Result<std::vector<SegmentFile>> chain(std::optional<uint64_t> purged);
  Result<void> share(const SegmentFile& file);
  Result<void> copy_last(const SegmentFile& file);
  // Copies the file's first `bytes`, without its holes, and gives the copy its size.
  Result<void> copy(const SegmentFile& file, uint64_t bytes);
  Result<bool> clone(const SegmentFile& file);

  FileSeam& files_;
  std::string from_;
  std::string to_;
  uint32_t stream_;
  StreamSnapshot result_;
  std::vector<std::byte> chunk_;
};

// The published segments from `purged` on.
Result<std::vector<SegmentFile>> StreamCopier::chain(std::optional<uint64_t> purged) {
  TIDEMARK_ASSIGN(segments, list_segments(files_, from_, stream_));
  std::vector<SegmentFile> result;
  for (SegmentFile& file : segments) {
    if (file.first_position < purged.value_or(0)) continue;
    if (file.damage) return tl::make_unexpected(*file.damage);
    if (!file.published) continue;
    const uint64_t previous = file.header->previous_first_position;
    const bool linked = result.empty() ? previous == kNoPosition || file.first_position == purged
                                       : previous == result.back().first_position;
    if (!linked) {
      return tl::make_unexpected(
          with_place(fail(ErrorCode::Missing, "the segments before this one are missing").value(),
                     stream_, file.first_position, 0, file.path));
    }
    result.push_back(std::move(file));
  }
  if (result.empty() && purged.value_or(0) > 0) {
    return tl::make_unexpected(with_place(
        fail(ErrorCode::Missing, "the segment up to which the stream was purged is missing")
            .value(),
        stream_, *purged, 0, from_));
  }
  return result;
}

Result<bool> StreamCopier::clone(const SegmentFile& file) {
  const std::string target = segment_path(to_, file.first_position);
  const Descriptor from(files_, files_.open(file.path, OpenMode::Read));
  if (from.number() < 0) return fail_system("cannot open a segment", file.path, -from.number());
  const Descriptor to(files_, files_.open(target, OpenMode::Create));
  if (to.number() < 0) return fail_system("cannot create a segment", target, -to.number());
  // Files share blocks only with their like.
  files_.disable_copy_on_write(to.number());
  if (files_.clone(from.number(), to.number()) < 0) {
    files_.remove_file(target);
    return false;
  }
  if (const int answer = files_.sync_all(to.number()); answer < 0) {
    return fail_system("cannot sync a segment", target, -answer);
  }
  return true;
}

Result<void> StreamCopier::share(const SegmentFile& file) {
  const std::string target = segment_path(to_, file.first_position);
  const int answer = files_.link(file.path, target);
  if (answer == 0) {
    // Under weaker policies its writer has not synced it yet.
    const Descriptor linked(files_, files_.open(target, OpenMode::Read));
    if (linked.number() < 0) return fail_system("cannot open", target, -linked.number());
    if (const int synced = files_.sync_data(linked.number()); synced < 0) {
      return fail_system("cannot sync a segment", target, -synced);
    }
    ++result_.linked;
    return {};
  }
  if (answer == -ENOENT) return fail_system("cannot link a segment", file.path, ENOENT);
  TIDEMARK_ASSIGN(cloned, clone(file));
  if (cloned) {
    ++result_.cloned;
    return {};
  }
  return copy(file, file.file_bytes);
}

Result<void> StreamCopier::copy(const SegmentFile& file, uint64_t bytes) {
  const std::string target = segment_path(to_, file.first_position);
  const Descriptor from(files_, files_.open(file.path, OpenMode::Read));
  if (from.number() < 0) return fail_system("cannot open a segment", file.path, -from.number());
  const Descriptor to(files_, files_.open(target, OpenMode::Create));
  if (to.number() < 0) return fail_system("cannot create a segment", target, -to.number());
  const auto write = [&](std::span<const std::byte> data, uint64_t offset) -> Result<void> {
    if (const int answer = files_.write(to.number(), data, offset); answer < 0) {
      return fail_system("cannot write", target, -answer);
    }
    return {};
  };
  chunk_.resize(kChunkBytes);
  uint64_t at = 0;
  while (at < bytes) {
    const auto data = files_.next_data(from.number(), at);
    if (data > 0) at = std::max(at, static_cast<uint64_t>(data));
    if (at >= bytes) break;
    const auto wanted = std::span(chunk_).first(std::min<uint64_t>(kChunkBytes, bytes - at));
    const auto count = files_.read(from.number(), wanted, at);
    if (count < 0) {
      return fail_system("cannot read a segment", file.path, static_cast<int>(-count));
    }
    if (count == 0) break;
    const auto read = wanted.first(static_cast<size_t>(count));
    TIDEMARK_TRY(write(read, at));
    at += read.size();
    result_.copied_bytes += read.size();
  }
  // What was not written reads as zeros, in a file of the right length.
  if (at < file.file_bytes) {
    const std::byte zero{0};
    TIDEMARK_TRY(write(std::span(&zero, 1), file.file_bytes - 1));
  }
  if (const int answer = files_.sync_all(to.number()); answer < 0) {
    return fail_system("cannot sync", target, -answer);
  }
  ++result_.copied;
  return {};
}

// What is committed at this moment; a seal only where its writer closed the stream.
Result<void> StreamCopier::copy_last(const SegmentFile& file) {
  TIDEMARK_ASSIGN(segment, Segment::open(files_, file.path, stream_, Access::Copy));
  uint64_t offset = kSegmentHeaderBytes;
  uint64_t end = offset;
  for (;;) {
    TIDEMARK_ASSIGN(frame, segment->frame(offset));
    if (!frame && offset == kSegmentHeaderBytes) {
      return segment->fail_at(offset, ErrorCode::Corrupt,
                              "the segment does not open with a checkpoint");
    }
    if (!frame) break;
    const uint64_t after = frame->end_position() - segment->first_position();
    if (frame->kind == FrameKind::Seal) {
      const auto seal = decode_seal(frame->payload, segment->header().time_shape());
      if (seal && seal->closed) end = after;
      break;
    }
    offset = end = after;
    segment->forget_before(offset);
  }
  result_.end = segment->first_position() + offset;
  return copy(file, end);
}

Result<void> StreamCopier::attempt() {
  result_ = {};
  result_.stream = stream_;
  TIDEMARK_ASSIGN(purged, read_purged(files_, from_));
  TIDEMARK_ASSIGN(segments, chain(purged));
  for (size_t i = 0; i < segments.size(); ++i) {
    TIDEMARK_TRY(i + 1 < segments.size() ? share(segments[i]) : copy_last(segments[i]));
  }
  if (purged) TIDEMARK_TRY(write_purged(files_, to_, *purged));
  if (const int answer = files_.sync_directory(to_); answer < 0) {
    return fail_system("cannot sync", to_, -answer);
  }
  return {};
}

Result<StreamSnapshot> StreamCopier::run() {
  for (int attempts = 0; attempts < kAttempts; ++attempts) {
    remove_tree(files_, to_);
    if (const int answer = files_.make_directory(to_); answer < 0) {
      return fail_system("cannot create", to_, -answer);
    }
    auto done = attempt();
    if (done) return result_;
    const ErrorCode code = done.error().code;
    // Purged under it, or seen half-way: what is missing now shows in what is listed next.
    if (code != ErrorCode::NotFound && code != ErrorCode::Missing) {
      return tl::make_unexpected(std::move(done).error());
    }
    if (attempts + 1 == kAttempts && code == ErrorCode::Missing) {
      return tl::make_unexpected(std::move(done).error());
    }
  }
  auto error = fail(ErrorCode::Busy, "segments went away while they were linked, again and again");
  error.value().stream = stream_;
  error.value().path = from_;
  return error;
}

// The log's identity as it stands, or as its segments tell it where the file is lost.
Result<void> write_identity(const Log& log, const std::string& to) {
  FileSeam& files = log.files();
  LogIdentity identity{};
  const auto bytes = std::as_writable_bytes(std::span(&identity, 1));
  bool usable = false;
  {
    const Descriptor from(files, files.open(log_identity_path(log.path()), OpenMode::Read));
    usable = from.number() >= 0 && files.read(from.number(), bytes, 0) == sizeof identity &&
             check_log_identity(identity);
  }
  if (!usable) {
    identity = {};
    identity.peers = log.peers();
    std::copy(log.uuid().begin(), log.uuid().end(), std::begin(identity.log_uuid));
    identity.created_at_ns = files.now_ns();
    finish_log_identity(identity);
  }
  const std::string path = log_identity_path(to);
  const Descriptor made(files, files.open(path, OpenMode::Create));
  if (made.number() < 0) return fail_system("cannot create", path, -made.number());
  int answer = files.write(made.number(), bytes, 0);
  if (answer >= 0) answer = files.sync_all(made.number());
  if (answer < 0) return fail_system("cannot write", path, -answer);
  return {};
}

}  // namespace

Result<SnapshotReport> snapshot_log(const Log& log, const std::string& destination) {
  FileSeam& files = log.files();
  TIDEMARK_ASSIGN(streams, log.all_streams());
  TIDEMARK_ASSIGN(pending, PendingDirectory::reserve(files, destination));
  for (const std::string& path : {pending.path(), streams_path(pending.path())}) {
    if (const int answer = files.make_directory(path); answer < 0) {
      return fail_system("cannot create", path, -answer);
    }
  }
  TIDEMARK_TRY(write_identity(log, pending.path()));
  SnapshotReport report;
  for (const uint32_t stream : streams) {
    TIDEMARK_ASSIGN(copied, StreamCopier(log, stream, pending.path()).run());
    report.streams.push_back(copied);
  }
  if (const int answer = files.sync_directory(streams_path(pending.path())); answer < 0) {
    return fail_system("cannot sync", streams_path(pending.path()), -answer);
  }
  TIDEMARK_TRY(pending.publish());
  return report;
}

}  // namespace tidemark
