// Several threads that begin at once.
#pragma once

#include <cstdint>
#include <functional>

#include "tidemark/result.h"

namespace tidemark::measure {

// Runs `body(i)` in so many threads; returns the time from when all were ready until the last one
// was done, in ns. Errors: that of the first thread that has one.
Result<double> in_threads(uint32_t threads, const std::function<Result<void>(uint32_t)>& body);

}  // namespace tidemark::measure
