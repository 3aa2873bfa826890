// What is known about the terminal: whether there is one, its width, and whether to use colour.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tidemark::tools {

enum class ColourChoice : uint8_t { Auto, Always, Never };

// What --color said; Auto until then. Set while the command line is read, before threads start.
ColourChoice& colour_choice();

bool is_terminal(int descriptor);
// Columns of the terminal, or 80 where there is none.
size_t columns_of(int descriptor);

// Paints text for one descriptor: only where that is a terminal, and NO_COLOR does not forbid it.
class Paint {
 public:
  explicit Paint(int descriptor);

  std::string bold(std::string_view text) const { return wrap("1", text); }
  std::string dim(std::string_view text) const { return wrap("2", text); }
  std::string good(std::string_view text) const { return wrap("32", text); }
  std::string warn(std::string_view text) const { return wrap("33", text); }
  std::string bad(std::string_view text) const { return wrap("1;31", text); }

 private:
  std::string wrap(std::string_view code, std::string_view text) const;

  bool enabled_;
};

// The columns that UTF-8 text takes, its colours not counted.
size_t columns_taken(std::string_view text);

// `text` with control characters replaced: file names and input must not command a terminal.
std::string printable(std::string_view text);

// Whether every byte belongs to valid UTF-8 that a terminal shows as text. A tab is text, and so
// is one carriage return at the end.
bool is_plain_text(std::string_view text);

}  // namespace tidemark::tools
