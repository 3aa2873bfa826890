#include <utility>
#include <vector>

#include "convert.h"
#include "last_error.h"
#include "log_handle.h"

using namespace tidemark;

struct tidemark_resume {
  explicit tidemark_resume(ResumeFrontier found) : frontier(std::move(found)) {
    const auto shape_of = [](const Antichain<Time>& of) {
      return of.empty() ? TimeShape{} : of.elements().front().shape();
    };
    times.resize(frontier.streams.size());
    for (size_t i = 0; i < frontier.streams.size(); ++i) {
      const StreamResume& stream = frontier.streams[i];
      streams.push_back(
          {.stream = stream.stream,
           .reserved = 0,
           .frontier = times[i].lend(stream.frontier.elements(), shape_of(stream.frontier)),
           .mark = c::lend(stream.mark),
           .events = stream.totals.events,
           .records = stream.totals.records,
           .data_bytes = stream.totals.data_bytes});
    }
    meet = meet_times.lend(frontier.meet.elements(), shape_of(frontier.meet));
  }

  ResumeFrontier frontier;
  std::vector<c::LentTimes> times;
  std::vector<tidemark_stream_resume> streams;
  c::LentTimes meet_times;
  tidemark_frontier meet{};
};

tidemark_status tidemark_log_resume(const tidemark_log* log, tidemark_resume** resume) {
  return c::run([&]() -> Result<void> {
    TIDEMARK_CHECK(log != nullptr && resume != nullptr);
    TIDEMARK_ASSIGN(found, log->log.resume_frontier());
    *resume = new tidemark_resume(std::move(found));
    return {};
  });
}

void tidemark_resume_close(tidemark_resume* resume) { delete resume; }

size_t tidemark_resume_size(const tidemark_resume* resume) { return resume->streams.size(); }

const tidemark_stream_resume* tidemark_resume_at(const tidemark_resume* resume, size_t index) {
  TIDEMARK_CHECK(index < resume->streams.size());
  return &resume->streams[index];
}

tidemark_frontier tidemark_resume_meet(const tidemark_resume* resume) { return resume->meet; }
