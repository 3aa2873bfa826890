#include "capture_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <span>
#include <string_view>
#include <system_error>

#include "acknowledgements.h"
#include "capture_marks.h"
#include "human.h"
#include "input_file.h"
#include "json_line.h"
#include "line_reader.h"
#include "output.h"
#include "progress_bar.h"
#include "report.h"
#include "terminal.h"
#include "tidemark/hash.h"

namespace tidemark::tools {
namespace {

using Clock = CaptureStreams::Clock;
using std::chrono::milliseconds;

// One run of the command, from the first line to the last.
class Capture {
 public:
  Capture(const CaptureOptions& options, CaptureStreams& streams, std::optional<uint64_t> total,
          const ResumePlan& resume, bool marks)
      : options_(options),
        streams_(streams),
        total_(total),
        skipped_bytes_(resume.skipped_bytes),
        here_(resume.place),
        frontier_(streams.frontier(), options.lateness),
        json_({options.time_field, options.key_field}),
        output_(Output::standard_output()),
        acknowledgements_(output_),
        bar_("capturing", !(options.acknowledge && output_.is_terminal())) {
    if (marks) marks_.emplace(options.deciding(), options.files);
  }

  // Whatever happens, what waits is appended and synced afterwards.
  Outcome<void> run() {
    counts_.lines = here_.records;
    here_.frontier = frontier_.frontier();
    auto outcome = marks_ ? begin_marks() : Outcome<void>();
    if (outcome) outcome = read_inputs();
    bar_.clear();
    auto settled = settle();
    // The first failure is the one to report; a full disk, say, would fail the second time too.
    return outcome ? settled : outcome;
  }

  const CaptureCounts& counts() const { return counts_; }

 private:
  Outcome<void> read_inputs() {
    while (here_.file < options_.files.size()) {
      const std::string& file = options_.files[here_.file];
      auto input = InputFile::open(file, here_.offset);
      if (!input) return tl::make_unexpected(std::move(input).error());
      LineReader reader(input->descriptor(), streams_.max_record_bytes());
      auto outcome = read_input(reader, name_of_input(file));
      if (!outcome) return outcome;
      // A file that grows is gone on with where it ended; only then comes the next one.
      if (here_.file + 1 == options_.files.size()) return {};
      ++here_.file;
      here_.offset = 0;
      here_.lines = 0;
    }
    return {};
  }

  Outcome<void> begin_marks() {
    auto marked =
        streams_.mark_with([this](uint64_t frontier) { return marks_->token(frontier, here_); });
    return marked ? Outcome<void>() : stopped(marked.error());
  }

  Outcome<void> read_input(LineReader& reader, const std::string& name) {
    const uint64_t bytes_before = counts_.bytes;
    const InputPlace begin = here_;
    bool ended = false;
    while (true) {
      while (const auto line = reader.next()) {
        if (auto taken = take(*line); !taken) {
          taken.error().text += fmt::format(": {}, line {}", name, begin.lines + reader.lines());
          return taken;
        }
        counts_.bytes = bytes_before + reader.bytes();
        here_.offset = begin.offset + reader.bytes();
        here_.lines = begin.lines + reader.lines();
        here_.records = counts_.lines;
        here_.frontier = frontier_.frontier();
      }
      if (reader.too_long()) {
        return failed(
            fmt::format("the line is longer than {} bytes, the most that this --segment-size "
                        "takes: {}, line {}",
                        streams_.max_record_bytes(), name, here_.lines + 1));
      }
      if (ended) return {};
      if (auto tended = tend(); !tended) return tended;
      switch (reader.fill(patience())) {
        case LineReader::Fill::More:
        case LineReader::Fill::TimedOut:
          break;
        case LineReader::Fill::End:
          ended = true;
          break;
        case LineReader::Fill::Interrupted:
          return stopped_by_interrupt();
        case LineReader::Fill::Failed:
          return failed(fmt::format("cannot read: {}: {}, line {}",
                                    std::generic_category().message(reader.error()), name,
                                    here_.lines + 1));
      }
    }
  }

  // One input line, which is input record `counts_.lines`. It is counted once it was taken, so
  // that an acknowledgement never covers the line at which a capture stopped.
  Outcome<void> take(std::string_view line) {
    if (auto sorted = sort_in(line); !sorted) return sorted;
    ++counts_.lines;
    // With every commit durable at once, an acknowledgement can follow it at once.
    if (options_.sync.kind != SyncPolicy::Kind::EveryCommit) return {};
    if (streams_.appends() == appends_seen_) return {};
    appends_seen_ = streams_.appends();
    return tend();
  }

  // Finds the line's stream and time, and adds it there.
  Outcome<void> sort_in(std::string_view line) {
    if (options_.parses_lines()) {
      const auto parsed = json_.parse(line);
      if (!parsed) return bad_line("the line " + parsed.error().message);
    }
    size_t stream = counts_.lines % streams_.size();
    if (!options_.key_field.empty()) {
      const auto key = key_of(json_.field(1));
      if (!key) return bad_field(options_.key_field, key.error());
      stream = hash_bytes(std::as_bytes(std::span(*key))) % streams_.size();
    }
    if (!options_.time_field.empty()) {
      const auto time = time_of(json_.field(0), options_.time_format);
      if (!time) return bad_field(options_.time_field, time.error());
      return add_at(stream, *time, line);
    }
    auto added = streams_.add_now(stream, line, counts_.lines);
    if (!added) return stopped(added.error());
    ++counts_.captured;
    return {};
  }

