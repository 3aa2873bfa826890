// What an append and a poll may cost, in what repeats exactly on any machine: instructions, and
// bytes on disk. Allocations and system calls are counted by hot_path_test.cc. The limits are about
// 15 % above what was measured (tests/bench/RESULTS.md): a change that needs more raises them on
// purpose, and says why.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "support/catch.h"
#include "support/instruction_count.h"
#include "support/stream_helpers.h"
#include "support/temporary_directory.h"
#include "tidemark/log.h"

using namespace tidemark;
using namespace tidemark::test;

namespace {

// Few enough that the first segment holds them before its successor is prepared.
constexpr uint64_t kCounted = 100;
constexpr uint64_t kBefore = 4;  // the first ones take the long way

WriterOptions options_for(RecordEncoding encoding) {
  WriterOptions options;
  options.sync = SyncPolicy::none();
  options.clock = CaptureClock::Coarse;
  options.encoding = encoding;
  return options;
}

bool append(EventWriter& writer, RecordEncoding encoding, uint64_t time, uint64_t bytes) {
  static const std::vector<std::byte> data(1024, std::byte{7});
  const std::string_view record(reinterpret_cast<const char*>(data.data()), bytes);
  const auto times = std::span(&time, 1);
  return (encoding == RecordEncoding::Fixed
              ? writer.append_messages(times, 1, std::span(data.data(), bytes))
              : writer.append_messages(times, std::span(&record, 1)))
      .has_value();
}

// `one(writer, i)` appends event `i` of the stream at `path`; returns the instructions an event.
template <typename One>
std::optional<uint64_t> cost_of_append(const std::string& path, RecordEncoding encoding, One one) {
  const auto steps = count_instructions([&] {
    const Log log = Log::open(path).value();
    auto writer = std::make_shared<EventWriter>(log.writer(0, options_for(encoding)).value());
    for (uint64_t i = 0; i < kBefore; ++i) one(*writer, i);
    return [=] {
      for (uint64_t i = kBefore; i < kBefore + kCounted; ++i) {
        if (!one(*writer, i)) return false;
      }
      return true;
    };
  });
  if (!steps) return std::nullopt;
  return *steps / kCounted;
}

std::optional<uint64_t> cost_of_poll(const std::string& path) {
  const auto steps = count_instructions([&] {
    const Log log = Log::open(path).value();
    auto reader = std::make_shared<EventReader>(log.reader(0).value());
    for (uint64_t i = 0; i < kBefore; ++i) (void)reader->poll();
    return [=] {
      for (uint64_t i = 0; i < kCounted; ++i) {
        const auto status = reader->poll();
        if (!status || *status != EventReader::Status::Event) return false;
      }
      return true;
    };
  });
  if (!steps) return std::nullopt;
  return *steps / kCounted;
}

// Why nothing can be counted here, or nothing.
const char* not_counted() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return "skipped: a sanitizer's instructions are counted with ours";
#elif !defined(__OPTIMIZE__) || !defined(__x86_64__) || defined(__clang__)
  return "skipped: the limits are those of g++ with optimisation, for x86-64";
#elif !defined(TIDEMARK_RELEASE_BUILD)
  return "skipped: the limits are those of the release build";
#else
  return nullptr;
#endif
}

void check_cost(const char* what, std::optional<uint64_t> instructions, uint64_t limit) {
  if (!instructions) {
    WARN("skipped: this system does not let a process trace its child");
    return;
  }
  INFO(what << ": " << *instructions << " instructions, limit " << limit);
  CHECK(*instructions <= limit);
  // A count that is far too low counts something else.
  CHECK(*instructions >= 100);
}

// The checksum of a KiB takes more without AVX-512 or AVX2.
uint64_t kilobyte_limit(uint64_t with_avx2, uint64_t without) {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") ? with_avx2 : without;
#else
  (void)with_avx2;
  return without;
#endif
}

uint64_t bytes_of_event(RecordEncoding encoding, uint32_t records) {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  EventWriter writer = must(log.writer(0, options_for(encoding)));
  const std::vector<std::byte> data(uint64_t{records} * 64);
  const std::vector<std::string_view> views(
      records, std::string_view(reinterpret_cast<const char*>(data.data()), 64));
  const uint64_t time = 0;
  const auto times = std::span(&time, 1);
  const auto append_one = [&] {
    return must(encoding == RecordEncoding::Fixed ? writer.append_messages(times, records, data)
                                                  : writer.append_messages(times, views));
  };
  const uint64_t before = append_one();
  return append_one() - before;
}

}  // namespace

