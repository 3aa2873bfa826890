#include "last_error.h"

#include <string>

namespace tidemark::c {
namespace {

// The texts that the structure refers to live beside it.
struct LastError {
  Error error;
  std::string text;
  tidemark_error told{TIDEMARK_OK, 0, 0, 0, 0, 0, 0, 0, "", "", "", ""};
};
LastError& last_error() {
  thread_local LastError last;
  return last;
}

// OK is 0, so codes are one more than the library's.
constexpr tidemark_status status_of(ErrorCode code) {
  return static_cast<tidemark_status>(code) + 1;
}
static_assert(status_of(ErrorCode::InvalidArgument) == TIDEMARK_INVALID_ARGUMENT);
static_assert(status_of(ErrorCode::Interrupted) == TIDEMARK_INTERRUPTED);

}  // namespace

tidemark_status remember(const Error& error) {
  LastError& last = last_error();
  last.error = error;
  last.text = error.text();
  last.told.code = status_of(error.code);
  last.told.system_error = error.system_error;
  last.told.has_stream = error.stream ? 1 : 0;
  last.told.stream = error.stream.value_or(0);
  last.told.has_segment = error.segment ? 1 : 0;
  last.told.segment = error.segment.value_or(0);
  last.told.has_offset = error.offset ? 1 : 0;
  last.told.offset = error.offset.value_or(0);
  last.told.text = last.text.c_str();
  last.told.message = last.error.message.c_str();
  last.told.path = last.error.path.c_str();
  last.told.rule = last.error.rule.c_str();
  return last.told.code;
}

}  // namespace tidemark::c

const tidemark_error* tidemark_last_error(void) { return &tidemark::c::last_error().told; }

const char* tidemark_status_name(tidemark_status status) {
  if (status == TIDEMARK_OK) return "Ok";
  if (status < TIDEMARK_OK || status > TIDEMARK_INTERRUPTED) return "unknown";
  // Names are literals, so they end where C expects it.
  return tidemark::name_of(static_cast<tidemark::ErrorCode>(status - 1)).data();
}
