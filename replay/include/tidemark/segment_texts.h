// `SegmentTexts`: records of any length where they stand in a segment, without a copy.
//
// A stream of them is a stream of `std::vector<std::string>`, and can be read as either.
#pragma once

#include <algorithm>
#include <compare>
#include <cstddef>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "tidemark/codec.h"

namespace tidemark {

// Shares the ownership of the segment it looks into: texts live as long as any copy of it. Copying
// it copies no record. Constant, so any number of threads may read it.
class SegmentTexts {
 public:
  using value_type = std::string_view;

  // Texts by their index. Dereferencing makes the view, so there is nothing to refer to.
  class const_iterator {
   public:
    using iterator_concept = std::random_access_iterator_tag;
    using iterator_category = std::input_iterator_tag;
    using value_type = std::string_view;
    using difference_type = ptrdiff_t;
    using reference = std::string_view;
    using pointer = void;

    const_iterator() = default;
    const_iterator(const SegmentTexts* texts, size_t index) : texts_(texts), index_(index) {}

    reference operator*() const { return (*texts_)[index_]; }
    reference operator[](difference_type n) const { return *(*this + n); }
    const_iterator& operator+=(difference_type n) {
      index_ = static_cast<size_t>(static_cast<difference_type>(index_) + n);
      return *this;
    }
    const_iterator& operator-=(difference_type n) { return *this += -n; }
    const_iterator& operator++() { return *this += 1; }
    const_iterator& operator--() { return *this += -1; }
    const_iterator operator++(int) { return std::exchange(*this, *this + 1); }
    const_iterator operator--(int) { return std::exchange(*this, *this - 1); }
    friend const_iterator operator+(const_iterator i, difference_type n) { return i += n; }
    friend const_iterator operator+(difference_type n, const_iterator i) { return i += n; }
    friend const_iterator operator-(const_iterator i, difference_type n) { return i -= n; }
    friend difference_type operator-(const const_iterator& a, const const_iterator& b) {
      return static_cast<difference_type>(a.index_) - static_cast<difference_type>(b.index_);
    }
    friend bool operator==(const const_iterator& a, const const_iterator& b) {
      return a.index_ == b.index_;
    }
    friend auto operator<=>(const const_iterator& a, const const_iterator& b) {
      return a.index_ <=> b.index_;
    }

   private:
    const SegmentTexts* texts_ = nullptr;
    size_t index_ = 0;
  };

  SegmentTexts() = default;
  // The bytes of `messages` live as long as `owner`.
  SegmentTexts(const MessagesView& messages, std::shared_ptr<const void> owner)
      : messages_(messages), owner_(std::move(owner)) {}

  size_t size() const { return messages_.size(); }
  bool empty() const { return size() == 0; }
  std::string_view operator[](size_t index) const {
    return messages_.text(static_cast<uint32_t>(index));
  }
  const_iterator begin() const { return {this, 0}; }
  const_iterator end() const { return {this, size()}; }

  friend bool operator==(const SegmentTexts& a, const SegmentTexts& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  }

 private:
  MessagesView messages_;
  std::shared_ptr<const void> owner_;
};

template <>
struct Codec<SegmentTexts> {
  static constexpr RecordEncoding encoding = RecordEncoding::Variable;
  static std::string name() { return "bytes"; }
  static size_t records(const SegmentTexts& container) { return container.size(); }
  static std::string_view record(const SegmentTexts& container, size_t index) {
    return container[index];
  }
  static Result<SegmentTexts> decode(const MessagesView& messages,
                                     const std::shared_ptr<const void>& owner) {
    return SegmentTexts(messages, owner);
  }
};

}  // namespace tidemark
