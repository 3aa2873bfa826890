// Many events by one call. What a single append asks each time, whether there is room, whether
// the time has a capability, what the clock says and who sleeps, is asked here once for a run of
// events; what is left for each is its bytes, its checksum and its commit word.

#include <cstring>

#include "event_writer_implementation.h"

namespace tidemark {

using Implementation = EventWriter::Implementation;

namespace {

// A run is not longer than this, so that its clock is not stale, and a reader that sleeps is woken
// while its events are still in the cache.
constexpr uint64_t kRunBytes = 32768;

}  // namespace

uint64_t Implementation::follow_times(std::span<const uint64_t> times, uint64_t records) {
  if (times.size() == 1) {
    return times[0] == steady_time_ || follow_time(times[0]) ? records : 0;
  }
  uint64_t followed = 0;
  while (followed < records && (times[followed] == steady_time_ || follow_time(times[followed]))) {
    ++followed;
  }
  return followed;
}

uint64_t Implementation::append_run(std::span<const uint64_t> times, uint64_t records,
                                    uint32_t record_bytes, const std::byte* data) {
  if (!is_usable() || options.time.words != 1) return 0;
  const MessagesLayout layout = messages_layout(TimeShape{}, false, 1, record_bytes);
  const uint64_t bytes = frame_bytes(layout.payload_bytes);
  const uint64_t offset = active_->offset();
  if (offset + bytes >= steady_upto_) return 0;
  records = std::min({records, (steady_upto_ - 1 - offset) / bytes, 1 + kRunBytes / bytes});
  records = follow_times(times, records);
  if (records == 0) return 0;
  const uint64_t each = times.size() == 1 ? 0 : 1;
  const uint64_t end = active_->commit_run(
      records, commit_word(FrameKind::Messages, layout.payload_bytes), durability_.durable_hint(),
      clock_ns(), [&](std::byte* payload, uint64_t i) {
        encode_messages(payload, layout, TimeShape{}, times.subspan(each * i, 1), 1, record_bytes);
        std::memcpy(payload + written::kCompactDataAt, data + i * record_bytes, record_bytes);
      });
  totals.events += records;
  totals.records += records;
  totals.data_bytes += records * record_bytes;
  announce(end);
  return records;
}

uint64_t Implementation::append_run(std::span<const uint64_t> times,
                                    std::span<const std::string_view> records) {
  if (!is_usable() || options.time.words != 1) return 0;
  // How many have room.
  const uint64_t offset = active_->offset();
  uint64_t upto = offset;
  uint64_t count = 0;
  uint64_t data_bytes = 0;
  for (const std::string_view record : records) {
    if (upto >= steady_upto_ || record.size() >= steady_upto_ - upto) break;
    upto += frame_bytes(messages_layout(TimeShape{}, true, 1, record.size()).payload_bytes);
    if (upto >= steady_upto_ || (count > 0 && upto > offset + kRunBytes)) break;
    data_bytes += record.size();
    ++count;
  }
  const uint64_t followed = count == 0 ? 0 : follow_times(times, count);
  if (followed == 0) return 0;
  for (; count > followed; --count) data_bytes -= records[count - 1].size();

  const uint64_t durable = durability_.durable_hint();
  const uint64_t now = clock_ns();
  const uint64_t each = times.size() == 1 ? 0 : 1;
  uint64_t end = 0;
  for (uint64_t i = 0; i < count; ++i) {
    const auto one = records.subspan(i, 1);
    const MessagesLayout layout = messages_layout(TimeShape{}, true, 1, one[0].size());
    end = active_->commit_run(1, commit_word(FrameKind::Messages, layout.payload_bytes), durable,
                              now, [&](std::byte* payload, uint64_t) {
                                encode_messages(payload, layout, TimeShape{},
                                                times.subspan(each * i, 1), 1, one[0].size());
                                encode_records(payload, layout, one);
                              });
  }
  totals.events += count;
  totals.records += count;
  totals.data_bytes += data_bytes;
  announce(end);
  return count;
}

template <typename Run, typename One>
Result<uint64_t> Implementation::append_each_of(std::span<const uint64_t> times, uint64_t records,
                                                Run run, One one) {
  const uint64_t words = options.time.words;
  const bool one_time = times.size() == words;
  if (!one_time && times.size() != records * words) {
    return fail(ErrorCode::InvalidArgument, "the times have " + std::to_string(times.size()) +
                                                " words, where one time has " +
                                                std::to_string(words) + " and there are " +
                                                std::to_string(records) + " records");
  }
  for (uint64_t i = 0; i < records;) {
    const uint64_t ran = run(one_time ? times : times.subspan(i * words), i);
    i += ran;
    if (ran != 0) continue;
    TIDEMARK_TRY(one(one_time ? times : times.subspan(i * words, words), i));
    ++i;
  }
  return committed.load(std::memory_order_relaxed);
}

Result<uint64_t> Implementation::append_each(std::span<const uint64_t> times, uint32_t record_bytes,
                                             std::span<const std::byte> data) {
  if (options.encoding != RecordEncoding::Fixed) return wrong_encoding();
  if (record_bytes == 0 || data.size() % record_bytes != 0) {
    return fail(ErrorCode::InvalidArgument, "the data is not a whole number of records");
  }
  const uint64_t records = data.size() / record_bytes;
  return append_each_of(
      times, records,
      [&](std::span<const uint64_t> its_times, uint64_t i) {
        return append_run(its_times, records - i, record_bytes, data.data() + i * record_bytes);
      },
      [&](std::span<const uint64_t> time, uint64_t i) {
        return append_messages(time, 1, data.subspan(i * record_bytes, record_bytes));
      });
}

Result<uint64_t> Implementation::append_each(std::span<const uint64_t> times,
                                             std::span<const std::string_view> records) {
  if (options.encoding != RecordEncoding::Variable) return wrong_encoding();
  return append_each_of(
      times, records.size(),
      [&](std::span<const uint64_t> its_times, uint64_t i) {
        return append_run(its_times, records.subspan(i));
      },
      [&](std::span<const uint64_t> time, uint64_t i) {
        return append_messages(time, records.subspan(i, 1));
      });
}

}  // namespace tidemark
