// What can be a time of a dataflow: a partial order with a least element.
//
// Integers of any width and sign are; so is `Unit`, for dataflows without times, and `Product`.
// One's own type needs a free `less_equal(a, b)` beside it (the partial order), `==`, an
// `operator<` that extends the partial order to a total one, and a static member `minimum()`.
#pragma once

#include <compare>
#include <concepts>
#include <limits>
#include <string>

#include "tidemark/antichain.h"
#include "tidemark/time_text.h"

namespace tidemark {

template <typename T>
concept PartiallyOrdered = std::copyable<T> && std::equality_comparable<T> &&
    requires(const T& a, const T& b) {
  { a < b } -> std::convertible_to<bool>;
  { order::precedes_or_equals(a, b) } -> std::convertible_to<bool>;
};

// The least time. Specialise it for types that cannot have a static member.
template <typename T>
struct MinimumTime {
  static constexpr T value() requires requires {
    { T::minimum() } -> std::same_as<T>;
  }
  { return T::minimum(); }
};

template <std::integral T>
struct MinimumTime<T> {
  static constexpr T value() { return std::numeric_limits<T>::min(); }
};
template <>
struct MinimumTime<UInt128> {
  static constexpr UInt128 value() { return 0; }
};
template <>
struct MinimumTime<Int128> {
  static constexpr Int128 value() { return static_cast<Int128>(UInt128{1} << 127); }
};

template <typename T>
concept Timestamp = PartiallyOrdered<T> && requires {
  { MinimumTime<T>::value() } -> std::same_as<T>;
};

template <Timestamp T>
constexpr T minimum_time() {
  return MinimumTime<T>::value();
}

// The only time of a dataflow that has none: timely's `()`.
struct Unit {
  static constexpr Unit minimum() { return {}; }
  std::string text() const { return "()"; }
  friend constexpr auto operator<=>(const Unit&, const Unit&) = default;
};
constexpr bool less_equal(const Unit&, const Unit&) { return true; }

// Pairs under the product order: (a, b) <= (c, d) where a <= c and b <= d. The total order is the
// lexicographic one.
template <PartiallyOrdered A, PartiallyOrdered B>
struct Product {
  A outer{};
  B inner{};

  static constexpr Product minimum() requires Timestamp<A> && Timestamp<B> {
    return {minimum_time<A>(), minimum_time<B>()};
  }

  std::string text() const { return "(" + time_text(outer) + ", " + time_text(inner) + ")"; }

  friend constexpr bool operator==(const Product&, const Product&) = default;
  friend constexpr bool operator<(const Product& a, const Product& b) {
    if (a.outer < b.outer) return true;
    return a.outer == b.outer && a.inner < b.inner;
  }
  friend constexpr bool less_equal(const Product& a, const Product& b) {
    return order::precedes_or_equals(a.outer, b.outer) &&
           order::precedes_or_equals(a.inner, b.inner);
  }
};

}  // namespace tidemark
