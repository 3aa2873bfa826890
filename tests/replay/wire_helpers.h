// What the tests of streams that are sent share: sinks and sources of every mood, a stream's bytes,
// and frames that only a broken writer would send.

#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "replay/event_helpers.h"
#include "support/counting_files.h"
#include "tidemark/summary_frames.h"
#include "tidemark/wire_reader.h"
#include "tidemark/wire_writer.h"

namespace tidemark::test {

using Bytes = std::vector<std::byte>;

// Where a sink's bytes are seen, and how willing it is.
struct SinkState {
  Bytes bytes;
  size_t at_most = ~size_t{0};  // bytes of one write
  bool blocked = false;
  bool blocks_every_other = false;
  bool finished = false;
  std::optional<Error> error;
  size_t calls = 0;
};

class TestSink {
 public:
  explicit TestSink(std::shared_ptr<SinkState> state) : state_(std::move(state)) {}
  Result<size_t> write(std::span<const std::byte> bytes) {
    SinkState& state = *state_;
    if (state.error) return tl::make_unexpected(*state.error);
    if (state.blocked || (++state.calls % 2 == 0 && state.blocks_every_other)) return size_t{0};
    const auto taken = bytes.first(std::min(bytes.size(), state.at_most));
    state.bytes.insert(state.bytes.end(), taken.begin(), taken.end());
    return taken.size();
  }
  Result<void> finish() {
    state_->finished = true;
    return {};
  }

 private:
  std::shared_ptr<SinkState> state_;
};

// Gives `bytes` in pieces of at most so many, and between two of them nothing, if that is wanted.
class TestSource {
 public:
  explicit TestSource(Bytes bytes, size_t at_most = ~size_t{0}, bool pauses = false)
      : bytes_(std::move(bytes)), at_most_(at_most), pauses_(pauses) {}
  // A first piece of so many bytes, then a pause, then the rest.
  static TestSource split_at(Bytes bytes, size_t first) {
    TestSource source(std::move(bytes), ~size_t{0}, true);
    source.first_ = first;
    return source;
  }

  Result<std::optional<size_t>> read(std::span<std::byte> room) {
    if (pauses_ && ++calls_ % 2 == 0) return std::nullopt;
    size_t count = std::min({room.size(), bytes_.size() - at_, at_most_});
    if (at_ < first_) count = std::min(count, first_ - at_);
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(at_), count, room.begin());
    at_ += count;
    return count;
  }

 private:
  Bytes bytes_;
  size_t at_most_;
  bool pauses_;
  size_t first_ = 0;
  size_t at_ = 0;
  size_t calls_ = 0;
};

template <typename C = Texts, typename T = uint64_t>
using TestWriter = WireWriter<T, C, TestSink>;
template <typename C = Texts, typename T = uint64_t>
using TestReader = WireReader<T, C, TestSource>;

// All bytes of a stream of these events; without `finish` it has no end frame.
template <typename T, typename C>
Bytes bytes_of_stream(const std::vector<Event<T, C>>& events, const WireWriterOptions& options = {},
                      bool finish = true) {
  CountingFiles files;
  const auto state = std::make_shared<SinkState>();
  auto writer = must(TestWriter<C, T>::open(TestSink(state), options, files));
  for (const auto& event : events) must(writer.push(event));
  if (finish) must(writer.finish());
  return state->bytes;
}

template <typename C = Texts, typename T = uint64_t>
Received<Event<T, C>> read_stream(TestSource source, const WireReaderOptions& options = {}) {
  auto reader = must(TestReader<C, T>::open(std::move(source), options));
  return receive_until_end(reader);
}

// Builds a stream frame by frame, each with the checksum it should have.
class ForgedStream {
 public:
  explicit ForgedStream(const WireKind& kind, uint64_t salt = 1) : salt_(salt) {
    const WireHello hello = must(hello_of(kind, salt));
    append(std::as_bytes(std::span(&hello, 1)));
  }

  ForgedStream& frame(FrameKind kind, std::span<const std::byte> payload, uint8_t flags = 0,
                      uint64_t durable_upto = 0, uint64_t captured_at_ns = 0) {
    std::vector<uint64_t> words(frame_bytes(payload.size()) / sizeof(uint64_t));
    auto* frame = reinterpret_cast<std::byte*>(words.data());
    const uint64_t word = commit_word(kind, payload.size(), flags);
    if (!payload.empty()) std::memcpy(frame + sizeof(FrameHeader), payload.data(), payload.size());
    const uint64_t checksum =
        stamp_frame(frame, word, durable_upto, captured_at_ns, FrameKey(salt_), bytes_.size());
    std::memcpy(frame, &word, sizeof word);
    digest = fold_digest(digest, checksum);
    append(std::as_bytes(std::span(words)));
    return *this;
  }
  ForgedStream& progress(TimeShape shape, const std::vector<Change>& changes) {
    std::vector<uint64_t> payload((progress_payload_bytes(shape, changes.size()) + 7) / 8);
    encode_progress(reinterpret_cast<std::byte*>(payload.data()), shape, changes);
    return frame(
        FrameKind::Progress,
        std::as_bytes(std::span(payload)).first(progress_payload_bytes(shape, changes.size())));
  }
  ForgedStream& messages(TimeShape shape, const Time& time,
                         const std::vector<std::string_view>& records) {
    uint64_t data_bytes = 0;
    for (const auto record : records) data_bytes += record.size();
    const auto count = static_cast<uint32_t>(records.size());
    const MessagesLayout layout = messages_layout(shape, true, count, data_bytes);
    std::vector<uint64_t> payload(layout.payload_bytes / 8 + 1);
    auto* begin = reinterpret_cast<std::byte*>(payload.data());
    encode_messages(begin, layout, shape, time.words(), count, data_bytes);
    encode_records(begin, layout, records);
    return frame(FrameKind::Messages, {begin, layout.payload_bytes});
  }
  ForgedStream& end(const Seal& seal) { return frame(FrameKind::Seal, encode_seal({}, seal)); }

  const Bytes& bytes() const { return bytes_; }
  uint64_t digest = 0;

 private:
  void append(std::span<const std::byte> more) {
    bytes_.insert(bytes_.end(), more.begin(), more.end());
  }

  uint64_t salt_;
  Bytes bytes_;
};

}  // namespace tidemark::test
