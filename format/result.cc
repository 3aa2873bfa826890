#include "tidemark/result.h"

#include <cerrno>
#include <cstring>
#include <system_error>

namespace tidemark {

std::string_view name_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::InvalidArgument:
      return "InvalidArgument";
    case ErrorCode::NotFound:
      return "NotFound";
    case ErrorCode::AlreadyExists:
      return "AlreadyExists";
    case ErrorCode::Busy:
      return "Busy";
    case ErrorCode::Io:
      return "Io";
    case ErrorCode::NoSpace:
      return "NoSpace";
    case ErrorCode::Corrupt:
      return "Corrupt";
    case ErrorCode::Missing:
      return "Missing";
    case ErrorCode::Unsupported:
      return "Unsupported";
    case ErrorCode::Purged:
      return "Purged";
    case ErrorCode::CursorLost:
      return "CursorLost";
    case ErrorCode::Voided:
      return "Voided";
    case ErrorCode::TooLarge:
      return "TooLarge";
    case ErrorCode::ProtocolViolation:
      return "ProtocolViolation";
    case ErrorCode::Poisoned:
      return "Poisoned";
    case ErrorCode::Finished:
      return "Finished";
    case ErrorCode::Forked:
      return "Forked";
    case ErrorCode::Closed:
      return "Closed";
    case ErrorCode::Interrupted:
      return "Interrupted";
  }
  return "Unknown";
}

std::string Error::text() const {
  std::string line(name_of(code));
  line += ": ";
  line += message;
  std::string place;
  const auto add = [&place](std::string_view name, const std::string& value) {
    if (!place.empty()) place += ", ";
    place += name;
    place += ' ';
    place += value;
  };
  if (stream) add("stream", std::to_string(*stream));
  if (segment) add("segment", std::to_string(*segment));
  if (offset) add("offset", std::to_string(*offset));
  if (!rule.empty()) add("rule", rule);
  if (!path.empty()) add("file", path);
  if (!place.empty()) line += " (" + place + ")";
  return line;
}

tl::unexpected<Error> fail(ErrorCode code, std::string message) {
  Error error;
  error.code = code;
  error.message = std::move(message);
  return tl::make_unexpected(std::move(error));
}

tl::unexpected<Error> fail_system(std::string_view action, const std::string& path, int error) {
  Error result;
  result.code = error == ENOSPC || error == EDQUOT ? ErrorCode::NoSpace
                : error == ENOENT                  ? ErrorCode::NotFound
                                                   : ErrorCode::Io;
  result.message = std::string(action) + ": " + std::generic_category().message(error);
  result.path = path;
  result.system_error = error;
  return tl::make_unexpected(std::move(result));
}

}  // namespace tidemark
