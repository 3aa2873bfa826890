// Which worker captures into which stream, and which one replays it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "tidemark/dataflow/worker.h"
#include "tidemark/log.h"

namespace tidemark {

// The stream that a worker captures into, of a log with as many streams as there are workers.
inline uint32_t stream_of(const dataflow::Worker& worker) {
  return static_cast<uint32_t>(worker.index());
}

// Every `worker.peers()`-th of `streams`, from the worker's index on: each stream has one worker.
inline std::vector<uint32_t> share_of(std::span<const uint32_t> streams,
                                      const dataflow::Worker& worker) {
  std::vector<uint32_t> share;
  for (size_t i = worker.index(); i < streams.size(); i += worker.peers()) {
    share.push_back(streams[i]);
  }
  return share;
}
// The same of all streams of a log.
inline std::vector<uint32_t> share_of(const Log& log, const dataflow::Worker& worker) {
  std::vector<uint32_t> streams(log.peers());
  std::iota(streams.begin(), streams.end(), 0u);
  return share_of(streams, worker);
}

}  // namespace tidemark
