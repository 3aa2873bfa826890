// Events as a reader sees them: views into the bytes of a segment, without copies (SPEC.md
// section 5). A decoder takes any bytes, and hands out nothing that it has not checked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <variant>

#include "tidemark/check.h"
#include "tidemark/frame.h"
#include "tidemark/protocol.h"
#include "tidemark/result.h"
#include "tidemark/time.h"
#include "tidemark/written_layout.h"

namespace tidemark {

// A batch of records at one time. All that it hands out belongs to the bytes it was decoded from.
class MessagesView {
 public:
  const Time& time() const { return time_; }
  uint32_t size() const { return records_; }

  // Record `index`, which must be below size().
  std::span<const std::byte> record(uint32_t index) const {
    TIDEMARK_CHECK(index < records_);
    if (offsets_ == nullptr) return data_.subspan(index * stride_, stride_);
    const uint32_t from = index == 0 ? 0 : offsets_[index - 1];
    return data_.subspan(from, offsets_[index] - from);
  }
  std::string_view text(uint32_t index) const {
    const auto bytes = record(index);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  // All records one after the other, without anything between them; aligned to 8 bytes where
  // they have one length.
  std::span<const std::byte> data() const { return data_; }
  bool fixed() const { return offsets_ == nullptr; }
  // Bytes of each record where all have one length.
  size_t stride() const { return stride_; }
  // Where each record ends in data(); empty where all have one length.
  std::span<const uint32_t> ends() const {
    return {offsets_, offsets_ == nullptr ? size_t{0} : records_};
  }

  // The records as an array of `Record`, or nothing where they are not of its size.
  template <typename Record>
  std::optional<std::span<const Record>> records_as() const {
    static_assert(std::is_trivially_copyable_v<Record> && alignof(Record) <= kFrameAlignment);
    if (offsets_ != nullptr || (records_ > 0 && stride_ != sizeof(Record))) return std::nullopt;
    return std::span(reinterpret_cast<const Record*>(data_.data()), records_);
  }

 private:
  friend Result<MessagesView> decode_messages(std::span<const std::byte>, TimeShape);
  friend bool decode_written_messages(std::span<const std::byte>, TimeShape, MessagesView&);

  Time time_;
  uint32_t records_ = 0;
  size_t stride_ = 0;
  const uint32_t* offsets_ = nullptr;  // end offsets, one a record
  std::span<const std::byte> data_;
};

// A progress event's changes. They belong to the bytes it was decoded from.
class ProgressView {
 public:
  size_t size() const { return diffs_.size(); }
  Change change(size_t index) const {
    const size_t words = shape_.words;
    return {Time(shape_, times_.subspan(index * words, words)), diffs_[index]};
  }
  TimeShape shape() const { return shape_; }
  // The same as they stand: the words of all times one after the other, and the differences.
  std::span<const uint64_t> time_words() const { return times_; }
  std::span<const int64_t> diffs() const { return diffs_; }

 private:
  friend Result<ProgressView> decode_progress(std::span<const std::byte>, TimeShape);
  friend bool decode_written_progress(std::span<const std::byte>, TimeShape, ProgressView&);

  TimeShape shape_;
  std::span<const uint64_t> times_;
  std::span<const int64_t> diffs_;
};

// Errors: Corrupt where the payload is no such table, or contradicts itself or the shape.
Result<MessagesView> decode_messages(std::span<const std::byte> payload, TimeShape shape);
Result<ProgressView> decode_progress(std::span<const std::byte> payload, TimeShape shape);

// The same for payloads as this implementation writes them (`written_layout.h`) at times of one
// word: false for all others, sound or not, with `view` in no particular state. Where it is true,
// decode_*() has a value, and it is this one. Every place in such a payload follows from a few
// numbers, so that comparing its fixed words and checking those numbers against the payload's size
// is all that is to be verified.
bool decode_written_messages(std::span<const std::byte> payload, TimeShape shape,
                             MessagesView& view);
bool decode_written_progress(std::span<const std::byte> payload, TimeShape shape,
                             ProgressView& view);

// `Event = Progress(changes) | Messages(time, container)`, with where and when it was captured.
struct EventView {
  std::variant<std::monostate, MessagesView, ProgressView> content;
  uint64_t position = 0;        // of the event's frame
  uint64_t end_position = 0;    // of the byte after it
  uint64_t sequence = 0;        // events before it in its stream
  uint64_t captured_at_ns = 0;  // since the Unix epoch

