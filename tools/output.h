// Where results go: standard output or a file, buffered, with every write checked.
#pragma once

#include <string>
#include <string_view>

#include "command.h"

namespace tidemark::tools {

// The first failure stays: after it every call returns false, and finish() says what happened. So
// a command's loop ends on `false` and looks for the reason once.
class Output {
 public:
  // `path` empty or "-": standard output. Otherwise a file that is created or overwritten.
  static Outcome<Output> open(const std::string& path);
  static Output standard_output();

  Output(Output&& other) noexcept;
  Output& operator=(Output&&) = delete;
  ~Output();

  bool is_terminal() const { return is_terminal_; }
  int descriptor() const { return descriptor_; }
  // Whether it is a regular file, by name or by redirection.
  bool is_file() const;

  bool write(std::string_view text);
  bool flush();
  // Flushes, and where it is a file, returns once what was written survives a power loss.
  bool sync();

  // Whether the reader of a pipe went away: no error where somebody looked at enough.
  bool pipe_closed() const;
  // The same found out without writing: for those who may wait long before they write again.
  bool reader_is_gone() const;
  bool ok() const { return error_ == 0; }

  // Flushes, and closes a file. A closed pipe counts as success here.
  Outcome<void> finish();

 private:
  Output(int descriptor, std::string path);
  bool write_all(std::string_view text);

  int descriptor_;
  std::string path_;
  bool is_terminal_;
  int error_ = 0;
  std::string buffer_;
};

}  // namespace tidemark::tools
