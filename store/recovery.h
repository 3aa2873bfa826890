// Recovery: what opening a stream for writing finds, decides and repairs (SPEC.md section 9).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "control_page.h"
#include "tidemark/event_writer.h"
#include "tidemark/file_seam.h"
#include "tidemark/layout.h"
#include "tidemark/protocol.h"
#include "tidemark/result.h"
#include "tidemark/summary_frames.h"

namespace tidemark {

// A stream's state at its end, from which the next incarnation goes on.
struct RecoveredStream {
  std::optional<SegmentHeader> last;  // of the segment that holds the end; none: no segment yet
  std::optional<Protocol> protocol;   // none: no segment yet
  Totals totals;
  uint64_t end = 0;  // position after the last event
  uint64_t captured_at_ns = 0;
  uint64_t next_position = 0;       // above every range that was ever published
  uint64_t incarnation = 1;         // for the opening that follows
  std::vector<std::string> spares;  // paths of segments that, as it seems, were never published
  RecoveryReport report;
};

// The caller holds the stream's lock. `durable_hint`: the durable position that the last writer of
// this boot left, if there is one. Everything that is kept is durable afterwards, and nothing of
// it was changed. May be killed at any instruction and run again.
// Errors: Corrupt and Missing (damage: nothing was changed), Unsupported, NoSpace, Io.
Result<RecoveredStream> recover_stream(FileSeam& files, const std::string& directory,
                                       uint32_t stream, std::optional<uint64_t> durable_hint);

// What recover_stream() would find, without repairing anything: for a stream that nobody writes to.
// Beside a writer the answer may be wrong, or an error. Errors: as above.
Result<RecoveredStream> inspect_stream(FileSeam& files, const std::string& directory,
                                       uint32_t stream, std::optional<uint64_t> durable_hint);

// To be called once the next segment's name is durable, and before it is published. A spare may
// have been published and lost all of it with the power, so that its name is the last that is known
// of its range; and below a published segment, it would look like a part of the chain.
Result<void> remove_spares(FileSeam& files, const std::string& directory,
                           const std::vector<std::string>& spares);

}  // namespace tidemark
