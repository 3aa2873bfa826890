// libFuzzer: hostile bytes as frames, payloads, values of the catalog, schemas, and as a log's
// files with checksums that match, so that what lies behind them is reached (SPEC.md section 13).
// The first byte of an input chooses which. What must not happen is an access out of bounds, a hang
// or an assertion; AddressSanitizer and UndefinedBehaviorSanitizer look on.

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

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

void fuzz_payload(Bytes input) {
  // At a multiple of eight, as in a segment, and not a byte longer than it says.
  const size_t room = input.size() + 8;
  std::vector<std::byte> memory(room);
  auto* at = reinterpret_cast<std::byte*>((reinterpret_cast<uintptr_t>(memory.data()) + 7) &
                                          ~uintptr_t{7});
  if (!input.empty()) std::memcpy(at, input.data(), input.size());
  const Bytes payload(at, input.size());
  for (uint8_t words = 0; words <= 4; ++words) {
    TimeShape shape;
    shape.words = words;
    if (const auto messages = decode_messages(payload, shape)) {
      size_t bytes = 0;
      for (uint32_t i = 0; i < messages->size(); ++i) bytes += messages->record(i).size();
      if (bytes > payload.size()) std::abort();
      MessagesView quickly;
      if (decode_written_messages(payload, shape, quickly) && quickly.size() != messages->size()) {
        std::abort();
      }
    } else {
      MessagesView quickly;
      if (decode_written_messages(payload, shape, quickly)) std::abort();
    }
    (void)decode_progress(payload, shape);
    (void)decode_checkpoint(payload, shape);
    (void)decode_seal(payload, shape);
  }
}

void fuzz_frame(Bytes input) {
  if (input.size() < 16 + sizeof(FrameHeader)) return;
  std::vector<uint64_t> words(input.size() / 8);
  std::memcpy(words.data(), input.data(), words.size() * 8);
  const auto* frame = reinterpret_cast<const std::byte*>(words.data() + 2);
  const Bytes bytes(frame, (words.size() - 2) * 8);
  const auto checked = check_frame(bytes, load_commit_word(frame), FrameKey(words[0]), words[1]);
  FrameView quickly;
  const bool sound = is_sound_frame(frame, bytes.size(), load_commit_word(frame),
                                    FrameKey(words[0]), words[1], quickly);
  if (sound && !checked) std::abort();
}

struct Written {
  NodePtr root;
  NodePtr segment;
};

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
  (void)writer->close();
  return {disk.root, disk.find("/log/streams/00000/00000000000000000000.seg")};
}

// Patches of four bytes: an offset, a value, and how. Then every checksum is made to match.
void fuzz_log(Bytes input) {
  static const Written original = write_log();
  const auto sound = original.segment->live->clone();
  auto patched = original.segment->live->clone();
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
  original.segment->live = std::move(patched);
  {
    SimulatedDisk disk(original.root, 3);
    disk.tracks_the_medium = false;
    SimulatedProcess process(disk);
    if (const auto log = Log::open(kLogPath, {}, process)) {
      (void)serve(*log, 0, Access::Map);
      (void)verify_log(kLogPath, {}, process);
      (void)salvage_log(kLogPath, "/saved", {}, process);
    }
  }
  original.segment->live = sound;
  original.root->entries.erase("saved");
  for (auto at = original.root->entries.begin(); at != original.root->entries.end();) {
    at = at->first == "log" ? std::next(at) : original.root->entries.erase(at);
  }
  original.root->pending.clear();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const Bytes input(reinterpret_cast<const std::byte*>(data) + 1, size - 1);
  switch (data[0] % 5) {
    case 0:
      fuzz_frame(input);
      break;
    case 1:
      fuzz_payload(input);
      break;
    case 2:
      (void)RecordSchema::parse(input);
      break;
    case 3:
      (void)decode_cursor("a cursor", input);
      (void)decode_format(input);
      (void)decode_segment(input.first(std::min<size_t>(input.size(), 12)), input);
      break;
    default:
      fuzz_log(input);
      break;
  }
  return 0;
}
