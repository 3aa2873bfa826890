// Batches of changes to capability counts. The counts of one stream are judged by its reader; what
// a replay adds up over streams and over the times of a slice is judged here, so that a hostile
// log gets an error and not an overflow.
#pragma once

#include <span>
#include <vector>

#include "tidemark/antichain.h"
#include "tidemark/protocol.h"
#include "tidemark/result.h"
#include "tidemark/time.h"

namespace tidemark {

// Adds up the changes of each time and drops those that come to nothing; in the total order then.
// Errors: ProtocolViolation (P4) where a sum overflows; no honest count comes near that.
Result<void> net(std::vector<Change>& changes);

// Applies netted changes, or nothing. Errors: ProtocolViolation (P4) where a count overflows.
Result<void> add_to(MutableAntichain<Time>& counts, std::span<const Change> changes);

// Appends what would take all of `counts` away.
void append_removal(const MutableAntichain<Time>& counts, std::vector<Change>& changes);

}  // namespace tidemark
