// Between the structures of tidemark.h and the library's types.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "tidemark.h"
#include "tidemark/antichain.h"
#include "tidemark/check.h"
#include "tidemark/protocol.h"
#include "tidemark/result.h"
#include "tidemark/seek.h"
#include "tidemark/time.h"

namespace tidemark::c {

// The options of a caller whose header may be older: fields that it does not have are as by
// default.
template <typename Options>
Result<Options> options_from(const Options* given, void (*init)(Options*, size_t)) {
  Options options;
  init(&options, sizeof options);
  if (given == nullptr) return options;
  if (given->struct_size > sizeof options) {
    return fail(ErrorCode::InvalidArgument, "these options are of a newer header than the library");
  }
  if (given->struct_size < sizeof(size_t)) {
    return fail(ErrorCode::InvalidArgument, "the options' struct_size is not set");
  }
  std::memcpy(&options, given, given->struct_size);
  return options;
}
// Writes as much of `defaults` as the caller's structure takes.
template <typename Options>
void init_options(Options* options, size_t struct_size, Options defaults) {
  TIDEMARK_CHECK(options != nullptr && struct_size >= sizeof(size_t));
  defaults.struct_size = struct_size;
  std::memset(options, 0, struct_size);
  std::memcpy(options, &defaults, std::min(struct_size, sizeof defaults));
}

// `value` as one of an enumeration whose numbers are 0 to `last`, in both headers.
template <typename Enumeration>
Result<Enumeration> enumerator(uint32_t value, Enumeration last, const char* name) {
  if (value > static_cast<uint32_t>(last)) {
    return fail(ErrorCode::InvalidArgument,
                std::string(name) + " " + std::to_string(value) + " does not exist");
  }
  return static_cast<Enumeration>(value);
}

template <typename T>
std::span<const T> span_of(const T* data, size_t size) {
  TIDEMARK_CHECK(data != nullptr || size == 0);
  return {data, size};
}
inline std::span<const std::byte> bytes_of(const void* data, size_t size) {
  return span_of(static_cast<const std::byte*>(data), size);
}
inline tidemark_bytes lend(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
}

// Times one after the other, as they are lent.
class LentTimes {
 public:
  template <typename Times>
  tidemark_frontier lend(const Times& times, TimeShape shape) {
    words_.clear();
    for (const Time& time : times) {
      words_.insert(words_.end(), time.words().begin(), time.words().end());
    }
    return {words_.data(), times.size(), shape.words, 0};
  }

 private:
  std::vector<uint64_t> words_;
};

// Changes as they are lent: times and differences apart.
class LentChanges {
 public:
  void assign(std::span<const Change> changes) {
    times_.clear();
    diffs_.clear();
    for (const Change& change : changes) {
      const auto words = change.time.words();
      times_.insert(times_.end(), words.begin(), words.end());
      diffs_.push_back(change.diff);
    }
  }
  void lend(tidemark_event& event) const {
    event.changes = diffs_.size();
    event.change_times = times_.data();
    event.change_diffs = diffs_.data();
  }

 private:
  std::vector<uint64_t> times_;
  std::vector<int64_t> diffs_;
};

// What messages lend. The words of the time are copied, the rest is not.
inline void lend_messages(const MessagesView& messages, tidemark_event& event) {
  event.kind = TIDEMARK_EVENT_MESSAGES;
  const auto words = messages.time().words();
  event.time_words = static_cast<uint32_t>(words.size());
  std::fill(std::copy(words.begin(), words.end(), std::begin(event.time)), std::end(event.time), 0);
  event.records = messages.size();
  event.data = reinterpret_cast<const uint8_t*>(messages.data().data());
  event.data_bytes = messages.data().size();
  event.stride = messages.stride();
  event.ends = messages.ends().data();
  event.changes = 0;
  event.change_times = nullptr;
  event.change_diffs = nullptr;
}

// An event of kind progress without changes.
inline void begin_progress(tidemark_event& event, size_t time_words) {
  event = {};
  event.kind = TIDEMARK_EVENT_PROGRESS;
  event.time_words = static_cast<uint32_t>(time_words);
}

inline void lend_place(const EventView& from, uint32_t stream, tidemark_event& event) {
  event.stream = stream;
  event.position = from.position;
  event.end_position = from.end_position;
  event.sequence = from.sequence;
  event.captured_at_ns = from.captured_at_ns;
}

// What the options of a reader and of a replay have in common.
template <typename Given>
Result<ReaderOptions> reading_from(const Given& given) {
  ReaderOptions options;
  TIDEMARK_ASSIGN(visibility, enumerator(given.visibility, Visibility::Durable, "visibility"));
  options.visibility = visibility;
  TIDEMARK_ASSIGN(access, enumerator(given.access, Access::Copy, "access"));
  options.access = access;
  TIDEMARK_ASSIGN(leasing, enumerator(given.leasing, Leasing::Manual, "leasing"));
  options.leasing = leasing;
  options.hide_void = given.show_void == 0;
  return options;
}

// The shape of the streams' times: of the first that has a segment. A start or a bound by time is
// told in their words, so these have to be known before.
inline Result<TimeShape> shape_of(const Log& log, std::span<const uint32_t> streams) {
  for (const uint32_t stream : streams) {
    TIDEMARK_ASSIGN(reader, log.reader(stream, {.leasing = Leasing::None}));
    if (!reader.traits()) TIDEMARK_TRY(reader.poll());
    if (reader.traits()) return reader.traits()->time;
  }
  return TimeShape{};
}

// Where to start; nothing for the earliest event and for a position, which are no search.
inline Result<std::optional<StartPoint>> start_from(const tidemark_start& start, TimeShape shape) {
  switch (start.kind) {
    case TIDEMARK_START_EARLIEST:
    case TIDEMARK_START_POSITION:
      return std::nullopt;
    case TIDEMARK_START_SEQUENCE:
      return StartPoint::at_sequence(start.number);
    case TIDEMARK_START_CAPTURED_AT:
      return StartPoint::captured_at(start.number);
    case TIDEMARK_START_LAST_EVENTS:
      return StartPoint::last_events(start.number);
    case TIDEMARK_START_LAST_RECORDS:
      return StartPoint::last_records(start.number);
    case TIDEMARK_START_COMPLETE:
      if (start.time_words != shape.words) {
        return fail(ErrorCode::InvalidArgument, "a time of " + std::to_string(start.time_words) +
                                                    " words, where the stream's have " +
                                                    std::to_string(shape.words));
      }
      return StartPoint::complete(Time(shape, std::span(start.time, start.time_words)));
    default:
      return fail(ErrorCode::InvalidArgument,
                  "start " + std::to_string(start.kind) + " does not exist");
  }
}

}  // namespace tidemark::c
