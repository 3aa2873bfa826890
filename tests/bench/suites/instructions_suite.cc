// Instructions in user space of an append and of a verified poll, by single steps: they repeat
// exactly. tests/store/cost_gate_test.cc holds them to limits.

#include <memory>
#include <string>

#include "measure/log_runs.h"
#include "suites.h"
#include "support/instruction_count.h"
#include "tidemark/log.h"

namespace tidemark::bench {
namespace {

using namespace measure;

// Few enough that the first segment holds them before its successor is prepared.
constexpr uint64_t kCounted = 100;
constexpr uint64_t kBefore = 4;  // the first ones take the long way

Result<double> per_event(std::optional<uint64_t> steps) {
  if (!steps) {
    return fail(ErrorCode::Unsupported,
                "this system does not let a process step through its child");
  }
  return static_cast<double>(*steps) / static_cast<double>(kCounted);
}

// `one(writer, i)` appends event `i`; whether it could.
template <typename One>
Result<double> count_appends(const std::string& path, const Shape& shape, One one) {
  return per_event(test::count_instructions([&] {
    const Log log = Log::open(path).value();
    auto writer = std::make_shared<EventWriter>(log.writer(0, unsynced_options(shape)).value());
    for (uint64_t i = 0; i < kBefore; ++i) (void)one(*writer, i);
    return [writer, one] {
      for (uint64_t i = kBefore; i < kBefore + kCounted; ++i) {
        if (!one(*writer, i)) return false;
      }
      return true;
    };
  }));
}

// Of the log that count_appends() left.
Result<double> count_polls(const std::string& path) {
  return per_event(test::count_instructions([&] {
    auto reader = std::make_shared<EventReader>(Log::open(path).value().reader(0).value());
    for (uint64_t i = 0; i < kBefore; ++i) (void)reader->poll();
    return [reader] {
      for (uint64_t i = 0; i < kCounted; ++i) {
        const auto status = reader->poll();
        if (!status || *status != EventReader::Status::Event) return false;
      }
      return true;
    };
  }));
}

template <typename One>
void run_row(Bench& bench, const std::string& name, const Shape& shape, One one) {
  Row row;
  row.name = name;
  row.unit = "instructions";
  row.runs = 1;
  row.contestants = {
      contestant("append", Role::Ours,
                 [&] { return count_appends(bench.scratch().fresh("counted"), shape, one); }),
      contestant("poll", Role::Ours, [&] { return count_polls(bench.scratch() / "counted"); }),
  };
  bench.run(std::move(row));
  bench.scratch().fresh("counted");
}

}  // namespace

void instructions_suite(Bench& bench) {
  bench.note("an event, in user space, by single steps of " + std::to_string(kCounted) +
             " events; no sync, coarse clock; a long copy by `rep movs` is one or thousands, so "
             "longer records are left out");
  for (const Shape shape : {Shape{1, 64}, Shape{1, 64, RecordEncoding::Variable}, Shape{1, 16},
                            Shape{1, 1024}, Shape{1, 1024, RecordEncoding::Variable}}) {
    const Input input(shape);
    run_row(bench, shape.name(), shape, [&](EventWriter& writer, uint64_t) {
      return append(writer, shape, input, 0).has_value();
    });
    if (bench.options().quick) return;
  }
  const Shape shape;
  const Input input(shape);
  run_row(bench, "1 x 64 B, a time each", shape, [&](EventWriter& writer, uint64_t i) {
    return append(writer, shape, input, i).has_value();
  });
  run_row(bench, "progress, 2 changes", shape, [&](EventWriter& writer, uint64_t i) {
    const Change changes[] = {{i, -1}, {i + 1, 1}};
    return writer.append_progress(changes).has_value();
  });
}

}  // namespace tidemark::bench
