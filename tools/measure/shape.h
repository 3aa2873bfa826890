// What is appended and read in a measurement: events of so many records of so many bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tidemark/event_writer.h"

namespace tidemark::measure {

struct Shape {
  uint32_t records = 1;
  uint32_t record_bytes = 64;
  RecordEncoding encoding = RecordEncoding::Fixed;

  uint64_t data_bytes() const { return uint64_t{records} * record_bytes; }
  // "1 x 64 B", "128 x 1 KiB, variable"
  std::string name() const;
};

// One event's records, the same bytes each time. Views into `data`: neither copied nor moved.
class Input {
 public:
  explicit Input(const Shape& shape);
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;

  std::vector<std::byte> data;
  std::vector<std::string_view> records;
};

// Appends one event of `shape` at `time`. Errors: as EventWriter::append_messages.
Result<uint64_t> append(EventWriter& writer, const Shape& shape, const Input& input, uint64_t time);

}  // namespace tidemark::measure
