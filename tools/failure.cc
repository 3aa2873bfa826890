#include <string>

#include "command.h"

namespace tidemark::tools {
namespace {

// A path on the command line that is not there is the caller's mistake, as is an option that does
// not fit the log. What the log lost or what rotted in it is damage. All else simply failed.
Exit exit_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::InvalidArgument:
    case ErrorCode::NotFound:
      return Exit::Usage;
    case ErrorCode::Corrupt:
    case ErrorCode::Missing:
    case ErrorCode::CursorLost:
    case ErrorCode::ProtocolViolation:
      return Exit::Damaged;
    case ErrorCode::Interrupted:
      return Exit::Interrupted;
    default:
      return Exit::Failed;
  }
}

std::string hint_of(ErrorCode code, const std::string& log) {
  switch (code) {
    case ErrorCode::Corrupt:
    case ErrorCode::Missing:
    case ErrorCode::ProtocolViolation:
      return "`tidemark verify " + log + "` examines all of it, `tidemark recover " + log +
             " -o NEW` saves what is valid";
    case ErrorCode::Purged:
    case ErrorCode::CursorLost:
      return "`tidemark cursors " + log +
             "` shows where cursors are, with --delete NAME one starts over";
    case ErrorCode::NoSpace:
      return "everything before this is kept; free some space, then capture the rest";
    case ErrorCode::Busy:
      return "another process is capturing into this log";
    case ErrorCode::Finished:
      return "a finished stream is final; capture into a new log";
    case ErrorCode::Poisoned:
      return "what was not acknowledged may be lost; the next capture finds out";
    default:
      return {};
  }
}

}  // namespace

tl::unexpected<Failure> failed(std::string text) {
  return tl::make_unexpected(Failure{Exit::Failed, std::move(text), {}});
}

tl::unexpected<Failure> misused(std::string text) {
  return tl::make_unexpected(Failure{Exit::Usage, std::move(text), {}});
}

tl::unexpected<Failure> stopped_by_interrupt() {
  return tl::make_unexpected(Failure{Exit::Interrupted, "interrupted", {}});
}

Failure failure_of(const Error& error, const std::string& log) {
  Failure failure{exit_of(error.code), error.text(), hint_of(error.code, log)};
  if (error.code == ErrorCode::Corrupt && error.path.find("/catalog") != std::string::npos) {
    failure.hint = "the streams do not need the catalog; `tidemark reindex " + log +
                   "` replaces one that cannot be used, whose cursors are lost";
  }
  const bool names_the_log = error.path.find(log) != std::string::npos;
  if (!names_the_log) failure.text += ": " + log;
  return failure;
}

tl::unexpected<Failure> failed(const Error& error, const std::string& log) {
  return tl::make_unexpected(failure_of(error, log));
}

}  // namespace tidemark::tools
