// `WireDecoder`: the bytes of a stream that was sent, however they are cut into pieces, into
// verified events (SPEC.md section 18). It knows nothing of where the bytes come from; `WireReader`
// does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "tidemark/captured_event.h"
#include "tidemark/event_judge.h"
#include "tidemark/result.h"
#include "tidemark/wire_kind.h"

namespace tidemark {

// Memory grows with the bytes that arrive, never with what they claim: to about twice the longest
// frame that did arrive. Not thread-safe.
class WireDecoder {
 public:
  // Refuses streams of another kind, and frames beyond `max_frame_bytes`. Errors: InvalidArgument.
  static Result<WireDecoder> begin(const WireKind& expected, uint64_t max_frame_bytes);

  // Looks for the next event in what has arrived; Pending: more must arrive. Errors, which stay,
  // and whose `offset` is the place in the stream: Corrupt, Unsupported, InvalidArgument (another
  // kind of stream), TooLarge (a frame beyond the bound, a set of capabilities), ProtocolViolation
  // with the rule, Finished.
  Result<Polled> poll();
  // The event that poll() found. Its views are valid until the next call of room(), and longer
  // while a copy of owner() is held.
  const EventView& event() const { return event_; }
  const std::shared_ptr<const void>& owner() const { return owner_; }
  // Says that a copy of owner() may be held from now on: the bytes stay as they are then.
  void keep_bytes() { kept_ = true; }

  // Where the next bytes of the stream go, at least one; then, how many came.
  std::span<std::byte> room();
  void arrived(size_t bytes);
  // What it means that none will come any more, because of `cause` if there is one, without the end
  // frame: Io where a frame had just ended, Corrupt within one. Its offset is the place of the cut.
  Error cut(const std::optional<Error>& cause = std::nullopt) const;

  // Bytes of the stream before the next frame.
  uint64_t position() const { return position_; }
  // Of the events so far. Only once an event was handed out.
  const EventJudge& judge() const { return judge_; }

 private:
  WireDecoder(const WireKind& expected, uint64_t max_frame_bytes);

  Result<Polled> look();
  Result<bool> read_hello();
  Result<uint64_t> frame_length(uint64_t word) const;
  Result<void> accept_end(const FrameView& frame) const;

  std::span<const std::byte> unread() const { return {bytes_ + begin_, end_ - begin_}; }
  void pass(size_t bytes);

  WireKind expected_;
  uint64_t max_frame_bytes_;
  bool has_hello_ = false;
  FrameKey key_;
  EventJudge judge_;
  uint64_t digest_ = 0;
  uint64_t position_ = 0;
  EventView event_;
  bool ended_ = false;
  std::optional<Error> error_;

  // Frames begin at multiples of 8 of the stream, and of this buffer too.
  std::shared_ptr<const void> owner_;  // of the buffer
  std::byte* bytes_ = nullptr;
  size_t capacity_ = 0;
  size_t begin_ = 0;
  size_t end_ = 0;
  bool kept_ = false;
};

}  // namespace tidemark
