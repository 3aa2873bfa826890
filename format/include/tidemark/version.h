// The versions that a program can ask for: the library's, and the on-disk format's (SPEC.md).
// The two move independently: a new library does not mean a new format.

#pragma once

#include <cstdint>
#include <string_view>

namespace tidemark {

struct FormatVersion {
  std::uint16_t major;
  std::uint16_t minor;
};

// The format that this library writes. It reads every minor version of the same major version.
inline constexpr FormatVersion kFormatVersion{.major = 2, .minor = 2};

// The version of the library that is linked, for example "0.1.0"; with a shared library it may
// differ from the version of the headers. Thread safe; the text lives as long as the program.
std::string_view library_version() noexcept;

}  // namespace tidemark
