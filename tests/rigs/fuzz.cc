// libFuzzer: hostile bytes as frames, payloads, schemas, values and pages of the catalog, and as a
// log's files with checksums that match, so that what lies behind them is reached (SPEC.md section
// 13). The first byte of an input chooses which, unless TIDEMARK_FUZZ names one. What must not
// happen is an access out of bounds, a hang or an assertion; AddressSanitizer and
// UndefinedBehaviorSanitizer look on.
//
// `tidemark_fuzz --seeds DIRECTORY` writes what to begin with, and does nothing else.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <vector>

#include "catalog_check.h"
#include "catalog_values.h"
#include "simulated_disk.h"
#include "stream_oracle.h"
#include "tidemark/event.h"
#include "tidemark/frame.h"
#include "tidemark/record_schema.h"
#include "tidemark/salvage.h"
#include "tidemark/summary_frames.h"
#include "tidemark/verify.h"

using namespace tidemark;
using namespace tidemark::rig;

namespace {

using Bytes = std::span<const std::byte>;

int byte_of(Bytes input, size_t at) {
  return at < input.size() ? std::to_integer<int>(input[at]) : 0;
}

// At a multiple of eight, as in a segment, and not a byte longer than it says: operator new gives
// that much, and AddressSanitizer sees what goes beyond.
class Aligned {
 public:
  explicit Aligned(Bytes input) : memory_(input.begin(), input.end()) {}
  std::byte* data() { return memory_.data(); }
  Bytes bytes() const { return memory_; }

