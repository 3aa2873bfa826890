// `SegmentRecords<Record>`: plain records where they stand in a segment, without a copy.
//
// A stream of them is a stream of `std::vector<Record>`, and can be written and read as either.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "tidemark/codec.h"

namespace tidemark {

// Shares the ownership of the bytes it looks into, a segment's or a vector's: they live as long as
// any copy of it. Copying it copies no record. Constant, so any number of threads may read it.
template <PlainRecord Record>
class SegmentRecords {
 public:
  using value_type = Record;
  using const_iterator = typename std::span<const Record>::iterator;

  SegmentRecords() = default;
  // `records` live as long as `owner`.
  SegmentRecords(std::span<const Record> records, std::shared_ptr<const void> owner)
      : records_(records), owner_(std::move(owner)) {}
  // Records that stand in no segment yet.
  explicit SegmentRecords(std::vector<Record> records) {
    auto owned = std::make_shared<const std::vector<Record>>(std::move(records));
    records_ = *owned;
    owner_ = std::move(owned);
  }

  size_t size() const { return records_.size(); }
  bool empty() const { return records_.empty(); }
  const Record& operator[](size_t index) const { return records_[index]; }
  const_iterator begin() const { return records_.begin(); }
  const_iterator end() const { return records_.end(); }
  std::span<const Record> span() const { return records_; }

  friend bool operator==(const SegmentRecords& a, const SegmentRecords& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  }

 private:
  std::span<const Record> records_;
  std::shared_ptr<const void> owner_;
};

template <PlainRecord Record>
struct Codec<SegmentRecords<Record>> {
  using Container = SegmentRecords<Record>;

  static constexpr RecordEncoding encoding = RecordEncoding::Fixed;
  static constexpr size_t stride = sizeof(Record);
  static std::string name() { return RecordName<Record>::value(); }
  static size_t records(const Container& container) { return container.size(); }
  static std::span<const std::byte> data(const Container& container) {
    return std::as_bytes(container.span());
  }
  static Result<Container> decode(const MessagesView& messages,
                                  const std::shared_ptr<const void>& owner) {
    const auto records = messages.records_as<Record>();
    if (!records) return fail_stride(stride, messages.stride());
    return Container(*records, owner);
  }
};

}  // namespace tidemark
