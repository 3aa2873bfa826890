// `TableRecords<Table>`: records that are FlatBuffers of an application's own table, stored with
// their schema, so that the command prints them as JSON without the application's code.
//
// A table plugs in with one trait; what needs FlatBuffers stands there, on the application's side:
//
//   template <>
//   struct tidemark::TableTraits<shop::Trade> {
//     static std::string name() { return "shop.Trade"; }
//     static std::span<const std::byte> schema() {   // flatc --bfbs-gen-embed
//       return std::as_bytes(std::span(shop::TradeBinarySchema::data(),
//                                      shop::TradeBinarySchema::size()));
//     }
//     static bool verify(const uint8_t* bytes, size_t size) {
//       flatbuffers::Verifier verifier(bytes, size);
//       return shop::VerifyTradeBuffer(verifier);
//     }
//   };
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tidemark/codec.h"

namespace tidemark {

template <typename Table>
struct TableTraits;

// Owns its records, each at a multiple of 16 bytes, as generated accessors need it. Tables that it
// hands out live until the next add(), and as long as it does or what it is moved to.
template <typename Table>
class TableRecords {
 public:
  using value_type = const Table*;

  // Adds a finished FlatBuffer whose root is a `Table`. Its bytes are copied.
  void add(std::span<const std::byte> record) {
    records_.push_back({blocks_.size() * sizeof(Block), record.size()});
    const size_t blocks = (record.size() + sizeof(Block) - 1) / sizeof(Block);
    blocks_.resize(blocks_.size() + blocks);
    if (!record.empty()) std::memcpy(bytes() + records_.back().from, record.data(), record.size());
  }
  // The same from a FlatBufferBuilder that was finished.
  template <typename Builder>
  requires requires(const Builder& builder) {
    { builder.GetBufferPointer() } -> std::convertible_to<const uint8_t*>;
    builder.GetSize();
  }
  void add(const Builder& builder) {
    const uint8_t* pointer = builder.GetBufferPointer();
    add(std::as_bytes(std::span(pointer, builder.GetSize())));
  }

  size_t size() const { return records_.size(); }
  bool empty() const { return records_.empty(); }
  std::span<const std::byte> record(size_t index) const {
    return {bytes() + records_[index].from, records_[index].size};
  }
  // The root of record `index`: a FlatBuffer begins with the offset of it.
  const Table* operator[](size_t index) const {
    const std::byte* at = record(index).data();
    uint32_t root = 0;
    std::memcpy(&root, at, sizeof root);
    return reinterpret_cast<const Table*>(at + root);
  }

  class const_iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = const Table*;
    using difference_type = ptrdiff_t;
    using reference = const Table*;
    using pointer = void;

    const_iterator() = default;
    const_iterator(const TableRecords* records, size_t index) : records_(records), index_(index) {}

    const Table* operator*() const { return (*records_)[index_]; }
    const_iterator& operator++() {
      ++index_;
      return *this;
    }
    const_iterator operator++(int) {
      const const_iterator before = *this;
      ++index_;
      return before;
    }
    friend bool operator==(const const_iterator& a, const const_iterator& b) {
      return a.index_ == b.index_;
    }

   private:
    const TableRecords* records_ = nullptr;
    size_t index_ = 0;
  };
  const_iterator begin() const { return {this, 0}; }
  const_iterator end() const { return {this, size()}; }

  // Byte by byte: two FlatBuffers may mean the same and differ.
  friend bool operator==(const TableRecords& a, const TableRecords& b) {
    if (a.size() != b.size()) return false;
    for (size_t i = 0; i < a.size(); ++i) {
      const auto x = a.record(i);
      const auto y = b.record(i);
      if (!std::equal(x.begin(), x.end(), y.begin(), y.end())) return false;
    }
    return true;
  }

 private:
  struct alignas(16) Block {
    std::byte bytes[16];
  };
  struct Extent {
    size_t from = 0;
    size_t size = 0;
  };

  std::byte* bytes() { return reinterpret_cast<std::byte*>(blocks_.data()); }
  const std::byte* bytes() const { return reinterpret_cast<const std::byte*>(blocks_.data()); }

  std::vector<Block> blocks_;
  std::vector<Extent> records_;
};

// Records stand in a log one after the other, as their lengths make them; so decoding copies them
// to where they are aligned, and has the application's verifier look at each.
template <typename Table>
struct Codec<TableRecords<Table>> {
  using Container = TableRecords<Table>;
  using Traits = TableTraits<Table>;

  static constexpr RecordEncoding encoding = RecordEncoding::Variable;
  static std::string name() { return Traits::name(); }
  static std::span<const std::byte> schema() { return Traits::schema(); }
  static size_t records(const Container& container) { return container.size(); }
  static std::string_view record(const Container& container, size_t index) {
    const auto bytes = container.record(index);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  static Result<Container> decode(const MessagesView& messages,
                                  const std::shared_ptr<const void>&) {
    Container container;
    for (uint32_t i = 0; i < messages.size(); ++i) {
      container.add(messages.record(i));
      const auto bytes = container.record(i);
      if (bytes.size() < sizeof(uint32_t) ||
          !Traits::verify(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size())) {
        return fail(ErrorCode::Corrupt,
                    "record " + std::to_string(i) + " of its event is no " + Traits::name());
      }
    }
    return container;
  }
};

}  // namespace tidemark
