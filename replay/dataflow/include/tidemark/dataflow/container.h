// What can travel in a message: a vector is one, a view of a segment's records another.
#pragma once

#include <concepts>
#include <cstddef>
#include <ranges>
#include <vector>

namespace tidemark::dataflow {

// Some records that are moved about as one value, and can be looked at one by one.
template <typename C>
concept Container = std::movable<C> && std::ranges::input_range<const C> && requires(const C& c) {
  typename C::value_type;
  { c.size() } -> std::convertible_to<size_t>;
};

// One that can be filled record by record, as operators do that make new containers.
template <typename C>
concept GrowingContainer = Container<C> && std::default_initializable<C> &&
    requires(C& c, typename C::value_type record) {
  c.push_back(std::move(record));
};

// The container that an operator makes out of single records taken from `C`: `C` itself where it
// can grow, else a vector of what it holds.
template <Container C>
struct RebuiltFrom {
  using type = std::vector<typename C::value_type>;
};
template <GrowingContainer C>
struct RebuiltFrom<C> {
  using type = C;
};
template <Container C>
using Rebuilt = typename RebuiltFrom<C>::type;

// Records that an operator gathers before it sends them as one message.
inline constexpr size_t kContainerRecords = 1024;

// Records at one time, on their way from one operator to another.
template <typename T, typename C>
struct Message {
  T time;
  C data;
};

}  // namespace tidemark::dataflow
