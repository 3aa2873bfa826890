// A progress bar on standard error, where that is a terminal; nothing otherwise.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tidemark::tools {

class ProgressBar {
 public:
  // `label` says what is being done, for instance "verifying". `wanted` is false where something
  // else is printed to the same terminal.
  explicit ProgressBar(std::string label, bool wanted = true);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // Redraws at most ten times a second, and not before work has taken a moment, so that a quick
  // command does not flicker. Without `total` it only counts bytes.
  void show(uint64_t done, std::optional<uint64_t> total, std::string_view note = {});
  // Removes the bar, before anything else is printed.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;

  std::string label_;
  bool enabled_;
  bool drawn_ = false;
  Clock::time_point started_ = Clock::now();
  Clock::time_point next_;
};

}  // namespace tidemark::tools
