#include <utility>
#include <vector>

#include "convert.h"
#include "last_error.h"
#include "log_handle.h"
#include "tidemark/cursor.h"

using namespace tidemark;

struct tidemark_consumer {
  Consumer consumer;
};

tidemark_status tidemark_consumer_open(const tidemark_log* log, const char* name,
                                       const uint32_t* streams, size_t count, int ahead_of_durable,
                                       tidemark_consumer** consumer) {
  return c::run([&]() -> Result<void> {
    TIDEMARK_CHECK(log != nullptr && name != nullptr && consumer != nullptr);
    TIDEMARK_ASSIGN(opened, Consumer::open(log->log, name, c::span_of(streams, count),
                                           {.ahead_of_durable = ahead_of_durable != 0}));
    *consumer = new tidemark_consumer{std::move(opened)};
    return {};
  });
}

void tidemark_consumer_close(tidemark_consumer* consumer) { delete consumer; }

int tidemark_consumer_found(const tidemark_consumer* consumer) {
  return consumer->consumer.found() ? 1 : 0;
}

int tidemark_consumer_position(const tidemark_consumer* consumer, uint32_t stream,
                               uint64_t* position) {
  TIDEMARK_CHECK(position != nullptr);
  const auto found = consumer->consumer.position(stream);
  if (!found) return 0;
  *position = *found;
  return 1;
}

tidemark_status tidemark_consumer_commit(tidemark_consumer* consumer,
                                         const tidemark_stream_position* positions, size_t count) {
  return c::run([&]() -> Result<void> {
    std::vector<StreamPosition> places;
    for (const auto& at : c::span_of(positions, count)) places.push_back({at.stream, at.position});
    return consumer->consumer.commit(places);
  });
}

tidemark_status tidemark_cursor_delete(const tidemark_log* log, const char* name, int* deleted) {
  return c::run([&]() -> Result<void> {
    TIDEMARK_CHECK(log != nullptr && name != nullptr);
    TIDEMARK_ASSIGN(found, delete_cursor(log->log, name));
    if (deleted != nullptr) *deleted = found ? 1 : 0;
    return {};
  });
}
