#include "terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "tidemark/json_string.h"

namespace tidemark::tools {
namespace {

unsigned byte_at(std::string_view text, size_t index) {
  return static_cast<unsigned char>(text[index]);
}

bool is_continuation(unsigned byte) { return (byte & 0xC0) == 0x80; }

// Both blocks of control characters: below U+0020 with U+007F, and U+0080 to U+009F.
bool is_control(std::string_view sequence) {
  const unsigned first = byte_at(sequence, 0);
  if (sequence.size() == 1) return first < 0x20 || first == 0x7F;
  return sequence.size() == 2 && first == 0xC2 && byte_at(sequence, 1) < 0xA0;
}

}  // namespace

ColourChoice& colour_choice() {
  static ColourChoice choice = ColourChoice::Auto;
  return choice;
}

bool is_terminal(int descriptor) { return isatty(descriptor) == 1; }

size_t columns_of(int descriptor) {
  winsize size{};
  if (ioctl(descriptor, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

Paint::Paint(int descriptor) : enabled_(colour_choice() == ColourChoice::Always) {
  if (colour_choice() != ColourChoice::Auto) return;
  const char* no_colour = std::getenv("NO_COLOR");
  const char* kind = std::getenv("TERM");
  const bool forbidden = no_colour != nullptr && *no_colour != '\0';
  enabled_ =
      !forbidden && is_terminal(descriptor) && kind != nullptr && std::string_view(kind) != "dumb";
}

std::string Paint::wrap(std::string_view code, std::string_view text) const {
  if (!enabled_) return std::string(text);
  std::string painted = "\033[";
  painted.append(code).append("m").append(text).append("\033[0m");
  return painted;
}

size_t columns_taken(std::string_view text) {
  size_t columns = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\033') {
      while (i < text.size() && text[i] != 'm') ++i;
    } else if (!is_continuation(byte_at(text, i))) {
      ++columns;
    }
  }
  return columns;
}

std::string printable(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const size_t bytes = utf8_sequence_bytes(text);
    if (bytes == 0 || is_control(text.substr(0, bytes))) {
      result += '?';
    } else {
      result.append(text.substr(0, bytes));
    }
    text.remove_prefix(bytes == 0 ? 1 : bytes);
  }
  return result;
}

bool is_plain_text(std::string_view text) {
  if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
  while (!text.empty()) {
    const size_t bytes = utf8_sequence_bytes(text);
    if (bytes == 0) return false;
    if (is_control(text.substr(0, bytes)) && text.front() != '\t') return false;
    text.remove_prefix(bytes);
  }
  return true;
}

}  // namespace tidemark::tools
