// Lines of a file or a pipe, in bounded memory. A line is any bytes up to the newline; the last
// one needs none.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace tidemark::tools {

// Does not own the descriptor.
class LineReader {
 public:
  enum class Fill : uint8_t {
    More,         // there may be lines now
    End,          // end of input: what is left is the last line
    TimedOut,     // nothing came within the limit
    Interrupted,  // the user wants to stop
    Failed,       // error() says why
  };

  LineReader(int descriptor, size_t max_line_bytes);

  // The next line, without its newline, where all of it is here; valid until the next fill().
  std::optional<std::string_view> next();
  // Reads more. Waits for at most `limit` (unset: for ever); a regular file never waits.
  Fill fill(std::optional<std::chrono::milliseconds> limit);

  // The line after the last one that next() gave is longer than the limit: nothing can follow.
  bool too_long() const { return too_long_; }
  int error() const { return error_; }
  // Lines that next() gave.
  uint64_t lines() const { return lines_; }
  // Bytes of them, newlines included.
  uint64_t bytes() const { return bytes_; }
  // Whether the input is a regular file.
  bool is_file() const { return is_file_; }

 private:
  std::optional<Fill> wait(std::optional<std::chrono::milliseconds> limit) const;

  int descriptor_;
  size_t max_line_bytes_;
  bool is_file_;
  std::vector<char> buffer_;
  size_t begin_ = 0;    // of the first byte that was not given yet
  size_t scanned_ = 0;  // no newline stands between begin_ and here
  size_t end_ = 0;      // after the last byte that was read
  bool ended_ = false;
  bool too_long_ = false;
  int error_ = 0;
  uint64_t lines_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace tidemark::tools
