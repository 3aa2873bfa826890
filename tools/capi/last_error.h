// How the C functions fail: the library's `Error` becomes a status, and the calling thread keeps
// what it says.
#pragma once

#include <type_traits>
#include <utility>

#include "tidemark.h"
#include "tidemark/result.h"

namespace tidemark::c {

// Keeps `error` for tidemark_last_error() of this thread, and returns its status.
tidemark_status remember(const Error& error);

// What every function that can fail does. `noexcept`, so that memory that runs out ends the process
// here: an exception must not travel into frames of another language.
template <typename Function>
tidemark_status run(Function&& function) noexcept {
  const auto result = std::forward<Function>(function)();
  return result ? TIDEMARK_OK : remember(result.error());
}

}  // namespace tidemark::c
