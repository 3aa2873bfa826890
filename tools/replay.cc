// `tidemark replay`: the records of a log back out.

#include "tidemark/replay.h"

#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "command.h"
#include "event_times.h"
#include "interrupt.h"
#include "options.h"
#include "output.h"
#include "reading.h"
#include "replay_cursor.h"
#include "replay_output.h"
#include "replay_workers.h"
#include "report.h"
#include "values.h"

namespace tidemark::tools {
namespace {

using namespace std::chrono_literals;

struct ReplayCommand {
  std::string log;
  std::optional<std::vector<uint32_t>> streams;
  Order order = Order::Stream;
  Delivery delivery = Delivery::Eager;
  EndMode end = EndMode::Release;
  std::string from;
  std::string until;
  std::string around;
  double rate = 0;  // 0: as fast as possible
  std::optional<uint64_t> workers;
  bool follow = false;
  std::string cursor;
  RecordFormat format = RecordFormat::Raw;
  std::string output;
};

// Until the replay ends, fails, or nobody wants more.
// `cursor` may be null.
Outcome<void> replay_here(const ReplayCommand& command, Replay& replay, const RecordSink& sink,
                          ReplayOutput& output, ReplayCursor* cursor, Output& file) {
  RenderedEvent rendered;
  while (!interrupted()) {
    auto status = replay.poll();
    if (status && *status == Replay::Status::Pending) {
      // Nothing is written for a while: what was written must be seen.
      if (!output.flush()) return {};
      if (cursor != nullptr) TIDEMARK_TRY(cursor->commit(replay, file));
      status = replay.next(100ms);
    }
    if (!status) return failed(status.error(), command.log);
    if (*status == Replay::Status::Finished) return {};
    if (*status == Replay::Status::Pending) continue;
    if (*status == Replay::Status::Voided) {
      warn_void("replay", replay.event().stream.value_or(0), replay.void_frontier());
      continue;
    }
    const ReplayedEvent& replayed = replay.event();
    const MessagesView* messages = replayed.messages();
    if (messages == nullptr) continue;
    const uint32_t stream = replayed.stream.value_or(0);
    TIDEMARK_TRY(render(rendered, sink, stream, replayed.event, *messages));
    if (!output.put(rendered)) return {};
    if (cursor != nullptr && cursor->due(rendered.ends.size())) {
      TIDEMARK_TRY(cursor->commit(replay, file));
    }
  }
  return stopped_by_interrupt();
}

Outcome<void> replay(const ReplayCommand& command) {
  catch_interrupts();
  auto log = open_log_for_reading(command.log);
  if (!log) return tl::make_unexpected(std::move(log).error());
  auto streams = choose_streams(*log, command.streams);
  if (!streams) return tl::make_unexpected(std::move(streams).error());

  ReplayOptions options;
  options.order = command.around.empty() ? command.order : Order::Time;
  options.delivery = command.delivery;
  options.end = command.end;
  options.follow = command.follow;
  std::optional<Time> around;
  Outcome<TimeShape> shape;
  if (command.workers || !command.from.empty() || !command.until.empty() ||
      !command.around.empty()) {
    shape = time_shape_of(*log, *streams);
    if (!shape) return tl::make_unexpected(shape.error());
    auto from = bound_of("--from", command.from, *shape);
    auto until = bound_of("--until", command.until, *shape);
    auto at = bound_of("--around", command.around, *shape);
    for (const auto* bound : {&from, &until, &at}) {
      if (!*bound) return tl::make_unexpected(bound->error());
    }
    options.from = *from;
    options.until = *until;
    around = *at;
    // What lies further off is not read. It may be all that is complete.
    if (around && command.delivery == Delivery::Eager) {
      const auto near = surroundings_of(*log, *streams, *around, ReplayOutput::kAroundRecords);
      if (!near) return failed(near.error(), command.log);
      options.from = near->from;
      options.until = near->until;
    }
  }
  std::optional<ReplayCursor> cursor;
  if (!command.cursor.empty()) {
    auto opened = ReplayCursor::open(*log, command.log, command.cursor, *streams);
    if (!opened) return tl::make_unexpected(std::move(opened).error());
    cursor.emplace(*std::move(opened));
    options.positions = cursor->positions(*streams);
  }
  // One replay of all streams, or one of each for the workers to share.
  std::vector<Replay> replays;
  const size_t streams_each = command.workers ? 1 : streams->size();
  for (size_t i = 0; i < streams->size(); i += streams_each) {
    auto opened = Replay::open(*log, std::span(*streams).subspan(i, streams_each),
                               command.workers ? options_on_workers(options) : options);
    if (!opened) return failed(opened.error(), command.log);
    replays.push_back(*std::move(opened));
  }
  auto output = Output::open(command.output);
  if (!output) return tl::make_unexpected(std::move(output).error());

  // Now, so that nothing that it is going to read is purged meanwhile.
  if (cursor) TIDEMARK_TRY(cursor->commit(replays.front(), *output));

  const RecordSink sink(*output, command.format);
  ReplayOutput replay_output(*output, command.rate, around);
  auto outcome = command.workers
                     ? replay_on_workers(*command.workers, std::move(replays), *streams, options,
                                         *shape, command.log, sink, replay_output)
                     : replay_here(command, replays.front(), sink, replay_output,
                                   cursor ? &*cursor : nullptr, *output);
  replay_output.end();
  // Also after an interrupt or damage: what precedes it was put out.
  if (cursor) {
    // --cursor excludes --workers, which would have taken it.
    // NOLINTNEXTLINE(bugprone-use-after-move)
    auto moved = cursor->commit(replays.front(), *output);
    if (!moved && outcome) outcome = std::move(moved);
  }
  auto finished = output->finish();
  return outcome ? finished : outcome;
}

constexpr const char* kExamples =
    "  tidemark replay trades.tide                        every record, each stream in its order\n"
    "  tidemark replay trades.tide --order time           merged by event time\n"
    "  tidemark replay trades.tide --from 2026-11-22T09:00:00Z --until 2026-11-22T10:00:00Z\n"
    "  tidemark replay trades.tide --follow --delivery complete --format ndjson\n"
    "  tidemark replay trades.tide --cursor billing | consumer   what it has not seen yet\n"
    "  tidemark replay trades.tide --workers 4 --order time   verified and rendered by four "
    "threads\n"
    "  tidemark replay trades.tide --rate 10 | consumer   ten times as fast as it was captured";

}  // namespace

void add_replay(CLI::App& tool, Action& action) {
  auto options = std::make_shared<ReplayCommand>();
  CLI::App& command = add_command(
      tool, "replay", "Put the records of a log out again, each exactly as it was captured.",
      kExamples);
  add_log(command, options->log, "the log's directory");
  add_value(command, "--streams", "LIST", options->streams, parse_streams,
            "only these streams: 0,2 or 0-3 (default all)");
  CLI::Option* order = add_choice<Order>(
      command, "--order", options->order, {{"stream", Order::Stream}, {"time", Order::Time}},
      "each stream's own order (default), or merged by event time, as frontiers pass");
  add_choice<Delivery>(command, "--delivery", options->delivery,
                       {{"eager", Delivery::Eager}, {"complete", Delivery::Complete}},
                       "records as they were committed (default), or only those of times that the "
                       "frontier has passed, durable data");
  CLI::Option* from =
      add_text(command, "--from", "T", options->from,
               "only records at event times from T on; a number, or RFC 3339 for ns");
  CLI::Option* until =
      add_text(command, "--until", "T", options->until, "only records at event times before T");
  CLI::Option* around =
      add_text(command, "--around", "T", options->around,
               fmt::format(
                   "the last {0} records before event time T and the first {0} from T on, in time "
                   "order",
                   ReplayOutput::kAroundRecords))
          ->excludes(from)
          ->excludes(until)
          ->excludes(order);
  add_value(command, "--rate", "X|max", options->rate, parse_rate,
            "X times as fast as the capture clock ran (default max)");
  CLI::Option* workers = add_value(
      command, "--workers", "M", options->workers,
      [](std::string_view text) { return parse_between(text, 1, 1024); },
      "replay on M workers of a dataflow, which share the streams (default: without one)");
  add_text(command, "--cursor", "NAME", options->cursor,
           "start at this cursor, at the beginning where there is none, and move it over what was "
           "put out: after a crash some records come again, and none is left out")
      ->excludes(around)
      ->excludes(workers);
  command.add_flag("--follow", options->follow,
                   "keep up with a live log until its streams finish (default: stop where they end "
                   "now)");
  add_choice<EndMode>(
      command, "--end", options->end,
      {{"release", EndMode::Release}, {"hold", EndMode::Hold}, {"wait", EndMode::Wait}},
      "at the end of a stream that is not finished and has no writer: end it there "
      "(default), keep its times open, or wait for another writer");
  add_choice<RecordFormat>(command, "--format", options->format,
                           {{"raw", RecordFormat::Raw}, {"ndjson", RecordFormat::Ndjson}},
                           "the bytes themselves (default), or one JSON envelope a record");
  add_text(command, "-o,--output", "FILE", options->output, "a file instead of standard output");
  command.callback([options, &action] {
    action = [options] {
      const auto outcome = replay(*options);
      return outcome ? Exit::Done : report("replay", outcome.error());
    };
  });
}

}  // namespace tidemark::tools
