// What becomes of the figures with more streams, more readers, and longer logs.

#include <fmt/format.h>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "scale_runs.h"
#include "suites.h"

namespace tidemark::bench {
namespace {

using namespace measure;

// What must stay free on the disk beside a log.
constexpr uint64_t kSpareBytes = uint64_t{4} << 30;

bool has_room(const Bench& bench, uint64_t bytes) {
  std::error_code error;
  const auto space = std::filesystem::space(bench.scratch().path(), error);
  return !error && space.available >= bytes + kSpareBytes;
}

void run_streams(Bench& bench) {
  const uint64_t events = bench.options().size(200'000, 500);
  for (const uint32_t streams : {1U, 2U, 4U, 8U}) {
    Row row;
    row.name = fmt::format("{} stream{}", streams, streams == 1 ? "" : "s");
    row.unit = "ns/event";
    row.contestants = {
        contestant("bare loop", Role::Limit,
                   [&] {
                     return append_barely_in_threads(bench.scratch().path(), streams, Shape{},
                                                     events);
                   }),
        contestant("ours", Role::Ours,
                   [&] {
                     return append_to_streams(bench.scratch().fresh("scale"), streams, Shape{},
                                              events);
                   }),
    };
    bench.run(std::move(row));
  }
}

void run_tailers(Bench& bench) {
  const uint64_t events = bench.options().size(40'000, 500);
  const auto path = [&] { return bench.scratch().fresh("scale"); };
  // Found out once, with the rolls that the appends below meet too.
  const auto top = append_while_tailed(path(), {.events = events});
  struct Tailers {
    uint32_t count;
    bool spinning;
  };
  for (const bool flat_out : {false, true}) {
    // More than one that spins would take the writer's processor, where there are two.
    for (const auto [count, spinning] :
         {Tailers{1, false}, Tailers{1, true}, Tailers{2, false}, Tailers{4, false}}) {
      TailedPlan plan = {.spinning = spinning, .events = events};
      if (top && !flat_out) plan.ns_an_event = 4 * *top;
      const auto run = [&top, &path](TailedPlan tailed, uint32_t tailers) -> Result<double> {
        if (!top) return tl::make_unexpected(top.error());
        tailed.tailers = tailers;
        return append_while_tailed(path(), tailed);
      };
      Row row;
      row.name = fmt::format("{}, {} {} tailer{}", flat_out ? "top rate" : "quarter of top rate",
                             count, spinning ? "spinning" : "sleeping", count == 1 ? "" : "s");
      row.unit = "ns/append";
      row.contestants = {
          contestant("no tailer", Role::Limit, [=] { return run(plan, 0); }),
          contestant("ours", Role::Ours, [=, tailers = count] { return run(plan, tailers); }),
      };
      bench.run(std::move(row));
    }
  }
}

void run_lengths(Bench& bench) {
  std::vector<int> powers = {5, 6, 7};
  if (bench.options().quick) powers = {3, 4};
  if (bench.options().large) powers.push_back(8);
  const auto log_path = [&](int power) { return fmt::format("scale 10^{}", power); };
  const int shortest = powers.front();
  for (const int power : powers) {
    uint64_t events = 1;
    for (int i = 0; i < power; ++i) events *= 10;
    if (!has_room(bench, events * 160)) {
      bench.note(fmt::format("10^{} events were skipped: the disk has no room for them", power));
      continue;
    }
    const std::string path = bench.scratch() / log_path(power);
    Row row;
    row.name = fmt::format("10^{} events", power);
    row.unit = "ns/event";
    row.metrics = {"append", "replay"};
    row.runs = power >= 8 ? 1 : 0;
    row.contestants = {{"ours", Role::Ours, [&]() -> Result<std::vector<double>> {
                          TIDEMARK_ASSIGN(
                              appended,
                              append_in_order(bench.scratch().fresh(log_path(power)), events));
                          TIDEMARK_ASSIGN(read, read_in_order(path, events));
                          return std::vector<double>{appended, read};
                        }}};
    bench.run(std::move(row));

    Row seek;
    seek.name = fmt::format("seek by time, 10^{} events", power);
    seek.unit = "ns";
    seek.contestants = {
        contestant("ours", Role::Ours, [&] { return seek_in_order(path, events); })};
    if (power != shortest) {
      uint64_t fewest = 1;
      for (int i = 0; i < shortest; ++i) fewest *= 10;
      seek.contestants.push_back(contestant(
          fmt::format("10^{} events", shortest), Role::Limit,
          [&, fewest] { return seek_in_order(bench.scratch() / log_path(shortest), fewest); }));
    }
    bench.run(std::move(seek));
    if (power != shortest) bench.scratch().fresh(log_path(power));
  }
  bench.scratch().fresh(log_path(shortest));
}

void run_sizes(Bench& bench) {
  constexpr uint64_t kGigabyte = 1'000'000'000;
  constexpr uint64_t kMegabyte = 1'000'000;
  std::vector<uint64_t> sizes = {bench.options().size(kGigabyte, 8 * kMegabyte)};
  if (bench.options().large) sizes.insert(sizes.end(), {10 * kGigabyte, 30 * kGigabyte});
  const auto name = [](uint64_t bytes) {
    return bytes >= kGigabyte ? fmt::format("{} GB", bytes / kGigabyte)
                              : fmt::format("{} MB", bytes / kMegabyte);
  };
  // After each kill, so much more is written before the next one.
  const uint64_t step = bench.options().size(64 * kMegabyte, kMegabyte);
  const auto path = [&](uint64_t bytes) { return bench.scratch() / ("scale " + name(bytes)); };
  std::vector<uint64_t> ends(sizes.size());
  for (size_t i = 0; i < sizes.size(); ++i) {
    const uint64_t bytes = sizes[i];
    if (!has_room(bench, bytes + 8 * step)) {
      bench.note("a log of " + name(bytes) + " was skipped: the disk has no room for it");
      continue;
    }
    Row memory;
    memory.unit = "MiB";
    memory.runs = 1;
    memory.name = "memory of a capture, " + name(bytes);
    memory.contestants = {contestant("ours", Role::Ours, [&] {
      ends[i] = bytes;
      return write_until_killed(path(bytes), bytes);
    })};
    bench.run(memory);

    Row open;
    open.name = "open after a kill, " + name(bytes);
    open.unit = "ns";
    const auto reopen = [&](size_t log) -> Result<double> {
      ends[log] += step;
      TIDEMARK_TRY(write_until_killed(path(sizes[log]), ends[log]));
      return open_after_kill(path(sizes[log]));
    };
    open.contestants = {contestant("ours", Role::Ours, [&, i] { return reopen(i); })};
    if (i > 0) {
      open.contestants.push_back(
          contestant(name(sizes[0]), Role::Limit, [&] { return reopen(0); }));
    }
    bench.run(std::move(open));

    memory.name = "memory of a replay, " + name(bytes);
    memory.contestants = {
        contestant("ours", Role::Ours, [&] { return memory_of_replay(path(bytes)); })};
    bench.run(std::move(memory));
    if (i > 0) bench.scratch().fresh("scale " + name(bytes));
  }
  bench.scratch().fresh("scale " + name(sizes[0]));
}

}  // namespace

void scale_suite(Bench& bench) {
  bench.note(
      "streams: records of 64 B, a thread each, from empty logs on, the bare loops into files that "
      "were touched before; tailers: records of 1 KiB, other processes; what an append takes the "
      "writer, which at a quarter of its top rate appends 16 at once and then waits, which is not "
      "counted; lengths: 64 B, a time each; a seek opens the log; sizes: 1 KiB, default sync; "
      "memory "
      "is private memory, without mapped pages; beside a figure, in parentheses, the smallest "
      "size's by it");
  run_streams(bench);
  run_tailers(bench);
  run_lengths(bench);
  run_sizes(bench);
  bench.scratch().fresh("scale");
}

}  // namespace tidemark::bench
