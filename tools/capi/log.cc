#include <algorithm>
#include <utility>

#include "convert.h"
#include "last_error.h"
#include "log_handle.h"
#include "tidemark/stream_end.h"

using namespace tidemark;

void tidemark_log_options_init(tidemark_log_options* options, size_t struct_size) {
  c::init_options(
      options, struct_size,
      {.struct_size = 0, .peers = 0, .create_if_missing = 1, .refuse_existing = 0, .reserved = 0});
}

tidemark_status tidemark_log_open(const char* path, const tidemark_log_options* options,
                                  tidemark_log** log) {
  return c::run([&]() -> Result<void> {
    TIDEMARK_CHECK(path != nullptr && log != nullptr);
    TIDEMARK_ASSIGN(given, c::options_from(options, &tidemark_log_options_init));
    LogOptions chosen;
    if (given.peers != 0) chosen.peers = given.peers;
    chosen.create_if_missing = given.create_if_missing != 0;
    chosen.refuse_existing = given.refuse_existing != 0;
    TIDEMARK_ASSIGN(opened, Log::open(path, chosen));
    *log = new tidemark_log{std::move(opened)};
    return {};
  });
}

void tidemark_log_close(tidemark_log* log) { delete log; }

uint32_t tidemark_log_peers(const tidemark_log* log) { return log->log.peers(); }

void tidemark_log_uuid(const tidemark_log* log, uint8_t* uuid) {
  std::copy(log->log.uuid().begin(), log->log.uuid().end(), uuid);
}

tidemark_status tidemark_log_committed_end(const tidemark_log* log, uint32_t stream,
                                           uint64_t* position) {
  return c::run([&]() -> Result<void> {
    TIDEMARK_CHECK(log != nullptr && position != nullptr);
    TIDEMARK_ASSIGN(end, committed_end(log->log, stream));
    *position = end;
    return {};
  });
}
