#include "progress_bar.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "human.h"
#include "terminal.h"

namespace tidemark::tools {
namespace {

using namespace std::chrono_literals;

constexpr size_t kBarColumns = 30;

// Eighths of a column, so that the bar of a long run is seen to move.
std::string bar_of(double share) {
  constexpr const char* kEighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const auto eighths = static_cast<size_t>(share * static_cast<double>(kBarColumns * 8));
  std::string bar;
  for (size_t i = 0; i < eighths / 8; ++i) bar += "█";
  bar += kEighths[eighths % 8];
  bar.append(kBarColumns - eighths / 8 - (eighths % 8 > 0 ? 1 : 0), ' ');
  return bar;
}

bool terminal_redraws() {
  const char* kind = std::getenv("TERM");
  return is_terminal(STDERR_FILENO) && kind != nullptr && std::string_view(kind) != "dumb";
}

}  // namespace

ProgressBar::ProgressBar(std::string label, bool wanted)
    : label_(std::move(label)), enabled_(wanted && terminal_redraws()), next_(started_ + 300ms) {}

ProgressBar::~ProgressBar() { clear(); }

void ProgressBar::show(uint64_t done, std::optional<uint64_t> total, std::string_view note) {
  if (!enabled_) return;
  const auto now = Clock::now();
  if (now < next_) return;
  next_ = now + 100ms;

  const std::chrono::duration<double> elapsed = now - started_;
  const double rate = static_cast<double>(done) / elapsed.count();
  const std::string speed = human_bytes(static_cast<uint64_t>(rate)) + "/s";
  std::string line;
  if (total && *total > 0) {
    const double share = std::min(1.0, static_cast<double>(done) / static_cast<double>(*total));
    line = fmt::format("{} {} {:3.0f}%  {}  {}", label_, Paint(STDERR_FILENO).good(bar_of(share)),
                       share * 100, human_bytes(done), speed);
    if (rate > 0 && done < *total) {
      const double left = static_cast<double>(*total - done) / rate;
      line += fmt::format("  {} left", human_duration(std::chrono::duration<double>(left)));
    }
  } else {
    line = fmt::format("{}  {}  {}", label_, human_bytes(done), speed);
  }
  if (!note.empty()) line.append("  ").append(note);
  if (columns_taken(line) >= columns_of(STDERR_FILENO)) line = fmt::format("{} {}", label_, speed);
  fmt::print(stderr, "\r\033[K{}", line);
  std::fflush(stderr);
  drawn_ = true;
}

void ProgressBar::clear() {
  if (!drawn_) return;
  fmt::print(stderr, "\r\033[K");
  std::fflush(stderr);
  drawn_ = false;
}

}  // namespace tidemark::tools
