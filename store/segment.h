// `Segment`: one published segment opened for reading (SPEC.md section 4).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tidemark/event_reader.h"
#include "tidemark/file_seam.h"
#include "tidemark/frame.h"
#include "tidemark/layout.h"
#include "tidemark/result.h"

namespace tidemark {

// Adds what `error` does not know yet of the place where it happened.
Error with_place(Error error, uint32_t stream, uint64_t segment, uint64_t offset,
                 const std::string& path);

// Views of frames live as long as the segment does. Reads are windowed: the pages of a window are
// brought in first, so that a bad medium or a short file is an error and not a signal. One thread
// at a time; a view handed out may be read by any thread.
class Segment {
 public:
  // `stream` is only used in errors and checked against the header. Errors: NotFound, Io, Corrupt,
  // Unsupported; a segment that is not published is NotFound.
  static Result<std::shared_ptr<Segment>> open(FileSeam& files, const std::string& path,
                                               uint32_t stream, Access access);
  // The same for those who look at a few frames and not at what lies between: copies of these
  // frames are all that it holds. Access::Copy.
  static Result<std::shared_ptr<Segment>> open_narrowly(FileSeam& files, const std::string& path,
                                                        uint32_t stream);
  // The same on the word of the header's identity alone, for salvage of a segment whose header is
  // damaged: fields outside the identity are zero then, and previous_first_position kNoPosition.
  // A file that was cut short is a segment of that many bytes.
  static Result<std::shared_ptr<Segment>> open_by_identity(FileSeam& files, const std::string& path,
                                                           uint32_t stream);
  ~Segment();
  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;

  const SegmentHeader& header() const { return header_; }
  // Opened by open_by_identity(): header() knows nothing of what comes before the segment.
  bool identity_only() const { return identity_only_; }
  const std::string& path() const { return path_; }
  uint64_t first_position() const { return header_.first_position; }
  uint64_t bytes() const { return header_.segment_bytes; }
  // Whether `position` lies in the part of this segment that holds frames.
  bool holds(uint64_t position) const {
    return position >= header_.first_position + kSegmentHeaderBytes &&
           position < header_.end_position();
  }

  // The commit word at `offset`, at this moment; 0 also where there is no room for one.
  Result<uint64_t> commit_word(uint64_t offset);
  // The verified frame at `offset`; nothing where none was committed. `verify_payload` is the
  // caller's: payloads are decoded by decode_*(). Errors have their place: Corrupt, Io,
  // Unsupported.
  Result<std::optional<FrameView>> frame(uint64_t offset);

  // frame() for the frame that is expected: one that is committed, sound, of a known kind, and in
  // pages that were brought in already. False where frame() must be asked what there is. Frames are
  // verified some at a time; whoever takes one says so by took_ready_frame().
  [[gnu::always_inline]] bool ready_frame(uint64_t offset, FrameView& found) {
    if ((offset != verified_from_ || offset >= verified_upto_) && !verify_ahead(offset))
        [[unlikely]] {
      return false;
    }
    return view_sound_frame(base_ + offset, verified_upto_ - offset,
                            header_.first_position + offset, found);
  }
  // The reader goes on at `offset`, the end of the frame that ready_frame() found last.
  void took_ready_frame(uint64_t offset) { verified_from_ = offset; }

  // The first offset after `offset` at which a valid frame stands, examining every multiple of 8.
  // Takes the bytes that it hashes from `budget`; Corrupt when that is not enough to decide.
  Result<std::optional<uint64_t>> find_frame_after(uint64_t offset, uint64_t& budget);
  // The budget that SPEC.md section 9 gives to such a search.
  uint64_t search_budget() const { return 4 * bytes(); }
  // Bytes from `offset` to the last one in the segment that is not zero.
  Result<uint64_t> bytes_in_use_after(uint64_t offset);

  // For those who walk through by Access::Copy: gives back the memory of what stands before
  // `offset`, where views then end. It is read anew if it is asked for again.
  void forget_before(uint64_t offset);

  // An error of the given code at `offset` of this segment.
  tl::unexpected<Error> fail_at(uint64_t offset, ErrorCode code, std::string message) const;
  tl::unexpected<Error> fail_at(uint64_t offset, Error error) const;

 private:
  // How much of the segment is held once it was read.
  enum class Extent : uint8_t { Whole, Narrow };

  Segment(FileSeam& files, std::string path, uint32_t stream, Access access, int descriptor)
      : files_(files),
        path_(std::move(path)),
        stream_(stream),
        access_(access),
        descriptor_(descriptor) {}
  static Result<std::shared_ptr<Segment>> open_descriptor(FileSeam& files, const std::string& path,
                                                          uint32_t stream, Access access);
  static Result<std::shared_ptr<Segment>> open_checked(FileSeam& files, const std::string& path,
                                                       uint32_t stream, Access access,
                                                       Extent extent);
  Result<uint64_t> read_header();
  Result<void> attach(Extent extent);
  // Makes [offset, offset + bytes) readable.
  Result<void> require(uint64_t offset, uint64_t bytes);
  Result<void> require_copy(uint64_t offset, uint64_t bytes);
  // Where the byte at `offset` stands; only of what is readable.
  std::byte* at(uint64_t offset) const { return base_ + (offset - base_offset_); }
  Result<void> read_again(uint64_t offset, uint64_t bytes);
  // Verifies the frames from `offset` on; false where there is none that is ready.
  bool verify_ahead(uint64_t offset);

  FileSeam& files_;
  std::string path_;
  uint32_t stream_;
  Access access_;
  int descriptor_;
  SegmentHeader header_{};
  FrameKey key_;  // of header_.salt
  bool identity_only_ = false;
  // The mapping, or a private block of the segment's size; where it is read narrowly, the copy that
  // was made last, of what stands at base_offset_ and after.
  std::byte* base_ = nullptr;
  uint64_t base_offset_ = 0;
  Extent extent_ = Extent::Whole;
  std::vector<std::unique_ptr<std::byte[]>> copies_;  // views of the former ones live on
  // Pages are brought in ahead in windows. Who came to a place may want no more than what stands
  // there; each window that goes on from the last one is twice as large, up to where the call is
  // hidden and a reader near the end of a large segment still does not touch much that will never
  // be written.
  static constexpr uint64_t kFirstWindowBytes = uint64_t{64} << 10;
  static constexpr uint64_t kMostWindowBytes = uint64_t{1} << 20;
  uint64_t window_bytes_ = kFirstWindowBytes;
  uint64_t ready_from_ = 0;  // [ready_from_, ready_upto_) may be read
  uint64_t ready_upto_ = 0;
  // Frames stand one after the other in [verified_from_, verified_upto_), and are sound.
  uint64_t verified_from_ = 0;
  uint64_t verified_upto_ = 0;
};

}  // namespace tidemark
