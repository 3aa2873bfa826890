// `tidemark replay --workers M`: the replay on the workers of a dataflow.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "command.h"
#include "reading.h"
#include "replay_output.h"
#include "tidemark/replay.h"
#include "tidemark/time.h"

namespace tidemark::tools {

// How each stream is opened for a replay of this kind: in its own order, since the merging is the
// dataflow's.
ReplayOptions options_on_workers(ReplayOptions options);

// `replays[i]` is that of stream `streams[i]` alone; it is read, verified and rendered by worker
// i % `workers`. Worker 0 puts everything out, each stream in its order, or merged as the frontier
// passes: the same records as one replay of all streams with `options`. `shape`: of the log's
// times. Damage ends its stream; what the others have comes all the same, and then the error.
Outcome<void> replay_on_workers(size_t workers, std::vector<Replay> replays,
                                const std::vector<uint32_t>& streams, const ReplayOptions& options,
                                TimeShape shape, const std::string& log, const RecordSink& sink,
                                ReplayOutput& output);

}  // namespace tidemark::tools
