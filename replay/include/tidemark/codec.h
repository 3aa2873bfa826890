// How a container's records stand in a messages event (SPEC.md section 5.3): of one length, one
// after the other, or of any length, delimited by offsets.
//
// One's own container plugs in by specialising `Codec` for it; what such a specialisation must have
// is what the two below have.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "tidemark/event.h"
#include "tidemark/layout.h"
#include "tidemark/result.h"

namespace tidemark {

// Members:
//
//   static constexpr RecordEncoding encoding;
//   static std::string name();      // the header's container_name, at most 63 bytes; a stream of
//                                   // another name is refused, unless it is empty
//   static size_t records(const C&);
//   Fixed:    static constexpr size_t stride;
//             static std::span<const std::byte> data(const C&);      // records() * stride bytes
//   Variable: static std::string_view record(const C&, size_t index);
//   static Result<C> decode(const MessagesView&, const std::shared_ptr<const void>& owner);
//   Optional: static std::span<const std::byte> schema();  // of the records, stored with the
//             stream: WriterOptions::schema. A reader does not compare it, for schemas grow.
//
// What data() and record() give belongs to the container. decode() copies, or keeps views into the
// bytes and `owner` with them, which keeps the bytes alive. It is given messages of its own
// encoding; bytes that cannot be such a container are Corrupt.
template <typename C>
struct Codec;

template <typename C>
concept Encodable = std::movable<C> && requires(const C& container, const MessagesView& messages,
                                                const std::shared_ptr<const void>& owner) {
  { Codec<C>::encoding } -> std::convertible_to<RecordEncoding>;
  { Codec<C>::name() } -> std::convertible_to<std::string>;
  { Codec<C>::records(container) } -> std::convertible_to<size_t>;
  { Codec<C>::decode(messages, owner) } -> std::same_as<Result<C>>;
};

template <typename C>
concept HasSchema = requires {
  { Codec<C>::schema() } -> std::convertible_to<std::span<const std::byte>>;
};

// A record that is its bytes: neither pointers nor anything that needs a constructor.
template <typename Record>
concept PlainRecord = std::is_trivially_copyable_v<Record> && !std::is_pointer_v<Record> &&
                      alignof(Record) <= kFrameAlignment;

// The name by which a log knows a plain record; specialise it so that records of one size are not
// mistaken for each other.
template <PlainRecord Record>
struct RecordName {
  static std::string value() {
    if constexpr (std::is_floating_point_v<Record>)
      return "f" + std::to_string(sizeof(Record) * 8);
    else if constexpr (std::is_integral_v<Record> && std::is_signed_v<Record>)
      return "i" + std::to_string(sizeof(Record) * 8);
    else if constexpr (std::is_integral_v<Record>)
      return "u" + std::to_string(sizeof(Record) * 8);
    else
      return "record of " + std::to_string(sizeof(Record)) + " bytes";
  }
};

// The error for fixed records of another length than the container's.
inline tl::unexpected<Error> fail_stride(size_t expected, size_t found) {
  return fail(ErrorCode::Corrupt, "records of " + std::to_string(expected) +
                                      " bytes were expected, found " + std::to_string(found));
}

template <PlainRecord Record>
struct Codec<std::vector<Record>> {
  using Container = std::vector<Record>;
  static_assert(!std::is_same_v<Record, bool>, "std::vector<bool> has no bytes");

  static constexpr RecordEncoding encoding = RecordEncoding::Fixed;
  static constexpr size_t stride = sizeof(Record);
  static std::string name() { return RecordName<Record>::value(); }
  static size_t records(const Container& container) { return container.size(); }
  static std::span<const std::byte> data(const Container& container) {
    return std::as_bytes(std::span(container));
  }
  static Result<Container> decode(const MessagesView& messages,
                                  const std::shared_ptr<const void>&) {
    const auto records = messages.records_as<Record>();
    if (!records) return fail_stride(stride, messages.stride());
    return Container(records->begin(), records->end());
  }
};

template <>
struct Codec<std::vector<std::string>> {
  using Container = std::vector<std::string>;

  static constexpr RecordEncoding encoding = RecordEncoding::Variable;
  static std::string name() { return "bytes"; }
  static size_t records(const Container& container) { return container.size(); }
  static std::string_view record(const Container& container, size_t index) {
    return container[index];
  }
  static Result<Container> decode(const MessagesView& messages,
                                  const std::shared_ptr<const void>&) {
    Container container;
    container.reserve(messages.size());
    for (uint32_t i = 0; i < messages.size(); ++i) container.emplace_back(messages.text(i));
    return container;
  }
};

// The same records as byte strings.
template <>
struct Codec<std::vector<std::vector<std::byte>>> {
  using Container = std::vector<std::vector<std::byte>>;

  static constexpr RecordEncoding encoding = RecordEncoding::Variable;
  static std::string name() { return "bytes"; }
  static size_t records(const Container& container) { return container.size(); }
  static std::string_view record(const Container& container, size_t index) {
    const auto& bytes = container[index];
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  static Result<Container> decode(const MessagesView& messages,
                                  const std::shared_ptr<const void>&) {
    Container container;
    container.reserve(messages.size());
    for (uint32_t i = 0; i < messages.size(); ++i) {
      const auto bytes = messages.record(i);
      container.emplace_back(bytes.begin(), bytes.end());
    }
    return container;
  }
};

}  // namespace tidemark
