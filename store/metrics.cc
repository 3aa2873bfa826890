#include "tidemark/metrics.h"

#include <algorithm>

#include "lease.h"
#include "paths.h"

namespace tidemark {

Result<StreamMetrics> metrics_of(const Log& log, const StreamSurvey& survey) {
  StreamMetrics metrics;
  metrics.stream = survey.stream;
  metrics.state = survey.state;
  metrics.committed = survey.end;
  metrics.durable = survey.durable;
  // The page may be read after the segments, and be ahead of them then.
  metrics.durable_lag_bytes =
      survey.durable ? survey.end - std::min(survey.end, *survey.durable) : 0;
  metrics.totals = survey.totals;
  metrics.segments = static_cast<uint64_t>(
      std::count_if(survey.segments.begin(), survey.segments.end(), [](const SegmentSurvey& s) {
        return s.state != SegmentState::Prepared && s.state != SegmentState::SetAside;
      }));
  metrics.disk_bytes = survey.disk_bytes;
  metrics.frontier = survey.frontier;
  metrics.last_captured_at_ns = survey.last_captured_at_ns;
  metrics.purged_upto = survey.purged_upto.value_or(0);
  TIDEMARK_ASSIGN(
      lease, least_lease(log.files(), stream_path(log.path(), survey.stream), ~uint64_t{0} >> 1));
  metrics.least_lease = lease;
  return metrics;
}

Result<LogMetrics> read_metrics(const Log& log) {
  LogMetrics metrics;
  TIDEMARK_ASSIGN(streams, log.streams());
  for (const uint32_t stream : streams) {
    TIDEMARK_ASSIGN(survey, survey_stream(log, stream));
    TIDEMARK_ASSIGN(of_stream, metrics_of(log, survey));
    metrics.streams.push_back(std::move(of_stream));
  }
  if (const int answer = log.files().space(log.path(), metrics.space); answer < 0) {
    return fail_system("cannot ask for the space left for", log.path(), -answer);
  }
  return metrics;
}

}  // namespace tidemark
