// Random logs within the protocol: times of one or two words that come out of order, several small
// segments, writers that close and writers that are killed.

#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "support/catch.h"
#include "support/log_files.h"
#include "support/stream_helpers.h"
#include "tidemark/log.h"
#include "tidemark/seek.h"

namespace tidemark::test {

struct RandomLogOptions {
  uint32_t streams = 2;
  uint8_t words = 1;
  int events = 160;          // of each stream
  size_t most_bytes = 4000;  // of a record
  uint64_t spread = 8;       // how far messages lie beyond a capability
  bool kills = true;
  uint64_t segment_bytes = kMinSegmentBytes;
};

// One event as it was read back, with its place.
struct KnownEvent {
  uint64_t position = 0;
  uint64_t sequence = 0;
  uint64_t captured_at_ns = 0;
  uint64_t records_after = 0;  // of the stream, up to and with this event
  std::optional<Time> time;    // of messages
  std::vector<std::string> records;
  std::vector<Change> changes;

  std::string text() const {
    std::string all = std::to_string(captured_at_ns) + "@" + (time ? time->text() : "progress");
    for (const std::string& record : records) all += "|" + record;
    for (const Change& change : changes) {
      all += "|" + change.time.text() + "*" + std::to_string(change.diff);
    }
    return all;
  }
};

inline KnownEvent known(const EventReader& reader) {
  const EventView& event = reader.event();
  KnownEvent result;
  result.position = event.position;
  result.sequence = event.sequence;
  result.captured_at_ns = event.captured_at_ns;
  result.records_after = reader.totals().records;
  if (const auto* messages = event.messages()) {
    result.time = messages->time();
    for (uint32_t i = 0; i < messages->size(); ++i) result.records.emplace_back(messages->text(i));
  } else if (const auto* progress = event.progress()) {
    for (size_t i = 0; i < progress->size(); ++i) result.changes.push_back(progress->change(i));
  }
  return result;
}

// What is left to be read of a stream.
inline std::vector<KnownEvent> known_events(EventReader& reader) {
  std::vector<KnownEvent> events;
  while (must(reader.poll()) == EventReader::Status::Event) events.push_back(known(reader));
  return events;
}
inline std::vector<KnownEvent> known_events(const Log& log, uint32_t stream) {
  auto reader = must(log.reader(stream));
  return known_events(reader);
}

class RandomLogWriter {
 public:
  RandomLogWriter(uint64_t seed, std::string path, const RandomLogOptions& options,
                  FileSeam& files = system_files())
      : random_(seed), path_(std::move(path)), options_(options), files_(files) {
    shape_.words = options.words;
  }

  // The log; no writer is open.
  Log write() {
    LogOptions fresh;
    fresh.peers = options_.streams;
    Log log = must(Log::open(path_, fresh, files_));
    for (uint32_t stream = 0; stream < options_.streams; ++stream) write_stream(log, stream);
    return must(Log::open(path_, {}, files_));
  }

  // A time near those that the log has.
  Time any_time() {
    uint64_t words[2];
    for (uint64_t& word : words) word = random_() % (greatest_ + 10);
    return {shape_, std::span(words).first(options_.words)};
  }
  std::mt19937_64& random() { return random_; }
  TimeShape shape() const { return shape_; }

 private:
  WriterOptions writer_options() const {
    WriterOptions options;
    options.sync = SyncPolicy::none();
    options.segment_bytes = options_.segment_bytes;
    options.clock = CaptureClock::Supplied;
    options.time = shape_;
    return options;
  }

  Time beyond(const Time& time) {
    uint64_t words[2];
    for (size_t i = 0; i < options_.words; ++i) {
      // Now and then far ahead, so that a segment's bounds are wide.
      const uint64_t reach = random_() % 40 == 0 ? options_.spread * 8 : options_.spread;
      words[i] = time.word(i) + random_() % (reach + 1);
      greatest_ = std::max(greatest_, words[i]);
    }
    return {shape_, std::span(words).first(options_.words)};
  }

  void append_random(EventWriter& writer) {
    clock_ += random_() % 3;
    writer.set_captured_at(clock_);
    const auto counts = writer.protocol().counts();
    const Time held = counts[random_() % counts.size()].first;
    if (random_() % 3 != 0) {
      std::vector<std::string> texts(random_() % 4);
      for (std::string& text : texts) {
        text = std::to_string(next_++) + std::string(random_() % options_.most_bytes, '.');
      }
      const std::vector<std::string_view> records(texts.begin(), texts.end());
      must(writer.append_messages(beyond(held).words(), records));
      return;
    }
    std::vector<Change> changes;
    if (counts.size() < 3) changes.push_back({beyond(held), 1});
    if (counts.size() > 1 || !changes.empty()) changes.push_back({held, -1});
    must(writer.append_progress(changes));
  }

  void write_stream(Log& log, uint32_t stream) {
    clock_ = 1000;
    const int events = static_cast<int>(random_() % static_cast<uint64_t>(options_.events + 1));
    auto writer = must(log.writer(stream, writer_options()));
    for (int i = 0; i < events; ++i) {
      append_random(writer);
      if (i % 64 == 63 && random_() % 2 == 0) writer = again(log, stream, std::move(writer));
    }
    switch (random_() % 3) {
      case 0: {
        std::vector<Change> changes;
        for (const auto& [time, count] : writer.protocol().counts()) {
          changes.push_back({time, -count});
        }
        must(writer.append_progress(changes));
        must(writer.close());
        return;
      }
      case 1:
        return must(writer.close());
      default:
        if (options_.kills) leave_killed(log, std::move(writer));
    }
  }

  // The next incarnation, after a writer that closed or was killed.
  EventWriter again(Log& log, uint32_t stream, EventWriter writer) {
    if (options_.kills && random_() % 2 == 0) {
      leave_killed(log, std::move(writer));
    } else {
      must(writer.close());
    }
    return must(log.writer(stream, writer_options()));
  }

  // Puts the log as it stands, with its writer at work, in its own place.
  void leave_killed(Log& log, EventWriter writer) {
    copy_log(path_, path_ + ".killed");
    must(writer.close());
    std::filesystem::remove_all(path_);
    std::filesystem::rename(path_ + ".killed", path_);
    log = must(Log::open(path_, {}, files_));
  }

  std::mt19937_64 random_;
  std::string path_;
  RandomLogOptions options_;
  FileSeam& files_;
  TimeShape shape_;
  uint64_t clock_ = 0;
  uint64_t next_ = 0;
  uint64_t greatest_ = 10;
};

}  // namespace tidemark::test
