// Where the records of a replay go, at their pace, whoever replayed them.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "command.h"
#include "output.h"
#include "progress_bar.h"
#include "reading.h"
#include "tidemark/event.h"
#include "tidemark/time.h"

namespace tidemark::tools {

// The records of one messages event as they will be put out, one after the other.
struct RenderedEvent {
  uint32_t stream = 0;
  uint64_t position = 0;
  uint64_t captured_at_ns = 0;
  Time time;
  std::string text;
  std::vector<size_t> ends;  // of each record in `text`

  std::string_view record(size_t index) const {
    const size_t from = index == 0 ? 0 : ends[index - 1];
    return std::string_view(text).substr(from, ends[index] - from);
  }
};

// `rendered` is overwritten; its memory is used again.
Outcome<void> render(RenderedEvent& rendered, const RecordSink& sink, uint32_t stream,
                     const EventView& event, const MessagesView& messages);

// Holds back what comes too early: each event at its distance in time from the first one.
class Pace {
 public:
  // `rate` times as fast as it was captured; 0: as fast as possible.
  explicit Pace(double rate) : rate_(rate) {}

  // Waits until the event captured then is due; flushes first, so that nothing written waits too.
  void wait_for(uint64_t captured_at_ns, Output& output);

 private:
  using Clock = std::chrono::steady_clock;

  double rate_;
  std::optional<uint64_t> first_;
  Clock::time_point started_;
};

// One thread at a time.
class ReplayOutput {
 public:
  // `around`: only so many records before this time, and as many from it on; events then come in
  // time order.
  ReplayOutput(Output& output, double rate, std::optional<Time> around)
      : output_(output), pace_(rate), around_(around), bar_("replaying", output.is_file()) {}

  // Returns whether more is wanted.
  bool put(const RenderedEvent& event);
  // What was written can be seen. Returns whether more is wanted.
  bool flush() { return output_.flush() && !output_.reader_is_gone(); }
  // Nothing more will come.
  void end();

  static constexpr size_t kAroundRecords = 10;

 private:
  bool put_around(const RenderedEvent& event);

  Output& output_;
  Pace pace_;
  std::optional<Time> around_;
  std::deque<std::string> before_;  // the last records before around_
  size_t after_ = 0;
  ProgressBar bar_;
  uint64_t records_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace tidemark::tools