  const MessagesView* messages() const { return std::get_if<MessagesView>(&content); }
  const ProgressView* progress() const { return std::get_if<ProgressView>(&content); }
};

[[gnu::always_inline]] inline bool decode_written_messages(std::span<const std::byte> payload,
                                                           TimeShape shape, MessagesView& view) {
  using namespace written;
  const std::byte* const bytes = payload.data();
  const uint64_t size = payload.size();
  // FlatBuffers' places have 31 bits.
  if (shape.words != 1 || size < kCompactDataAt || size > kMaxSegmentBytes ||
      reinterpret_cast<uintptr_t>(bytes) % kFrameAlignment != 0 ||
      word_at(bytes, 16) != kMessagesWord2) [[unlikely]] {
    return false;
  }
  const uint64_t time = word_at(bytes, kTimeAt);
  const uint32_t records = half_at(bytes, kRecordsAt);
  if (word_at(bytes, 0) == messages_word_0(true)) [[likely]] {
    if (word_at(bytes, 8) != messages_word_1(false, false) ||
        half_at(bytes, kDataReferenceAt) != kCompactDataAt - 4 - kDataReferenceAt) [[unlikely]] {
      return false;
    }
    const uint64_t data_bytes = half_at(bytes, kCompactDataAt - 4);
    if (data_bytes != size - kCompactDataAt) [[unlikely]]
      return false;
    if (records == 1) [[likely]] {
      view.stride_ = data_bytes;
    } else {
      if (records == 0 || data_bytes % records != 0) [[unlikely]]
        return false;
      view.stride_ = data_bytes / records;
    }
    view.offsets_ = nullptr;
    view.data_ = {data_bytes > 0 ? bytes + kCompactDataAt : nullptr, data_bytes};
  } else {
    if (word_at(bytes, 0) != messages_word_0(false) ||
        word_at(bytes, 8) != messages_word_1(false, true) ||
        word_at(bytes, kOffsetsReferenceAt) != word_of(kOffsetsAt - 4 - kOffsetsReferenceAt, 0) ||
        size < kOffsetsAt || half_at(bytes, kOffsetsAt - 4) != records) [[unlikely]] {
      return false;
    }
    const uint64_t data_at = kOffsetsAt + uint64_t{4} * records + sizeof(uint32_t);
    if (records == 0 || data_at > size ||
        half_at(bytes, kDataReferenceAt) != data_at - 4 - kDataReferenceAt ||
        half_at(bytes, data_at - 4) != size - data_at) [[unlikely]] {
      return false;
    }
    // All are looked at, and none is believed before the last one was: `ends` is read without
    // leaving early, which keeps the loop short.
    const auto* ends = reinterpret_cast<const uint32_t*>(bytes + kOffsetsAt);
    uint32_t decreases = 0;
    uint32_t previous = 0;
    for (uint32_t i = 0; i < records; ++i) {
      decreases |= static_cast<uint32_t>(ends[i] < previous);
      previous = ends[i];
    }
    if (decreases != 0 || previous != size - data_at) [[unlikely]]
      return false;
    view.stride_ = 0;
    view.offsets_ = ends;
    view.data_ = {size > data_at ? bytes + data_at : nullptr, size - data_at};
  }
  view.time_.assign(shape, std::span(&time, 1));
  view.records_ = records;
  return true;
}

[[gnu::always_inline]] inline bool decode_written_progress(std::span<const std::byte> payload,
                                                           TimeShape shape, ProgressView& view) {
  using namespace written;
  const std::byte* const bytes = payload.data();
  const uint64_t size = payload.size();
  constexpr uint64_t kFixedBytes = kTimesAt + 8;
  if (shape.words != 1 || size <= kFixedBytes || size > kMaxSegmentBytes ||
      (size - kFixedBytes) % 16 != 0 || reinterpret_cast<uintptr_t>(bytes) % kFrameAlignment != 0)
      [[unlikely]] {
    return false;
  }
  const uint64_t count = (size - kFixedBytes) / 16;
  const uint64_t diffs_at = kTimesAt + 8 * count + 8;
  if (word_at(bytes, 0) != kProgressWord0 || word_at(bytes, 8) != kProgressWord1 ||
      word_at(bytes, kTimesReferenceAt) !=
          word_of(kTimesAt - 4 - kTimesReferenceAt, diffs_at - 4 - kDiffsReferenceAt) ||
      half_at(bytes, kTimesAt - 4) != count || half_at(bytes, diffs_at - 4) != count) [[unlikely]] {
    return false;
  }
  view.shape_ = shape;
  view.times_ = {reinterpret_cast<const uint64_t*>(bytes + kTimesAt), count};
  view.diffs_ = {reinterpret_cast<const int64_t*>(bytes + diffs_at), count};
  return true;
}

}  // namespace tidemark
