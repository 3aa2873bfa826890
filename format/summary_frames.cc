#include "tidemark/summary_frames.h"

#include <algorithm>
#include <functional>
#include <string>

#include "event_generated.h"
#include "tidemark/frame.h"
#include "wire.h"

namespace tidemark {
namespace {

void append_words(std::vector<uint64_t>& words, const Time& time) {
  words.insert(words.end(), time.words().begin(), time.words().end());
}

struct Columns {
  std::vector<uint64_t> times;
  std::vector<int64_t> counts;
};

Columns columns_of(const std::vector<Change>& changes) {
  Columns columns;
  for (const Change& change : changes) {
    append_words(columns.times, change.time);
    columns.counts.push_back(change.diff);
  }
  return columns;
}

std::vector<std::byte> bytes_of(const flatbuffers::FlatBufferBuilder& builder) {
  const auto* begin = reinterpret_cast<const std::byte*>(builder.GetBufferPointer());
  return {begin, begin + builder.GetSize()};
}

}  // namespace

void TimeBounds::include_of_any_shape(const Time& time) {
  meet = tidemark::meet(meet, time);
  join = tidemark::join(join, time);
}

std::optional<TimeBounds> bounds_of(std::span<const std::optional<TimeBounds>> sections) {
  std::optional<TimeBounds> all;
  for (const auto& section : sections) {
    if (!section) continue;
    if (!all) all = section;
    all->include(section->meet);
    all->include(section->join);
  }
  return all;
}

std::vector<std::byte> encode_checkpoint(TimeShape /*shape*/, const Checkpoint& checkpoint) {
  flatbuffers::FlatBufferBuilder builder;
  const Columns columns = columns_of(checkpoint.counts);
  builder.Finish(wire::CreateCheckpointDirect(builder, &columns.times, &columns.counts,
                                              checkpoint.totals.events, checkpoint.totals.records,
                                              checkpoint.totals.data_bytes));
  return bytes_of(builder);
}

std::vector<std::byte> encode_seal(TimeShape shape, const Seal& seal) {
  flatbuffers::FlatBufferBuilder builder;
  const Columns columns = columns_of(seal.counts);
  std::vector<uint64_t> meet_words;
  std::vector<uint64_t> join_words;
  if (seal.bounds) {
    append_words(meet_words, seal.bounds->meet);
    append_words(join_words, seal.bounds->join);
  }
  std::vector<uint64_t> section_meets;
  std::vector<uint64_t> section_joins;
  for (const auto& section : seal.sections) {
    if (section) {
      append_words(section_meets, section->meet);
      append_words(section_joins, section->join);
    } else {
      section_meets.insert(section_meets.end(), shape.words, ~uint64_t{0});
      section_joins.insert(section_joins.end(), shape.words, 0);
    }
  }
  builder.Finish(wire::CreateSealDirect(
      builder, seal.end, seal.totals.events, seal.totals.records, seal.totals.data_bytes,
      &columns.times, &columns.counts, seal.bounds ? &meet_words : nullptr,
      seal.bounds ? &join_words : nullptr, seal.waypoints.empty() ? nullptr : &seal.waypoints,
      section_meets.empty() ? nullptr : &section_meets,
      section_joins.empty() ? nullptr : &section_joins, seal.digest, seal.closed));
  return bytes_of(builder);
}

Result<std::vector<Change>> changes_of(std::string_view table, TimeShape shape,
                                       const flatbuffers::Vector<uint64_t>* times,
                                       const flatbuffers::Vector<int64_t>* counts) {
  TIDEMARK_ASSIGN(words, words_of(table, times));
  TIDEMARK_ASSIGN(numbers, words_of(table, counts));
  const size_t size = numbers.size();
  if (words.size() != size * shape.words) {
    return contradiction(table, "there is not one time a count");
  }
  if (size > max_capabilities(shape)) {
    return contradiction(table, "it has more capabilities than a stream can hold");
  }
  std::vector<Change> changes;
  for (size_t i = 0; i < size; ++i) {
    changes.push_back({Time(shape, words.subspan(i * shape.words, shape.words)), numbers[i]});
  }
  return changes;
}

Result<Checkpoint> decode_checkpoint(std::span<const std::byte> payload, TimeShape shape) {
  TIDEMARK_ASSIGN(table, verified_root<wire::Checkpoint>(payload, "checkpoint"));
  TIDEMARK_ASSIGN(counts, changes_of("checkpoint", shape, table->times(), table->counts()));
  return Checkpoint{{table->events(), table->records(), table->data_bytes()}, std::move(counts)};
}

Result<Seal> decode_seal(std::span<const std::byte> payload, TimeShape shape) {
  TIDEMARK_ASSIGN(table, verified_root<wire::Seal>(payload, "seal"));
  TIDEMARK_ASSIGN(counts, changes_of("seal", shape, table->times(), table->counts()));
  Seal seal;
  seal.end = table->end();
  seal.totals = {table->events(), table->records(), table->data_bytes()};
  seal.counts = std::move(counts);
  seal.digest = table->digest();
  seal.closed = table->closed();

  if ((table->meet() == nullptr) != (table->join() == nullptr)) {
    return contradiction("seal", "it has one bound of its times, but not the other");
  }
  if (table->meet() != nullptr) {
    TIDEMARK_ASSIGN(meet_words, words_of("seal", table->meet()));
    TIDEMARK_ASSIGN(join_words, words_of("seal", table->join()));
    if (meet_words.size() != shape.words || join_words.size() != shape.words) {
      return contradiction("seal", "its bounds do not have the stream's number of words");
    }
    seal.bounds = TimeBounds{Time(shape, meet_words), Time(shape, join_words)};
  }

  TIDEMARK_ASSIGN(waypoints, words_of("seal", table->waypoints()));
  TIDEMARK_ASSIGN(meets, words_of("seal", table->section_meets()));
  TIDEMARK_ASSIGN(joins, words_of("seal", table->section_joins()));
  const size_t sections = waypoints.empty() ? 0 : waypoints.size() + 1;
  if (waypoints.size() > kMaxWaypoints || meets.size() != sections * shape.words ||
      joins.size() != meets.size()) {
    return contradiction("seal", "it has too many waypoints, or not the sections between them");
  }
  seal.waypoints.assign(waypoints.begin(), waypoints.end());
  if (std::adjacent_find(waypoints.begin(), waypoints.end(), std::greater_equal<>()) !=
      waypoints.end()) {
    return contradiction("seal", "its waypoints are not in order");
  }
  for (size_t i = 0; i < sections; ++i) {
    const TimeBounds bounds{Time(shape, meets.subspan(i * shape.words, shape.words)),
                            Time(shape, joins.subspan(i * shape.words, shape.words))};
    const bool any = less_equal(bounds.meet, bounds.join);
    seal.sections.push_back(any ? std::optional(bounds) : std::nullopt);
  }
  return seal;
}

}  // namespace tidemark
