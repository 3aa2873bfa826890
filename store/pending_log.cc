#include "tidemark/pending_log.h"

#include <utility>

#include "pending_directory.h"
#include "tidemark/verify.h"

namespace tidemark {

PendingLog::PendingLog(std::unique_ptr<PendingDirectory> directory, Log log)
    : directory_(std::move(directory)), log_(std::move(log)) {}
PendingLog::PendingLog(PendingLog&&) noexcept = default;
PendingLog::~PendingLog() = default;

Result<PendingLog> PendingLog::create(FileSeam& files, const std::string& destination,
                                      uint32_t peers) {
  TIDEMARK_ASSIGN(reserved, PendingDirectory::reserve(files, destination));
  auto directory = std::make_unique<PendingDirectory>(std::move(reserved));
  LogOptions fresh;
  fresh.peers = peers;
  fresh.refuse_existing = true;
  TIDEMARK_ASSIGN(log, Log::open(directory->path(), fresh, files));
  return PendingLog(std::move(directory), log);
}

Result<void> PendingLog::publish() {
  TIDEMARK_ASSIGN(verified, verify_log(log_.path(), {}, log_.files()));
  if (verified.damaged()) {
    auto error = fail(ErrorCode::Corrupt, "the new log does not verify");
    for (const StreamVerdict& stream : verified.streams) {
      if (!stream.damage.empty()) error.value() = stream.damage.front();
    }
    return error;
  }
  return directory_->publish();
}

}  // namespace tidemark
