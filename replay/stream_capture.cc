#include "tidemark/stream_capture.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

namespace tidemark {
namespace {

// Of one event, by the width of its count.
constexpr size_t kMaxRecords = std::numeric_limits<uint32_t>::max();

}  // namespace

StreamCapture::StreamCapture(EventWriter writer, Behind behind)
    : writer_(std::move(writer)), behind_(behind) {
  Protocol own(writer_.protocol().shape());
  if (own.counts() != writer_.protocol().counts()) own_ = std::move(own);
}

Result<void> StreamCapture::progress(std::span<const Change> changes) {
  if (error_) return tl::make_unexpected(*error_);
  return keep(apply(changes));
}

Result<void> StreamCapture::messages(const Time& time, std::span<const std::string_view> records) {
  if (error_) return tl::make_unexpected(*error_);
  if (is_one_event(records)) [[likely]]
    return ended(writer_.append_messages(time.words(), records));
  return keep(write(time, records));
}

Result<void> StreamCapture::messages(const Time& time, size_t records, size_t stride,
                                     std::span<const std::byte> data) {
  if (error_) return tl::make_unexpected(*error_);
  if (!own_ && records > 0 && data.size() <= kAlwaysFitBytes) [[likely]] {
    return ended(writer_.append_messages(time.words(), static_cast<uint32_t>(records), data));
  }
  return keep(write(time, records, stride, data));
}

Result<void> StreamCapture::finish() {
  auto closed = writer_.close();
  if (error_) return tl::make_unexpected(*error_);
  return closed;
}

// Nearly always: the writer judges the time, and one event takes all.
bool StreamCapture::is_one_event(std::span<const std::string_view> records) const {
  if (own_ || records.empty() || records.size() > kAlwaysFitBytes / sizeof(uint32_t)) return false;
  size_t bytes = records.size() * sizeof(uint32_t);
  for (const std::string_view record : records) bytes += record.size();
  return bytes <= kAlwaysFitBytes;
}

Result<void> StreamCapture::ended(Result<uint64_t> appended) {
  if (appended) [[likely]]
    return {};
  return keep(tl::make_unexpected(std::move(appended).error()));
}

// The event was only kept in part, or written in part: what followed it would make no sense.
Result<void> StreamCapture::keep(Result<void> result) {
  if (!result) error_ = result.error();
  return result;
}

Result<void> StreamCapture::apply(std::span<const Change> changes) {
  if (own_) {
    TIDEMARK_TRY(own_->progress(changes));
    if (!reached()) return {};
    // Valid for the stream: whatever the operator holds lies at or after a time that the stream
    // holds, and what is taken away are exactly the stream's counts.
    const std::vector<Change> to_own = difference(writer_.protocol(), *own_);
    if (!to_own.empty()) TIDEMARK_TRY(writer_.append_progress(to_own));
    own_.reset();
    return {};
  }
  TIDEMARK_TRY(writer_.append_progress(changes));
  return {};
}

// Whether each of the operator's capabilities is at or beyond the recovered frontier.
bool StreamCapture::reached() const {
  const auto& recovered = writer_.protocol().frontier();
  const auto& own = own_->frontier().elements();
  return std::all_of(own.begin(), own.end(),
                     [&](const Time& t) { return recovered.less_equal(t); });
}

Result<bool> StreamCapture::admit(const Time& time, size_t records) {
  if (!own_) {
    // The writer judges what it writes.
    if (records == 0) TIDEMARK_TRY(writer_.protocol().messages(time));
    return records > 0;
  }
  TIDEMARK_TRY(own_->messages(time));
  if (writer_.protocol().frontier().less_equal(time)) return records > 0;
  if (behind_ == Behind::Refuse) {
    auto error = fail(ErrorCode::ProtocolViolation,
                      "time " + time.text() +
                          " is behind the frontier that the stream had reached when it was opened");
    error.value().rule = "P3";
    error.value().stream = writer_.stream();
    return error;
  }
  dropped_records_ += records;
  return false;
}

Result<void> StreamCapture::write(const Time& time, std::span<const std::string_view> records) {
  TIDEMARK_ASSIGN(admitted, admit(time, records.size()));
  if (!admitted) return {};
  size_t count = fitting(records);
  if (count < records.size()) {
    const auto longest =
        std::max_element(records.begin(), records.end(),
                         [](const auto& a, const auto& b) { return a.size() < b.size(); });
    if (longest->size() > writer_.max_data_bytes(1)) return too_large(longest->size());
  }
  for (;;) {
    TIDEMARK_TRY(writer_.append_messages(time.words(), records.first(count)));
    records = records.subspan(count);
    if (records.empty()) return {};
    count = fitting(records);
  }
}

// How many of the records one event takes. At least one, if none is too large by itself.
size_t StreamCapture::fitting(std::span<const std::string_view> records) const {
  const auto most =
      std::min<size_t>({records.size(), kMaxRecords, writer_.max_data_bytes(0) / sizeof(uint32_t)});
  const auto fits = [&](size_t count, size_t bytes) {
    return bytes <= writer_.max_data_bytes(static_cast<uint32_t>(count));
  };
  size_t bytes = 0;
  for (const std::string_view record : records.first(most)) bytes += record.size();
  if (fits(most, bytes)) return most;
  size_t count = 0;
  for (bytes = 0; count < most; ++count) {
    bytes += records[count].size();
    if (!fits(count + 1, bytes)) break;
  }
  return count;
}

Result<void> StreamCapture::write(const Time& time, size_t records, size_t stride,
                                  std::span<const std::byte> data) {
  TIDEMARK_ASSIGN(admitted, admit(time, records));
  if (!admitted) return {};
  const size_t most = std::min<size_t>(kMaxRecords, writer_.max_data_bytes(1) / stride);
  if (most == 0) return too_large(stride);
  while (records > 0) {
    const size_t count = std::min(records, most);
    TIDEMARK_TRY(writer_.append_messages(time.words(), static_cast<uint32_t>(count),
                                         data.first(count * stride)));
    data = data.subspan(count * stride);
    records -= count;
  }
  return {};
}

Result<void> StreamCapture::too_large(size_t record_bytes) const {
  return fail(ErrorCode::TooLarge,
              "a record of " + std::to_string(record_bytes) +
                  " bytes does not fit into one event of this stream, which takes at most " +
                  std::to_string(writer_.max_data_bytes(1)));
}

}  // namespace tidemark
