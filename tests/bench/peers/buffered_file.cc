// The simplest thing that works: events with a length before them, through a buffer of 64 KiB, as
// timely dataflow's own EventWriter puts them on a BufWriter (its encoding has a tag, a time and
// the length of a vector before the records). No checksum, no recovery, no reader beside the
// writer. Without durability it is written out whenever the buffer is full, and a commit does
// nothing.

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "peer.h"

namespace tidemark::bench {
namespace {

constexpr size_t kBufferBytes = size_t{64} << 10;

// Before the records of each event.
struct EventHeader {
  uint64_t bytes;  // of the event behind this word
  uint64_t tag;    // 1: messages
  uint64_t time;
  uint64_t records;
};

class Writer final : public PeerWriter {
 public:
  Writer(int descriptor, std::string path, Durability durability)
      : descriptor_(descriptor), path_(std::move(path)), durability_(durability) {}
  ~Writer() override {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  Result<void> append(std::span<const std::byte> record, uint64_t records,
                      uint64_t records_a_commit) override {
    for (uint64_t done = 0; done < records;) {
      const uint64_t count = std::min(records_a_commit, records - done);
      const EventHeader header = {sizeof(EventHeader) - 8 + count * record.size(), 1, 0, count};
      TIDEMARK_TRY(put(&header, sizeof header));
      for (uint64_t i = 0; i < count; ++i) TIDEMARK_TRY(put(record.data(), record.size()));
      done += count;
      if (durability_ == Durability::EveryCommit) {
        TIDEMARK_TRY(flush());
        if (::fdatasync(descriptor_) != 0) return fail_system("syncing", path_, errno);
      }
    }
    return {};
  }

  Result<void> close() override {
    TIDEMARK_TRY(flush());
    if (::close(std::exchange(descriptor_, -1)) != 0) return fail_system("closing", path_, errno);
    return {};
  }

 private:
  Result<void> put(const void* bytes, size_t count) {
    if (used_ + count > buffer_.size()) [[unlikely]] {
      TIDEMARK_TRY(flush());
      if (count > buffer_.size()) return write_out(bytes, count);
    }
    std::memcpy(buffer_.data() + used_, bytes, count);
    used_ += count;
    return {};
  }
  Result<void> flush() { return write_out(buffer_.data(), std::exchange(used_, 0)); }
  Result<void> write_out(const void* bytes, size_t count) {
    if (count == 0) return {};
    const ssize_t written = ::write(descriptor_, bytes, count);
    if (written != static_cast<ssize_t>(count)) {
      return fail_system("writing to", path_, written < 0 ? errno : ENOSPC);
    }
    return {};
  }

  int descriptor_;
  const std::string path_;
  const Durability durability_;
  size_t used_ = 0;
  std::vector<std::byte> buffer_ = std::vector<std::byte>(kBufferBytes);
};

class Reader final : public PeerReader {
 public:
  Reader(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
  ~Reader() override { ::close(descriptor_); }

  Result<uint64_t> scan() override {
    if (::lseek(descriptor_, 0, SEEK_SET) != 0) return fail_system("seeking in", path_, errno);
    at_ = end_ = 0;
    uint64_t records = 0;
    uint64_t sum = 0;
    for (;;) {
      TIDEMARK_ASSIGN(more, have(sizeof(EventHeader)));
      if (!more) break;
      EventHeader header{};
      std::memcpy(&header, buffer_.data() + at_, sizeof header);
      TIDEMARK_ASSIGN(whole, have(8 + header.bytes));
      if (!whole || header.records == 0) {
        return fail(ErrorCode::Corrupt, path_ + " ends within an event");
      }
      const std::byte* record = buffer_.data() + at_ + sizeof header;
      const uint64_t bytes = (header.bytes + 8 - sizeof header) / header.records;
      for (uint64_t i = 0; i < header.records; ++i, record += bytes) {
        sum += static_cast<uint64_t>(*record);
      }
      records += header.records;
      at_ += 8 + header.bytes;
    }
    return sum == 0 ? 0 : records;
  }

 private:
  // Whether so many bytes stand in the buffer from `at_` on, after reading more where they do not.
  Result<bool> have(uint64_t bytes) {
    if (end_ - at_ >= bytes) [[likely]]
      return true;
    std::memmove(buffer_.data(), buffer_.data() + at_, end_ - at_);
    end_ -= std::exchange(at_, 0);
    if (buffer_.size() < bytes) buffer_.resize(bytes);
    while (end_ < bytes) {
      const ssize_t count = ::read(descriptor_, buffer_.data() + end_, buffer_.size() - end_);
      if (count < 0) return fail_system("reading", path_, errno);
      if (count == 0) return false;
      end_ += static_cast<uint64_t>(count);
    }
    return true;
  }

  const int descriptor_;
  const std::string path_;
  uint64_t at_ = 0;
  uint64_t end_ = 0;
  std::vector<std::byte> buffer_ = std::vector<std::byte>(kBufferBytes);
};

}  // namespace

Peer buffered_file() {
  Peer peer;
  peer.name = "buffered file";
  peer.database = false;
  peer.writer = [](const std::string& path,
                   Durability durability) -> Result<std::unique_ptr<PeerWriter>> {
    const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (descriptor < 0) return fail_system("creating", path, errno);
    return std::make_unique<Writer>(descriptor, path, durability);
  };
  peer.reader = [](const std::string& path) -> Result<std::unique_ptr<PeerReader>> {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return fail_system("opening", path, errno);
    return std::make_unique<Reader>(descriptor, path);
  };
  return peer;
}

}  // namespace tidemark::bench