 private:
  std::vector<std::byte> memory_;
};

// Records of no length may be as many as a number can say.
constexpr uint32_t kRecordsLookedAt = 8192;

bool same(const MessagesView& a, const MessagesView& b) {
  if (a.size() != b.size() || a.time() != b.time()) return false;
  for (uint32_t i = 0; i < std::min(a.size(), kRecordsLookedAt); ++i) {
    if (a.text(i) != b.text(i)) return false;
  }
  return true;
}

// The first byte: how many words a time has.
void fuzz_payload(Bytes input) {
  if (input.empty()) return;
  TimeShape shape;
  shape.words = static_cast<uint8_t>(byte_of(input, 0) % 5);
  const Aligned aligned(input.subspan(1));
  const Bytes payload = aligned.bytes();
  MessagesView quickly;
  const bool read_quickly = decode_written_messages(payload, shape, quickly);
  if (const auto messages = decode_messages(payload, shape)) {
    size_t bytes = 0;
    for (uint32_t i = 0; i < std::min(messages->size(), kRecordsLookedAt); ++i) {
      bytes += messages->record(i).size();
    }
    if (bytes > payload.size()) std::abort();
    if (read_quickly && !same(quickly, *messages)) std::abort();
  } else if (read_quickly) {
    std::abort();  // the quick way takes nothing that the thorough one refuses
  }
  (void)decode_progress(payload, shape);
  (void)decode_checkpoint(payload, shape);
  (void)decode_seal(payload, shape);
}

// Salt and position, 8 bytes each, then the frame; with an odd first byte, its checksum is made to
// match.
void fuzz_frame(Bytes input) {
  uint64_t place[2];
  if (input.size() < 1 + sizeof place + sizeof(FrameHeader)) return;
  const bool match = byte_of(input, 0) % 2 == 1;
  std::memcpy(place, input.data() + 1, sizeof place);
  const FrameKey key(place[0]);
  input = input.subspan(1 + sizeof place);
  Aligned aligned(input.first(input.size() & ~size_t{7}));
  const Bytes bytes = aligned.bytes();
  const uint64_t word = load_commit_word(aligned.data());
  if (match && word != 0 && check_commit_word(word, bytes.size())) {
    const uint64_t checksum = frame_checksum(aligned.data(), word, key, place[1]);
    std::memcpy(aligned.data() + sizeof word, &checksum, sizeof checksum);
  }
  const auto checked = check_frame(bytes, word, key, place[1]);
  const uint64_t sound = sound_bytes(aligned.data(), bytes.size(), key, place[1], 1);
  if ((sound > 0) != (checked && checked->known())) std::abort();
  FrameView quickly;
  if (sound > 0 && (!view_sound_frame(aligned.data(), sound, place[1], quickly) ||
                    quickly.payload.size() != checked->payload.size())) {
    std::abort();
  }
}

// A catalog's data file, with pages of 512 bytes.
void fuzz_catalog_file(Bytes input) {
  static const NodePtr root = [] {
    auto made = std::make_shared<Node>();
    made->is_directory = true;
    made->entries["data.mdb"] = std::make_shared<Node>();
    return made;
  }();
  Node& file = *root->entries["data.mdb"];
  file.live = std::make_shared<PageBuffer>(input.size());
  if (!input.empty()) std::memcpy(file.live->data(), input.data(), input.size());
  SimulatedDisk disk(root, 3);
  disk.tracks_the_medium = false;
  SimulatedProcess process(disk);
  const int descriptor = process.open("/data.mdb", OpenMode::ReadWrite);
  for (uint64_t transaction = 0; transaction < 3; ++transaction) {
    (void)check_catalog_pages(process, descriptor, transaction);
  }
  process.close(descriptor);
}

void fuzz_catalog_values(Bytes input) {
  if (input.empty()) return;
  const size_t key_bytes = std::min<size_t>(input.size(), 12);
  (void)decode_format(input);
  if (const auto cursor = decode_cursor("a cursor", input)) {
    if (encode_cursor(*cursor).empty()) std::abort();
  }
  (void)decode_segment(input.first(key_bytes), input.subspan(key_bytes));
}

struct Written {
  NodePtr root;
  std::shared_ptr<const PageBuffer> segment;
};
constexpr const char* kSegmentPath = "/log/streams/00000/00000000000000000000.seg";

Written write_log() {
  SimulatedDisk disk;
  SimulatedProcess process(disk);
  LogOptions options;
  options.create_if_missing = true;
  auto log = Log::open(kLogPath, options, process);
  auto writer = log->writer(0, small_segments(SyncPolicy::none()));
  const uint64_t time = 0;
  for (int i = 0; i < 6; ++i) {
    const std::string_view records[] = {"a record", "and another"};
    (void)writer->append_messages(std::span(&time, 1), records);
    const Change changes[] = {{0, 1}};
    (void)writer->append_progress(changes);
  }
  (void)writer->append_mark(std::as_bytes(std::span("a mark")));
  (void)writer->close();
  return {disk.root, disk.find(kSegmentPath)->live->clone()};
}

// The first byte: what is done with the log. Then patches of four bytes: an offset, a value, and
// how. Then every checksum is made to match.
void fuzz_log(Bytes input) {
  static const Written original = write_log();
  const int what = byte_of(input, 0);
  if (!input.empty()) input = input.subspan(1);
  auto patched = original.segment->clone();
  std::byte* const bytes = patched->data();
  for (size_t i = 0; i + 4 <= input.size() && i < 256; i += 4) {
    const auto offset =
        (std::to_integer<size_t>(input[i]) | std::to_integer<size_t>(input[i + 1]) << 8) % 8192;
    switch (std::to_integer<int>(input[i + 3]) % 3) {
      case 0:
        bytes[offset] = input[i + 2];
        break;
      case 1:
        bytes[offset] ^= input[i + 2];
        break;
      default:
        std::memset(bytes + offset, std::to_integer<int>(input[i + 2]), 8);
        break;
    }
  }
  SegmentHeader header;
  std::memcpy(&header, bytes, sizeof header);
  finish_header(header);
  std::memcpy(bytes, &header, sizeof header);
  for (uint64_t at = kSegmentHeaderBytes; at + sizeof(FrameHeader) <= patched->size();) {
    const uint64_t word = load_commit_word(bytes + at);
    const auto padded = check_commit_word(word, patched->size() - at);
    if (word == 0 || !padded) break;
    const uint64_t checksum =
        frame_checksum(bytes + at, word, FrameKey(header.salt), header.first_position + at);
    std::memcpy(bytes + at + sizeof word, &checksum, sizeof checksum);
    at += *padded;
  }
  SimulatedDisk disk(copy_tree(original.root), 3);
  disk.tracks_the_medium = false;
  disk.find(kSegmentPath)->live = std::move(patched);
  SimulatedProcess process(disk);
  const auto log = Log::open(kLogPath, {}, process);
  if (!log) return;
  // What starts no thread and makes no files is done most often.
  switch (what % 16) {
    case 0:
      (void)salvage_log(kLogPath, "/saved", {}, process);
      break;
    case 1:
      (void)log->writer(0, small_segments(SyncPolicy::none()));
      break;
    case 2:
    case 3:
    case 4:
    case 5:
      (void)verify_log(kLogPath, {}, process);
      break;
    case 6:
    case 7:
    case 8:
      (void)serve(*log, 0, Access::Copy);
      break;
    default:
      (void)serve(*log, 0, Access::Map);
      break;
  }
}

struct Target {
  const char* name;
  void (*run)(Bytes input);
};
constexpr Target kTargets[] = {
    {"frame", fuzz_frame},
    {"payload", fuzz_payload},
    {"schema", [](Bytes input) { (void)RecordSchema::parse(input); }},
    {"catalog", fuzz_catalog_values},
    {"log", fuzz_log},
    {"catalog_file", fuzz_catalog_file},
};

// What to begin with: made anew each time, so that it has the checksums of the day.
class Seeds {
 public:
  explicit Seeds(std::string directory) : directory_(std::move(directory)) {}

