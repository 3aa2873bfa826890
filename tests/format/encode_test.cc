#include "tidemark/encode.h"

#include <numeric>

#include "event_generated.h"
#include "format/payloads.h"
#include "support/catch.h"
#include "tidemark/frame.h"

using namespace tidemark;
using namespace tidemark::test;

namespace {

// Room that holds something else, as a segment's does where an append was abandoned.
Payload dirty_room(uint64_t bytes, unsigned char dirt) {
  return Payload(bytes, static_cast<std::byte>(dirt));
}

Payload encode_variable(TimeShape shape, const Time& time, const std::vector<std::string>& records,
                        unsigned char dirt = 0xEE) {
  uint64_t data_bytes = 0;
  for (const auto& record : records) data_bytes += record.size();
  const auto count = static_cast<uint32_t>(records.size());
  const MessagesLayout layout = messages_layout(shape, true, count, data_bytes);
  Payload payload = dirty_room(layout.payload_bytes, dirt);
  encode_messages(payload.data(), layout, shape, time.words(), count, data_bytes);
  uint32_t end = 0;
  for (size_t i = 0; i < records.size(); ++i) {
    std::memcpy(payload.data() + layout.data_at + end, records[i].data(), records[i].size());
    end += static_cast<uint32_t>(records[i].size());
    std::memcpy(payload.data() + layout.offsets_at + 4 * i, &end, sizeof end);
  }
  return payload;
}

Payload encode_fixed(TimeShape shape, const Time& time, uint32_t records, const std::string& data,
                     unsigned char dirt = 0xEE) {
  const MessagesLayout layout = messages_layout(shape, false, records, data.size());
  Payload payload = dirty_room(layout.payload_bytes, dirt);
  encode_messages(payload.data(), layout, shape, time.words(), records, data.size());
  if (!data.empty()) std::memcpy(payload.data() + layout.data_at, data.data(), data.size());
  return payload;
}

Payload encode(TimeShape shape, const std::vector<Change>& changes, unsigned char dirt = 0xEE) {
  Payload payload = dirty_room(progress_payload_bytes(shape, changes.size()), dirt);
  encode_progress(payload.data(), shape, changes);
  return payload;
}

// The time as the generated accessors see it.
std::vector<uint64_t> words_of(const wire::Messages& table, TimeShape shape) {
  std::vector<uint64_t> words;
  if (shape.words > 0) words.push_back(table.time());
  if (table.more() != nullptr)
    words.insert(words.end(), table.more()->begin(), table.more()->end());
  return words;
}

std::vector<uint64_t> words_of(const Time& time) {
  return {time.words().begin(), time.words().end()};
}

void check_variable(TimeShape shape, const std::vector<std::string>& records) {
  const Time time = time_of(shape, 77);
  const Payload payload = encode_variable(shape, time, records);
  CHECK(payload == encode_variable(shape, time, records, 0x11));

  REQUIRE(verifies<wire::Messages>(payload));
  const auto& table = *root_of<wire::Messages>(payload);
  CHECK(words_of(table, shape) == words_of(time));
  CHECK(table.records() == records.size());
  REQUIRE(table.offsets() != nullptr);
  CHECK(table.offsets()->size() == records.size());

  const auto view = decode_messages(payload, shape);
  REQUIRE(view);
  CHECK(view->time() == time);
  CHECK_FALSE(view->fixed());
  REQUIRE(view->size() == records.size());
  for (uint32_t i = 0; i < records.size(); ++i) REQUIRE(view->text(i) == records[i]);
  CHECK(std::string(reinterpret_cast<const char*>(view->data().data()), view->data().size()) ==
        std::accumulate(records.begin(), records.end(), std::string()));
  CHECK_FALSE(view->records_as<uint64_t>());
}

void check_fixed(TimeShape shape, uint32_t records, size_t stride) {
  const Time time = time_of(shape, 3);
  std::string data(records * stride, '\0');
  for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>(i * 13 + 5);
  const Payload payload = encode_fixed(shape, time, records, data);
  CHECK(payload == encode_fixed(shape, time, records, data, 0x11));

  REQUIRE(verifies<wire::Messages>(payload));
  const auto& table = *root_of<wire::Messages>(payload);
  CHECK(words_of(table, shape) == words_of(time));
  CHECK(table.records() == records);
  CHECK(table.offsets() == nullptr);
  REQUIRE(table.data() != nullptr);

  const auto view = decode_messages(payload, shape);
  REQUIRE(view);
  CHECK(view->time() == time);
  CHECK(view->fixed());
  CHECK(view->size() == records);
  CHECK(view->stride() == (records == 0 ? 0 : stride));
  CHECK(reinterpret_cast<uintptr_t>(view->data().data()) % kFrameAlignment == 0);
  for (uint32_t i = 0; i < records; ++i) REQUIRE(view->text(i) == data.substr(i * stride, stride));
}

}  // namespace

