// A file mapped and touched as segments are, for the limits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "tidemark/result.h"

namespace tidemark::measure {

class MappedFile {
 public:
  // A new file, allocated, with all its pages touched; it has no name any more. Errors: NoSpace,
  // Io.
  static Result<MappedFile> create(const std::string& directory, uint64_t bytes);
  // A file that exists, for reading, with all its pages mapped.
  static Result<MappedFile> open(const std::string& path);

  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&&) = delete;
  ~MappedFile();
  std::byte* base() const { return base_; }

 private:
  MappedFile(std::byte* base, uint64_t bytes) : base_(base), bytes_(bytes) {}
  static Result<MappedFile> map(int descriptor, const std::string& path, uint64_t bytes,
                                bool writable);
  std::byte* base_;
  uint64_t bytes_;
};

}  // namespace tidemark::measure
