// What most tests of streams do: write texts at times, move the frontier, read everything back.

#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/catch.h"
#include "tidemark/log.h"

namespace tidemark::test {

// The value, or a failed test that says the error.
template <typename T>
T must(Result<T> result) {
  if (!result) {
    const std::string text = result.error().text();
    INFO(text);
    REQUIRE(result.has_value());
  }
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

// Segments of the least size, which few events fill.
inline WriterOptions small_segments(SyncPolicy sync = SyncPolicy::none()) {
  WriterOptions options;
  options.sync = sync;
  options.segment_bytes = kMinSegmentBytes;
  return options;
}

inline uint64_t append_text(EventWriter& writer, uint64_t time, std::string_view text) {
  const std::string_view records[] = {text};
  return must(writer.append_messages(std::span(&time, 1), records));
}

inline uint64_t advance(EventWriter& writer, uint64_t from, uint64_t to) {
  const Change changes[] = {{from, -1}, {to, 1}};
  return must(writer.append_progress(changes));
}

inline uint64_t finish(EventWriter& writer, uint64_t from) {
  const Change changes[] = {{from, -1}};
  return must(writer.append_progress(changes));
}

// A stream's events as text: "7:hello" for a record at time 7, "7-1 8+1" for progress.
inline std::string text_of(const EventView& event) {
  std::string line;
  if (const auto* messages = event.messages()) {
    for (uint32_t i = 0; i < messages->size(); ++i) {
      if (i > 0) line += ' ';
      line += messages->time().text() + ":" + std::string(messages->text(i));
    }
  } else if (const auto* progress = event.progress()) {
    for (size_t i = 0; i < progress->size(); ++i) {
      const Change change = progress->change(i);
      if (i > 0) line += ' ';
      line += change.time.text() + (change.diff < 0 ? "" : "+") + std::to_string(change.diff);
    }
  }
  return line;
}

// Where a reader stands, and the state there.
struct Place {
  uint64_t position = 0;
  uint64_t sequence = 0;
  std::vector<std::pair<Time, int64_t>> counts;
};

// Every place at which a reader of the whole stream stands, and the events between them.
inline std::vector<Place> places_of(const Log& log, std::vector<std::string>& events) {
  EventReader reader = must(log.reader(0));
  std::vector<Place> places;
  do {
    places.push_back({reader.position(), reader.sequence(), reader.protocol().counts()});
    if (places.size() > 1) events.push_back(text_of(reader.event()));
  } while (must(reader.poll()) == EventReader::Status::Event);
  return places;
}

struct ReadBack {
  std::vector<std::string> events;
  EventReader::Status status = EventReader::Status::Pending;
  std::optional<Error> error;
};

// Polls until there is nothing more to be had.
inline ReadBack read_all(EventReader& reader) {
  ReadBack all;
  for (;;) {
    const auto status = reader.poll();
    if (!status) {
      all.error = status.error();
      return all;
    }
    all.status = *status;
    if (*status != EventReader::Status::Event) return all;
    all.events.push_back(text_of(reader.event()));
  }
}

inline ReadBack read_all(const Log& log, uint32_t stream = 0, const ReaderOptions& options = {}) {
  auto reader = log.reader(stream, options);
  if (!reader) {
    ReadBack failed;
    failed.error = reader.error();
    return failed;
  }
  return read_all(*reader);
}

}  // namespace tidemark::test
