// What a stream must hold: events as numbers, and reading them back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tidemark/hash.h"
#include "tidemark/log.h"

namespace tidemark::rig {

inline constexpr const char* kLogPath = "/log";
inline constexpr const char* kStreamDirectory = "/log/streams/00000";

inline uint64_t number_of(std::string_view text, uint64_t before) {
  return hash_bytes(std::as_bytes(std::span(text)), before);
}

// Two events have one number if and only if they are the same, but by a chance of 2^-64.
inline uint64_t number_of(const EventView& event) {
  uint64_t number = 0;
  if (const auto* messages = event.messages()) {
    number = messages->time().shape().words > 0 ? messages->time().word(0) + 1 : 1;
    for (uint32_t i = 0; i < messages->size(); ++i) {
      number = number_of(messages->text(i), number + 1);
    }
  } else if (const auto* progress = event.progress()) {
    for (size_t i = 0; i < progress->size(); ++i) {
      const Change change = progress->change(i);
      const uint64_t words[] = {change.time.word(0), static_cast<uint64_t>(change.diff)};
      number = hash_bytes(std::as_bytes(std::span(words)), ~number);
    }
  }
  return number;
}
inline uint64_t number_of_messages(uint64_t time, std::span<const std::string_view> records) {
  uint64_t number = time + 1;
  for (const std::string_view record : records) number = number_of(record, number + 1);
  return number;
}
inline uint64_t number_of_progress(std::span<const Change> changes) {
  uint64_t number = 0;
  for (const Change& change : changes) {
    const uint64_t words[] = {change.time.word(0), static_cast<uint64_t>(change.diff)};
    number = hash_bytes(std::as_bytes(std::span(words)), ~number);
  }
  return number;
}

struct Served {
  uint64_t first = 0;  // events of the stream before the first of these: purged, or passed over
  std::vector<uint64_t> events;
  std::optional<Error> error;
  bool finished = false;
};

inline Served serve(const Log& log, uint32_t stream, Access access,
                    std::optional<uint64_t> position = std::nullopt) {
  Served served;
  ReaderOptions options;
  options.access = access;
  options.position = position;
  options.hide_void = false;  // all that was written
  auto reader = log.reader(stream, options);
  if (!reader) {
    served.error = reader.error();
    return served;
  }
  for (;;) {
    const auto status = reader->poll();
    if (!status) {
      served.error = status.error();
      return served;
    }
    if (*status == EventReader::Status::Voided) continue;
    if (served.events.empty()) {
      served.first = reader->sequence() - (*status == EventReader::Status::Event ? 1 : 0);
    }
    if (*status != EventReader::Status::Event) {
      served.finished = *status == EventReader::Status::Finished;
      return served;
    }
    served.events.push_back(number_of(reader->event()));
  }
}

// The writer that all rigs use: the smallest segments.
inline WriterOptions small_segments(SyncPolicy sync) {
  WriterOptions options;
  options.sync = sync;
  options.segment_bytes = kMinSegmentBytes;
  return options;
}

}  // namespace tidemark::rig
