// `tidemark tail`: the last records of a log, then new ones as they are committed.

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "command.h"
#include "interrupt.h"
#include "options.h"
#include "output.h"
#include "reading.h"
#include "report.h"
#include "tidemark/seek.h"
#include "values.h"

namespace tidemark::tools {
namespace {

using namespace std::chrono_literals;

// Events that one stream may put out before the others have their turn.
constexpr size_t kTurnEvents = 256;

struct TailCommand {
  std::string log;
  std::optional<std::vector<uint32_t>> streams;
  uint64_t records = 10;
  bool follow = false;
  RecordFormat format = RecordFormat::Raw;
  std::string output;
};

// One stream, read from a segment that is near enough to its end.
struct TailedStream {
  uint32_t number;
  EventReader reader;
  uint64_t end;                 // where the stream ended when it was opened
  uint64_t records_before_end;  // from where the reader started
  bool has_event = false;       // reader.event() was not put out yet
  bool finished = false;
};

// Only as much of a stream is read as can hold its last `records` records.
Outcome<TailedStream> open_stream(const Log& log, uint32_t stream, uint64_t records) {
  const auto start = find_start(log, stream, StartPoint::last_records(records));
  if (!start) return failed(start.error(), log.path());
  ReaderOptions options;
  options.segment = start->segment;
  options.waypoint = start->waypoint;
  auto reader = log.reader(stream, options);
  if (!reader) return failed(reader.error(), log.path());
  const uint64_t before = reader->totals().records;
  return TailedStream{stream, *std::move(reader), start->end,
                      start->totals.records - std::min(before, start->totals.records)};
}

class Tailing {
 public:
  Tailing(const TailCommand& command, std::vector<TailedStream> streams, Output& output)
      : command_(command),
        streams_(std::move(streams)),
        output_(output),
        sink_(output, command.format) {}

  Outcome<void> run() {
    auto caught_up = put_last();
    if (!caught_up || !command_.follow || !output_.ok()) return caught_up;
    return follow();
  }

 private:
  // What the streams hold now, merged by the clock of their capture: the first ones are passed
  // over, so that the wanted number is left.
  Outcome<void> put_last() {
    uint64_t available = 0;
    for (const TailedStream& stream : streams_) available += stream.records_before_end;
    uint64_t passed_over = available > command_.records ? available - command_.records : 0;
    while (!interrupted()) {
      TailedStream* earliest = nullptr;
      for (TailedStream& stream : streams_) {
        if (auto looked = look(stream, stream.end); !looked) return looked;
        if (!stream.has_event) continue;
        if (earliest == nullptr ||
            stream.reader.event().captured_at_ns < earliest->reader.event().captured_at_ns) {
          earliest = &stream;
        }
      }
      if (earliest == nullptr) return {};
      if (auto put = put_event(*earliest, passed_over); !put) return put;
      if (!output_.ok()) return {};
    }
    return stopped_by_interrupt();
  }

  Outcome<void> follow() {
    while (!interrupted()) {
      bool any = false;
      bool all_finished = true;
      for (TailedStream& stream : streams_) {
        for (size_t i = 0; i < kTurnEvents; ++i) {
          if (auto looked = look(stream, std::nullopt); !looked) return looked;
          if (!stream.has_event) break;
          any = true;
          uint64_t passed_over = 0;
          if (auto put = put_event(stream, passed_over); !put) return put;
        }
        all_finished = all_finished && stream.finished;
      }
      if (any && output_.ok()) continue;
      if (!output_.flush() || all_finished || output_.reader_is_gone()) return {};
      if (auto waited = wait(); !waited) return waited;
    }
    return stopped_by_interrupt();
  }

  // Finds the stream's next event, where there is one before `end`.
  Outcome<void> look(TailedStream& stream, std::optional<uint64_t> end) {
    if (stream.has_event || stream.finished) return {};
    if (end && stream.reader.position() >= *end) return {};
    const auto status = stream.reader.poll();
    if (!status) return failed(status.error(), command_.log);
    if (*status == EventReader::Status::Voided) {
      warn_void("tail", stream.number, stream.reader.protocol().frontier());
    }
    stream.has_event = *status == EventReader::Status::Event;
    stream.finished = *status == EventReader::Status::Finished;
    return {};
  }

  Outcome<void> put_event(TailedStream& stream, uint64_t& passed_over) {
    stream.has_event = false;
    const MessagesView* messages = stream.reader.event().messages();
    if (messages == nullptr) return {};
    for (uint32_t i = 0; i < messages->size(); ++i) {
      if (passed_over > 0) {
        --passed_over;
        continue;
      }
      const auto put = sink_.put(stream.number, stream.reader.event(), *messages, i);
      if (!put) return tl::make_unexpected(put.error());
      if (!*put) return {};
    }
    return {};
  }

  Outcome<void> wait() {
    waiting_.clear();
    for (TailedStream& stream : streams_) {
      if (!stream.finished) waiting_.push_back(&stream.reader);
    }
    const auto woken = wait_any(waiting_, 100ms);
    if (!woken && woken.error().code != ErrorCode::Interrupted) {
      return failed(woken.error(), command_.log);
    }
    return {};
  }

  const TailCommand& command_;
  std::vector<TailedStream> streams_;
  Output& output_;
  RecordSink sink_;
  std::vector<EventReader*> waiting_;  // scratch of wait()
};

Outcome<void> tail(const TailCommand& command) {
  catch_interrupts();
  auto log = open_log_for_reading(command.log);
  if (!log) return tl::make_unexpected(std::move(log).error());
  auto numbers = choose_streams(*log, command.streams);
  if (!numbers) return tl::make_unexpected(std::move(numbers).error());
  std::vector<TailedStream> streams;
  for (const uint32_t number : *numbers) {
    auto stream = open_stream(*log, number, command.records);
    if (!stream) return tl::make_unexpected(std::move(stream).error());
    streams.push_back(*std::move(stream));
  }
  auto output = Output::open(command.output);
  if (!output) return tl::make_unexpected(std::move(output).error());
  auto outcome = Tailing(command, std::move(streams), *output).run();
  auto finished = output->finish();
  return outcome ? finished : outcome;
}

constexpr const char* kExamples =
    "  tidemark tail trades.tide                the last ten records\n"
    "  tidemark tail trades.tide -n 0 -f        only new ones, until the streams finish or Ctrl-C\n"
    "  tidemark tail trades.tide -f --format ndjson | jq .captured_at";

}  // namespace

void add_tail(CLI::App& tool, Action& action) {
  auto options = std::make_shared<TailCommand>();
  CLI::App& command =
      add_command(tool, "tail", "Put out the last records, and follow new ones.", kExamples);
  add_log(command, options->log, "the log's directory");
  add_value(
      command, "-n,--records", "N", options->records, parse_unsigned,
      "the last N records of the streams together, in the order of their capture (default 10)");
  command.add_flag(
      "-f,--follow", options->follow,
      "then show records as they are committed, until the streams finish; a writer may "
      "die and another come");
  add_value(command, "--streams", "LIST", options->streams, parse_streams,
            "only these streams: 0,2 or 0-3 (default all)");
  add_choice<RecordFormat>(command, "--format", options->format,
                           {{"raw", RecordFormat::Raw}, {"ndjson", RecordFormat::Ndjson}},
                           "the bytes themselves (default), or one JSON envelope a record");
  add_text(command, "-o,--output", "FILE", options->output, "a file instead of standard output");
  command.callback([options, &action] {
    action = [options] {
      const auto outcome = tail(*options);
      return outcome ? Exit::Done : report("tail", outcome.error());
    };
  });
}

}  // namespace tidemark::tools
