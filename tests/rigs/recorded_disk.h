// A disk that remembers: one file served by FUSE, to be put under a loop device under a real file
// system. Every write and every flush that reaches it is noted in order, so that what a loss of
// power may have left at any moment can be made again: all writes before the last flush, and any of
// those after it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <sys/types.h>

#include "rig.h"

namespace tidemark::rig {

class RecordedDisk {
 public:
  // Serves `directory`/disk, of so many bytes, from a process of its own, until it goes.
  // "" or why it cannot.
  std::string start(const std::string& directory, uint64_t bytes);
  ~RecordedDisk();

  // From here on everything is noted; what is there now is the beginning of all images.
  void begin();
  // Writes and flushes so far.
  size_t entries() const;
  // While this is on, every flush fails with EIO, and what it was to make durable may be lost.
  void fail_flushes(bool on);
  size_t flushes() const;

  // Writes an image of a loss of power after so many entries to a file: of the writes since the
  // last flush some, now and then torn at multiples of `atomic_bytes`. Returns how many there were
  // to choose from.
  size_t write_image(const std::string& path, size_t entries, uint64_t atomic_bytes,
                     Random& random) const;

 private:
  struct Shared;
  Shared* shared_ = nullptr;
  std::byte* disk_ = nullptr;
  std::byte* journal_ = nullptr;
  uint64_t bytes_ = 0;
  pid_t server_ = 0;
  std::string directory_;
  std::vector<std::pair<uint64_t, std::vector<std::byte>>> base_;  // pages that are not zero
};

}  // namespace tidemark::rig
