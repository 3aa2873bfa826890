#include "mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <thread>
#include <utility>

#include "tidemark/file_seam.h"

// Linux 5.14; Debian 12's headers have them.
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

namespace tidemark::measure {

Result<MappedFile> MappedFile::create(const std::string& directory, uint64_t bytes) {
  const int descriptor = ::open(directory.c_str(), O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
  if (descriptor < 0) return fail_system("creating a file in", directory, errno);
  // posix_fallocate would write zeros where a file system cannot allocate: another kind of page.
  if (::fallocate(descriptor, 0, 0, static_cast<off_t>(bytes)) != 0) {
    const int error = errno;
    ::close(descriptor);
    return fail_system("allocating a file in", directory, error);
  }
  // In pages as large as those of the segments that are appended to without a sync.
  if (const int answer = system_files().cache_zeros(descriptor, 0, bytes); answer < 0) {
    ::close(descriptor);
    return fail_system("writing to a file in", directory, -answer);
  }
  return map(descriptor, directory, bytes, true);
}

Result<MappedFile> MappedFile::open(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return fail_system("opening", path, errno);
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) {
    const int error = errno;
    ::close(descriptor);
    return fail_system("looking at", path, error);
  }
  return map(descriptor, path, static_cast<uint64_t>(status.st_size), false);
}

Result<MappedFile> MappedFile::map(int descriptor, const std::string& path, uint64_t bytes,
                                   bool writable) {
  int error = 0;
  std::byte* const address = system_files().map(descriptor, bytes, writable, error);
  ::close(descriptor);
  if (address == nullptr) return fail_system("mapping", path, -error);
  MappedFile file(address, bytes);
  // As for segments, by another thread: on another core, where there is one.
  int populate_error = 0;
  std::thread([&] {
    if (::madvise(file.base_, bytes, writable ? MADV_POPULATE_WRITE : MADV_POPULATE_READ) != 0) {
      populate_error = errno;
    }
  }).join();
  if (populate_error != 0) return fail_system("touching the pages of", path, populate_error);
  return file;
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : base_(std::exchange(other.base_, nullptr)), bytes_(other.bytes_) {}

MappedFile::~MappedFile() {
  if (base_ != nullptr) ::munmap(base_, bytes_);
}

}  // namespace tidemark::measure
