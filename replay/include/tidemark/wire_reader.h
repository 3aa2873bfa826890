// `WireReader<T, C, Source>`: events from any source of bytes, each verified before it is handed
// out (SPEC.md section 18).
//
// The idea is `EventReader` of timely's module `operators::capture::event`. Beyond it: nothing is
// believed that was not checked, and a stream that was cut is told from one that ended.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include "tidemark/byte_streams.h"
#include "tidemark/captured_event.h"
#include "tidemark/deadline.h"
#include "tidemark/wire_decoder.h"

namespace tidemark {

struct WireReaderOptions {
  // Longer frames are refused, before anything is allocated for them. 64 KiB to 1 GiB.
  uint64_t max_frame_bytes = kDefaultFrameLimit;
};

// An EventIterator. One thread at a time.
template <LoggedTime T, Encodable C, ByteSource Source>
class WireReader {
 public:
  // Errors: InvalidArgument.
  static Result<WireReader> open(Source source, const WireReaderOptions& options = {}) {
    TIDEMARK_ASSIGN(decoder, WireDecoder::begin(wire_kind<T, C>(), options.max_frame_bytes));
    return WireReader(std::move(source), std::move(decoder));
  }

  // Ended only after the end frame; nothing is read after it. Pending where the source would have
  // to wait, or has given much without completing an event. Errors, which stay: those of
  // `WireDecoder::poll`; where the source ended or failed before the end frame, Io between two
  // frames and Corrupt within one ("the stream was cut at byte N", with the system's number if
  // there is one); those of the container's codec.
  Result<Polled> poll() {
    if (error_) return tl::make_unexpected(*error_);
    auto polled = look();
    if (!polled) error_ = polled.error();
    return polled;
  }

  // poll() that waits up to `limit` while there is nothing: Pending then.
  Result<Polled> next(std::chrono::nanoseconds limit) requires WaitableBytes<Source> {
    const auto deadline = deadline_after(limit);
    for (;;) {
      TIDEMARK_ASSIGN(polled, poll());
      if (polled != Polled::Pending) return polled;
      const auto left = time_until(deadline);
      if (left.count() == 0) return Polled::Pending;
      TIDEMARK_TRY(source_.wait(left));
    }
  }

  const Event<T, C>& event() const { return event_; }
  Event<T, C> take() { return std::move(event_); }
  // When its writer was given the event, in nanoseconds since the Unix epoch; never decreases.
  uint64_t captured_at_ns() const { return decoder_.event().captured_at_ns; }
  // Bytes of the stream before the next frame.
  uint64_t position() const { return decoder_.position(); }
  Source& source() { return source_; }

 private:
  WireReader(Source source, WireDecoder decoder)
      : source_(std::move(source)), decoder_(std::move(decoder)) {}

  Result<Polled> look() {
    // So that one poll ends, whatever a source gives: 4 MiB, or more of a longer frame.
    constexpr int kReads = 64;
    for (int reads = 0;; ++reads) {
      TIDEMARK_ASSIGN(polled, decoder_.poll());
      if (polled == Polled::Event) TIDEMARK_TRY(decode());
      if (polled != Polled::Pending || reads == kReads) return polled;
      const auto count = source_.read(decoder_.room());
      if (!count) return tl::make_unexpected(decoder_.cut(count.error()));
      if (!*count) return Polled::Pending;
      if (**count == 0) return tl::make_unexpected(decoder_.cut());
      decoder_.arrived(**count);
    }
  }

  // A word that the type of time does not have would silently become another time.
  static Result<T> time_of(const Time& time) {
    T decoded = from_time<T>(time);
    if (to_time(decoded) != time) {
      return fail(ErrorCode::Corrupt, time.text() + " is no time of type " + TimeCodec<T>::name());
    }
    return decoded;
  }

  Result<void> decode() {
    const EventView& view = decoder_.event();
    if (const auto* messages = view.messages()) {
      TIDEMARK_ASSIGN(time, placed(time_of(messages->time())));
      TIDEMARK_ASSIGN(container, placed(Codec<C>::decode(*messages, decoder_.owner())));
      // The decoder has one; another one is the container's.
      if (decoder_.owner().use_count() > 1) decoder_.keep_bytes();
      event_ = Messages<T, C>{std::move(time), std::move(container)};
      return {};
    }
    Progress<T> progress;
    progress.changes.reserve(view.progress()->size());
    for (size_t i = 0; i < view.progress()->size(); ++i) {
      const Change change = view.progress()->change(i);
      TIDEMARK_ASSIGN(time, placed(time_of(change.time)));
      progress.changes.emplace_back(std::move(time), change.diff);
    }
    event_ = std::move(progress);
    return {};
  }

  template <typename Value>
  Result<Value> placed(Result<Value> result) const {
    if (!result) result.error().offset = decoder_.event().position;
    return result;
  }

  Source source_;
  WireDecoder decoder_;
  std::optional<Error> error_;
  Event<T, C> event_;
};

}  // namespace tidemark
