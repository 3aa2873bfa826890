// The files of a log as bytes: to damage them, to forge them, and to see that nothing changed.

#pragma once

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "support/catch.h"
#include "tidemark/frame.h"
#include "tidemark/layout.h"

namespace tidemark::test {

inline std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Replaces what stands at `offset`; the file keeps its length and its identity.
inline void write_at(const std::string& path, uint64_t offset, std::string_view bytes) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(static_cast<std::streamoff>(offset));
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.flush();
  REQUIRE(file.good());
}

inline void flip_byte(const std::string& path, uint64_t offset, uint8_t mask = 0x10) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekg(static_cast<std::streamoff>(offset));
  const auto byte = static_cast<char>(static_cast<uint8_t>(file.get()) ^ mask);
  file.seekp(static_cast<std::streamoff>(offset));
  file.put(byte);
  file.flush();
  REQUIRE(file.good());
}

// A log as it stands at this moment, also while it is written: what a killed writer leaves.
inline void copy_log(const std::string& from, const std::string& to) {
  std::filesystem::copy(from, to, std::filesystem::copy_options::recursive);
}

// Every file of a directory, by path.
inline std::map<std::string, std::string> contents_of(const std::string& directory) {
  std::map<std::string, std::string> contents;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    contents[entry.path().string()] =
        entry.is_regular_file() ? read_file(entry.path().string()) : std::string();
  }
  return contents;
}

// The segments of a stream, in order.
inline std::vector<std::string> segment_paths(const std::string& log, uint32_t stream = 0) {
  const std::string number = std::to_string(stream);
  const std::string directory = log + "/streams/" + std::string(5 - number.size(), '0') + number;
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.path().extension() == ".seg") paths.push_back(entry.path().string());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

inline uint64_t first_position_of(const std::string& segment_path) {
  return std::stoull(std::filesystem::path(segment_path).stem().string());
}

inline SegmentHeader header_of(const std::string& segment_path) {
  const std::string bytes = read_file(segment_path);
  SegmentHeader header;
  REQUIRE(bytes.size() >= sizeof header);
  std::memcpy(&header, bytes.data(), sizeof header);
  return header;
}

struct FrameAt {
  uint64_t offset = 0;
  uint64_t bytes = 0;
  FrameKind kind{};
};

// The frames of an undamaged segment, its seal included.
inline std::vector<FrameAt> frames_of(const std::string& segment_path) {
  const std::string bytes = read_file(segment_path);
  std::vector<FrameAt> frames;
  uint64_t offset = kSegmentHeaderBytes;
  while (offset + sizeof(FrameHeader) <= bytes.size()) {
    uint64_t word = 0;
    std::memcpy(&word, bytes.data() + offset, sizeof word);
    if (word == 0) break;
    const uint64_t padded = align_up(word & 0xFFFF'FFFF, kFrameAlignment);
    frames.push_back({offset, padded, static_cast<FrameKind>((word >> 32) & 0xFF)});
    offset += padded;
  }
  return frames;
}

// Rewrites the frame at `offset` with another payload of at most its size, or other stamps, and a
// checksum that matches: what only a broken writer would leave. `change(header, payload)`.
template <typename Change>
void forge_frame(const std::string& segment_path, uint64_t offset, Change change) {
  const SegmentHeader segment = header_of(segment_path);
  const std::string file = read_file(segment_path);
  FrameHeader header;
  std::memcpy(&header, file.data() + offset, sizeof header);
  const uint64_t old_length = header.word & 0xFFFF'FFFF;
  const auto kind = static_cast<FrameKind>((header.word >> 32) & 0xFF);
  std::vector<std::byte> payload(old_length - sizeof header);
  std::memcpy(payload.data(), file.data() + offset + sizeof header, payload.size());
  change(header, payload);
  REQUIRE(frame_bytes(payload.size()) <= frame_bytes(old_length - sizeof header));

  // What the old frame took beyond the new one reads as zeros.
  std::vector<uint64_t> words(frame_bytes(old_length - sizeof header) / sizeof(uint64_t));
  auto* frame = reinterpret_cast<std::byte*>(words.data());
  header.word = commit_word(kind, payload.size());
  std::memcpy(frame, &header, sizeof header);
  std::memcpy(frame + sizeof header, payload.data(), payload.size());
  header.checksum =
      frame_checksum(frame, header.word, FrameKey(segment.salt), segment.first_position + offset);
  std::memcpy(frame, &header, sizeof header);
  write_at(segment_path, offset,
           {reinterpret_cast<const char*>(frame), words.size() * sizeof(uint64_t)});
}

// The same for a segment's header: `change(header)`.
template <typename Change>
void forge_header(const std::string& segment_path, Change change) {
  SegmentHeader header = header_of(segment_path);
  change(header);
  finish_header(header);
  write_at(segment_path, 0, {reinterpret_cast<const char*>(&header), sizeof header});
}

}  // namespace tidemark::test