  Outcome<void> add_at(size_t stream, uint64_t time, std::string_view line) {
    const uint64_t frontier = frontier_.frontier();
    if (frontier_.is_late(time)) {
      switch (options_.late) {
        case Late::Error:
          return failed(
              fmt::format("the record is late: its time is {}, the frontier {}", time, frontier));
        case Late::Drop:
          ++counts_.dropped;
          return {};
        case Late::Clamp:
          ++counts_.clamped;
          break;
      }
    }
    const uint64_t captured_time = std::max(time, frontier);
    if (marks_) marks_->note(captured_time, here_);
    auto added = streams_.add(stream, captured_time, line, counts_.lines);
    if (!added) return stopped(added.error());
    frontier_.advance(time);
    streams_.advance(frontier_.frontier());
    ++counts_.captured;
    return {};
  }

  Outcome<void> bad_line(std::string text) {
    if (!options_.skip_bad_lines) return failed(std::move(text));
    ++counts_.skipped;
    return {};
  }
  Outcome<void> bad_field(const std::string& field, const Error& error) {
    return bad_line(fmt::format("the field \"{}\" {}", field, error.message));
  }

  // The log cannot take more.
  Outcome<void> stopped(const Error& error) const { return failed(error, options_.log); }

  // What has to be done now and then: appending what has waited long enough, acknowledging.
  Outcome<void> tend() {
    if (auto tended = streams_.tend(Clock::now()); !tended) return stopped(tended.error());
    bar_.show(skipped_bytes_ + counts_.bytes, total_, plural(counts_.lines, "record"));
    if (!told_low_space_ && streams_.low_on_space()) {
      told_low_space_ = true;
      warn("capture", fmt::format("the disk is nearly full: {}; `tidemark purge` gives space back",
                                  printable(options_.log)));
    }
    if (!options_.acknowledge) return {};
    acknowledgements_.note(streams_.first_waiting(counts_.lines), streams_.committed());
    return written(acknowledgements_.settle(streams_.durable()));
  }

  // How long the next read may wait. Unset: until something comes.
  std::optional<milliseconds> patience() const {
    std::optional<milliseconds> limit;
    if (const auto deadline = streams_.next_deadline()) {
      limit = std::max(milliseconds(0), std::chrono::ceil<milliseconds>(*deadline - Clock::now()));
    }
    if (acknowledgements_.waiting()) {
      // Nothing tells when the policy has synced, so look a few times in each of its intervals.
      const auto interval = options_.sync.kind == SyncPolicy::Kind::Interval
                                ? options_.sync.interval / 4
                                : milliseconds(50);
      const auto look = std::clamp(interval, milliseconds(1), milliseconds(50));
      limit = limit ? std::min(*limit, look) : look;
    }
    return limit;
  }

  // Appends, syncs and acknowledges what was read; where not all of it can be appended, the rest.
  Outcome<void> settle() {
    const auto flushed = streams_.flush();
    const auto synced = streams_.sync();
    Outcome<void> acknowledged;
    if (synced && options_.acknowledge) {
      acknowledged = written(acknowledgements_.settle_all(streams_.first_waiting(counts_.lines)));
    }
    if (!flushed) return stopped(flushed.error());
    if (!synced) return stopped(synced.error());
    return acknowledged;
  }

  Outcome<void> written(bool ok) {
    if (ok) return {};
    if (output_.pipe_closed()) return failed("nobody reads the acknowledgements: standard output");
    return output_.finish();
  }

  const CaptureOptions& options_;
  CaptureStreams& streams_;
  std::optional<uint64_t> total_;
  uint64_t skipped_bytes_;
  InputPlace here_;  // before the next line
  InputFrontier frontier_;
  std::optional<CaptureMarks> marks_;
  JsonLine json_;
  Output output_;
  Acknowledgements acknowledgements_;
  ProgressBar bar_;
  CaptureCounts counts_;
  uint64_t appends_seen_ = 0;
  bool told_low_space_ = false;
};

}  // namespace

std::vector<std::pair<std::string, std::string>> CaptureOptions::deciding() const {
  constexpr std::array kFormats = {"integer", "unix", "rfc3339"};
  constexpr std::array kLate = {"clamp", "drop", "error"};
  return {{"--time", time_field},
          {"--time-format", kFormats[static_cast<size_t>(time_format)]},
          {"--key", key_field},
          {"--lateness", std::to_string(lateness)},
          {"--late", kLate[static_cast<size_t>(late)]},
          {"--bad-lines", skip_bad_lines ? "skip" : "error"}};
}

CaptureRun run_capture(const CaptureOptions& options, CaptureStreams& streams,
                       std::optional<uint64_t> total, const ResumePlan& resume, bool marks) {
  Capture capture(options, streams, total, resume, marks);
  auto outcome = capture.run();
  return {capture.counts(), std::move(outcome)};
}

}  // namespace tidemark::tools
