#include "recovery.h"

#include <algorithm>
#include <cerrno>
#include <memory>

#include "paths.h"
#include "segment.h"
#include "stream_directory.h"
#include "stream_walk.h"
#include "tidemark/check.h"
#include "tidemark/planted.h"

namespace tidemark {
namespace {

// Where the walk over the stream's frames ended.
struct StreamEnd {
  size_t segment = 0;   // index into the chain
  uint64_t offset = 0;  // of the first byte that holds no event
  bool sealed = false;  // a seal stands there
  bool closed = false;  // and says that its writer closed the stream
  bool torn = false;    // committed bytes stand there that are no valid frame
  std::string reason;   // why the frame there is none, where torn
};

// What stands beyond a hole.
struct Beyond {
  uint64_t frames = 0;
  uint64_t bytes = 0;
  uint64_t durable_upto = 0;  // the greatest that any valid frame carries
};

class Recovery {
 public:
  Recovery(FileSeam& files, const std::string& directory, uint32_t stream,
           std::optional<uint64_t> durable_hint)
      : files_(files),
        directory_(directory),
        stream_(stream),
        known_durable_(durable_hint.value_or(0)) {}

  // Where `repair` is false, nothing is changed.
  Result<RecoveredStream> run(bool repair);

 private:
  Result<void> list();
  Result<void> check_chain() const;
  Result<size_t> first_undurable_segment();
  Result<std::optional<StreamEnd>> walk(size_t from);
  Result<std::optional<StreamEnd>> walk_segment(size_t index);
  Result<Beyond> look_beyond(const std::optional<StreamEnd>& end);
  Result<void> look_into(Segment& segment, uint64_t offset, Beyond& beyond);
  Result<void> decide(const std::optional<StreamEnd>& end, const Beyond& beyond);
  Result<uint64_t> end_with_seal(size_t index, uint64_t end);
  Result<void> make_durable(size_t from, const StreamEnd& end);
  Result<void> rewrite(const SegmentFile& file, uint64_t from_offset, uint64_t upto_offset);
  Result<void> set_aside_from(size_t index);
  Result<void> give_back_space(const StreamEnd& end);
  Result<void> give_back_spares();
  Result<std::shared_ptr<Segment>> open(size_t index);
  uint64_t position_of(const StreamEnd& end) const {
    return chain_[end.segment].first_position + end.offset;
  }

