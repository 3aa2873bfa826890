// What is said of several measurements of one thing.
#pragma once

#include <vector>

namespace tidemark::measure {

// Of at least one value.
double median(std::vector<double> values);
double least(const std::vector<double>& values);

// Of the delays of many single events, in ns.
struct Percentiles {
  double p50 = 0;
  double p99 = 0;
  double p999 = 0;
  double max = 0;
};
Percentiles percentiles(std::vector<double> values);

}  // namespace tidemark::measure
