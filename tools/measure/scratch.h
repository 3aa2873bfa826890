// Where a measurement puts its files: a directory of its own that goes with it.
#pragma once

#include <string>

#include "tidemark/result.h"

namespace tidemark::measure {

class ScratchDirectory {
 public:
  // In `parent`. Errors: NotFound, NoSpace, Io.
  static Result<ScratchDirectory> create(const std::string& parent);
  ScratchDirectory(ScratchDirectory&& other) noexcept;
  ScratchDirectory& operator=(ScratchDirectory&&) = delete;
  ~ScratchDirectory();

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  // Removes what stands at `name`, and returns its path.
  std::string fresh(const std::string& name) const;

 private:
  explicit ScratchDirectory(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

// Touches `bytes` of memory and gives them back, so that what is measured next does not wait for a
// hypervisor to hand out pages that it had taken back (180 ms for 128 MiB were seen).
void warm_memory(uint64_t bytes);

}  // namespace tidemark::measure
