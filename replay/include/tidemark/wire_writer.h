// `WireWriter<T, C, Sink>`: events into any sink of bytes, verified as they go (SPEC.md section
// 18).
//
// The idea is `EventWriter` of timely's module `operators::capture::event`. Beyond it: an error
// instead of a panic, a sink that may take a part only, checksums, and an end that differs from a
// connection that was cut.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "tidemark/byte_streams.h"
#include "tidemark/captured_event.h"
#include "tidemark/deadline.h"
#include "tidemark/file_seam.h"
#include "tidemark/wire_encoder.h"

namespace tidemark {

struct WireWriterOptions {
  // Longer containers are split over several events. What reads must allow as much. 64 KiB to 1
  // GiB.
  uint64_t max_frame_bytes = kDefaultFrameLimit;
  // How much may wait for a slow peer before push() waits for it. Memory is bounded by this and one
  // event.
  size_t unsent_limit_bytes = size_t{16} << 20;
  // How long push() and finish() wait for a slow peer.
  std::chrono::nanoseconds wait_limit = std::chrono::seconds(10);
};

// An EventPusher. One thread at a time. Destroying it before finish() is a disconnect, and so the
// reader says.
template <LoggedTime T, Encodable C, ByteSink Sink>
class WireWriter {
 public:
  // Sends the hello, as far as the sink takes it now. `files` is asked for the clock and for
  // randomness, and must outlive the writer. Errors: InvalidArgument, Io, and those of the sink.
  static Result<WireWriter> open(Sink sink, const WireWriterOptions& options = {},
                                 FileSeam& files = system_files()) {
    uint64_t salt = 0;
    if (const int answer = files.random(std::as_writable_bytes(std::span(&salt, 1))); answer < 0) {
      return fail_system("cannot get random bytes", "", -answer);
    }
    TIDEMARK_ASSIGN(encoder, WireEncoder::begin(wire_kind<T, C>(), salt, options.max_frame_bytes));
    WireWriter writer(std::move(sink), options, files, std::move(encoder));
    TIDEMARK_TRY(writer.send());
    return writer;
  }

  // Takes the event, and sends what the sink takes now; the rest waits for the next call. Where
  // more than `unsent_limit_bytes` wait already, it first waits for the peer, up to `wait_limit`.
  //
  // Errors that leave everything as it was, so that another event may be tried: NoSpace (the peer
  // is too slow), ProtocolViolation, Finished, TooLarge (one record beyond `max_frame_bytes`, too
  // many capabilities or changes). Errors that stay: those of the sink (Closed: the peer is gone;
  // Io; NoSpace of a disk), and Closed after finish().
  Result<void> push(const Event<T, C>& event) {
    TIDEMARK_TRY(usable());
    if (ending_) return fail(ErrorCode::Closed, "the writer was finished");
    if (unsent_bytes() > options_.unsent_limit_bytes) {
      TIDEMARK_ASSIGN(made, send_until(options_.unsent_limit_bytes, options_.wait_limit));
      if (!made) return fail(ErrorCode::NoSpace, waiting_text());
    }
    TIDEMARK_TRY(encode(event));
    return send();
  }

  // Sends what waits, for no longer than `limit`. Errors: Interrupted where something is left, and
  // those of the sink.
  Result<void> flush(std::chrono::nanoseconds limit) {
    TIDEMARK_TRY(usable());
    TIDEMARK_ASSIGN(sent, send_until(0, limit));
    if (!sent) return fail(ErrorCode::Interrupted, waiting_text());
    return {};
  }
  Result<void> flush() { return flush(options_.wait_limit); }

  // Sends the end frame and finishes the sink, waiting up to `wait_limit`. Succeeds again; after
  // Interrupted, another call goes on. Errors: as flush().
  Result<void> finish() {
    if (finished_) return {};
    TIDEMARK_TRY(usable());
    if (!ending_) encoder_.end(files_->now_ns());
    ending_ = true;
    TIDEMARK_TRY(flush());
    finished_ = true;
    return keep(sink_.finish());
  }

  size_t unsent_bytes() const { return encoder_.unsent().size(); }
  // The state after all events that were taken, sent or not.
  const WireEncoder& encoder() const { return encoder_; }
  Sink& sink() { return sink_; }

 private:
  WireWriter(Sink sink, const WireWriterOptions& options, FileSeam& files, WireEncoder encoder)
      : sink_(std::move(sink)), options_(options), files_(&files), encoder_(std::move(encoder)) {}

  Result<void> usable() const {
    if (error_) return tl::make_unexpected(*error_);
    return {};
  }

  // Notes an error that stays.
  template <typename Value>
  Result<Value> keep(Result<Value> result) {
    if (!result) error_ = result.error();
    return result;
  }

  std::string waiting_text() const {
    return "the peer is too slow: " + std::to_string(unsent_bytes()) + " bytes wait for it";
  }

  Result<void> encode(const Event<T, C>& event) {
    const uint64_t now_ns = files_->now_ns();
    if (const auto* progress = event.progress()) {
      changes_.clear();
      for (const auto& [time, diff] : progress->changes) changes_.push_back({to_time(time), diff});
      return encoder_.progress(changes_, now_ns);
    }
    const auto& [time, container] = *event.messages();
    if constexpr (Codec<C>::encoding == RecordEncoding::Fixed) {
      return encoder_.messages(to_time(time), Codec<C>::records(container),
                               Codec<C>::data(container), now_ns);
    } else {
      records_.clear();
      for (size_t i = 0; i < Codec<C>::records(container); ++i) {
        records_.push_back(Codec<C>::record(container, i));
      }
      return encoder_.messages(to_time(time), records_, now_ns);
    }
  }

  // What the sink takes now. Ends: each round but the last one takes a byte at least.
  Result<void> send() {
    while (!encoder_.unsent().empty()) {
      TIDEMARK_ASSIGN(taken, keep(sink_.write(encoder_.unsent())));
      if (taken == 0) break;
      encoder_.sent(taken);
    }
    return {};
  }

  // Sends until no more than `bytes` wait; false where `limit` is over before.
  Result<bool> send_until(size_t bytes, std::chrono::nanoseconds limit) {
    const auto deadline = deadline_after(limit);
    for (;;) {
      TIDEMARK_TRY(send());
      if (unsent_bytes() <= bytes) return true;
      const auto left = time_until(deadline);
      if (left.count() == 0) return false;
      if constexpr (WaitableBytes<Sink>) {
        TIDEMARK_TRY(keep(sink_.wait(left)));
      } else {
        constexpr std::chrono::nanoseconds kStep = std::chrono::milliseconds(1);
        std::this_thread::sleep_for(std::min(left, kStep));
      }
    }
  }

  Sink sink_;
  WireWriterOptions options_;
  FileSeam* files_;
  WireEncoder encoder_;
  std::optional<Error> error_;
  bool ending_ = false;    // the end frame was encoded
  bool finished_ = false;  // and sent
  // Scratch of encode(), kept so that it allocates only to grow.
  std::vector<Change> changes_;
  std::vector<std::string_view> records_;
};

}  // namespace tidemark
