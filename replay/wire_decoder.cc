#include "tidemark/wire_decoder.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "tidemark/check.h"

namespace tidemark {
namespace {

// What is asked of the source at once, at least.
constexpr size_t kRoomBytes = size_t{64} << 10;

tl::unexpected<Error> fail_at(uint64_t position, Error error) {
  error.offset = position;
  return tl::make_unexpected(std::move(error));
}

}  // namespace

Result<WireDecoder> WireDecoder::begin(const WireKind& expected, uint64_t max_frame_bytes) {
  TIDEMARK_TRY(check_frame_limit(max_frame_bytes));
  return WireDecoder(expected, max_frame_bytes);
}

WireDecoder::WireDecoder(const WireKind& expected, uint64_t max_frame_bytes)
    : expected_(expected),
      max_frame_bytes_(max_frame_bytes),
      judge_(Protocol(expected.time), {}, 0) {}

std::span<std::byte> WireDecoder::room() {
  if (begin_ == end_ && !kept_) begin_ = end_ = 0;
  if (capacity_ - end_ >= kRoomBytes) return {bytes_ + end_, capacity_ - end_};
  const size_t held = end_ - begin_;
  if (!kept_ && capacity_ >= held + kRoomBytes) {
    std::memmove(bytes_, bytes_ + begin_, held);
  } else {
    // Twice what did arrive, so that the copies of a long frame come to no more than twice its
    // size.
    capacity_ = std::max(2 * held, 2 * kRoomBytes);
    std::shared_ptr<std::byte[]> grown(new std::byte[capacity_]);
    if (held > 0) std::memcpy(grown.get(), bytes_ + begin_, held);
    bytes_ = grown.get();
    owner_ = std::move(grown);
    kept_ = false;
  }
  begin_ = 0;
  end_ = held;
  return {bytes_ + end_, capacity_ - end_};
}

void WireDecoder::arrived(size_t bytes) {
  TIDEMARK_CHECK(bytes <= capacity_ - end_);
  end_ += bytes;
}

void WireDecoder::pass(size_t bytes) {
  begin_ += bytes;
  position_ += bytes;
}

Error WireDecoder::cut(const std::optional<Error>& cause) const {
  const size_t rest = unread().size();
  Error error = cause.value_or(Error{});
  error.code = rest == 0 ? ErrorCode::Io : ErrorCode::Corrupt;
  error.offset = position_ + rest;
  const std::string place = " cut at byte " + std::to_string(*error.offset) + ", ";
  error.message = (cause ? cause->message + ": " : std::string()) + "the stream was" + place;
  if (rest > 0) {
    error.message += "within what begins at byte " + std::to_string(position_);
  } else {
    error.message +=
        has_hello_ ? "after a whole frame, but before its end frame" : "before its hello";
  }
  return error;
}

Result<Polled> WireDecoder::poll() {
  if (error_) return tl::make_unexpected(*error_);
  if (ended_) return Polled::Ended;
  event_ = {};
  auto looked = look();
  if (!looked) {
    looked = fail_at(position_, std::move(looked).error());
    error_ = looked.error();
  }
  return looked;
}

Result<Polled> WireDecoder::look() {
  if (!has_hello_) {
    TIDEMARK_ASSIGN(complete, read_hello());
    if (!complete) return Polled::Pending;
  }
  for (;;) {
    const auto bytes = unread();
    uint64_t word = 0;
    if (bytes.size() < sizeof word) return Polled::Pending;
    std::memcpy(&word, bytes.data(), sizeof word);
    TIDEMARK_ASSIGN(length, frame_length(word));
    if (bytes.size() < length) return Polled::Pending;
    TIDEMARK_ASSIGN(frame, check_frame(bytes.first(length), word, key_, position_));
    if (frame.durable_upto != 0) {
      return fail(ErrorCode::Corrupt, "a frame that is sent says that something is durable");
    }
    if (frame.kind == FrameKind::Seal) {
      TIDEMARK_TRY(accept_end(frame));
      ended_ = true;
      return Polled::Ended;
    }
    TIDEMARK_ASSIGN(event, judge_.apply(frame, expected_.encoding));
    digest_ = fold_digest(digest_, frame.checksum);
    pass(length);
    // What is neither was skippable, and of a kind that a later version knows.
    if (event.messages() == nullptr && event.progress() == nullptr) continue;
    event_ = event;
    return Polled::Event;
  }
}

// A peer that speaks something else is told by the first eight bytes, and may never send more.
Result<bool> WireDecoder::read_hello() {
  const auto bytes = unread();
  WireHello hello{};
  if (bytes.size() < sizeof hello.magic) return false;
  std::memcpy(&hello, bytes.data(), std::min(bytes.size(), sizeof hello));
  constexpr uint64_t kWithoutMajor = ~(uint64_t{0xFF} << 56);
  if ((hello.magic & kWithoutMajor) != (kWireMagic & kWithoutMajor)) {
    return fail(ErrorCode::Corrupt, "the stream does not start with its magic");
  }
  if (bytes.size() < sizeof hello) return false;
  TIDEMARK_TRY(check_hello(hello));
  TIDEMARK_TRY(check_agreement(kind_of(hello), expected_));
  key_ = FrameKey(hello.salt);
  has_hello_ = true;
  pass(sizeof hello);
  return true;
}

// Of the frame that begins with `word`, its padding included. It is bounded before anything is done
// by it.
Result<uint64_t> WireDecoder::frame_length(uint64_t word) const {
  TIDEMARK_ASSIGN(length, check_commit_word(word, kMaxFrameLimit));
  if (length > max_frame_bytes_) {
    return fail(ErrorCode::TooLarge, "a frame of " + std::to_string(length) +
                                         " bytes is longer than the bound of " +
                                         std::to_string(max_frame_bytes_));
  }
  return length;
}

Result<void> WireDecoder::accept_end(const FrameView& frame) const {
  TIDEMARK_ASSIGN(seal, decode_seal(frame.payload, expected_.time));
  if (seal.end != position_ || seal.totals != judge_.totals() || seal.digest != digest_ ||
      !same_counts(seal.counts, judge_.protocol())) {
    return fail(ErrorCode::Corrupt, "the end frame contradicts the events before it");
  }
  if (!seal.closed || seal.bounds || !seal.waypoints.empty() ||
      frame.captured_at_ns < judge_.captured_at_ns()) {
    return fail(ErrorCode::Corrupt, "the end frame has an impossible field");
  }
  return {};
}

}  // namespace tidemark
