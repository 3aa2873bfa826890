// `PendingLog`: a new log that takes its place only once it is complete and verified.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "tidemark/log.h"
#include "tidemark/result.h"

namespace tidemark {

class PendingDirectory;

class PendingLog {
 public:
  // An empty log of so many streams beside `destination`, where nothing may stand. Errors:
  // AlreadyExists, InvalidArgument, NoSpace, Io.
  static Result<PendingLog> create(FileSeam& files, const std::string& destination, uint32_t peers);
  PendingLog(PendingLog&&) noexcept;
  PendingLog& operator=(PendingLog&&) = delete;
  // Removes what was not published.
  ~PendingLog();

  // To be written to; all writers are closed before publish().
  const Log& log() const { return log_; }

  // Verifies the log and renames it to its place. Errors: Corrupt (it does not verify),
  // AlreadyExists, Io.
  Result<void> publish();

 private:
  PendingLog(std::unique_ptr<PendingDirectory> directory, Log log);
  std::unique_ptr<PendingDirectory> directory_;
  Log log_;
};

}  // namespace tidemark
