// Files that count the bytes they are asked for: what those who copy read of a log.
#pragma once

#include <cstdint>
#include <span>

#include "support/unsynced_files.h"

namespace tidemark::test {

class CountedReads final : public UnsyncedFiles {
 public:
  int64_t read(int descriptor, std::span<std::byte> bytes, uint64_t offset) override {
    read_bytes += bytes.size();
    return UnsyncedFiles::read(descriptor, bytes, offset);
  }
  uint64_t read_bytes = 0;
};

}  // namespace tidemark::test
