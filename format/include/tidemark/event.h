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

  // The records as an array of `Record`, or nothing where they are not of its size.
  template <typename Record>
  std::optional<std::span<const Record>> records_as() const {
    static_assert(std::is_trivially_copyable_v<Record> && alignof(Record) <= kFrameAlignment);
    if (offsets_ != nullptr || (records_ > 0 && stride_ != sizeof(Record))) return std::nullopt;
    return std::span(reinterpret_cast<const Record*>(data_.data()), records_);
  }

 private:
  friend Result<MessagesView> decode_messages(std::span<const std::byte>, TimeShape);

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

 private:
  friend Result<ProgressView> decode_progress(std::span<const std::byte>, TimeShape);

  TimeShape shape_;
  std::span<const uint64_t> times_;
  std::span<const int64_t> diffs_;
};

// Errors: Corrupt where the payload is no such table, or contradicts itself or the shape.
Result<MessagesView> decode_messages(std::span<const std::byte> payload, TimeShape shape);
Result<ProgressView> decode_progress(std::span<const std::byte> payload, TimeShape shape);

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

}  // namespace tidemark
