// Damage of one place (SPEC.md sections 5 and 11): every bit of a segment flipped, every length
// that its file may be cut to, every sector zeroed, swapped, moved, or written into another
// stream's file, every two bits of a frame's header. No reader is ever served a wrong event,
// nothing ends early without a word, and no writer takes damage of what was durable for a lost
// tail.

#include <algorithm>
#include <cstring>

#include "rig.h"
#include "simulated_disk.h"
#include "stream_oracle.h"
#include "tidemark/frame.h"
#include "tidemark/verify.h"

namespace tidemark::rig {
namespace {

constexpr uint64_t kSectorBytes = 512;
constexpr uint64_t kSectors = kMinSegmentBytes / kSectorBytes;
constexpr uint64_t kHeaderBits = 8 * sizeof(FrameHeader);

// A closed log of two streams with one segment each, of the same layout: frames as long as a
// sector, each in one, all captured at one time, so that nothing but checksums tells them apart.
struct Original {
  NodePtr root;
  std::vector<uint64_t> events;  // of stream 0
  uint64_t messages_at = 0;      // offset of a messages frame
  uint64_t progress_at = 0;      // and of a progress frame
  uint64_t seal_at = 0;          // and of the seal, the evidence that all of it was durable
  uint64_t used = 0;             // offset of the first byte that was never written
};

NodePtr segment_of(const NodePtr& root, uint32_t stream) {
  NodePtr at = root;
  for (const char* name :
       {"log", "streams", stream == 0 ? "00000" : "00001", "00000000000000000000.seg"}) {
    at = at->entries.at(name);
  }
  return at;
}

std::string write_stream(const Log& log, uint32_t stream, Original& original) {
  WriterOptions options = small_segments(SyncPolicy::none());
  options.clock = CaptureClock::Supplied;
  auto writer = log.writer(stream, options);
  if (!writer) return writer.error().text();
  writer->set_captured_at(1'800'000'000'000'000'000);
  uint64_t time = 0;
  const auto append = [&](const std::string& text) -> uint64_t {
    const std::string_view records[] = {text};
    const auto end = writer->append_messages(std::span(&time, 1), records);
    if (end && stream == 0) original.events.push_back(number_of_messages(time, records));
    return end ? *end : 0;
  };
  const auto advance = [&]() -> uint64_t {
    const Change changes[] = {{time, -1}, {time + 1, 1}};
    ++time;
    const auto end = writer->append_progress(changes);
    if (end && stream == 0) original.events.push_back(number_of_progress(changes));
    return end ? *end : 0;
  };
  // Two short events tell how much a frame takes beside its record.
  const uint64_t first = append("12345678");
  const uint64_t second = append("12345678");
  const uint64_t overhead = second - first - 8;
  original.messages_at = first;
  original.progress_at = second;
  uint64_t at = advance();
  const uint64_t gap = (kSectorBytes - (at + overhead) % kSectorBytes) % kSectorBytes;
  at = append(std::string(gap, 'p'));
  if (at % kSectorBytes != 0) return "the frames do not fall into sectors";
  for (char mark = 'A'; at + 12 * kSectorBytes < kMinSegmentBytes; ++mark) {
    if (mark > 'Z') mark = 'A';
    std::string text(kSectorBytes - overhead, mark);
    text[0] = static_cast<char>('0' + stream);
    text[1] = static_cast<char>('a' + at / kSectorBytes % 26);
    at = append(text);
    if (at == 0) return "a frame does not fit";
    if (at / kSectorBytes == 60 && !writer->sync()) return "sync";
  }
  original.seal_at = at;
  const auto closed = writer->close();
  return closed ? "" : closed.error().text();
}

std::string make_original(Original& original) {
  SimulatedDisk disk;
  SimulatedProcess process(disk);
  LogOptions options;
  options.create_if_missing = true;
  options.peers = 2;
  const auto log = Log::open(kLogPath, options, process);
  if (!log) return log.error().text();
  for (const uint32_t stream : {1U, 0U}) {
    if (auto wrong = write_stream(*log, stream, original); !wrong.empty()) return wrong;
  }
  original.root = copy_tree(disk.root);
  const auto& bytes = *segment_of(original.root, 0)->live;
  for (uint64_t i = 0; i < bytes.size(); ++i) {
    if (bytes.data()[i] != std::byte{0}) original.used = i + 1;
  }
  return "";
}

struct Counters {
  std::atomic<uint64_t>& damaged;
  std::atomic<uint64_t>& noticed;
  uint64_t thoroughly_each;  // the others are read by one way, and not verified
};

// `evident`: something that was written is left beyond the damage, so that it cannot go unnoticed.
std::string check_damage(const Original& original, const NodePtr& root, bool evident,
                         Counters& counters) {
  const bool thoroughly =
      counters.damaged.fetch_add(1, std::memory_order_relaxed) % counters.thoroughly_each == 0;
  SimulatedDisk disk(root, 2);
  disk.tracks_the_medium = false;
  SimulatedProcess process(disk);
  const auto log = Log::open(kLogPath, {}, process);
  if (!log) return "the log cannot be opened: " + log.error().text();
  bool whole = true;
  for (const Access access : {Access::Map, Access::Copy}) {
    if (access == Access::Copy && !thoroughly) continue;
    const Served served = serve(*log, 0, access);
    if (served.events.size() > original.events.size() ||
        !std::equal(served.events.begin(), served.events.end(), original.events.begin())) {
      return "a reader was served a wrong event";
    }
    whole = served.events.size() == original.events.size();
    if (!whole && evident && !served.error) return "a reader ended early without a word";
    if (served.error) whole = false;
  }
  if (!whole) counters.noticed.fetch_add(1, std::memory_order_relaxed);
  bool sound = false;
  if (thoroughly) {
    const auto report = verify_log(kLogPath, {}, process);
    if (!report) return "verification: " + report.error().text();
    if (!whole && evident && !report->damaged()) return "verification does not see it";
    sound = whole && !report->damaged();
  }
  auto writer = log->writer(0, small_segments(SyncPolicy::none()));
  if (!writer) return sound ? "a sound log is refused: " + writer.error().text() : "";
  if (evident && writer->totals().events != original.events.size()) {
    return "a writer dropped " + std::to_string(original.events.size() - writer->totals().events) +
           " durable events";
  }
  return "";
}

}  // namespace

// Cases: 65,536 bytes with a flip of each bit; 65,536 lengths; 128 sectors, each zeroed, swapped
// with and moved over every other; 128 sectors of another stream; 256 bits of two frame headers
// with each bit after them.
// --count N: every Nth damaged log is verified and read by copies as well; 1 by default.
int bit_flips(Rig& rig) {
  Original original;
  if (auto wrong = make_original(original); !wrong.empty()) {
    rig.fail("the log cannot be written: " + wrong, 0);
    return rig.finish();
  }
  Counters counters{rig.counter("damaged_logs"), rig.counter("noticed"),
                    std::max<uint64_t>(rig.options().count, 1)};
  const PageBuffer& other = *segment_of(original.root, 1)->live;
  const auto damage = [&](uint64_t number, bool evident, const std::string& what, auto change) {
    if (rig.failed()) return;
    const NodePtr root = copy_tree(original.root);
    change(*segment_of(root, 0));
    const std::string wrong = check_damage(original, root, evident, counters);
    if (!wrong.empty()) rig.fail(what + ": " + wrong, number);
  };
  const auto flip = [](Node& segment, uint64_t bit) {
    segment.live->data()[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
  };
  const auto sector = [](PageBuffer& bytes, uint64_t index) {
    return bytes.data() + index * kSectorBytes;
  };
  // Where the seal is damaged together with an event, nothing is left that says that this was
  // durable.
  const auto spares_seal = [&](uint64_t index) {
    return index < original.seal_at / kSectorBytes || index > (original.used - 1) / kSectorBytes;
  };
  const auto run = [&](uint64_t number) {
    uint64_t at = number;
    if (at < kMinSegmentBytes) {
      for (uint64_t bit = 8 * at; bit < 8 * at + 8; ++bit) {
        damage(number, true, "bit " + std::to_string(bit) + " flipped",
               [&](Node& s) { flip(s, bit); });
      }
      return;
    }
    at -= kMinSegmentBytes;
    if (at < kMinSegmentBytes) {
      // Without a magic it is a file whose writer was killed before it allocated it.
      damage(number, at >= sizeof(uint64_t), "cut to " + std::to_string(at) + " bytes",
             [&](Node& segment) {
               segment.live = at == 0 ? nullptr : std::make_shared<PageBuffer>(at, *segment.live);
             });
      return;
    }
    at -= kMinSegmentBytes;
    if (at < kSectors) {
      const bool evident = spares_seal(at);
      damage(number, evident, "sector " + std::to_string(at) + " zeroed",
             [&](Node& segment) { std::memset(sector(*segment.live, at), 0, kSectorBytes); });
      for (uint64_t to = 0; to < kSectors; ++to) {
        if (to == at) continue;
        const std::string both = std::to_string(at) + " and " + std::to_string(to);
        if (to > at) {
          damage(number, spares_seal(at) && spares_seal(to), "sectors swapped: " + both,
                 [&](Node& segment) {
                   std::swap_ranges(sector(*segment.live, at),
                                    sector(*segment.live, at) + kSectorBytes,
                                    sector(*segment.live, to));
                 });
        }
        damage(number, spares_seal(at) && spares_seal(to), "sector moved over another: " + both,
               [&](Node& segment) {
                 std::memcpy(sector(*segment.live, to), sector(*segment.live, at), kSectorBytes);
               });
      }
      return;
    }
    at -= kSectors;
    if (at < kSectors) {
      damage(number, spares_seal(at), "a sector of another stream: " + std::to_string(at),
             [&](Node& segment) {
               std::memcpy(sector(*segment.live, at), other.data() + at * kSectorBytes,
                           kSectorBytes);
             });
      return;
    }
    at -= kSectors;
    const uint64_t frame = at / kHeaderBits == 0 ? original.messages_at : original.progress_at;
    const uint64_t first = at % kHeaderBits;
    for (uint64_t second = first + 1; second < kHeaderBits; ++second) {
      damage(number, true,
             "bits " + std::to_string(first) + " and " + std::to_string(second) +
                 " of the frame at " + std::to_string(frame) + " flipped",
             [&](Node& segment) {
               flip(segment, 8 * frame + first);
               flip(segment, 8 * frame + second);
             });
    }
  };
  // The few and telling first.
  const uint64_t all = 2 * kMinSegmentBytes + 2 * kSectors + 2 * kHeaderBits;
  if (rig.options().only) {
    run(*rig.options().only);
  } else {
    for_each_case(rig, all, [&](uint64_t number) { run(all - 1 - number); });
  }
  return rig.finish();
}

}  // namespace tidemark::rig