TEST_CASE("encode: variable records read back equal through generated accessors and views") {
  for (const TimeShape shape : shapes()) {
    CAPTURE(text_of(shape));
    check_variable(shape, {});
    check_variable(shape, {""});
    check_variable(shape, {"", "", ""});
    check_variable(shape, {"a"});
    check_variable(shape, {"one", "", "two and more", std::string(3, '\0')});
    for (size_t length = 1; length < 20; ++length) {
      check_variable(shape, {std::string(length, 'x'), "y"});
    }
    check_variable(shape, std::vector<std::string>(5'000, "record"));
    check_variable(shape, {std::string(1'000'003, 'L'), "after"});
  }
}

TEST_CASE("encode: fixed records read back equal through generated accessors and views") {
  for (const TimeShape shape : shapes()) {
    CAPTURE(text_of(shape));
    check_fixed(shape, 0, 8);
    check_fixed(shape, 7, 0);
    for (size_t stride = 1; stride < 20; ++stride) check_fixed(shape, 3, stride);
    check_fixed(shape, 1, 1);
    check_fixed(shape, 128, 64);
    check_fixed(shape, 100'000, 12);
  }
}

TEST_CASE("encode: fixed records are an array of structures, in place") {
  struct Trade {
    uint64_t price;
    uint32_t count;
    uint32_t side;
  };
  const Trade trades[] = {{100, 2, 1}, {101, 3, 0}};
  const std::string data(reinterpret_cast<const char*>(trades), sizeof trades);
  const Payload payload = encode_fixed({}, 9, 2, data);
  const auto view = decode_messages(payload, {});
  REQUIRE(view);
  const auto records = view->records_as<Trade>();
  REQUIRE(records);
  REQUIRE(records->size() == 2);
  CHECK((*records)[1].price == 101);
  CHECK(reinterpret_cast<const std::byte*>(records->data()) == view->data().data());
  CHECK_FALSE(view->records_as<uint64_t>());
}

TEST_CASE("encode: progress reads back equal through generated accessors and views") {
  for (const TimeShape shape : shapes()) {
    for (const size_t size : {size_t{0}, size_t{1}, size_t{2}, size_t{3}, size_t{1'000}}) {
      CAPTURE(text_of(shape), size);
      std::vector<Change> changes;
      for (size_t i = 0; i < size; ++i) {
        changes.push_back({time_of(shape, i), static_cast<int64_t>(i) - 1});
      }
      if (size > 0) changes.back().diff = std::numeric_limits<int64_t>::min();
      const Payload payload = encode(shape, changes);
      CHECK(payload == encode(shape, changes, 0x11));

      REQUIRE(verifies<wire::Progress>(payload));
      const auto& table = *root_of<wire::Progress>(payload);
      REQUIRE(table.times() != nullptr);
      REQUIRE(table.diffs() != nullptr);
      CHECK(table.times()->size() == size * shape.words);
      REQUIRE(table.diffs()->size() == size);
      for (size_t i = 0; i < size; ++i) {
        const auto at = static_cast<flatbuffers::uoffset_t>(i);
        REQUIRE(table.diffs()->Get(at) == changes[i].diff);
        for (size_t word = 0; word < shape.words; ++word) {
          REQUIRE(table.times()->Get(static_cast<flatbuffers::uoffset_t>(i * shape.words + word)) ==
                  changes[i].time.word(word));
        }
      }
      const auto view = decode_progress(payload, shape);
      REQUIRE(view);
      REQUIRE(view->size() == size);
      for (size_t i = 0; i < size; ++i) REQUIRE(view->change(i) == changes[i]);
    }
  }
}

TEST_CASE("encode: a payload takes as many bytes as was said beforehand") {
  // What SPEC.md section 5.6 shows.
  CHECK(messages_layout({1, 0, 0}, false, 1, 64).payload_bytes == 112);
  CHECK(messages_layout({1, 0, 0}, false, 1, 64).data_at == 48);
  CHECK(messages_layout({1, 0, 0}, true, 2, 9).payload_bytes == 73);
  CHECK(messages_layout({1, 0, 0}, true, 2, 9).offsets_at == 52);
  CHECK(messages_layout({3, 0, 0}, false, 1, 8).data_at == 80);
  CHECK(progress_payload_bytes({1, 0, 0}, 2) == 72);
  CHECK(progress_payload_bytes({0, 0, 0}, 1) == 48);
}

TEST_CASE("encode: a waypoint is a checkpoint as a builder writes it") {
  for (const TimeShape shape : shapes()) {
    const size_t most = shape.words == 0 ? 1 : max_capabilities(shape);
    for (const size_t size : {size_t{0}, size_t{1}, size_t{3}, most}) {
      if (size > most) continue;
      CAPTURE(text_of(shape), size);
      Checkpoint state{{7, 8, 9}, {}};
      for (size_t i = 0; i < size; ++i) {
        state.counts.push_back({time_of(shape, i), static_cast<int64_t>(i) + 1});
      }
      const auto protocol = Protocol::restore(shape, state.counts);
      REQUIRE(protocol);
      state.counts = counts_of(*protocol);  // in their order
      const auto encoded = [&](unsigned char dirt) {
        Payload payload = dirty_room(waypoint_payload_bytes(shape, size), dirt);
        encode_waypoint(payload.data(), state.totals, *protocol);
        return payload;
      };
      const Payload payload = encoded(0xEE);
      CHECK(payload == encoded(0x11));
      CHECK(payload.size() <= max_checkpoint_payload_bytes(shape, size));
      CHECK(verifies<wire::Checkpoint>(payload));
      const auto decoded = decode_checkpoint(payload, shape);
      REQUIRE(decoded);
      CHECK(decoded->totals == state.totals);
      CHECK(decoded->counts == state.counts);
    }
  }
}
