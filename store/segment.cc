#include "segment.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include "paths.h"
#include "tidemark/check.h"

namespace tidemark {
namespace {

constexpr size_t kChunkBytes = size_t{64} << 10;
constexpr size_t kWordBytes = sizeof(uint64_t);

// Some dozens of small frames, which stay in the nearest cache until they are handed out.
constexpr uint64_t kVerifyAheadBytes = uint64_t{8} << 10;

}  // namespace

Error with_place(Error error, uint32_t stream, uint64_t segment, uint64_t offset,
                 const std::string& path) {
  if (!error.stream) error.stream = stream;
  if (!error.segment) error.segment = segment;
  if (!error.offset) error.offset = offset;
  if (error.path.empty()) error.path = path;
  return error;
}

tl::unexpected<Error> Segment::fail_at(uint64_t offset, Error error) const {
  return tl::make_unexpected(
      with_place(std::move(error), stream_, header_.first_position, offset, path_));
}

tl::unexpected<Error> Segment::fail_at(uint64_t offset, ErrorCode code, std::string message) const {
  return fail_at(offset, fail(code, std::move(message)).value());
}

Result<std::shared_ptr<Segment>> Segment::open_descriptor(FileSeam& files, const std::string& path,
                                                          uint32_t stream, Access access) {
  const int descriptor = files.open(path, OpenMode::Read);
  if (descriptor < 0) return fail_system("cannot open a segment", path, -descriptor);
  return std::shared_ptr<Segment>(new Segment(files, path, stream, access, descriptor));
}

// Reads the header as it stands, and returns the file's size.
Result<uint64_t> Segment::read_header() {
  const auto count = files_.read(descriptor_, std::as_writable_bytes(std::span(&header_, 1)), 0);
  if (count < 0)
    return fail_system("cannot read a segment's header", path_, static_cast<int>(-count));
  if (static_cast<size_t>(count) < kSegmentHeaderBytes) {
    // A writer that was killed before it allocated the file leaves it short and without a magic.
    if (header_.magic == 0) return fail_at(0, ErrorCode::NotFound, "the segment is not published");
    return fail_at(0, ErrorCode::Corrupt, "the file is shorter than a segment's header");
  }
  // Asked after the header was read: the file of a published segment has its size for good.
  FileStatus status;
  if (const int answer = files_.status(descriptor_, status); answer < 0) {
    return fail_system("cannot examine a segment", path_, -answer);
  }
  return status.bytes;
}

Result<std::shared_ptr<Segment>> Segment::open(FileSeam& files, const std::string& path,
                                               uint32_t stream, Access access) {
  return open_checked(files, path, stream, access, Extent::Whole);
}

Result<std::shared_ptr<Segment>> Segment::open_narrowly(FileSeam& files, const std::string& path,
                                                        uint32_t stream) {
  return open_checked(files, path, stream, Access::Copy, Extent::Narrow);
}

Result<std::shared_ptr<Segment>> Segment::open_checked(FileSeam& files, const std::string& path,
                                                       uint32_t stream, Access access,
                                                       Extent extent) {
  TIDEMARK_ASSIGN(segment, open_descriptor(files, path, stream, access));
  TIDEMARK_ASSIGN(file_bytes, segment->read_header());
  if (segment->header_.magic == 0) {
    return segment->fail_at(0, ErrorCode::NotFound, "the segment is not published");
  }
  auto checked = check_header(segment->header_, file_bytes);
  if (!checked) {
    // It may have been read while it was published: the magic is stored last, but nothing orders
    // the bytes of one read.
    TIDEMARK_ASSIGN(file_bytes_again, segment->read_header());
    checked = check_header(segment->header_, file_bytes_again);
  }
  if (!checked) return segment->fail_at(0, std::move(checked).error());
  // Where its name is not its position, it was moved: none of its frames belongs here.
  const auto named = parse_segment_name(std::string_view(path).substr(path.rfind('/') + 1));
  if (named && *named != segment->header_.first_position) {
    return tl::make_unexpected(with_place(
        fail(ErrorCode::Corrupt,
             "the segment is that of position " + std::to_string(segment->header_.first_position))
            .value(),
        stream, *named, 0, path));
  }
  if (segment->header_.stream != stream) {
    return segment->fail_at(
        0, ErrorCode::Corrupt,
        "the segment belongs to stream " + std::to_string(segment->header_.stream));
  }
  TIDEMARK_TRY(segment->attach(extent));
  return segment;
}

Result<std::shared_ptr<Segment>> Segment::open_by_identity(FileSeam& files, const std::string& path,
                                                           uint32_t stream) {
  TIDEMARK_ASSIGN(segment, open_descriptor(files, path, stream, Access::Copy));
  TIDEMARK_ASSIGN(file_bytes, segment->read_header());
  SegmentHeader& header = segment->header_;
  if (auto checked = check_identity(header, header.segment_bytes); !checked) {
    return segment->fail_at(0, std::move(checked).error());
  }
  header.segment_bytes =
      std::min(header.segment_bytes, file_bytes & ~uint64_t{kFrameAlignment - 1});
  std::memset(&header.first_sequence, 0, sizeof header - offsetof(SegmentHeader, first_sequence));
  header.previous_first_position = kNoPosition;
  segment->identity_only_ = true;
  TIDEMARK_TRY(segment->attach(Extent::Whole));
  return segment;
}

Result<void> Segment::attach(Extent extent) {
  key_ = FrameKey(header_.salt);
  extent_ = extent;
  if (extent == Extent::Narrow) return {};
  if (access_ == Access::Copy) {
    // Pages cost nothing until a window is read into them. Not from the allocator: once it was
    // given such a block back, it clears the next one byte by byte.
    void* const block = ::mmap(nullptr, header_.segment_bytes, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (block == MAP_FAILED) return fail_system("cannot hold a segment", path_, errno);
    base_ = static_cast<std::byte*>(block);
    return {};
  }
  int error = 0;
  base_ = files_.map(descriptor_, header_.segment_bytes, /*writable=*/false, error);
  if (base_ == nullptr) return fail_system("cannot map a segment", path_, -error);
  return {};
}

Segment::~Segment() {
  if (base_ != nullptr && extent_ == Extent::Whole) {
    if (access_ == Access::Copy) {
      ::munmap(base_, header_.segment_bytes);
    } else {
      files_.unmap(base_, header_.segment_bytes);
    }
  }
  files_.close(descriptor_);
}

Result<void> Segment::require(uint64_t offset, uint64_t bytes) {
  if (offset >= ready_from_ && offset + bytes <= ready_upto_) [[likely]]
    return {};
  TIDEMARK_CHECK(offset + bytes <= header_.segment_bytes);
  if (extent_ == Extent::Narrow) return require_copy(offset, bytes);
  // Go on from the last window where this continues it, else begin a new one.
  const bool continues = offset >= ready_from_ && offset <= ready_upto_;
  window_bytes_ = continues ? std::min(2 * window_bytes_, kMostWindowBytes) : kFirstWindowBytes;
  const uint64_t from = continues ? ready_upto_ : offset & ~uint64_t{kPageBytes - 1};
  const uint64_t upto = std::min(
      header_.segment_bytes, align_up(std::max(offset + bytes, from + window_bytes_), kPageBytes));
  if (access_ == Access::Copy) {
    TIDEMARK_TRY(read_again(from, upto - from));
  } else {
    const int answer = files_.populate(base_ + from, upto - from, /*for_writing=*/false);
    // A kernel without the call leaves it to the page fault.
    if (answer < 0 && answer != -EINVAL) {
      return fail_at(offset, fail_system("cannot read a segment", path_, -answer).value());
    }
  }
  if (!continues) ready_from_ = from;
  ready_upto_ = upto;
  return {};
}

// A page, which is what most seals and checkpoints fit into, or one frame of more.
Result<void> Segment::require_copy(uint64_t offset, uint64_t bytes) {
  const uint64_t count = std::min(header_.segment_bytes - offset, std::max(bytes, kPageBytes));
  std::unique_ptr<std::byte[]> copy(new (std::nothrow) std::byte[count]);
  if (!copy) return fail_system("cannot hold a frame of", path_, ENOMEM);
  base_ = copy.get();
  base_offset_ = offset;
  copies_.push_back(std::move(copy));
  ready_from_ = ready_upto_ = offset;
  TIDEMARK_TRY(read_again(offset, count));
  ready_upto_ = offset + count;
  return {};
}

void Segment::forget_before(uint64_t offset) {
  if (access_ != Access::Copy || extent_ == Extent::Narrow || offset <= ready_from_) return;
  ::madvise(base_, offset & ~(kPageBytes - 1), MADV_DONTNEED);
  ready_from_ = offset;
  ready_upto_ = std::max(ready_upto_, offset);
}

Result<void> Segment::read_again(uint64_t offset, uint64_t bytes) {
  verified_upto_ = 0;  // it was another copy that was verified
  const auto count = files_.read(descriptor_, {at(offset), bytes}, offset);
  if (count < 0) {
    return fail_at(offset,
                   fail_system("cannot read a segment", path_, static_cast<int>(-count)).value());
  }
  if (static_cast<uint64_t>(count) < bytes) {
    return fail_at(offset, ErrorCode::Corrupt, "the file ends before its header says");
  }
  return {};
}

Result<uint64_t> Segment::commit_word(uint64_t offset) {
  TIDEMARK_CHECK(offset % kFrameAlignment == 0);
  if (offset + kWordBytes > header_.segment_bytes) return uint64_t{0};
  TIDEMARK_TRY(require(offset, kWordBytes));
  uint64_t word = load_commit_word(at(offset));
  if (word == 0 && access_ == Access::Copy) {
    // The copy may be older than the frame. What follows was copied before it too.
    TIDEMARK_TRY(read_again(offset, kWordBytes));
    word = load_commit_word(at(offset));
    if (word != 0) {
      ready_upto_ = offset;
      TIDEMARK_TRY(require(offset, kWordBytes));
    }
  }
  return word;
}

bool Segment::verify_ahead(uint64_t offset) {
  if (offset < ready_from_ || offset + sizeof(FrameHeader) > ready_upto_) return false;
  if (extent_ == Extent::Narrow) return false;
  verified_from_ = offset;
  // What is ready never reaches beyond the segment, so that it bounds the lengths as well.
  verified_upto_ = offset + sound_bytes(base_ + offset, ready_upto_ - offset, key_,
                                        header_.first_position + offset, kVerifyAheadBytes);
  return verified_upto_ > offset;
}

Result<std::optional<FrameView>> Segment::frame(uint64_t offset) {
  TIDEMARK_ASSIGN(word, commit_word(offset));
  if (word == 0) return std::nullopt;
  const auto padded = check_commit_word(word, header_.segment_bytes - offset);
  if (!padded) return fail_at(offset, padded.error());
  TIDEMARK_TRY(require(offset, *padded));
  const uint64_t position = header_.first_position + offset;
  auto checked = check_frame({at(offset), *padded}, word, key_, position);
  if (!checked && access_ == Access::Copy) {
    // A copy made while the frame was written may be older at its end than at its beginning.
    TIDEMARK_TRY(read_again(offset, *padded));
    checked = check_frame({at(offset), *padded}, load_commit_word(at(offset)), key_, position);
  }
  if (!checked) return fail_at(offset, std::move(checked).error());
  return *checked;
}

Result<std::optional<uint64_t>> Segment::find_frame_after(uint64_t offset, uint64_t& budget) {
  alignas(kFrameAlignment) std::array<std::byte, kChunkBytes> chunk;
  uint64_t at = std::max<uint64_t>(offset + kFrameAlignment, kSegmentHeaderBytes);
  while (at + sizeof(FrameHeader) <= bytes()) {
    const auto data = files_.next_data(descriptor_, at);
    if (data > 0) at = std::max(at, static_cast<uint64_t>(data) & ~uint64_t{kFrameAlignment - 1});
    if (at + sizeof(FrameHeader) > bytes()) break;
    const auto count = files_.read(descriptor_, chunk, at);
    if (count < 0) {
      return fail_at(at,
                     fail_system("cannot read a segment", path_, static_cast<int>(-count)).value());
    }
    const auto words = static_cast<uint64_t>(count) / kWordBytes;
    if (words == 0) break;
    for (uint64_t i = 0; i < words; ++i) {
      uint64_t word = 0;
      std::memcpy(&word, chunk.data() + i * kWordBytes, sizeof word);
      const uint64_t candidate = at + i * kWordBytes;
      // What nearly every other word fails at, before its error is put into words.
      if ((word & kLengthMask) < sizeof(FrameHeader) || (word & kUnknownWordBits) != 0) continue;
      const auto padded = check_commit_word(word, bytes() - candidate);
      if (!padded) continue;
      if (*padded > budget) {
        return fail_at(candidate, ErrorCode::Corrupt,
                       "too many bytes look like frames to decide what follows the hole");
      }
      budget -= *padded;
      const auto found = frame(candidate);
      if (found && found->has_value()) return candidate;
      if (!found && found.error().code == ErrorCode::Io) {
        return tl::make_unexpected(found.error());
      }
    }
    at += words * kWordBytes;
  }
  return std::nullopt;
}

Result<uint64_t> Segment::bytes_in_use_after(uint64_t offset) {
  std::array<std::byte, kChunkBytes> chunk;
  uint64_t last = offset;
  uint64_t at = offset;
  while (at < bytes()) {
    const auto data = files_.next_data(descriptor_, at);
    if (data > 0) at = std::max(at, static_cast<uint64_t>(data));
    if (at >= bytes()) break;
    const auto count = files_.read(descriptor_, chunk, at);
    if (count < 0) {
      return fail_at(at,
                     fail_system("cannot read a segment", path_, static_cast<int>(-count)).value());
    }
    if (count == 0) break;
    const auto read = std::span(chunk).first(static_cast<size_t>(count));
    // Of most chunks all is zero: that is seen many bytes a step.
    const bool empty =
        read[0] == std::byte{0} && std::memcmp(read.data(), read.data() + 1, read.size() - 1) == 0;
    const auto used = empty ? read.rend()
                            : std::find_if(read.rbegin(), read.rend(),
                                           [](std::byte byte) { return byte != std::byte{0}; });
    if (used != read.rend()) last = at + static_cast<uint64_t>(read.rend() - used);
    at += static_cast<uint64_t>(count);
  }
  return last - offset;
}

}  // namespace tidemark
