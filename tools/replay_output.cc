#include "replay_output.h"

#include <algorithm>
#include <thread>

#include "human.h"
#include "interrupt.h"

namespace tidemark::tools {

using namespace std::chrono_literals;

Outcome<void> render(RenderedEvent& rendered, const RecordSink& sink, uint32_t stream,
                     const EventView& event, const MessagesView& messages) {
  rendered.stream = stream;
  rendered.position = event.position;
  rendered.captured_at_ns = event.captured_at_ns;
  rendered.time = messages.time();
  rendered.text.clear();
  rendered.ends.clear();
  for (uint32_t i = 0; i < messages.size(); ++i) {
    if (auto one = sink.render(rendered.text, stream, event, messages, i); !one) return one;
    rendered.ends.push_back(rendered.text.size());
  }
  return {};
}

void Pace::wait_for(uint64_t captured_at_ns, Output& output) {
  if (rate_ == 0) return;
  if (!first_) {
    first_ = captured_at_ns;
    started_ = Clock::now();
  }
  const auto distance_ns = static_cast<double>(captured_at_ns - std::min(*first_, captured_at_ns));
  const std::chrono::duration<double, std::nano> distance(distance_ns / rate_);
  // Slices, so that an interrupt, or a reader that goes away, is noticed.
  while (!interrupted()) {
    const auto left = distance - (Clock::now() - started_);
    if (left.count() <= 0 || !output.flush() || output.reader_is_gone()) return;
    std::this_thread::sleep_for(std::min<std::chrono::duration<double, std::nano>>(left, 50ms));
  }
}

bool ReplayOutput::put(const RenderedEvent& event) {
  pace_.wait_for(event.captured_at_ns, output_);
  const bool more = around_ ? put_around(event) : output_.write(event.text);
  bytes_ += event.text.size();
  records_ += event.ends.size();
  bar_.show(bytes_, std::nullopt, plural(records_, "record"));
  return more;
}

bool ReplayOutput::put_around(const RenderedEvent& event) {
  for (size_t i = 0; i < event.ends.size(); ++i) {
    if (!less_equal(*around_, event.time)) {
      before_.emplace_back(event.record(i));
      if (before_.size() > kAroundRecords) before_.pop_front();
      continue;
    }
    for (const std::string& text : before_) output_.write(text);
    before_.clear();
    if (!output_.write(event.record(i)) || ++after_ == kAroundRecords) return false;
  }
  return true;
}

void ReplayOutput::end() {
  for (const std::string& text : before_) output_.write(text);
  before_.clear();
  bar_.clear();
}

}  // namespace tidemark::tools
