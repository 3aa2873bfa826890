// One answer to "what state is this stream in", for survey and verification.
#pragma once

#include "tidemark/survey.h"

namespace tidemark {

// What was seen of a stream.
struct StreamSigns {
  bool damaged = false;
  bool finished = false;      // no capability is held at its end
  bool writer_alive = false;  // a process holds its lock
  bool has_events = false;
  bool closed = false;  // it ends with a seal that says so
};

// A finished stream is finished for ever, also while its writer has yet to close it.
constexpr StreamState state_of(const StreamSigns& signs) {
  if (signs.damaged) return StreamState::Damaged;
  if (signs.finished) return StreamState::Finished;
  if (signs.writer_alive) return StreamState::Writing;
  if (!signs.has_events) return StreamState::Empty;
  return signs.closed ? StreamState::Closed : StreamState::Crashed;
}

}  // namespace tidemark
