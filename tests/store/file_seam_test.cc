#include "tidemark/file_seam.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "support/catch.h"
#include "support/temporary_directory.h"

using namespace tidemark;
using namespace tidemark::test;

namespace {

constexpr uint64_t kPage = 4096;

}  // namespace

TEST_CASE("A mapping of 2 MiB and more begins where a large page can") {
  FileSeam& files = system_files();
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/file";
  const int descriptor = files.open(path, OpenMode::Create);
  REQUIRE(descriptor >= 0);
  const uint64_t bytes = 2 * kLargePageBytes + kPage;
  REQUIRE(files.allocate(descriptor, bytes) == 0);
  // Several at once, with something odd between them, so that none is aligned by accident.
  std::vector<std::byte*> mappings;
  for (int i = 0; i < 4; ++i) {
    int error = 0;
    mappings.push_back(files.map(descriptor, bytes, /*writable=*/true, error));
    REQUIRE(mappings.back() != nullptr);
    CHECK(reinterpret_cast<uintptr_t>(mappings.back()) % kLargePageBytes == 0);
    REQUIRE(files.map(descriptor, kPage, /*writable=*/false, error) != nullptr);
  }
  mappings[0][bytes - 1] = std::byte{7};
  for (std::byte* const mapping : mappings) {
    CHECK(mapping[bytes - 1] == std::byte{7});
    CHECK(files.unmap(mapping, bytes) == 0);
  }
  files.close(descriptor);
}

TEST_CASE("Zeros that are brought in change neither a file's length nor what is beside them") {
  FileSeam& files = system_files();
  const TemporaryDirectory directory;
  const int descriptor = files.open(directory.path() + "/file", OpenMode::Create);
  REQUIRE(descriptor >= 0);
  const uint64_t bytes = 2 * kLargePageBytes + 3 * kPage;
  REQUIRE(files.allocate(descriptor, bytes) == 0);
  const std::vector<std::byte> ones(kPage, std::byte{1});
  REQUIRE(files.write(descriptor, ones, 0) == 0);
  REQUIRE(files.write(descriptor, ones, bytes - kPage) == 0);
  REQUIRE(files.cache_zeros(descriptor, kPage, bytes - 2 * kPage) == 0);
  FileStatus status;
  REQUIRE(files.status(descriptor, status) == 0);
  CHECK(status.bytes == bytes);
  std::vector<std::byte> found(bytes);
  REQUIRE(files.read(descriptor, found, 0) == static_cast<int64_t>(bytes));
  CHECK(std::equal(ones.begin(), ones.end(), found.begin()));
  CHECK(std::equal(ones.rbegin(), ones.rend(), found.rbegin()));
  CHECK(std::count(found.begin(), found.end(), std::byte{1}) == 2 * kPage);
  files.close(descriptor);
}
