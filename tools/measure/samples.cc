#include "samples.h"

#include <algorithm>
#include <cstddef>

#include "tidemark/check.h"

namespace tidemark::measure {

double median(std::vector<double> values) {
  TIDEMARK_CHECK(!values.empty());
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

double least(const std::vector<double>& values) {
  TIDEMARK_CHECK(!values.empty());
  return *std::min_element(values.begin(), values.end());
}

Percentiles percentiles(std::vector<double> values) {
  TIDEMARK_CHECK(!values.empty());
  std::sort(values.begin(), values.end());
  // The least value that at least so many of 1,000 are not above: of 1,000 values, p999 is the
  // 999th and max the 1,000th.
  const auto at = [&](size_t of_1000) {
    return values[std::max<size_t>((values.size() * of_1000 + 999) / 1000, 1) - 1];
  };
  return {at(500), at(990), at(999), values.back()};
}

}  // namespace tidemark::measure