TEST_CASE("An append takes no more instructions than it did") {
  if (const char* why = not_counted()) {
    WARN(why);
    return;
  }
  const TemporaryDirectory directory;
  const auto cost = [&](RecordEncoding encoding, bool times_differ, uint64_t bytes) {
    const std::string path =
        directory / ("log" + std::to_string(bytes) + (times_differ ? "t" : "") +
                     (encoding == RecordEncoding::Fixed ? "f" : "v"));
    return cost_of_append(path, encoding, [=](EventWriter& writer, uint64_t i) {
      return append(writer, encoding, times_differ ? i : 0, bytes);
    });
  };
  check_cost("64 B, fixed", cost(RecordEncoding::Fixed, false, 64), 480);
  check_cost("64 B, variable", cost(RecordEncoding::Variable, false, 64), 615);
  check_cost("1 KiB, fixed", cost(RecordEncoding::Fixed, false, 1024), kilobyte_limit(970, 1480));
  check_cost("64 B, fixed, a time each", cost(RecordEncoding::Fixed, true, 64), 610);
  // So many events a call.
  constexpr uint64_t kEach = 20;
  const std::vector<std::byte> many(kEach * 64, std::byte{7});
  const auto by_one_call = cost_of_append(
      directory / "each", RecordEncoding::Fixed, [&](EventWriter& writer, uint64_t i) {
        const uint64_t time = 0;
        if (i % kEach != 0) return true;
        return writer.append_each(std::span(&time, 1), 64, many).has_value();
      });
  check_cost("64 B, fixed, 20 by one call", by_one_call, 280);
  check_cost("progress of two changes",
             cost_of_append(directory / "progress", RecordEncoding::Fixed,
                            [](EventWriter& writer, uint64_t i) {
                              const Change changes[] = {{i, -1}, {i + 1, 1}};
                              return writer.append_progress(changes).has_value();
                            }),
             675);
}

TEST_CASE("A verified poll takes no more instructions than it did") {
  if (const char* why = not_counted()) {
    WARN(why);
    return;
  }
  const TemporaryDirectory directory;
  const auto cost = [&](RecordEncoding encoding, uint64_t bytes) {
    const std::string path = directory / ("log" + std::to_string(bytes) +
                                          (encoding == RecordEncoding::Fixed ? "f" : "v"));
    const Log log = must(Log::open(path));
    EventWriter writer = must(log.writer(0, options_for(encoding)));
    for (uint64_t i = 0; i < 2 * kCounted; ++i) REQUIRE(append(writer, encoding, 0, bytes));
    must(writer.close());
    return cost_of_poll(path);
  };
  check_cost("64 B, fixed", cost(RecordEncoding::Fixed, 64), 365);
  check_cost("64 B, variable", cost(RecordEncoding::Variable, 64), 475);
  check_cost("1 KiB, fixed", cost(RecordEncoding::Fixed, 1024), kilobyte_limit(850, 1360));

  const Log log = must(Log::open(directory / "progress"));
  EventWriter writer = must(log.writer(0, options_for(RecordEncoding::Fixed)));
  for (uint64_t i = 0; i < 2 * kCounted; ++i) advance(writer, i, i + 1);
  must(writer.close());
  check_cost("progress of two changes", cost_of_poll(directory / "progress"), 605);
}

TEST_CASE("An event takes no more bytes than it did") {
  // 64 B of one record: at most 160, frame, payload and padding.
  CHECK(bytes_of_event(RecordEncoding::Fixed, 1) == 144);
  CHECK(bytes_of_event(RecordEncoding::Variable, 1) <= 160);
  // 128 of them in an event: at most 5 % beside them, where their length is the same. End offsets,
  // 4 bytes each, are 6.25 % of 64 bytes by themselves.
  CHECK(bytes_of_event(RecordEncoding::Fixed, 128) * 100 <= 128 * 64 * 105);
  CHECK(bytes_of_event(RecordEncoding::Variable, 128) * 1000 <= 128 * 64 * 1074);
}
