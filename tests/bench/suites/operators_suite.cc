// What the operators cost beside the log itself: capturing against appending the same bytes
// directly, and replaying against reading them directly.

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "measure/clock.h"
#include "suites.h"
#include "tidemark/tidemark.h"

namespace tidemark::bench {
namespace {

using namespace tidemark::dataflow;
using measure::Clock;
using measure::ns_since;

struct Record {
  uint64_t words[8];
};
using Records = std::vector<Record>;

const WriterOptions kOptions{.sync = SyncPolicy::none(), .clock = CaptureClock::Coarse};

// So many events of so many records each, in the log at `path`.
struct Load {
  std::string path;
  uint64_t events;
  size_t records;

  double ns_an_event(Clock::time_point start) const {
    return ns_since(start) / static_cast<double>(events);
  }
  tl::unexpected<Error> failed(const char* what) const {
    return fail(ErrorCode::Io, std::string(what) + " of " + path + " failed");
  }
};

// A source of containers, and what is attached to it.
template <typename Attach>
Result<double> run_source(const Load& load, Attach attach) {
  const auto start = Clock::now();
  const auto execution = execute(Config::thread(), [&](Worker& worker) {
    worker.dataflow<uint64_t>([&](auto& scope) {
      attach(source<Records>(scope, "source", [&](auto capability, const auto& context) {
        return [left = load.events, records = load.records, context,
                held = std::optional(std::move(capability))](auto& output) mutable {
          if (!held) return;
          auto session = output.session(*held);
          for (int i = 0; i < 16 && left > 0; ++i, --left) {
            session.give_container(Records(records));
          }
          if (left == 0) {
            held.reset();
          } else {
            context.activate();
          }
        };
      }));
    });
  });
  if (!execution.ok()) return load.failed("the dataflow");
  return load.ns_an_event(start);
}

Result<double> append_directly(const Load& load) {
  TIDEMARK_ASSIGN(log, Log::open(load.path, {.refuse_existing = true}));
  TIDEMARK_ASSIGN(writer, log.writer(0, writer_options_for<uint64_t, Records>(kOptions)));
  const auto start = Clock::now();
  const uint64_t time = 0;
  for (uint64_t i = 0; i < load.events; ++i) {
    const Records container(load.records);  // made for each event, as the dataflow does
    TIDEMARK_TRY(writer.append_messages(std::span(&time, 1), static_cast<uint32_t>(load.records),
                                        std::as_bytes(std::span(container))));
  }
  const Change last[] = {{Time(0), -1}};
  TIDEMARK_TRY(writer.append_progress(last));
  // The operator's pusher is finished by the dataflow's end too.
  TIDEMARK_TRY(writer.close());
  return load.ns_an_event(start);
}

// What capturing adds to a dataflow that drops the same records.
Result<double> capture(const Load& load) {
  TIDEMARK_ASSIGN(bare, run_source(load, [](const auto& stream) {
                    stream.sink(Pipeline{}, "drop", [](const auto&) {
                      return [](auto& input) { input.for_each([](auto&) {}); };
                    });
                  }));
  TIDEMARK_ASSIGN(log, Log::open(load.path, {.refuse_existing = true}));
  auto writer = open_writer<uint64_t, Records>(log, 0, kOptions);
  if (!writer) return tl::make_unexpected(std::move(writer).error());
  TIDEMARK_ASSIGN(captured, run_source(load, [&](const auto& stream) {
                    stream.capture_into(*std::move(writer));
                  }));
  return captured - bare;
}

Result<double> read_directly(const Load& load) {
  TIDEMARK_ASSIGN(log, Log::open(load.path));
  const auto start = Clock::now();
  TIDEMARK_ASSIGN(reader, log.reader(0));
  for (uint64_t seen = 0;; ++seen) {
    TIDEMARK_ASSIGN(status, reader.poll());
    if (status == EventReader::Status::Event) continue;
    if (seen != load.events + 1) return load.failed("reading");
    return load.ns_an_event(start);
  }
}

template <typename Container>
Result<double> replay(const Load& load) {
  TIDEMARK_ASSIGN(log, Log::open(load.path));
  const auto start = Clock::now();
  auto reader = open_reader<uint64_t, Container>(log, 0);
  if (!reader) return tl::make_unexpected(std::move(reader).error());
  uint64_t seen = 0;
  const auto execution = execute(Config::thread(), [&](Worker& worker) {
    worker.dataflow<uint64_t>([&](auto& scope) {
      std::vector<LogReader<uint64_t, Container>> readers;
      readers.push_back(*std::move(reader));
      replay_into(scope, std::move(readers)).sink(Pipeline{}, "count", [&](const auto&) {
        return [&](auto& input) { input.for_each([&](auto& m) { seen += m.data.size(); }); };
      });
    });
  });
  if (!execution.ok() || seen != load.events * load.records) return load.failed("the replay");
  return load.ns_an_event(start);
}

}  // namespace

void operators_suite(Bench& bench) {
  bench.note(
      "records of 64 B, one worker; capture: what capture_into adds to a dataflow, beside "
      "appending "
      "the same bytes directly; replay: replay_into as vectors and as views (SegmentRecords), "
      "beside the bare reader");
  for (const size_t records : {size_t{1}, size_t{16}, size_t{128}}) {
    const uint64_t usual = 300'000 / (records < 16 ? 1 : records / 8);
    const Load load = {bench.scratch() / "operators", bench.options().size(usual, 200), records};
    const auto fresh = [&](const auto& run) {
      return [&load, &bench, run] {
        bench.scratch().fresh("operators");
        return run(load);
      };
    };
    const std::string shape = std::to_string(records) + " x 64 B";
    Row row;
    row.name = "capture, " + shape;
    row.unit = "ns/event";
    row.contestants = {contestant("log alone", Role::Limit, fresh(append_directly)),
                       contestant("ours", Role::Ours, fresh(capture))};
    bench.run(std::move(row));
    row = {};
    row.name = "replay, " + shape;
    row.unit = "ns/event";
    row.contestants = {
        contestant("log alone", Role::Limit, [&] { return read_directly(load); }),
        contestant("ours", Role::Ours, [&] { return replay<Records>(load); }),
        contestant("ours, views", Role::Ours, [&] { return replay<SegmentRecords<Record>>(load); }),
    };
    bench.run(std::move(row));
  }
  bench.scratch().fresh("operators");
}

}  // namespace tidemark::bench
