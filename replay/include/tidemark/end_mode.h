// What a replay does where a stream ends before it is finished.
#pragma once

#include <cstdint>

namespace tidemark {

// What becomes of a stream that is not finished, once its end is reached and no writer is alive.
enum class EndMode : uint8_t {
  Release,  // its capabilities are dropped: the replay ends
  Hold,     // its times stay open: the replay ends with a frontier that is not empty
  Wait,     // another writer may come: the replay does not end, and follows in any case
};

}  // namespace tidemark
