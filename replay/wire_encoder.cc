#include "tidemark/wire_encoder.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>

#include "tidemark/check.h"

namespace tidemark {
namespace {

constexpr size_t kMaxRecords = std::numeric_limits<uint32_t>::max();

tl::unexpected<Error> too_large(uint64_t record_bytes, uint64_t max_frame_bytes) {
  return fail(ErrorCode::TooLarge, "a record of " + std::to_string(record_bytes) +
                                       " bytes does not fit into a frame of at most " +
                                       std::to_string(max_frame_bytes));
}

}  // namespace

Result<WireEncoder> WireEncoder::begin(const WireKind& kind, uint64_t salt,
                                       uint64_t max_frame_bytes) {
  TIDEMARK_TRY(check_frame_limit(max_frame_bytes));
  TIDEMARK_ASSIGN(hello, hello_of(kind, salt));
  return WireEncoder(hello, max_frame_bytes);
}

WireEncoder::WireEncoder(const WireHello& hello, uint64_t max_frame_bytes)
    : encoding_(static_cast<RecordEncoding>(hello.record_encoding)),
      key_(hello.salt),
      max_frame_bytes_(max_frame_bytes),
      protocol_(hello.time_shape()),
      position_(sizeof hello) {
  const auto bytes = std::as_bytes(std::span(&hello, 1));
  bytes_.assign(bytes.begin(), bytes.end());
}

void WireEncoder::sent(size_t bytes) {
  TIDEMARK_CHECK(bytes <= bytes_.size() - sent_);
  sent_ += bytes;
  if (sent_ == bytes_.size()) {
    bytes_.clear();
    sent_ = 0;
  } else if (sent_ > bytes_.size() / 2) {
    // Whole words, so that what is left keeps its alignment.
    const size_t gone = sent_ - sent_ % kFrameAlignment;
    bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(gone));
    sent_ -= gone;
  }
}

std::byte* WireEncoder::begin_frame(uint64_t payload_bytes) {
  bytes_.resize(bytes_.size() + frame_bytes(payload_bytes));
  return bytes_.data() + bytes_.size() - frame_bytes(payload_bytes) + sizeof(FrameHeader);
}

void WireEncoder::end_frame(FrameKind kind, uint64_t payload_bytes, uint64_t captured_at_ns) {
  captured_at_ns_ = std::max(captured_at_ns_, captured_at_ns);
  const uint64_t word = commit_word(kind, payload_bytes);
  std::byte* frame = bytes_.data() + bytes_.size() - frame_bytes(payload_bytes);
  // Nothing is durable here, so that stamp is zero.
  const uint64_t checksum = stamp_frame(frame, word, 0, captured_at_ns_, key_, position_);
  std::memcpy(frame, &word, sizeof word);
  digest_ = fold_digest(digest_, checksum);
  position_ += frame_bytes(payload_bytes);
}

Result<void> WireEncoder::progress(std::span<const Change> changes, uint64_t captured_at_ns) {
  const size_t limit = 2 * max_capabilities(shape());
  if (changes.size() > limit) {
    return fail(ErrorCode::TooLarge,
                "a progress event has at most " + std::to_string(limit) + " changes");
  }
  TIDEMARK_TRY(protocol_.progress(changes));
  const uint64_t payload_bytes = progress_payload_bytes(shape(), changes.size());
  encode_progress(begin_frame(payload_bytes), shape(), changes);
  ++totals_.events;
  end_frame(FrameKind::Progress, payload_bytes, captured_at_ns);
  return {};
}

uint64_t WireEncoder::messages_overhead(bool variable) const {
  return frame_bytes(messages_layout(shape(), variable, 0, 0).payload_bytes) + kFrameAlignment;
}

Result<void> WireEncoder::messages(const Time& time, std::span<const std::string_view> records,
                                   uint64_t captured_at_ns) {
  TIDEMARK_CHECK(encoding_ == RecordEncoding::Variable);
  TIDEMARK_TRY(protocol_.messages(time));
  const uint64_t room = max_frame_bytes_ - messages_overhead(true);
  for (const std::string_view record : records) {
    if (record.size() > room - sizeof(uint32_t)) {
      return too_large(record.size(), max_frame_bytes_);
    }
  }
  // At least one frame: an event without records is an event.
  do {
    size_t count = 0;
    uint64_t data_bytes = 0;
    while (count < std::min(records.size(), kMaxRecords) &&
           data_bytes + records[count].size() + sizeof(uint32_t) * (count + 1) <= room) {
      data_bytes += records[count++].size();
    }
    put_messages(time, records.first(count), data_bytes, captured_at_ns);
    records = records.subspan(count);
  } while (!records.empty());
  return {};
}

void WireEncoder::put_messages(const Time& time, std::span<const std::string_view> records,
                               uint64_t data_bytes, uint64_t captured_at_ns) {
  const auto count = static_cast<uint32_t>(records.size());
  const MessagesLayout layout = messages_layout(shape(), true, count, data_bytes);
  std::byte* payload = begin_frame(layout.payload_bytes);
  encode_messages(payload, layout, shape(), time.words(), count, data_bytes);
  encode_records(payload, layout, records);
  ++totals_.events;
  totals_.records += count;
  totals_.data_bytes += data_bytes;
  end_frame(FrameKind::Messages, layout.payload_bytes, captured_at_ns);
}

Result<void> WireEncoder::messages(const Time& time, size_t records,
                                   std::span<const std::byte> data, uint64_t captured_at_ns) {
  TIDEMARK_CHECK(encoding_ == RecordEncoding::Fixed);
  TIDEMARK_CHECK(records == 0 ? data.empty() : data.size() % records == 0);
  TIDEMARK_TRY(protocol_.messages(time));
  const size_t stride = records == 0 ? 0 : data.size() / records;
  const uint64_t room = max_frame_bytes_ - messages_overhead(false);
  if (stride > room) return too_large(stride, max_frame_bytes_);
  const size_t most = stride == 0 ? kMaxRecords : std::min<size_t>(room / stride, kMaxRecords);
  do {
    const auto count = static_cast<uint32_t>(std::min(records, most));
    const auto part = data.first(count * stride);
    const MessagesLayout layout = messages_layout(shape(), false, count, part.size());
    std::byte* payload = begin_frame(layout.payload_bytes);
    encode_messages(payload, layout, shape(), time.words(), count, part.size());
    std::copy(part.begin(), part.end(), payload + layout.data_at);
    ++totals_.events;
    totals_.records += count;
    totals_.data_bytes += part.size();
    end_frame(FrameKind::Messages, layout.payload_bytes, captured_at_ns);
    records -= count;
    data = data.subspan(part.size());
  } while (records > 0);
  return {};
}

void WireEncoder::end(uint64_t captured_at_ns) {
  Seal seal;
  seal.end = position_;
  seal.totals = totals_;
  seal.counts = counts_of(protocol_);
  seal.digest = digest_;
  seal.closed = true;
  const auto payload = encode_seal(shape(), seal);
  std::copy(payload.begin(), payload.end(), begin_frame(payload.size()));
  end_frame(FrameKind::Seal, payload.size(), captured_at_ns);
}

}  // namespace tidemark
