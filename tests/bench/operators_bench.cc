// What the operators cost beside the log itself: capturing against appending the same bytes
// directly, and replaying against reading them directly. Medians of interleaved runs, as ratios.
//
//   build/release/tests/bench/operators_bench [EVENTS] [DIRECTORY]

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tidemark/tidemark.h"

using namespace tidemark;
using namespace tidemark::dataflow;

namespace {

struct Record {
  uint64_t words[8];
};
using Records = std::vector<Record>;
using Clock = std::chrono::steady_clock;
constexpr int kRuns = 7;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "operators_bench: %s\n", what);
  std::exit(1);
}

// A source of `events` containers, and what is attached to it.
template <typename Attach>
double run_source(uint64_t events, size_t records, Attach attach) {
  const auto start = Clock::now();
  const auto execution = execute(Config::thread(), [&](Worker& worker) {
    worker.dataflow<uint64_t>([&](auto& scope) {
      attach(source<Records>(scope, "source", [&](auto capability, const auto& context) {
        return [left = events, records, context,
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
  require(execution.ok(), "the dataflow failed");
  return seconds_since(start);
}

template <typename Stream>
void drop(const Stream& stream) {
  stream.sink(Pipeline{}, "drop",
              [](const auto&) { return [](auto& input) { input.for_each([](auto&) {}); }; });
}

class Logs {
 public:
  explicit Logs(std::string directory) : directory_(std::move(directory)) {}
  ~Logs() { std::filesystem::remove_all(path()); }
  std::string path() const { return directory_ + "/operators_bench.tide"; }
  Log fresh() const {
    std::filesystem::remove_all(path());
    return Log::open(path()).value();
  }

 private:
  std::string directory_;
};

const WriterOptions kOptions{.sync = SyncPolicy::none(), .clock = CaptureClock::Coarse};

double append_directly(const Logs& logs, uint64_t events, size_t records) {
  auto writer = logs.fresh().writer(0, writer_options_for<uint64_t, Records>(kOptions)).value();
  const auto start = Clock::now();
  const uint64_t time = 0;
  for (uint64_t i = 0; i < events; ++i) {
    const Records container(records);  // made for each event, as the dataflow does
    require(writer
                .append_messages(std::span(&time, 1), static_cast<uint32_t>(records),
                                 std::as_bytes(std::span(container)))
                .has_value(),
            "an append failed");
  }
  const Change last[] = {{Time(0), -1}};
  require(writer.append_progress(last).has_value(), "an append failed");
  // The operator's pusher is finished by the dataflow's end too.
  require(writer.close().has_value(), "closing failed");
  return seconds_since(start);
}

double capture(const Logs& logs, uint64_t events, size_t records) {
  auto writer = open_writer<uint64_t, Records>(logs.fresh(), 0, kOptions).value();
  return run_source(events, records,
                    [&](const auto& stream) { stream.capture_into(std::move(writer)); });
}

double read_directly(const Logs& logs, uint64_t events) {
  const Log log = Log::open(logs.path()).value();
  const auto start = Clock::now();
  auto reader = log.reader(0).value();
  uint64_t seen = 0;
  while (reader.poll().value() == EventReader::Status::Event) ++seen;
  require(seen == events + 1, "the reader saw another number of events");
  return seconds_since(start);
}

template <typename Container>
double replay(const Logs& logs, uint64_t records) {
  const Log log = Log::open(logs.path()).value();
  const auto start = Clock::now();
  uint64_t seen = 0;
  const auto execution = execute(Config::thread(), [&](Worker& worker) {
    worker.dataflow<uint64_t>([&](auto& scope) {
      std::vector<LogReader<uint64_t, Container>> readers;
      readers.push_back(open_reader<uint64_t, Container>(log, 0).value());
      replay_into(scope, std::move(readers)).sink(Pipeline{}, "count", [&](const auto&) {
        return [&](auto& input) { input.for_each([&](auto& m) { seen += m.data.size(); }); };
      });
    });
  });
  require(execution.ok() && seen == records, "the replay saw another number of records");
  return seconds_since(start);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  const uint64_t events = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 300'000;
  const Logs logs(argc > 2 ? argv[2] : std::filesystem::temp_directory_path().string());
  std::printf("records of 64 B; ns an event, medians of %d interleaved runs\n", kRuns);
  std::printf("%-16s %9s %9s %9s  %9s %9s %9s %9s\n", "records an event", "append", "capture",
              "added/app", "read", "replay", "views", "replay/rd");
  for (const size_t records : std::vector<size_t>{1, 16, 128}) {
    const uint64_t n = std::max<uint64_t>(1000, events / (records < 16 ? 1 : records / 8));
    std::map<std::string, std::vector<double>> runs;
    for (int run = 0; run < kRuns; ++run) {
      runs["append"].push_back(append_directly(logs, n, records));
      runs["bare"].push_back(run_source(n, records, [](const auto& stream) { drop(stream); }));
      runs["capture"].push_back(capture(logs, n, records));
      runs["read"].push_back(read_directly(logs, n));
      runs["replay"].push_back(replay<Records>(logs, n * records));
      runs["views"].push_back(replay<SegmentRecords<Record>>(logs, n * records));
    }
    const auto ns = [&](const char* name) {
      return median(runs[name]) * 1e9 / static_cast<double>(n);
    };
    std::printf("%-16zu %9.0f %9.0f %9.2f  %9.0f %9.0f %9.0f %9.2f\n", records, ns("append"),
                ns("capture"), (ns("capture") - ns("bare")) / ns("append"), ns("read"),
                ns("replay"), ns("views"), ns("replay") / ns("read"));
  }
  return 0;
}