  void add(std::string_view target, int number, Bytes input) {
    for (size_t i = 0; i < std::size(kTargets); ++i) {
      if (target != kTargets[i].name) continue;
      std::ofstream file(directory_ + "/" + kTargets[i].name + "_" + std::to_string(number),
                         std::ios::binary);
      file.put(static_cast<char>(i));
      file.write(reinterpret_cast<const char*>(input.data()),
                 static_cast<std::streamsize>(input.size()));
    }
  }

 private:
  std::string directory_;
};

void append(std::vector<std::byte>& bytes, Bytes more) {
  bytes.insert(bytes.end(), more.begin(), more.end());
}

void write_frames(Seeds& seeds) {
  const Written written = write_log();
  const std::byte* const segment = written.segment->data();
  SegmentHeader header;
  std::memcpy(&header, segment, sizeof header);
  int number = 0;
  for (uint64_t at = kSegmentHeaderBytes;; ++number) {
    const uint64_t word = load_commit_word(segment + at);
    const auto padded = check_commit_word(word, written.segment->size() - at);
    if (word == 0 || !padded) break;
    std::vector<std::byte> frame(1, std::byte{static_cast<unsigned char>(number % 2)});
    const uint64_t seed[] = {header.salt, at};
    append(frame, std::as_bytes(std::span(seed)));
    append(frame, {segment + at, *padded});
    seeds.add("frame", number, frame);
    std::vector<std::byte> payload(1, std::byte{1});
    append(payload,
           {segment + at + sizeof(FrameHeader), (word & 0xFFFF'FFFF) - sizeof(FrameHeader)});
    seeds.add("payload", number, payload);
    at += *padded;
  }
}

// An environment with one entry in its main database, as LMDB lays it out (catalog_check.cc).
void write_catalog_file(Seeds& seeds) {
  constexpr size_t kPage = 512;
  std::vector<std::byte> file(3 * kPage);
  const auto put = [&](size_t at, uint64_t value, size_t bytes) {
    std::memcpy(file.data() + at, &value, bytes);
  };
  for (size_t meta = 0; meta < 2; ++meta) {
    const size_t at = meta * kPage;
    put(at, meta, 8);
    put(at + 10, 8, 2);
    put(at + 16, 0xBEEF'C0DE, 4);
    put(at + 20, 1, 4);
    put(at + 40, kPage, 4);       // of the free database: the page size
    put(at + 40 + 40, ~0ULL, 8);  // and its root: none
    put(at + 88 + 6, 1, 2);       // of the main database: its depth
    put(at + 88 + 16, 1, 8);      // leaf pages
    put(at + 88 + 32, 1, 8);      // entries
    put(at + 88 + 40, 2, 8);      // root
    put(at + 136, 2, 8);          // last page
    put(at + 144, meta, 8);       // transaction
  }
  const size_t leaf = 2 * kPage;
  put(leaf, 2, 8);
  put(leaf + 10, 2, 2);
  put(leaf + 12, 18, 2);
  put(leaf + 14, kPage - 20, 2);
  put(leaf + 16, kPage - 20, 2);
  put(leaf + kPage - 20, 4, 2);      // a value of 4 bytes
  put(leaf + kPage - 20 + 6, 8, 2);  // a key of 8
  seeds.add("catalog_file", 0, file);
}

int write_seeds(const std::string& directory) {
  Seeds seeds(directory);
  write_frames(seeds);
  write_catalog_file(seeds);
  Cursor cursor{"a cursor", 7, {{0, 4096, 1, 99}, {3, 8192, 2, 98}}};
  seeds.add("catalog", 0, encode_cursor(cursor));
  seeds.add("catalog", 1, encode_format(kCatalogMajor));
  // Each way to use a log, with a bit of each of its first frames.
  for (int what = 0; what < 16; ++what) {
    const int at = 4096 + what * 40;
    const uint8_t patch[] = {static_cast<uint8_t>(what), static_cast<uint8_t>(at),
                             static_cast<uint8_t>(at >> 8), 1, 1};
    seeds.add("log", what, std::as_bytes(std::span(patch)));
  }
  return 0;
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  if (*argc == 3 && std::strcmp((*argv)[1], "--seeds") == 0) std::exit(write_seeds((*argv)[2]));
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const char* const only = std::getenv("TIDEMARK_FUZZ");
  if (size == 0) return 0;
  const Target& target = kTargets[data[0] % std::size(kTargets)];
  if (only != nullptr && std::strcmp(only, target.name) != 0) return -1;
  target.run({reinterpret_cast<const std::byte*>(data) + 1, size - 1});
  return 0;
}
