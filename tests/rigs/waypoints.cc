// Waypoints (SPEC.md sections 5.4 and 11): what begins at one begins right, and damage of waypoints
// and seals never makes a reader that goes by them serve a wrong event. Random streams in segments
// of a few MiB; then with random bits of each waypoint and seal damaged.

#include <algorithm>
#include <cstring>

#include "rig.h"
#include "simulated_disk.h"
#include "stream_oracle.h"
#include "tidemark/frame.h"
#include "tidemark/verify.h"

namespace tidemark::rig {
namespace {

constexpr uint64_t kEvents = 220;
constexpr uint64_t kMostBytes = 120'000;

struct Written {
  std::vector<uint64_t> numbers;    // of the events
  std::vector<uint64_t> positions;  // where each of them ends
};

std::string write_stream(FileSeam& files, Random& random, Written& written) {
  LogOptions creating;
  creating.create_if_missing = true;
  const auto log = Log::open(kLogPath, creating, files);
  if (!log) return log.error().text();
  WriterOptions options;
  options.sync = SyncPolicy::none();
  options.segment_bytes = uint64_t{4} << 20;
  auto writer = log->writer(0, options);
  if (!writer) return writer.error().text();
  uint64_t time = 0;
  for (uint64_t i = 0; i < kEvents; ++i) {
    Result<uint64_t> end = uint64_t{0};
    if (random() % 3 == 0) {
      const Change changes[] = {{time, -1}, {time + 1, 1}};
      ++time;
      end = writer->append_progress(changes);
      written.numbers.push_back(number_of_progress(changes));
    } else {
      const std::string text = std::to_string(i) + std::string(random() % kMostBytes, '.');
      const std::string_view records[] = {text};
      const uint64_t at = time + random() % 4;
      end = writer->append_messages(std::span(&at, 1), records);
      written.numbers.push_back(number_of_messages(at, records));
    }
    if (!end) return end.error().text();
    written.positions.push_back(*end);
  }
  const auto closed = writer->close();
  return closed ? "" : closed.error().text();
}

// Reads from each of some positions on: what is served must be what was written there.
std::string check_starts(FileSeam& files, Random& random, const Written& written, bool whole) {
  const auto log = Log::open(kLogPath, {}, files);
  if (!log) return "the log cannot be opened: " + log.error().text();
  for (int i = 0; i < 6; ++i) {
    const size_t event = random() % written.positions.size();
    const Served served =
        serve(*log, 0, i % 2 == 0 ? Access::Map : Access::Copy, written.positions[event]);
    if (served.error) {
      if (whole) return "a position is refused: " + served.error->text();
      if (served.events.empty()) continue;
    } else if (served.events.size() != written.numbers.size() - event - 1) {
      return "a reader ended early without a word";
    }
    if (!served.events.empty() && served.first != event + 1) {
      return "an event has sequence " + std::to_string(served.first) + " and not " +
             std::to_string(event + 1);
    }
    if (served.events.size() > written.numbers.size() - event - 1 ||
        !std::equal(served.events.begin(), served.events.end(),
                    written.numbers.begin() + static_cast<int64_t>(event) + 1)) {
      return "a reader was served a wrong event";
    }
  }
  return "";
}

// Each waypoint and each seal: in which file, where, and how long.
struct Frame {
  std::string name;
  uint64_t offset = 0;
  uint64_t bytes = 0;
};
NodePtr stream_of(const NodePtr& root) {
  return root->entries.at("log")->entries.at("streams")->entries.at("00000");
}
std::vector<Frame> frames_in(const NodePtr& root) {
  std::vector<Frame> found;
  for (const auto& [name, node] : stream_of(root)->entries) {
    if (!name.ends_with(".seg") || !node->live) continue;
    uint64_t offset = kSegmentHeaderBytes;
    for (;;) {
      uint64_t word = 0;
      std::memcpy(&word, node->live->data() + offset, sizeof word);
      if (word == 0) break;
      const uint64_t padded = align_up(word & kLengthMask, kFrameAlignment);
      const auto kind = static_cast<FrameKind>((word >> 32) & 0xFF);
      if (kind == FrameKind::Waypoint || kind == FrameKind::Seal) {
        found.push_back({name, offset, padded});
      }
      offset += padded;
    }
  }
  return found;
}

std::string run_case(uint64_t seed, uint64_t number, std::atomic<uint64_t>& damaged) {
  Random random(seed, number);
  SimulatedDisk disk;
  disk.tracks_the_medium = false;
  SimulatedProcess process(disk);
  Written written;
  if (auto wrong = write_stream(process, random, written); !wrong.empty()) return wrong;
  const auto report = verify_log(kLogPath, {}, process);
  if (!report) return "verification: " + report.error().text();
  for (const StreamVerdict& stream : report->streams) {
    if (!stream.damage.empty()) return "verification: " + stream.damage.front().text();
  }
  if (auto wrong = check_starts(process, random, written, true); !wrong.empty()) return wrong;
  const std::vector<Frame> frames = frames_in(disk.root);
  for (const Frame& frame : frames) {
    for (int i = 0; i < 4; ++i) {
      const uint64_t at = frame.offset + random() % frame.bytes;
      auto* const byte = stream_of(disk.root)->entries.at(frame.name)->live->data() + at;
      const auto mask = static_cast<std::byte>(1 << random() % 8);
      *byte ^= mask;
      const std::string wrong = check_starts(process, random, written, false);
      *byte ^= mask;
      if (!wrong.empty()) {
        return "byte " + std::to_string(at) + " of " + frame.name + " damaged: " + wrong;
      }
      damaged.fetch_add(1, std::memory_order_relaxed);
    }
  }
  return "";
}

}  // namespace

// --count N: so many streams; 12 by default.
int waypoints(Rig& rig) {
  auto& damaged = rig.counter("damaged_logs");
  auto& streams = rig.counter("streams");
  const uint64_t cases = rig.options().count == 0 ? 12 : rig.options().count;
  for_each_case(rig, cases, [&](uint64_t number) {
    const std::string wrong = run_case(rig.options().seed, number, damaged);
    if (!wrong.empty()) rig.fail(wrong, number);
    streams.fetch_add(1, std::memory_order_relaxed);
  });
  return rig.finish();
}

}  // namespace tidemark::rig
