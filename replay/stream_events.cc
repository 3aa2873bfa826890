#include "stream_events.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "tidemark/position_reader.h"

namespace tidemark {
namespace {

using Clock = std::chrono::steady_clock;

// Asking for the writer's lock is a system call: that a writer is alive is believed for so long.
constexpr std::chrono::milliseconds kWriterIsAskedEvery{10};
// Streams that are no log's have nothing to sleep on.
constexpr std::chrono::milliseconds kPollEvery{1};

class LogStream final : public StreamEvents {
 public:
  LogStream(const Log& log, EventReader reader) : log_(log), reader_(std::move(reader)) {}

  uint32_t stream() const override { return reader_.stream(); }
  Result<EventReader::Status> poll() override { return reader_.poll(); }
  const EventView& event() const override { return reader_.event(); }
  std::optional<TimeShape> shape() const override {
    if (!reader_.traits()) return std::nullopt;
    return reader_.traits()->time;
  }
  const std::vector<Change>& opening() const override { return reader_.opening(); }
  const Antichain<Time>& frontier() const override { return reader_.protocol().frontier(); }

  Result<Passed> pass_over(const SegmentFilter& filter, uint64_t upto) override {
    auto passed = reader_.pass_over(filter, upto);
    at_rest_ = passed && *passed == Passed::Rest;
    return passed;
  }
  std::vector<Change> counts() const override {
    return at_rest_ ? reader_.rest() : counts_of(reader_.protocol());
  }

  bool writer_alive() const override {
    const auto now = Clock::now();
    if (now < alive_until_) return true;
    if (!reader_.writer_alive()) return false;
    alive_until_ = now + kWriterIsAskedEvery;
    return true;
  }

  Result<EventView> at(uint64_t position) override {
    TIDEMARK_ASSIGN(reader, positions());
    return reader->at(position);
  }
  Result<EventView> from(uint64_t position) override {
    TIDEMARK_ASSIGN(reader, positions());
    return reader->from(position);
  }

  EventReader* reader() override { return &reader_; }

 private:
  Result<PositionReader*> positions() {
    if (!positions_) {
      TIDEMARK_ASSIGN(opened, log_.position_reader(reader_.stream()));
      positions_.emplace(std::move(opened));
    }
    return &*positions_;
  }

  Log log_;
  EventReader reader_;
  bool at_rest_ = false;
  std::optional<PositionReader> positions_;  // most replays hold nothing back and need none
  mutable Clock::time_point alive_until_;
};

}  // namespace

std::unique_ptr<StreamEvents> stream_of(const Log& log, EventReader reader) {
  return std::make_unique<LogStream>(log, std::move(reader));
}

Result<void> wait_for(std::span<StreamEvents* const> streams, std::chrono::nanoseconds limit) {
  std::vector<EventReader*> readers;
  for (StreamEvents* stream : streams) {
    if (EventReader* reader = stream->reader()) readers.push_back(reader);
  }
  if (readers.empty() || readers.size() < streams.size()) {
    std::this_thread::sleep_for(std::min<std::chrono::nanoseconds>(limit, kPollEvery));
    return {};
  }
  TIDEMARK_ASSIGN(woken, wait_any(readers, limit));
  static_cast<void>(woken);
  return {};
}

}  // namespace tidemark
