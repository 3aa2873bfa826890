// The two hot paths against what the machine can do: an append against a bare loop that only
// copies, hashes and publishes, and a verified poll against a bare XXH3 of the same bytes. Medians
// of interleaved runs in one process, as ratios; and instructions, which repeat exactly.
//
//   build/release/tests/bench/hot_path_bench [RUNS] [DIRECTORY]

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "support/instruction_count.h"
#include "tidemark/frame.h"
#include "tidemark/log.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

using namespace tidemark;

namespace {

using Clock = std::chrono::steady_clock;

// The segment in which appends are timed, and how much of it they fill. What comes before it makes
// the writer's helper prepare it, and the one after it, outside the timed part.
constexpr uint64_t kSegmentBytes = uint64_t{64} << 20;
constexpr uint64_t kTimedBytes = uint64_t{36} << 20;
constexpr auto kHelperTime = std::chrono::milliseconds(150);

void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "hot_path_bench: %s\n", what);
  std::exit(1);
}

// One kind of event: so many records of so many bytes.
struct Shape {
  const char* name;
  uint32_t records;
  uint32_t record_bytes;
  RecordEncoding encoding;

  uint64_t data_bytes() const { return uint64_t{records} * record_bytes; }
};

constexpr std::array kShapes = {
    Shape{"1 x 64 B", 1, 64, RecordEncoding::Fixed},
    Shape{"1 x 64 B, variable", 1, 64, RecordEncoding::Variable},
    Shape{"1 x 16 B", 1, 16, RecordEncoding::Fixed},
    Shape{"1 x 1 KiB", 1, 1024, RecordEncoding::Fixed},
    Shape{"1 x 1 KiB, variable", 1, 1024, RecordEncoding::Variable},
    Shape{"1 x 16 KiB", 1, 16384, RecordEncoding::Fixed},
    Shape{"128 x 64 B", 128, 64, RecordEncoding::Fixed},
    Shape{"128 x 64 B, variable", 128, 64, RecordEncoding::Variable},
};

// What is appended, the same bytes each time.
struct Input {
  explicit Input(const Shape& shape) : data(shape.data_bytes()) {
    for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<std::byte>(i * 7 + 1);
    for (uint32_t i = 0; i < shape.records; ++i) {
      const auto* at = reinterpret_cast<const char*>(data.data()) + i * shape.record_bytes;
      records.emplace_back(at, shape.record_bytes);
    }
  }
  std::vector<std::byte> data;
  std::vector<std::string_view> records;
};

