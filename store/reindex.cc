// Rebuilds the catalog's cache from the segments, which alone know the truth.

#include <algorithm>
#include <iterator>
#include <string>

#include "paths.h"
#include "tidemark/catalog.h"

namespace tidemark {
namespace {

Result<void> set_catalog_aside(const Log& log) {
  FileSeam& files = log.files();
  const std::string from = catalog_path(log.path());
  const std::string to = from + ".damaged-" + std::to_string(files.now_ns());
  if (const int error = files.rename_new(from, to); error < 0) {
    return fail_system("setting the catalog aside", from, -error);
  }
  if (const int error = files.sync_directory(log.path()); error < 0) {
    return fail_system("syncing the log", log.path(), -error);
  }
  return {};
}

// Only what will not change again belongs into a cache.
bool is_final(const SegmentSurvey& segment) {
  return segment.state == SegmentState::Sealed || segment.state == SegmentState::Abandoned;
}

// What the segments say of one stream.
struct Summary {
  uint32_t stream = 0;
  TimeShape shape;
  std::vector<SegmentSurvey> segments;
};

Result<std::vector<Summary>> summarize(const Log& log) {
  std::vector<Summary> summaries;
  TIDEMARK_ASSIGN(streams, log.streams());
  for (const uint32_t stream : streams) {
    TIDEMARK_ASSIGN(survey, survey_stream(log, stream));
    Summary& summary = summaries.emplace_back();
    summary.stream = stream;
    if (survey.traits) summary.shape = survey.traits->time;
    std::copy_if(survey.segments.begin(), survey.segments.end(),
                 std::back_inserter(summary.segments), is_final);
  }
  return summaries;
}

// Opens the catalog and makes its cache hold `summaries` and nothing else.
Result<void> fill(const Log& log, const std::vector<Summary>& summaries) {
  TIDEMARK_ASSIGN(catalog, Catalog::open(log));
  TIDEMARK_ASSIGN(cached, catalog.cached_streams());
  for (const uint32_t stream : cached) {
    const bool known = std::any_of(summaries.begin(), summaries.end(),
                                   [&](const Summary& s) { return s.stream == stream; });
    if (!known) TIDEMARK_TRY(catalog.replace_segments(stream, {}, {}));
  }
  for (const Summary& summary : summaries) {
    TIDEMARK_TRY(catalog.replace_segments(summary.stream, summary.shape, summary.segments));
  }
  return {};
}

}  // namespace

Result<ReindexReport> reindex(const Log& log) {
  ReindexReport report;
  TIDEMARK_ASSIGN(summaries, summarize(log));
  for (const Summary& summary : summaries) {
    ++report.streams;
    report.segments += summary.segments.size();
  }
  const auto filled = fill(log, summaries);
  if (filled) return report;
  if (filled.error().code != ErrorCode::Corrupt) return tl::make_unexpected(filled.error());
  TIDEMARK_TRY(set_catalog_aside(log));
  report.catalog_was_unusable = true;
  TIDEMARK_TRY(fill(log, summaries));
  return report;
}

}  // namespace tidemark
