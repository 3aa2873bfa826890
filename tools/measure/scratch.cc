#include "scratch.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

namespace tidemark::measure {

Result<ScratchDirectory> ScratchDirectory::create(const std::string& parent) {
  std::string path = parent + "/tidemark-bench-XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) {
    return fail_system("creating a directory in", parent, errno);
  }
  return ScratchDirectory(std::move(path));
}

ScratchDirectory::ScratchDirectory(ScratchDirectory&& other) noexcept
    : path_(std::exchange(other.path_, {})) {}

ScratchDirectory::~ScratchDirectory() {
  std::error_code ignored;  // it is the end, and nobody is left to be told
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

std::string ScratchDirectory::fresh(const std::string& name) const {
  std::string path = *this / name;
  std::error_code ignored;  // what cannot be removed is in the way of what comes, which says so
  std::filesystem::remove_all(path, ignored);
  return path;
}

void warm_memory(uint64_t bytes) {
  void* const memory =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return;  // then it is measured cold
  std::memset(memory, 1, bytes);
  ::munmap(memory, bytes);
}

}  // namespace tidemark::measure
