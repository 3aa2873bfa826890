// The input files of a capture: what can be said of them beforehand, and opening them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "command.h"

namespace tidemark::tools {

inline constexpr std::string_view kStandardInput = "-";
std::string name_of_input(const std::string& file);

struct Inputs {
  // Of all of them together; unset where one is no regular file.
  std::optional<uint64_t> bytes;
};
// Before anything is created. Errors: usage, where one of them cannot be read.
Outcome<Inputs> examine_inputs(const std::vector<std::string>& files);

// One input file, opened; standard input is not closed again.
class InputFile {
 public:
  // From `offset` on, which is 0 for what is no regular file.
  static Outcome<InputFile> open(const std::string& file, uint64_t offset);
  InputFile(InputFile&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  InputFile& operator=(InputFile&&) = delete;
  ~InputFile();
  int descriptor() const { return descriptor_; }

 private:
  explicit InputFile(int descriptor) : descriptor_(descriptor) {}

  int descriptor_;
};

// A place in the input: right before a record.
struct InputPlace {
  uint64_t file = 0;      // number of the input
  uint64_t offset = 0;    // in it
  uint64_t lines = 0;     // of it before the place
  uint64_t records = 0;   // of all inputs before it
  uint64_t frontier = 0;  // of the input there
};

// A hash of what the files hold before a place, to tell them from others: of the size and of the
// beginning of each file before, and of the beginning of this one up to the place. Reads at most
// kFingerprintBytes of each. Errors: where one of them cannot be read, or is shorter.
inline constexpr uint64_t kFingerprintBytes = uint64_t{64} << 10;
Outcome<uint64_t> fingerprint_before(const std::vector<std::string>& files,
                                     const InputPlace& place);

}  // namespace tidemark::tools
