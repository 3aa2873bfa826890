// How everything in Tidemark fails: a value or an `Error` that says what, where and why.
//
// The library never prints, exits or throws across its API. Bad bytes, full disks and missing
// files come back as an `Error`; a broken caller or a broken invariant is an assertion
// (`tidemark/check.h`), also in release builds. SPEC.md section 12 lists the codes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

namespace tidemark {

enum class ErrorCode : uint8_t {
  InvalidArgument,    // the caller asked for something that cannot be
  NotFound,           // there is no such log, stream or position
  AlreadyExists,      // something stands where something new was to be made
  Busy,               // another writer holds this stream
  Io,                 // the system refused a call; `system_error` says why
  NoSpace,            // the disk is full: nothing was changed, and a retry may succeed
  Corrupt,            // bytes are not what was written
  Missing,            // a segment or stream that must be there is not: data loss
  Unsupported,        // a format version, feature or file system that this library cannot handle
  Purged,             // the position was purged; `offset` is the earliest position that is left
  CursorLost,         // the position lies beyond the end of the log, or in a range that was lost
  Voided,             // records that were handed out are void: their producer was restarted
  TooLarge,           // a record or a set of capabilities exceeds a limit of the format
  ProtocolViolation,  // a rule of the capture protocol is broken; `rule` names it
  Poisoned,           // an earlier sync failed: this writer can acknowledge nothing any more
  Finished,           // the stream holds no capability: nothing can follow
  Forked,             // the writer belongs to the parent process
  Closed,             // the writer was closed
  Interrupted,        // the caller's stop request ended a wait
};

// The code's name as SPEC.md spells it, for instance "Corrupt".
std::string_view name_of(ErrorCode code);

// What went wrong, and where. Copyable, owns all it refers to.
struct Error {
  ErrorCode code = ErrorCode::InvalidArgument;
  std::string message;              // what was expected and what was found, without the place
  std::string path;                 // the file or directory, where one is known
  std::optional<uint32_t> stream;   // stream number in the log
  std::optional<uint64_t> segment;  // first position of the segment
  std::optional<uint64_t> offset;   // bytes from the segment's beginning
  std::string rule;                 // the rule of SPEC.md that is broken, for instance "P1"
  int system_error = 0;             // errno, where the system said no

  // One line: code, message, then every part of the place that is known.
  std::string text() const;
};

template <typename T>
using Result = tl::expected<T, Error>;

// An error without a place; the caller that knows the place adds it.
tl::unexpected<Error> fail(ErrorCode code, std::string message);
// A system call's failure. ENOSPC and EDQUOT become `NoSpace`, ENOENT `NotFound`, all else `Io`.
tl::unexpected<Error> fail_system(std::string_view action, const std::string& path, int error);

}  // namespace tidemark

// Returns early with the error of `expression`, or goes on; for expressions of type Result<void>.
#define TIDEMARK_TRY(expression)                                                \
  do {                                                                          \
    if (auto tidemark_result_ = (expression); !tidemark_result_) [[unlikely]] { \
      return ::tl::make_unexpected(std::move(tidemark_result_).error());        \
    }                                                                           \
  } while (false)

// Declares `name` as the value of `expression`, or returns early with its error.
#define TIDEMARK_ASSIGN(name, expression)                            \
  auto name##_result_ = (expression);                                \
  if (!name##_result_) [[unlikely]] {                                \
    return ::tl::make_unexpected(std::move(name##_result_).error()); \
  }                                                                  \
  auto&& name = *name##_result_