  FileSeam& files_;
  const std::string& directory_;
  uint32_t stream_;
  uint64_t known_durable_;           // everything below it survived for certain
  std::vector<SegmentFile> chain_;   // published or damaged, in order
  std::vector<SegmentFile> spares_;  // never published, as far as can be seen
  std::optional<uint64_t> purged_;
  uint64_t next_position_ = 0;
  uint64_t last_incarnation_ = 0;
  StreamWalk walk_;
  RecoveryReport report_;
};

tl::unexpected<Error> at_segment(ErrorCode code, std::string message, uint32_t stream,
                                 const SegmentFile& file, uint64_t offset = 0) {
  return tl::make_unexpected(with_place(fail(code, std::move(message)).value(), stream,
                                        file.first_position, offset, file.path));
}

Result<void> Recovery::list() {
  TIDEMARK_ASSIGN(listing, list_stream(files_, directory_, stream_));
  TIDEMARK_ASSIGN(purged, std::move(listing.purged));
  purged_ = purged;
  std::vector<SegmentFile>& segments = listing.segments;
  TIDEMARK_ASSIGN(set_aside, list_set_aside(files_, directory_));
  next_position_ = purged_.value_or(0);
  for (const SetAsideFile& file : set_aside) {
    next_position_ = std::max(next_position_, file.first_position + file.file_bytes);
    const auto identity = Segment::open_by_identity(files_, file.path, stream_);
    if (identity) {
      last_incarnation_ = std::max(last_incarnation_, (*identity)->header().incarnation);
    }
  }
  const auto last_published =
      std::find_if(segments.rbegin(), segments.rend(),
                   [](const SegmentFile& file) { return file.published || file.damage; });
  for (SegmentFile& file : segments) {
    if (file.first_position < purged_.value_or(0)) continue;
    // Spares lie above all that was published. One that does not had been published itself, and
    // the power loss took its header back to what was synced at its preparation.
    if (!file.published && !file.damage &&
        (last_published == segments.rend() ||
         file.first_position > last_published->first_position)) {
      // It may have been, and then its positions were used; a published one has its size for good.
      next_position_ = std::max(
          next_position_, file.first_position + std::max<uint64_t>(file.file_bytes, kPageBytes));
      if (file.header) last_incarnation_ = std::max(last_incarnation_, file.header->incarnation);
      spares_.push_back(std::move(file));
      continue;
    }
    next_position_ = std::max(next_position_, file.first_position + file.file_bytes);
    if (file.header) last_incarnation_ = std::max(last_incarnation_, file.header->incarnation);
    chain_.push_back(std::move(file));
  }
  if (planted(Bug::PositionsReused) && !set_aside.empty()) {
    next_position_ = set_aside.front().first_position;
  }
  next_position_ = align_up(next_position_, kPageBytes);
  return {};
}

// The headers that can be read must link up. What lies beyond one that cannot is judged as what
// lies beyond a hole.
Result<void> Recovery::check_chain() const {
  const SegmentFile& head = chain_.front();
  if (head.published && head.header->previous_first_position != kNoPosition &&
      head.first_position != purged_.value_or(kNoPosition)) {
    return at_segment(ErrorCode::Missing, "the segments before this one are missing", stream_,
                      head);
  }
  for (size_t i = 1; i < chain_.size(); ++i) {
    const SegmentFile& before = chain_[i - 1];
    const SegmentFile& file = chain_[i];
    if (!file.published) continue;
    if (file.header->previous_first_position != before.first_position) {
      return at_segment(ErrorCode::Missing,
                        "the segment at " + std::to_string(file.header->previous_first_position) +
                            " before this one is missing",
                        stream_, file);
    }
  }
  return {};
}

Result<std::shared_ptr<Segment>> Recovery::open(size_t index) {
  return Segment::open(files_, chain_[index].path, stream_, Access::Copy);
}

// Opening takes time in proportion to the undurable tail. The last segment that has a checkpoint
// tells how much was durable when its last frame was written; the walk begins in the segment where
// that ends, for all before it was complete and synced. Where it ends right
// at a segment's beginning, not even that segment's checkpoint need have been.
Result<size_t> Recovery::first_undurable_segment() {
  bool found = false;
  for (size_t i = chain_.size(); i-- > 0 && !found;) {
    if (!chain_[i].published) continue;
    TIDEMARK_ASSIGN(segment, open(i));
    uint64_t offset = kSegmentHeaderBytes;
    for (;;) {
      const auto frame = segment->frame(offset);
      if (!frame && frame.error().code != ErrorCode::Corrupt) {
        return tl::make_unexpected(frame.error());
      }
      if (!frame || !*frame) break;
      known_durable_ = std::max(known_durable_, (*frame)->durable_upto);
      offset = (*frame)->end_position() - segment->first_position();
      found = true;
    }
  }
  size_t from = chain_.size() - 1;
  while (from > 0 &&
         (!chain_[from].published || chain_[from].header->previous_end >= known_durable_)) {
    --from;
  }
  return from;
}

// Walks the frames of one segment; nothing where not even those stand that open it. An invalid
// frame ends it, as a torn one; a valid frame that breaks the protocol is no consequence of a power
// loss, and is an error.
Result<std::optional<StreamEnd>> Recovery::walk_segment(size_t index) {
  if (!chain_[index].published) return std::nullopt;
  TIDEMARK_ASSIGN(opened, open(index));
  Segment& segment = *opened;
  TIDEMARK_ASSIGN(opens, has_opening(segment));
  if (!opens) return std::nullopt;
  TIDEMARK_ASSIGN(after_opening, walk_.enter(segment));
  TIDEMARK_ASSIGN(checkpoint, segment.frame(kSegmentHeaderBytes));
  if (checkpoint) known_durable_ = std::max(known_durable_, checkpoint->durable_upto);
  StreamEnd end;
  end.segment = index;
  end.offset = after_opening;
  for (;;) {
    const auto frame = segment.frame(end.offset);
    if (!frame) {
      if (frame.error().code != ErrorCode::Corrupt) return tl::make_unexpected(frame.error());
      end.torn = true;
      end.reason = frame.error().message;
      return end;
    }
    if (!*frame) return end;
    known_durable_ = std::max(known_durable_, (*frame)->durable_upto);
    if ((*frame)->kind == FrameKind::Seal) {
      auto seal = decode_seal((*frame)->payload, segment.header().time_shape());
      if (!seal) return segment.fail_at(end.offset, std::move(seal).error());
      end.sealed = true;
      end.closed = seal->closed;
      return end;
    }
    TIDEMARK_TRY(walk_.apply(segment, end.offset, **frame));
    end.offset = (*frame)->end_position() - segment.first_position();
  }
}

// Nothing where the first segment of all has no checkpoint: then no event was ever committed.
Result<std::optional<StreamEnd>> Recovery::walk(size_t from) {
  std::optional<StreamEnd> end;
  for (size_t i = from; i < chain_.size(); ++i) {
    TIDEMARK_ASSIGN(walked, walk_segment(i));
    // A segment without its checkpoint holds nothing: the stream ends before it.
    if (!walked) break;
    end = walked;
    const bool has_successor = i + 1 < chain_.size() && chain_[i + 1].published;
    if (!has_successor || chain_[i + 1].header->previous_end != position_of(*end)) break;
    // A seal that the power tore while the successor came through, of which nothing was durable
    // then. Readers cross no torn frame but where a recovery has cut it off.
    if (end->torn && chain_[i + 1].header->dropped_bytes == 0) break;
  }
  return end;
}

Result<void> Recovery::look_into(Segment& segment, uint64_t offset, Beyond& beyond) {
  uint64_t budget = segment.search_budget();
  uint64_t at = offset;
  for (;;) {
    const auto frame = segment.frame(at);
    if (!frame && frame.error().code == ErrorCode::Io) return tl::make_unexpected(frame.error());
    if (frame && *frame) {
      ++beyond.frames;
      beyond.durable_upto = std::max(beyond.durable_upto, (*frame)->durable_upto);
      at = (*frame)->end_position() - segment.first_position();
      continue;
    }
    TIDEMARK_ASSIGN(next, segment.find_frame_after(at, budget));
    if (!next) return {};
    at = *next;
  }
}

// Everything after the end that is still a valid frame, in its segment and in all that follow.
Result<Beyond> Recovery::look_beyond(const std::optional<StreamEnd>& end) {
  Beyond beyond;
  size_t next = 0;
  if (end) {
    next = end->segment + 1;
    TIDEMARK_ASSIGN(segment, open(end->segment));
    uint64_t from = end->offset;
    if (end->sealed) {
      TIDEMARK_ASSIGN(seal, segment->frame(from));
      TIDEMARK_CHECK(seal.has_value());
      from = seal->end_position() - segment->first_position();
    }
    TIDEMARK_TRY(look_into(*segment, from, beyond));
    if (end->torn || beyond.frames > 0) {
      TIDEMARK_ASSIGN(used, segment->bytes_in_use_after(from));
      beyond.bytes += used;
    }
  }
  for (size_t i = next; i < chain_.size(); ++i) {
    // Without an identity no frame of it can be judged, and an identity is synced before its
    // segment is published: its loss is no consequence of losing unsynced pages.
    if (!chain_[i].header) {
      return at_segment(ErrorCode::Corrupt, "the segment's identity is lost", stream_, chain_[i]);
    }
    // So is its size.
    if (chain_[i].header->segment_bytes != chain_[i].file_bytes) {
      return at_segment(ErrorCode::Corrupt, "the file has not the size that its header says",
                        stream_, chain_[i]);
    }
    TIDEMARK_ASSIGN(segment, Segment::open_by_identity(files_, chain_[i].path, stream_));
    TIDEMARK_TRY(look_into(*segment, kSegmentHeaderBytes, beyond));
    TIDEMARK_ASSIGN(used, segment->bytes_in_use_after(0));
    beyond.bytes += used;
  }
  return beyond;
}

// Lost tail or damage? What was durable is evidence: of frames beyond the hole, of frames before
// it, and of this boot's writer.
Result<void> Recovery::decide(const std::optional<StreamEnd>& end, const Beyond& beyond) {
  const uint64_t durable = std::max(beyond.durable_upto, known_durable_);
  const SegmentFile& file = chain_[end ? end->segment : 0];
  const uint64_t offset = end ? end->offset : 0;
  if (planted(Bug::DamageTakenForLostTail)) return {};
  if (end ? durable <= position_of(*end) : durable <= file.first_position) return {};
  return at_segment(ErrorCode::Corrupt,
                    (end && end->torn ? end->reason : std::string("no frame stands here")) +
                        ", but the stream was durable up to position " + std::to_string(durable) +
                        ": this is damage and no lost tail; salvage the log into a new one",
                    stream_, file, offset);
}

Result<void> Recovery::rewrite(const SegmentFile& file, uint64_t from_offset,
                               uint64_t upto_offset) {
  const int descriptor = files_.open(file.path, OpenMode::ReadWrite);
  if (descriptor < 0) return fail_system("cannot open a segment", file.path, -descriptor);
  int error = 0;
  std::byte* base = files_.map(descriptor, file.file_bytes, /*writable=*/true, error);
  int answer = error;
  if (base != nullptr) {
    const uint64_t first_page = from_offset & ~uint64_t{kPageBytes - 1};
    const uint64_t end = std::min(file.file_bytes, align_up(upto_offset, kPageBytes));
    // Bad media is an error here instead of a signal below.
    answer = files_.populate(base + first_page, end - first_page, /*for_writing=*/false);
    if (answer == -EINVAL) answer = 0;
    if (answer == 0) {
      // Storing a byte's own value makes the page dirty, which is all that is wanted.
      for (uint64_t page = first_page; page < end && !planted(Bug::KeptPagesNotRewritten);
           page += kPageBytes) {
        auto* byte = reinterpret_cast<volatile unsigned char*>(base + page);
        *byte = *byte;
      }
      auto* header = reinterpret_cast<volatile unsigned char*>(base);
      *header = *header;
      answer = files_.sync_data(descriptor);
    }
    files_.unmap(base, file.file_bytes);
  }
  files_.close(descriptor);
  if (answer < 0) return fail_system("cannot make a segment durable", file.path, -answer);
  return {};
}

// The position after the seal that stands at `end`, or `end`.
Result<uint64_t> Recovery::end_with_seal(size_t index, uint64_t end) {
  TIDEMARK_ASSIGN(segment, open(index));
  const auto frame = segment->frame(end - segment->first_position());
  if (!frame && frame.error().code != ErrorCode::Corrupt) {
    return tl::make_unexpected(frame.error());
  }
  const bool sealed = frame && *frame && (*frame)->kind == FrameKind::Seal;
  return sealed ? (*frame)->end_position() : end;
}

// Keeps what the walk found beyond the durable position. Pages that a failed sync left behind
// look clean to the kernel: a mere sync would succeed and mean nothing. Seals too: one that is torn
// by a later power loss would stop every reader before the successor.
Result<void> Recovery::make_durable(size_t from, const StreamEnd& end) {
  const uint64_t position = position_of(end);
  if (known_durable_ >= position && !end.sealed) return {};
  for (size_t i = from; i <= end.segment; ++i) {
    const SegmentFile& file = chain_[i];
    if (!file.published) continue;
    // In all but the last segment, up to where the successor says that it ends.
    const uint64_t end_here = i == end.segment ? position : chain_[i + 1].header->previous_end;
    if (end_here < known_durable_) continue;
    TIDEMARK_ASSIGN(upto, end_with_seal(i, end_here));
    if (upto <= known_durable_) continue;
    const uint64_t start = std::max(known_durable_, file.first_position);
    TIDEMARK_TRY(rewrite(file, start - file.first_position, upto - file.first_position));
    if (end_here > start) report_.rewritten_bytes += end_here - start;
  }
  return {};
}

// The highest first, so that what is left is a chain at every moment.
Result<void> Recovery::set_aside_from(size_t index) {
  for (size_t i = chain_.size(); i-- > index;) {
    const std::string aside = set_aside_path(directory_, chain_[i].first_position);
    int answer = files_.rename_new(chain_[i].path, aside);
    if (answer == 0) answer = files_.sync_directory(directory_);
    if (answer < 0) return fail_system("cannot set aside", chain_[i].path, -answer);
    ++report_.set_aside_segments;
  }
  chain_.resize(index);
  return {};
}

// What a killed writer had preallocated. Only where nothing at all stands beyond the end.
Result<void> Recovery::give_back_space(const StreamEnd& end) {
  const SegmentFile& file = chain_[end.segment];
  const uint64_t from = align_up(end.offset + sizeof(uint64_t), kPageBytes);
  if (!file.published || end.sealed || from >= file.file_bytes) return {};
  const int descriptor = files_.open(file.path, OpenMode::ReadWrite);
  if (descriptor < 0) return fail_system("cannot open a segment", file.path, -descriptor);
  const int answer = files_.punch_hole(descriptor, from, file.file_bytes - from);
  files_.close(descriptor);
  if (answer < 0 && answer != -EOPNOTSUPP) {
    return fail_system("cannot give back space of", file.path, -answer);
  }
  return {};
}

// Their names stay until the next segment has one; their space may be what it is made of.
Result<void> Recovery::give_back_spares() {
  for (const SegmentFile& spare : spares_) {
    if (spare.file_bytes <= kPageBytes) continue;
    const int descriptor = files_.open(spare.path, OpenMode::ReadWrite);
    if (descriptor < 0) return fail_system("cannot open a segment", spare.path, -descriptor);
    const int answer = files_.punch_hole(descriptor, kPageBytes, spare.file_bytes - kPageBytes);
    files_.close(descriptor);
    if (answer < 0 && answer != -EOPNOTSUPP) {
      return fail_system("cannot give back space of", spare.path, -answer);
    }
  }
  return {};
}

Result<RecoveredStream> Recovery::run(bool repair) {
  TIDEMARK_TRY(list());
  RecoveredStream recovered;
  recovered.next_position = next_position_;
  recovered.incarnation = last_incarnation_ + 1;
  if (chain_.empty() && purged_.value_or(0) > 0) {
    // A purge leaves the segment that it names: its checkpoint is all that is known of the stream.
    auto error =
        fail(ErrorCode::Missing, "the segment up to which the stream was purged is missing");
    error.value().stream = stream_;
    error.value().segment = *purged_;
    error.value().path = directory_;
    return error;
  }
  if (!chain_.empty()) {
    TIDEMARK_TRY(check_chain());
    TIDEMARK_ASSIGN(from, first_undurable_segment());
    TIDEMARK_ASSIGN(end, walk(from));
    TIDEMARK_ASSIGN(beyond, look_beyond(end));
    TIDEMARK_TRY(decide(end, beyond));
    if (!end && purged_) {
      return at_segment(ErrorCode::Corrupt, "the first segment that is left has no checkpoint",
                        stream_, chain_.front(), kSegmentHeaderBytes);
    }
    const size_t kept = end ? end->segment + 1 : 0;
    const bool hole = !end || end->torn || beyond.frames > 0 || kept < chain_.size();
    report_.dropped_bytes = beyond.bytes;
    report_.dropped_frames = beyond.frames;
    if (repair) {
      if (end) TIDEMARK_TRY(make_durable(from, *end));
      TIDEMARK_TRY(set_aside_from(kept));
      if (end && !hole) TIDEMARK_TRY(give_back_space(*end));
    }
    if (end) {
      recovered.last = chain_[end->segment].header;
      recovered.protocol = walk_.protocol();
      recovered.totals = walk_.totals();
      recovered.end = position_of(*end);
      recovered.captured_at_ns = walk_.captured_at_ns();
      report_.existed = true;
      report_.was_closed = end->closed;
      report_.previous_end = recovered.end;
      report_.frontier = walk_.protocol().frontier().elements();
      report_.mark = walk_.mark();
    }
  }
  if (repair) TIDEMARK_TRY(give_back_spares());
  for (const SegmentFile& spare : spares_) recovered.spares.push_back(spare.path);
  report_.incarnation = recovered.incarnation;
  recovered.report = report_;
  return recovered;
}

}  // namespace

Result<RecoveredStream> recover_stream(FileSeam& files, const std::string& directory,
                                       uint32_t stream, std::optional<uint64_t> durable_hint) {
  return Recovery(files, directory, stream, durable_hint).run(/*repair=*/true);
}

Result<RecoveredStream> inspect_stream(FileSeam& files, const std::string& directory,
                                       uint32_t stream, std::optional<uint64_t> durable_hint) {
  return Recovery(files, directory, stream, durable_hint).run(/*repair=*/false);
}

Result<void> remove_spares(FileSeam& files, const std::string& directory,
                           const std::vector<std::string>& spares) {
  for (const std::string& path : spares) {
    if (const int answer = files.remove_file(path); answer < 0 && answer != -ENOENT) {
      return fail_system("cannot remove a segment that was never published", path, -answer);
    }
  }
  if (spares.empty()) return {};
  if (const int answer = files.sync_directory(directory); answer < 0) {
    return fail_system("cannot sync", directory, -answer);
  }
  return {};
}

}  // namespace tidemark
