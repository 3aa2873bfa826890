#include "capture_resume.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>

#include "tidemark/survey.h"

namespace tidemark::tools {
namespace {

using Options = std::vector<std::pair<std::string, std::string>>;

Outcome<void> check_options(const Options& marked, const Options& given) {
  for (const auto& [name, value] : given) {
    const auto found = std::find_if(marked.begin(), marked.end(),
                                    [&, &key = name](const auto& m) { return m.first == key; });
    const std::string before = found == marked.end() ? std::string() : found->second;
    if (before == value) continue;
    return misused(fmt::format("the capture was begun with {} {}, not {}", name,
                               before.empty() ? "unset" : before, value.empty() ? "unset" : value));
  }
  return {};
}

Outcome<void> check_inputs(const CaptureMark& mark, const std::vector<std::string>& files) {
  // A capture that had read all its files stands before the one that would come next.
  if (mark.place.file > files.size()) {
    return misused(fmt::format("the capture had reached its input number {}, only {} given",
                               mark.place.file + 1, files.size()));
  }
  const auto fingerprint = fingerprint_before(files, mark.place);
  if (!fingerprint) return tl::make_unexpected(fingerprint.error());
  if (*fingerprint != mark.fingerprint) {
    return misused("these are not the files that the capture was begun with, or they were changed");
  }
  return {};
}

// Records of the stream at or after its frontier, which opening it will void. Reads the segments
// from the first one on that can hold any.
Result<uint64_t> incomplete_records(const Log& log, const StreamResume& stream) {
  TIDEMARK_ASSIGN(survey, survey_stream(log, stream.stream));
  std::optional<uint64_t> from;
  for (const SegmentSurvey& segment : survey.segments) {
    const bool holds = segment.state == SegmentState::Open ||
                       (segment.bounds && stream.frontier.less_equal(segment.bounds->join));
    if (!holds || segment.state == SegmentState::Prepared ||
        segment.state == SegmentState::SetAside) {
      continue;
    }
    from = segment.first_position;
    break;
  }
  if (!from) return uint64_t{0};
  ReaderOptions options;
  options.segment = from;
  TIDEMARK_ASSIGN(reader, log.reader(stream.stream, options));
  uint64_t records = 0;
  for (;;) {
    TIDEMARK_ASSIGN(status, reader.poll());
    if (status != EventReader::Status::Event) return records;
    const MessagesView* messages = reader.event().messages();
    if (messages != nullptr && stream.frontier.less_equal(messages->time())) {
      records += messages->size();
    }
  }
}

}  // namespace

Outcome<ResumePlan> plan_resume(const Log& log, const std::vector<std::string>& files,
                                const Options& options) {
  auto resume = log.resume_frontier();
  if (!resume) return failed(resume.error(), log.path());
  ResumePlan plan;
  plan.finished = resume->meet.empty();
  std::optional<InputPlace> place;  // the earliest that a stream needs
  bool from_beginning = false;
  for (const StreamResume& stream : resume->streams) {
    if (stream.frontier.empty()) continue;
    if (stream.mark.empty()) {
      // Marks come before everything else, so this stream should have nothing yet.
      if (stream.totals != Totals{}) {
        return misused(
            fmt::format("stream {} was not captured from files by event time", stream.stream));
      }
      from_beginning = true;
      continue;
    }
    const auto mark = decode_mark(stream.mark);
    if (!mark) {
      return misused(fmt::format("cannot go on by the mark of stream {}: {}", stream.stream,
                                 mark.error().message));
    }
    if (auto checked = check_options(mark->options, options); !checked) {
      return tl::make_unexpected(std::move(checked).error());
    }
    if (auto checked = check_inputs(*mark, files); !checked) {
      return tl::make_unexpected(std::move(checked).error());
    }
    if (!place || mark->place.records < place->records) place = mark->place;
    const auto records = incomplete_records(log, stream);
    if (!records) return failed(records.error(), log.path());
    plan.void_records += *records;
  }
  if (place && !from_beginning) plan.place = *place;
  plan.skipped_bytes = plan.place.offset;
  for (uint64_t i = 0; i < plan.place.file; ++i) {
    std::error_code ignored;  // for showing progress only
    const auto bytes = std::filesystem::file_size(files[i], ignored);
    if (!ignored) plan.skipped_bytes += bytes;
  }
  return plan;
}

}  // namespace tidemark::tools
