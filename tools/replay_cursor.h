// `tidemark replay --cursor NAME`: where the replay starts, and the cursor that follows it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "command.h"
#include "output.h"
#include "tidemark/cursor.h"
#include "tidemark/replay.h"

namespace tidemark::tools {

// The cursor only moves over records that were put out before: whoever is killed in between puts
// some of them out again, and leaves none out.
class ReplayCursor {
 public:
  // Says so where there is no cursor of this name: the replay starts at the beginning then.
  static Outcome<ReplayCursor> open(const Log& log, const std::string& path,
                                    const std::string& name, const std::vector<uint32_t>& streams);

  // For ReplayOptions::positions.
  std::vector<StreamPosition> positions(const std::vector<uint32_t>& streams) const;

  // Whether enough was put out since the last commit, or long enough ago.
  bool due(size_t records);
  // Makes sure that all that was put out is out, and moves the cursor. Where the output failed it
  // stays: finish() of the output says why.
  Outcome<void> commit(const Replay& replay, Output& output);

 private:
  using Clock = std::chrono::steady_clock;

  ReplayCursor(Consumer consumer, std::string path)
      : consumer_(std::move(consumer)), path_(std::move(path)) {}

  Consumer consumer_;
  std::string path_;  // of the log, as the user gave it
  uint64_t uncommitted_ = 0;
  Clock::time_point committed_at_ = Clock::now();
};

}  // namespace tidemark::tools
