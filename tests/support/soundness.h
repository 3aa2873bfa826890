// Whether a log verifies.

#pragma once

#include "support/stream_helpers.h"
#include "tidemark/log.h"
#include "tidemark/verify.h"

namespace tidemark::test {

// A test that fails afterwards says what was found.
inline bool is_sound(const Log& log) {
  const VerifyReport report = must(verify_log(log.path()));
  for (const Error& error : report.log_damage) UNSCOPED_INFO(error.text());
  for (const StreamVerdict& stream : report.streams) {
    for (const Error& error : stream.damage) UNSCOPED_INFO(error.text());
  }
  return !report.damaged();
}

}  // namespace tidemark::test
