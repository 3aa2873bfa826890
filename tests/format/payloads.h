// What the tests of payloads share: shapes of times, payloads made by FlatBuffers' own builder or
// by hand, and a look at everything that a view hands out.

#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include <flatbuffers/flatbuffers.h>

#include "tidemark/event.h"
#include "tidemark/summary_frames.h"
#include "tidemark/time.h"

namespace tidemark::test {

// An allocation of exactly its size, aligned as a payload in a segment is: a sanitizer sees every
// read beyond its end.
using Payload = std::vector<std::byte>;

inline const std::vector<TimeShape>& shapes() {
  static const std::vector<TimeShape> all = {
      {0, 0, 0},     {1, 0, 0},     {1, 0, 0b1}, {2, 0, 0},           {2, 0b01, 0},  {2, 0b01, 0b1},
      {3, 0, 0b101}, {3, 0b010, 1}, {4, 0, 0},   {4, 0b0101, 0b0101}, {4, 0b010, 0},
  };
  return all;
}

inline std::string text_of(TimeShape shape) {
  return std::to_string(shape.words) + " words, wide " + std::to_string(shape.wide_mask) +
         ", signed " + std::to_string(shape.signed_mask);
}

// A time whose words all differ from each other and from those of other numbers.
inline Time time_of(TimeShape shape, uint64_t number) {
  std::array<uint64_t, kMaxTimeWords> words{};
  for (size_t i = 0; i < shape.words; ++i) words[i] = number * 0x0101'0101'0101'0101 + i;
  return Time(shape, std::span(words.data(), shape.words));
}

inline Payload bytes_of(const flatbuffers::FlatBufferBuilder& builder) {
  const auto* begin = reinterpret_cast<const std::byte*>(builder.GetBufferPointer());
  return {begin, begin + builder.GetSize()};
}

template <typename Table>
const Table* root_of(const Payload& payload) {
  return flatbuffers::GetRoot<Table>(payload.data());
}

template <typename Table>
bool verifies(const Payload& payload) {
  flatbuffers::Verifier verifier(reinterpret_cast<const uint8_t*>(payload.data()), payload.size());
  return verifier.VerifyBuffer<Table>(nullptr);
}

// A table made by hand: vectors of 64-bit words and nothing else, each wherever it is wanted.
struct RawVector {
  uint16_t field;  // its number in the schema
  std::vector<uint64_t> words;
  bool misaligned = false;  // its elements stand at an odd multiple of 4
};

inline Payload raw_table(uint16_t fields, const std::vector<RawVector>& vectors) {
  Payload payload;
  const auto put = [&](size_t at, const auto& value) {
    if (payload.size() < at + sizeof value) payload.resize(at + sizeof value);
    std::memcpy(payload.data() + at, &value, sizeof value);
  };
  const auto vtable_bytes = static_cast<uint16_t>(4 + 2 * fields);
  const auto table = static_cast<uint32_t>((4 + vtable_bytes + 7) / 8 * 8);
  const auto table_bytes = static_cast<uint16_t>(4 + 4 * vectors.size());
  put(0, table);
  put(4, vtable_bytes);
  put(6, table_bytes);
  put(table, static_cast<int32_t>(table - 4));
  size_t end = table + table_bytes;
  for (size_t i = 0; i < vectors.size(); ++i) {
    const RawVector& vector = vectors[i];
    const auto place = static_cast<uint16_t>(4 + 4 * i);
    put(4U + 4 + 2 * vector.field, place);
    const size_t length_at = (end + 7) / 8 * 8 + (vector.misaligned ? 0 : 4);
    put(table + place, static_cast<uint32_t>(length_at - table - place));
    put(length_at, static_cast<uint32_t>(vector.words.size()));
    end = length_at + 4;
    for (const uint64_t word : vector.words) {
      put(end, word);
      end += sizeof word;
    }
  }
  payload.resize(end);
  payload.shrink_to_fit();
  return payload;
}

// These look at every byte of what was decoded, so that a sanitizer sees what is out of bounds.
inline uint64_t look_at(const Time& time) {
  uint64_t sum = time.text().size();
  for (const uint64_t word : time.words()) sum += word;
  return sum;
}

inline uint64_t look_at(const MessagesView& view) {
  uint64_t sum = look_at(view.time());
  for (const std::byte byte : view.data()) sum += std::to_integer<uint64_t>(byte);
  // Records without bytes may be many, and there is nothing to be seen of them.
  const uint32_t records = view.data().empty() ? std::min(view.size(), 100U) : view.size();
  for (uint32_t i = 0; i < records; ++i) {
    for (const std::byte byte : view.record(i)) sum += std::to_integer<uint64_t>(byte);
  }
  if (const auto words = view.records_as<uint64_t>()) {
    for (const uint64_t word : *words) {
      if (view.stride() == sizeof word) sum += word;
    }
  }
  return sum;
}

inline uint64_t look_at(const ProgressView& view) {
  uint64_t sum = 0;
  for (size_t i = 0; i < view.size(); ++i) {
    const Change change = view.change(i);
    sum += look_at(change.time) + static_cast<uint64_t>(change.diff);
  }
  return sum;
}

inline uint64_t look_at(const std::vector<Change>& counts) {
  uint64_t sum = 0;
  for (const auto& [time, count] : counts) sum += look_at(time) + static_cast<uint64_t>(count);
  return sum;
}
inline uint64_t look_at(const Checkpoint& checkpoint) {
  return look_at(checkpoint.counts) + checkpoint.totals.events;
}
inline uint64_t look_at(const Seal& seal) {
  uint64_t sum = look_at(seal.counts) + seal.end;
  if (seal.bounds) sum += look_at(seal.bounds->meet) + look_at(seal.bounds->join);
  for (const uint64_t waypoint : seal.waypoints) sum += waypoint;
  for (const auto& section : seal.sections) {
    if (section) sum += look_at(section->meet) + look_at(section->join);
  }
  return sum;
}

// Whether the bytes decode; if they do, everything was looked at.
inline bool decodes_as_any(const Payload& payload, TimeShape shape) {
  bool any = false;
  uint64_t sum = 0;
  const auto look = [&](const auto& decoded) {
    if (!decoded) return;
    any = true;
    sum += look_at(*decoded);
  };
  look(decode_messages(payload, shape));
  look(decode_progress(payload, shape));
  look(decode_checkpoint(payload, shape));
  look(decode_seal(payload, shape));
  // The sum has to be used, or all that looking would be optimised away.
  static std::atomic<uint64_t> sink;
  sink.store(sum, std::memory_order_relaxed);
  return any;
}

}  // namespace tidemark::test
