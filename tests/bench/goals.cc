#include "goals.h"

#include <algorithm>
#include <string_view>

namespace tidemark::bench {
namespace {

class Figures {
 public:
  explicit Figures(std::span<const Line> lines) : lines_(lines) {}

  const Line* line(std::string_view suite, std::string_view name) const {
    const auto found = std::find_if(lines_.begin(), lines_.end(), [&](const Line& line) {
      return line.suite == suite && line.name == name;
    });
    return found == lines_.end() ? nullptr : &*found;
  }

  std::optional<double> value(std::string_view suite, std::string_view name,
                              std::string_view series) const {
    const Line* found = line(suite, name);
    const Series* one = found == nullptr ? nullptr : found->find(series);
    if (one == nullptr || !one->measured()) return std::nullopt;
    return one->value();
  }

  // Of two figures of one line: `above` by `below`.
  std::optional<double> ratio(std::string_view suite, std::string_view name, std::string_view above,
                              std::string_view below) const {
    return quotient(value(suite, name, above), value(suite, name, below));
  }

  // The quickest of the databases that commit each event, by ours.
  std::optional<double> best_unbatched(std::string_view suite, std::string_view name) const {
    std::optional<double> least;
    for (const std::string_view peer : {"RocksDB", "LMDB", "SQLite"}) {
      const auto found = value(suite, name, peer);
      if (found && (!least || *found < *least)) least = found;
    }
    return quotient(least, value(suite, name, "ours"));
  }

  static std::optional<double> quotient(std::optional<double> above, std::optional<double> below) {
    if (!above || !below || *below == 0) return std::nullopt;
    return *above / *below;
  }

 private:
  std::span<const Line> lines_;
};

}  // namespace

std::vector<Goal> judge_goals(std::span<const Line> lines) {
  const Figures figures(lines);
  std::vector<Goal> goals;
  const auto at_least = [&](std::string what, double wanted, std::optional<double> measured,
                            std::string unit = {}) {
    goals.push_back({std::move(what), true, wanted, std::move(unit), measured});
  };
  const auto at_most = [&](std::string what, double wanted, std::optional<double> measured,
                           std::string unit = {}) {
    goals.push_back({std::move(what), false, wanted, std::move(unit), measured});
  };

  const auto append = [&](std::string_view row, std::string_view how = "ours") {
    return figures.ratio("append", row, "bare loop", how);
  };
  constexpr std::string_view kMany = "ours, 64 a call";
  at_least("append 1 x 1 KiB, against the limit", 0.9, append("1 x 1 KiB"));
  at_least("the same, 64 events a call", 0.9, append("1 x 1 KiB", kMany));
  at_least("append 1 x 64 B, against the limit", 0.5, append("1 x 64 B"));
  at_least("the same, 64 events a call", 0.5, append("1 x 64 B", kMany));
  at_least("append 128 x 64 B, records a second against the limit", 0.9, append("128 x 64 B"));
  at_least("append 64 B, against the buffered length-prefixed writer", 2,
           figures.ratio("append", "1 x 64 B", "buffered file", "ours"), "x");
  at_least("the same, 64 events a call", 2,
           figures.ratio("append", "1 x 64 B", "buffered file", kMany), "x");
  at_least("append 64 B, against the best unbatched database", 50,
           figures.best_unbatched("append", "1 x 64 B"), "x");
  at_least("durable append, against pwrite+fdatasync (p50)", 0.95,
           figures.ratio("durable", "1 stream, p50", "pwrite+fdatasync", "ours"));
  at_least("durable append, 8 streams: commits a second against 8 writers of pwrite+fdatasync", 1,
           figures.ratio("durable", "8 streams at once", "pwrite+fdatasync", "ours"));
  const auto replay = [&](std::string_view row) {
    return figures.ratio("replay", row, "XXH3 scan", "ours");
  };
  at_least("replay verified, 1 x 1 KiB, against the XXH3 scan", 0.85, replay("1 x 1 KiB"));
  at_least("replay verified, 1 x 64 B, against the XXH3 scan", 0.5, replay("1 x 64 B"));
  at_most("tail latency p50, spinning, against the bounced cache line", 2,
          figures.ratio("tail", "20,000/s, spinning, p50", "ours", "cache line"), "x");
  at_most("tail latency p50, sleeping, against a bare futex wake", 1.2,
          figures.ratio("tail", "20,000/s, sleeping, p50", "ours", "futex wake"), "x");
  for (const std::string how : {"sleeping", "spinning"}) {
    const auto slower =
        figures.ratio("scale", "quarter of top rate, 1 " + how + " tailer", "ours", "no tailer");
    at_most("writer's slowdown with 1 " + how + " tailer, 1 KiB at a quarter of its top rate", 10,
            slower ? std::optional((*slower - 1) * 100) : std::nullopt, "%");
  }
  at_most("open after a kill, 30 GB against 1 GB, default sync", 1.2,
          figures.ratio("scale", "open after a kill, 30 GB", "ours", "1 GB"), "x");
  at_most("seek by time, 10^8 against 10^5 events, ordered times", 2,
          figures.ratio("scale", "seek by time, 10^8 events", "ours", "10^5 events"), "x");
  at_most("resident memory beyond mapped pages, 30 GB replay", 64,
          figures.value("scale", "memory of a replay, 30 GB", "ours"), "MiB");
  at_most("resident memory beyond mapped pages, 30 GB capture", 64,
          figures.value("scale", "memory of a capture, 30 GB", "ours"), "MiB");
  at_most("space, 1 x 64 B", 160, figures.value("space", "1 x 64 B, event", "ours"), "B");
  at_most("space, 128 x 64 B, by payload", 1.05,
          Figures::quotient(figures.value("space", "128 x 64 B, event", "ours"), 128 * 64), "x");
  return goals;
}

}  // namespace tidemark::bench
