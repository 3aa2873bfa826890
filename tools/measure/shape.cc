#include "shape.h"

#include <span>

namespace tidemark::measure {

std::string Shape::name() const {
  const std::string size = record_bytes >= 1024 && record_bytes % 1024 == 0
                               ? std::to_string(record_bytes / 1024) + " KiB"
                               : std::to_string(record_bytes) + " B";
  return std::to_string(records) + " x " + size +
         (encoding == RecordEncoding::Variable ? ", variable" : "");
}

Input::Input(const Shape& shape) : data(shape.data_bytes()) {
  for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<std::byte>(i * 7 + 1);
  for (uint32_t i = 0; i < shape.records; ++i) {
    records.emplace_back(
        reinterpret_cast<const char*>(data.data()) + size_t{i} * shape.record_bytes,
        shape.record_bytes);
  }
}

Result<uint64_t> append(EventWriter& writer, const Shape& shape, const Input& input,
                        uint64_t time) {
  const auto times = std::span(&time, 1);
  return shape.encoding == RecordEncoding::Fixed
             ? writer.append_messages(times, shape.records, input.data)
             : writer.append_messages(times, input.records);
}

}  // namespace tidemark::measure
