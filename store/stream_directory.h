// What stands in one stream's directory: its segments in order, how far it was purged, and whether
// a writer holds it. Everything here only looks, except the lock.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tidemark/file_seam.h"
#include "tidemark/layout.h"
#include "tidemark/result.h"

namespace tidemark {

// One file that is named like a segment.
struct SegmentFile {
  uint64_t first_position = 0;  // by its name
  std::string path;
  uint64_t file_bytes = 0;
  uint64_t disk_bytes = 0;
  bool published = false;
  // Set where `published`, and where the header of a prepared segment has a valid identity.
  std::optional<SegmentHeader> header;
  // Corrupt or Unsupported: it is, or must have been, published, and its header cannot be used.
  std::optional<Error> damage;
};

// The segments by first position. Names that are no segment's are passed over. Errors: Io,
// NotFound.
Result<std::vector<SegmentFile>> list_segments(FileSeam& files, const std::string& directory,
                                               uint32_t stream);
// The first positions in the names of segments, in order, without looking into the files.
Result<std::vector<uint64_t>> list_segment_names(FileSeam& files, const std::string& directory);
// The sizes of all of them, as far as they can be asked for; for showing progress.
uint64_t bytes_of_segments(FileSeam& files, const std::string& directory);
// The same file as list_segments() would describe it.
Result<SegmentFile> examine_segment(FileSeam& files, const std::string& directory, uint32_t stream,
                                    uint64_t first_position);

// What stood in the directory at one moment, as far as purges go: no segment at or above `purged`
// is missing because a purge passed it while the directory was listed.
struct StreamListing {
  Result<std::optional<uint64_t>> purged;
  std::vector<SegmentFile> segments;
};
// Errors: Io, NotFound. That `purged` cannot be read is for the caller to judge.
Result<StreamListing> list_stream(FileSeam& files, const std::string& directory, uint32_t stream);

// Files that recovery has set aside.
struct SetAsideFile {
  uint64_t first_position = 0;
  std::string path;
  uint64_t file_bytes = 0;
  uint64_t disk_bytes = 0;
};
Result<std::vector<SetAsideFile>> list_set_aside(FileSeam& files, const std::string& directory);

// The file `purged`: everything below this position was purged on purpose. Nothing where there is
// no such file. Errors: Corrupt, Io.
Result<std::optional<uint64_t>> read_purged(FileSeam& files, const std::string& directory);
// Replaces it atomically, and syncs file and directory. Its caller holds the PurgeLock.
Result<void> write_purged(FileSeam& files, const std::string& directory, uint64_t position);

// The writer's lock on a stream's directory: held until destroyed or the process ends.
class StreamLock {
 public:
  // Errors: Busy, at once, where a writer holds it; NotFound, Io.
  static Result<StreamLock> acquire(FileSeam& files, const std::string& directory, uint32_t stream);
  StreamLock(StreamLock&& other) noexcept;
  StreamLock& operator=(StreamLock&& other) noexcept;
  ~StreamLock();
  void release();

 private:
  StreamLock(FileSeam& files, int descriptor) : files_(&files), descriptor_(descriptor) {}
  FileSeam* files_;
  int descriptor_;
};

// Whether a process holds the stream's lock at this moment. Takes a shared lock for an instant,
// which StreamLock::acquire knows how to tell from a writer's.
Result<bool> is_locked(FileSeam& files, const std::string& directory);

}  // namespace tidemark
