#include "hand_made_stream.h"

#include <algorithm>
#include <cstring>
#include <random>
#include <utility>

#include "tidemark/check.h"
#include "tidemark/encode.h"

namespace tidemark::test {
namespace {

// The bytes of an event and the view of them.
class Loaded {
 public:
  void load(const Written& written, TimeShape shape) {
    std::fill(bytes_.begin(), bytes_.end(), ~uint64_t{0});
    if (written.kind == Written::Kind::Messages) {
      const auto layout = messages_layout(shape, false, 1, sizeof(uint64_t));
      auto* payload = resize(layout.payload_bytes);
      encode_messages(payload, layout, shape, written.time.words(), 1, sizeof(uint64_t));
      std::memcpy(payload + layout.data_at, &written.number, sizeof(uint64_t));
      auto messages = decode_messages({payload, layout.payload_bytes}, shape);
      TIDEMARK_CHECK(messages);
      view_.content = *messages;
    } else {
      const auto payload_bytes = progress_payload_bytes(shape, written.changes.size());
      auto* payload = resize(payload_bytes);
      encode_progress(payload, shape, written.changes);
      auto progress = decode_progress({payload, payload_bytes}, shape);
      TIDEMARK_CHECK(progress);
      view_.content = *progress;
    }
    view_.position = written.position;
    view_.end_position = written.position + kEventBytes;
    view_.captured_at_ns = written.position;
  }
  EventView& view() { return view_; }
  const EventView& view() const { return view_; }

 private:
  std::byte* resize(uint64_t bytes) {
    bytes_.assign((bytes + 7) / 8, 0);
    return reinterpret_cast<std::byte*>(bytes_.data());
  }

  std::vector<uint64_t> bytes_;
  EventView view_;
};

class ScriptReader final : public StreamEvents {
 public:
  explicit ScriptReader(Script& script) : script_(script) {}

  uint32_t stream() const override { return script_.stream; }

  Result<EventReader::Status> poll() override {
    if (script_.restart == next_) {
      script_.restart.reset();
      return EventReader::Status::Voided;
    }
    while (next_ < script_.events.size()) {
      const Written& written = script_.events[next_];
      if (written.kind == Written::Kind::Pause && !paused_) {
        paused_ = true;
        ++script_.passed;
        return EventReader::Status::Pending;
      }
      paused_ = false;
      ++next_;
      if (written.kind == Written::Kind::Pause) continue;
      current_.load(written, script_.shape);
      current_.view().sequence = script_.polled++;
      ++script_.passed;
      return EventReader::Status::Event;
    }
    if (script_.damage) return tl::make_unexpected(*script_.damage);
    return script_.has_segment && script_.protocol().finished() ? EventReader::Status::Finished
                                                                : EventReader::Status::Pending;
  }

  const EventView& event() const override { return current_.view(); }

  std::optional<TimeShape> shape() const override {
    return script_.has_segment ? std::optional(script_.shape) : std::nullopt;
  }
  const std::vector<Change>& opening() const override { return script_.opening; }
  const Antichain<Time>& frontier() const override {
    protocol_ = script_.protocol_after(next_);
    return protocol_->frontier();
  }

  bool writer_alive() const override {
    if (script_.when_asked) std::exchange(script_.when_asked, {})(script_);
    return script_.writer_alive;
  }

  Result<EventView> from(uint64_t position) override {
    size_t index = (position - kFirstPosition) / kEventBytes;
    while (index < script_.events.size() && script_.events[index].kind == Written::Kind::Pause) {
      ++index;
    }
    return at(kFirstPosition + index * kEventBytes);
  }

  Result<EventView> at(uint64_t position) override {
    ++script_.fetched;
    if (script_.bad_position == position) return fail(ErrorCode::Corrupt, "bad on purpose");
    const size_t index = (position - kFirstPosition) / kEventBytes;
    if (index < script_.events.size()) {
      const Written& written = script_.events[index];
      if (written.position == position && written.kind != Written::Kind::Pause) {
        fetched_.load(written, script_.shape);
        return fetched_.view();
      }
    }
    return fail(ErrorCode::NotFound, "no event stands there");
  }

  EventReader* reader() override { return nullptr; }

 private:
  Script& script_;
  size_t next_ = 0;
  bool paused_ = false;
  Loaded current_;
  Loaded fetched_;
  mutable std::optional<Protocol> protocol_;
};

}  // namespace

Time pair(uint64_t a, uint64_t b) {
  const std::array<uint64_t, 2> words{a, b};
  return Time({.words = 2}, words);
}

Script::Script(uint32_t number, TimeShape its_shape)
    : stream(number), shape(its_shape), opening{{Time::minimum(its_shape), 1}} {}

Script& Script::messages(const Time& time, uint64_t number) {
  const uint64_t position = end_position();
  events.push_back({Written::Kind::Messages, time, number, {}, position});
  return *this;
}

Script& Script::progress(std::vector<Change> changes) {
  const uint64_t position = end_position();
  events.push_back({Written::Kind::Progress, {}, 0, std::move(changes), position});
  return *this;
}

Script& Script::pause() {
  const uint64_t position = end_position();
  events.push_back({Written::Kind::Pause, {}, 0, {}, position});
  return *this;
}

Script& Script::finish() {
  const Protocol now = protocol();
  std::vector<Change> changes;
  for (const auto& [time, count] : now.counts()) changes.push_back({time, -count});
  return progress(std::move(changes));
}

Protocol Script::protocol_after(size_t count) const {
  auto protocol = Protocol::restore(shape, opening);
  TIDEMARK_CHECK(protocol);
  for (size_t i = 0; i < count; ++i) {
    if (events[i].kind == Written::Kind::Progress) {
      TIDEMARK_CHECK(protocol->progress(events[i].changes));
    }
  }
  return *protocol;
}

std::unique_ptr<StreamEvents> read(Script& script) {
  return std::make_unique<ScriptReader>(script);
}

std::vector<Script> random_streams(uint64_t seed, size_t count, const RandomStreams& options) {
  std::mt19937_64 random(seed);
  const TimeShape shape{.words = static_cast<uint8_t>(options.words)};
  const auto later = [&](const Time& time) {
    std::array<uint64_t, kMaxTimeWords> words{};
    for (size_t i = 0; i < options.words; ++i) {
      words[i] = time.word(i) + random() % (options.spread + 1);
    }
    return Time(shape, std::span(words).first(options.words));
  };

  uint64_t number = 0;
  std::vector<Script> scripts;
  for (uint32_t stream = 0; stream < count; ++stream) {
    Script script(stream, shape);
    Protocol protocol(shape);
    const auto any_capability = [&] {
      return protocol.counts()[random() % protocol.counts().size()].first;
    };
    for (size_t i = 0; i < options.events; ++i) {
      if (options.pauses && random() % 5 == 0) script.pause();
      if (random() % 5 < 3) {
        script.messages(later(any_capability()), ++number);
        continue;
      }
      // A capability moves on, and now and then becomes two, or none where it is not the last.
      const Time time = any_capability();
      std::vector<Change> changes{{time, -1}};
      const bool last = protocol.counts().size() == 1 && protocol.counts().front().second == 1;
      const bool room = protocol.counts().size() < options.capabilities;
      if (last || random() % 4 != 0) changes.push_back({later(time), 1});
      if (room && random() % 3 == 0) changes.push_back({later(time), 1});
      TIDEMARK_CHECK(protocol.progress(changes));
      script.progress(std::move(changes));
    }
    if (options.finished) script.finish();
    scripts.push_back(std::move(script));
  }
  return scripts;
}

}  // namespace tidemark::test