// A file mapped and populated as segments are; unlinked at once.
class Mapping {
 public:
  Mapping(const std::string& path, uint64_t bytes, bool fresh) : bytes_(bytes) {
    const int descriptor = ::open(path.c_str(), fresh ? O_RDWR | O_CREAT : O_RDONLY, 0666);
    require(descriptor >= 0, "a file cannot be opened");
    if (fresh) {
      ::unlink(path.c_str());
      require(::fallocate(descriptor, 0, 0, static_cast<off_t>(bytes)) == 0, "no space");
    }
    void* const address = ::mmap(nullptr, bytes, fresh ? PROT_READ | PROT_WRITE : PROT_READ,
                                 MAP_SHARED, descriptor, 0);
    ::close(descriptor);
    require(address != MAP_FAILED, "a file cannot be mapped");
    base_ = static_cast<std::byte*>(address);
    // As for segments, by another thread: on another core, where there is one.
    std::thread([&] {
      ::madvise(base_, bytes_, fresh ? MADV_POPULATE_WRITE : MADV_POPULATE_READ);
    }).join();
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() { ::munmap(base_, bytes_); }
  std::byte* base() const { return base_; }

 private:
  std::byte* base_ = nullptr;
  uint64_t bytes_;
};

template <typename Body>
double ns_of(uint64_t events, Body body) {
  const auto start = Clock::now();
  body();
  const std::chrono::duration<double, std::nano> taken = Clock::now() - start;
  return taken.count() / static_cast<double>(events);
}

// The least that a log with checksums can do: copy, hash, and a release store.
double bare_append(const std::string& directory, const Input& input, uint64_t events) {
  const uint64_t bytes = 2 * sizeof(uint64_t) + input.data.size();
  const Mapping mapping(directory + "/bare", events * bytes + sizeof(uint64_t), true);
  return ns_of(events, [&] {
    std::byte* at = mapping.base();
    for (uint64_t i = 0; i < events; ++i, at += bytes) {
      std::memcpy(at + 16, input.data.data(), input.data.size());
      const uint64_t hash = XXH3_64bits(at + 16, input.data.size());
      std::memcpy(at + 8, &hash, sizeof hash);
      std::atomic_ref<uint64_t>(*reinterpret_cast<uint64_t*>(at))
          .store(bytes, std::memory_order_release);
    }
  });
}

bool append(EventWriter& writer, const Shape& shape, const Input& input, uint64_t time) {
  const auto times = std::span(&time, 1);
  return (shape.encoding == RecordEncoding::Fixed
              ? writer.append_messages(times, shape.records, input.data)
              : writer.append_messages(times, input.records))
      .has_value();
}

EventWriter open_writer(const std::string& path, const Shape& shape,
                        uint64_t segment_bytes = kSegmentBytes) {
  std::filesystem::remove_all(path);
  WriterOptions options;
  options.sync = SyncPolicy::none();
  options.clock = CaptureClock::Coarse;
  options.encoding = shape.encoding;
  options.segment_bytes = segment_bytes;
  return Log::open(path).value().writer(0, options).value();
}

// An event that takes about `bytes`, for the way to the segment that is timed.
void fill(EventWriter& writer, const Shape& shape, uint64_t bytes) {
  const std::vector<std::byte> data(bytes);
  const std::string_view record(reinterpret_cast<const char*>(data.data()), data.size());
  const uint64_t time = 0;
  const auto times = std::span(&time, 1);
  require((shape.encoding == RecordEncoding::Fixed
               ? writer.append_messages(times, 1, data)
               : writer.append_messages(times, std::span(&record, 1)))
              .has_value(),
          "an append failed");
}

double our_append(const std::string& path, const Shape& shape, const Input& input, uint64_t events,
                  uint64_t& from, uint64_t& upto) {
  EventWriter writer = open_writer(path, shape);
  fill(writer, shape, kSegmentBytes / 2);  // a segment of its own; the next one has twice its size
  std::this_thread::sleep_for(kHelperTime);
  fill(writer, shape, 8);
  fill(writer, shape, kSegmentBytes / 8);  // from here on the one after it is prepared
  std::this_thread::sleep_for(kHelperTime);
  from = writer.committed();
  const double ns = ns_of(events, [&] {
    for (uint64_t i = 0; i < events; ++i) {
      if (!append(writer, shape, input, 0)) [[unlikely]]
        require(false, "an append failed");
    }
  });
  upto = writer.committed();
  require(writer.close().has_value(), "closing failed");
  return ns;
}

// From an empty log on, with all rolls on the way.
double our_append_with_rolls(const std::string& path, const Shape& shape, const Input& input,
                             uint64_t events) {
  EventWriter writer = open_writer(path, shape, uint64_t{128} << 20);
  return ns_of(events, [&] {
    for (uint64_t i = 0; i < events; ++i) {
      if (!append(writer, shape, input, 0)) [[unlikely]]
        require(false, "an append failed");
    }
  });
}

uint64_t last_segment(const std::string& path) {
  uint64_t last = 0;
  for (const auto& entry : std::filesystem::directory_iterator(path + "/streams/00000")) {
    if (entry.path().extension() == ".seg") {
      last = std::max<uint64_t>(last, std::stoull(entry.path().stem().string()));
    }
  }
  return last;
}

// XXH3 of `[skipped, end)` of every event's frame: of all that is verified, or of the records.
double bare_scan(const std::string& path, uint64_t from, uint64_t upto, uint64_t events,
                 uint64_t skipped) {
  const uint64_t segment = last_segment(path);
  const std::string number = std::to_string(segment);
  const std::string file =
      path + "/streams/00000/" + std::string(20 - number.size(), '0') + number + ".seg";
  const Mapping mapping(file, std::filesystem::file_size(file), false);
  const uint64_t bytes = (upto - from) / events;
  uint64_t sum = 0;
  const double ns = ns_of(events, [&] {
    const std::byte* at = mapping.base() + (from - segment);
    for (uint64_t i = 0; i < events; ++i, at += bytes) {
      sum ^= XXH3_64bits(at + skipped, bytes - skipped);
    }
  });
  require(sum != 1, "an unlikely sum");  // so that nothing is optimised away
  return ns;
}

double our_poll(const std::string& path, uint64_t from, uint64_t events) {
  const Log log = Log::open(path).value();
  ReaderOptions options;
  options.segment = last_segment(path);
  EventReader reader = log.reader(0, options).value();
  while (reader.position() < from) {
    require(reader.poll().value() == EventReader::Status::Event, "an event is missing");
  }
  uint64_t records = 0;
  const double ns = ns_of(events, [&] {
    for (uint64_t i = 0; i < events; ++i) {
      const auto status = reader.poll();
      if (!status || *status != EventReader::Status::Event) [[unlikely]]
        require(false, "an event is missing");
      records += reader.event().messages()->size();
    }
  });
  require(records % events == 0, "a record is missing");
  return ns;
}

// Few enough that the first segment holds them before its successor is prepared.
constexpr int kCounted = 100;

struct Instructions {
  double append = 0;
  double poll = 0;
};

double counted(std::optional<uint64_t> steps) {
  return steps ? static_cast<double>(*steps) / kCounted : 0;
}

Instructions count(const std::string& path, const Shape& shape, const Input& input,
                   bool times_differ) {
  Instructions result;
  result.append = counted(test::count_instructions([&] {
    auto writer = std::make_shared<EventWriter>(open_writer(path, shape));
    for (int i = 0; i < 4; ++i) require(append(*writer, shape, input, 0), "an append failed");
    return [&, writer] {
      for (uint64_t i = 0; i < kCounted; ++i) {
        if (!append(*writer, shape, input, times_differ ? i + 1 : 0)) return false;
      }
      return true;
    };
  }));
  result.poll = counted(test::count_instructions([&] {
    auto reader = std::make_shared<EventReader>(Log::open(path).value().reader(0).value());
    for (int i = 0; i < 4; ++i) require(reader->poll().has_value(), "a poll failed");
    return [reader] {
      for (int i = 0; i < kCounted; ++i) {
        const auto status = reader->poll();
        if (!status || *status != EventReader::Status::Event) return false;
      }
      return true;
    };
  }));
  return result;
}

// The same for progress events: from each time to the next.
Instructions count_progress(const std::string& path) {
  const Shape& shape = kShapes[0];
  Instructions result;
  result.append = counted(test::count_instructions([&] {
    auto writer = std::make_shared<EventWriter>(open_writer(path, shape));
    const auto advance = [writer](uint64_t from) {
      const Change changes[] = {{from, -1}, {from + 1, 1}};
      return writer->append_progress(changes).has_value();
    };
    for (uint64_t i = 0; i < 4; ++i) require(advance(i), "an append failed");
    return [advance] {
      for (uint64_t i = 0; i < kCounted; ++i) {
        if (!advance(i + 4)) return false;
      }
      return true;
    };
  }));
  result.poll = counted(test::count_instructions([&] {
    auto reader = std::make_shared<EventReader>(Log::open(path).value().reader(0).value());
    for (int i = 0; i < 4; ++i) require(reader->poll().has_value(), "a poll failed");
    return [reader] {
      for (int i = 0; i < kCounted; ++i) {
        const auto status = reader->poll();
        if (!status || *status != EventReader::Status::Event) return false;
      }
      return true;
    };
  }));
  return result;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  const int runs = argc > 1 ? std::max(1, std::atoi(argv[1])) : 7;
  const std::string directory =
      argc > 2 ? argv[2] : std::filesystem::temp_directory_path().string();
  const std::string path = directory + "/hot_path_bench.tide";

  std::printf(
      "instructions an event, by single steps of %d events; 0: this system does not count\n",
      kCounted);
  std::printf("%-22s %8s %8s\n", "", "append", "poll");
  for (const Shape& shape : kShapes) {
    if (shape.data_bytes() > 1024) continue;  // a long copy is one instruction or thousands
    const Instructions found = count(path, shape, Input(shape), false);
    std::printf("%-22s %8.0f %8.0f\n", shape.name, found.append, found.poll);
  }
  const Instructions times = count(path, kShapes[0], Input(kShapes[0]), true);
  std::printf("%-22s %8.0f %8.0f\n", "1 x 64 B, a time each", times.append, times.poll);
  const Instructions progress = count_progress(path);
  std::printf("%-22s %8.0f %8.0f\n\n", "progress, 2 changes", progress.append, progress.poll);

  std::printf(
      "ns an event, medians of %d interleaved runs; ratio: limit/ours; best: of the best runs\n",
      runs);
  std::printf("%-22s %6s | %7s %7s %6s %6s %8s | %8s %7s %7s %6s %6s\n", "", "B/event", "limit",
              "append", "ratio", "best", "w.rolls", "records", "scan", "poll", "ratio", "best");
  for (const Shape& shape : kShapes) {
    const Input input(shape);
    // The frame of a messages event is at most 80 bytes longer than its data, and 4 a record.
    const uint64_t events =
        kTimedBytes / (shape.data_bytes() + 80 + 4 * uint64_t{shape.records} + 8);
    std::map<std::string, std::vector<double>> ns;
    uint64_t from = 0;
    uint64_t upto = 0;
    for (int run = 0; run < runs; ++run) {
      ns["limit"].push_back(bare_append(directory, input, events));
      ns["rolls"].push_back(our_append_with_rolls(path, shape, input, 4 * events));
      ns["append"].push_back(our_append(path, shape, input, events, from, upto));
      const uint64_t bytes = (upto - from) / events;
      require(from + bytes * events == upto, "a roll happened");
      ns["scan"].push_back(bare_scan(path, from, upto, events, kChecksummedFrom));
      ns["poll"].push_back(our_poll(path, from, events));
      ns["records"].push_back(bare_scan(path, from, upto, events, bytes - shape.data_bytes()));
    }
    const auto of = [&](const char* name) { return median(ns[name]); };
    const auto best = [&](const char* name) {
      return *std::min_element(ns[name].begin(), ns[name].end());
    };
    std::printf("%-22s %6llu | %7.1f %7.1f %6.2f %6.2f %8.1f | %8.1f %7.1f %7.1f %6.2f %6.2f\n",
                shape.name, static_cast<unsigned long long>((upto - from) / events), of("limit"),
                of("append"), of("limit") / of("append"), best("limit") / best("append"),
                of("rolls"), of("records"), of("scan"), of("poll"), of("scan") / of("poll"),
                best("scan") / best("poll"));
    std::fflush(stdout);
  }
  std::filesystem::remove_all(path);
  return 0;
}
