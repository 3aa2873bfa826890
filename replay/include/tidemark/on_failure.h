// What an operator that captures or replays does to its dataflow when it fails.
#pragma once

#include <cstdint>

namespace tidemark {

// What becomes of the dataflow when an operator at its edge fails.
enum class OnFailure : uint8_t {
  EndDataflow,  // it ends on all workers, and `Execution::failures` says why
  GoOn,         // it runs on; only the operator's handle tells
};

}  // namespace tidemark
