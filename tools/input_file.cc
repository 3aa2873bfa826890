#include "input_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <span>
#include <system_error>

#include "report.h"
#include "tidemark/hash.h"

namespace tidemark::tools {
namespace {

std::string message_of(int error) { return std::generic_category().message(error); }

// The hash of a file's first `bytes`, continued from `hash`.
Outcome<uint64_t> hash_beginning(const std::string& file, uint64_t bytes, uint64_t hash) {
  auto input = InputFile::open(file, 0);
  if (!input) return tl::make_unexpected(std::move(input).error());
  std::vector<std::byte> beginning(bytes);
  size_t filled = 0;
  while (filled < bytes) {
    const ssize_t count = read(input->descriptor(), beginning.data() + filled, bytes - filled);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed(fmt::format("cannot read: {}: {}", message_of(errno), file));
    if (count == 0)
      return misused(fmt::format("is shorter than what was captured of it: {}", file));
    filled += static_cast<size_t>(count);
  }
  return hash_bytes(beginning, hash);
}

}  // namespace

std::string name_of_input(const std::string& file) {
  return file == kStandardInput ? "standard input" : file;
}

Outcome<InputFile> InputFile::open(const std::string& file, uint64_t offset) {
  if (file == kStandardInput) return InputFile(STDIN_FILENO);
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return failed(fmt::format("cannot read: {}: {}", message_of(errno), file));
  InputFile opened(descriptor);
  if (offset > 0 && lseek(descriptor, static_cast<off_t>(offset), SEEK_SET) < 0) {
    return failed(fmt::format("cannot read: {}: {}", message_of(errno), file));
  }
  return opened;
}

InputFile::~InputFile() {
  if (descriptor_ > STDERR_FILENO) close(descriptor_);
}

Outcome<Inputs> examine_inputs(const std::vector<std::string>& files) {
  Inputs inputs;
  inputs.bytes = 0;
  if (std::count(files.begin(), files.end(), kStandardInput) > 1) {
    return misused("standard input can be read only once");
  }
  for (const std::string& file : files) {
    struct stat status {};
    const bool standard = file == kStandardInput;
    if ((standard ? fstat(STDIN_FILENO, &status) : stat(file.c_str(), &status)) != 0) {
      return misused(fmt::format("{}: {}", message_of(errno), name_of_input(file)));
    }
    if (standard && (fcntl(STDIN_FILENO, F_GETFL) & O_ACCMODE) == O_WRONLY) {
      return misused("is not open for reading: standard input");
    }
    if (S_ISDIR(status.st_mode)) {
      return misused(fmt::format("is a directory: {}", name_of_input(file)));
    }
    if (!standard && access(file.c_str(), R_OK) != 0) {
      return misused(fmt::format("{}: {}", message_of(errno), file));
    }
    if (!S_ISREG(status.st_mode)) inputs.bytes.reset();
    if (inputs.bytes) *inputs.bytes += static_cast<uint64_t>(status.st_size);
  }
  return inputs;
}

Outcome<uint64_t> fingerprint_before(const std::vector<std::string>& files,
                                     const InputPlace& place) {
  uint64_t hash = 0;
  for (uint64_t i = 0; i <= place.file && i < files.size(); ++i) {
    uint64_t bytes = place.offset;
    if (i < place.file) {
      struct stat status {};
      if (stat(files[i].c_str(), &status) != 0) {
        return failed(fmt::format("cannot read: {}: {}", message_of(errno), files[i]));
      }
      bytes = static_cast<uint64_t>(status.st_size);
      hash = hash_bytes(std::as_bytes(std::span(&bytes, 1)), hash);
    }
    auto next = hash_beginning(files[i], std::min(bytes, kFingerprintBytes), hash);
    if (!next) return next;
    hash = *next;
  }
  return hash;
}

}  // namespace tidemark::tools
