// `tidemark replay`: the records of a log back out.

#include "tidemark/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "command.h"
#include "event_times.h"
#include "human.h"
#include "interrupt.h"
#include "options.h"
#include "output.h"
#include "progress_bar.h"
#include "reading.h"
#include "report.h"
#include "values.h"

namespace tidemark::tools {
namespace {

using namespace std::chrono_literals;

// `--around T` shows so many records before T, and as many from T on.
constexpr size_t kAroundRecords = 10;

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
  bool follow = false;
  RecordFormat format = RecordFormat::Raw;
  std::string output;
};

// Holds back what comes too early: each event at its distance in time from the first one.
class Pace {
 public:
  explicit Pace(double rate) : rate_(rate) {}

  // Waits until the event captured then is due; flushes first, so that nothing written waits too.
  void wait_for(uint64_t captured_at_ns, Output& output) {
    if (rate_ == 0) return;
    if (!first_) {
      first_ = captured_at_ns;
      started_ = Clock::now();
    }
    const auto distance_ns =
        static_cast<double>(captured_at_ns - std::min(*first_, captured_at_ns));
    const std::chrono::duration<double, std::nano> distance(distance_ns / rate_);
    // Slices, so that an interrupt, or a reader that goes away, is noticed.
    while (!interrupted()) {
      const auto left = distance - (Clock::now() - started_);
      if (left.count() <= 0 || !output.flush() || output.reader_is_gone()) return;
      std::this_thread::sleep_for(std::min<std::chrono::duration<double, std::nano>>(left, 50ms));
    }
  }

 private:
  using Clock = std::chrono::steady_clock;

  double rate_;
  std::optional<uint64_t> first_;
  Clock::time_point started_;
};

// Records around a time, in time order: the last few before it are kept until it is reached.
class Around {
 public:
  Around(std::optional<Time> time, const RecordSink& sink) : time_(time), sink_(sink) {}

  bool wanted() const { return time_.has_value(); }

  // Returns false where no more records are wanted.
  Outcome<bool> put(Output& output, uint32_t stream, const EventView& event,
                    const MessagesView& messages, uint32_t index) {
    std::string text;
    if (auto rendered = sink_.render(text, stream, event, messages, index); !rendered) {
      return tl::make_unexpected(std::move(rendered).error());
    }
    if (!less_equal(*time_, messages.time())) {
      before_.push_back(std::move(text));
      if (before_.size() > kAroundRecords) before_.pop_front();
      return true;
    }
    release(output);
    return output.write(text) && ++after_ < kAroundRecords;
  }

  void release(Output& output) {
    for (const std::string& text : before_) output.write(text);
    before_.clear();
  }

 private:
  std::optional<Time> time_;
  const RecordSink& sink_;
  std::deque<std::string> before_;
  size_t after_ = 0;
};

// The shape of the log's times, by which options give theirs; the default of an empty log.
Outcome<TimeShape> time_shape_of(const Log& log, const std::vector<uint32_t>& streams) {
  for (const uint32_t stream : streams) {
    auto reader = log.reader(stream);
    if (!reader) return failed(reader.error(), log.path());
    if (!reader->traits()) static_cast<void>(reader->poll());
    if (reader->traits()) return reader->traits()->time;
  }
  return TimeShape{};
}

Outcome<std::optional<Time>> bound_of(const std::string& name, const std::string& text,
                                      TimeShape shape) {
  if (text.empty()) return std::nullopt;
  auto time = parse_time(text, shape);
  if (!time) return misused(fmt::format("{}: {}", name, time.error().message));
  return *time;
}

class Replaying {
 public:
  Replaying(const ReplayCommand& command, Replay& replay, Output& output,
            std::optional<Time> around)
      : command_(command),
        replay_(replay),
        output_(output),
        sink_(output, command.format),
        pace_(command.rate),
        around_(around, sink_),
        bar_("replaying", output.is_file()) {}

  // Until the replay ends, fails, or nobody wants more.
  Outcome<void> run() {
    auto outcome = step_until_the_end();
    around_.release(output_);
    bar_.clear();
    return outcome;
  }

 private:
  Outcome<void> step_until_the_end() {
    while (!interrupted()) {
      auto status = replay_.poll();
      if (status && *status == Replay::Status::Pending) {
        // Nothing is written for a while: what was written must be seen.
        if (!output_.flush() || output_.reader_is_gone()) return {};
        status = replay_.next(100ms);
      }
      if (!status) return failed(status.error(), command_.log);
      if (*status == Replay::Status::Finished) return {};
      if (*status == Replay::Status::Pending) continue;
      const auto more = put(replay_.event());
      if (!more) return tl::make_unexpected(more.error());
      if (!*more) return {};
    }
    return stopped_by_interrupt();
  }

  Outcome<bool> put(const ReplayedEvent& replayed) {
    const MessagesView* messages = replayed.messages();
    if (messages == nullptr) return true;
    const uint32_t stream = replayed.stream.value_or(0);
    pace_.wait_for(replayed.event.captured_at_ns, output_);
    for (uint32_t i = 0; i < messages->size(); ++i) {
      bytes_ += messages->record(i).size() + 1;
      auto more = around_.wanted() ? around_.put(output_, stream, replayed.event, *messages, i)
                                   : sink_.put(stream, replayed.event, *messages, i);
      if (!more || !*more) return more;
    }
    records_ += messages->size();
    bar_.show(bytes_, std::nullopt, plural(records_, "record"));
    return true;
  }

  const ReplayCommand& command_;
  Replay& replay_;
  Output& output_;
  RecordSink sink_;
  Pace pace_;
  Around around_;
  ProgressBar bar_;
  uint64_t records_ = 0;
  uint64_t bytes_ = 0;
};

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
  if (!command.from.empty() || !command.until.empty() || !command.around.empty()) {
    const auto shape = time_shape_of(*log, *streams);
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
  }
  auto replay = Replay::open(*log, *streams, options);
  if (!replay) return failed(replay.error(), command.log);
  auto output = Output::open(command.output);
  if (!output) return tl::make_unexpected(std::move(output).error());

  auto outcome = Replaying(command, *replay, *output, around).run();
  auto finished = output->finish();
  return outcome ? finished : outcome;
}

constexpr const char* kExamples =
    "  tidemark replay trades.tide                        every record, each stream in its order\n"
    "  tidemark replay trades.tide --order time           merged by event time\n"
    "  tidemark replay trades.tide --from 2026-11-22T09:00:00Z --until 2026-11-22T10:00:00Z\n"
    "  tidemark replay trades.tide --follow --delivery complete --format ndjson\n"
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
  add_text(
      command, "--around", "T", options->around,
      fmt::format("the last {0} records before event time T and the first {0} from T on, in time "
                  "order",
                  kAroundRecords))
      ->excludes(from)
      ->excludes(until)
      ->excludes(order);
  add_value(command, "--rate", "X|max", options->rate, parse_rate,
            "X times as fast as the capture clock ran (default max)");
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
