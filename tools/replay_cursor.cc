#include "replay_cursor.h"

#include <fmt/format.h>

#include "report.h"
#include "terminal.h"

namespace tidemark::tools {
namespace {

using namespace std::chrono_literals;

// A commit is a transaction that is synced: some milliseconds.
constexpr uint64_t kRecordsPerCommit = 65'536;
constexpr auto kLongestWithoutCommit = 500ms;

}  // namespace

Outcome<ReplayCursor> ReplayCursor::open(const Log& log, const std::string& path,
                                         const std::string& name,
                                         const std::vector<uint32_t>& streams) {
  auto consumer = Consumer::open(log, name, streams);
  if (!consumer) return failed(consumer.error(), path);
  if (!consumer->found()) {
    say(fmt::format("starts from the beginning: no cursor {}", printable(name)));
  }
  return ReplayCursor(*std::move(consumer), path);
}

std::vector<StreamPosition> ReplayCursor::positions(const std::vector<uint32_t>& streams) const {
  std::vector<StreamPosition> positions;
  for (const uint32_t stream : streams) {
    if (const auto position = consumer_.position(stream)) positions.push_back({stream, *position});
  }
  return positions;
}

bool ReplayCursor::due(size_t records) {
  uncommitted_ += records;
  return uncommitted_ >= kRecordsPerCommit || Clock::now() - committed_at_ >= kLongestWithoutCommit;
}

Outcome<void> ReplayCursor::commit(const Replay& replay, Output& output) {
  const auto positions = replay.resume_positions();
  if (!output.sync()) return {};
  if (auto committed = consumer_.commit(positions); !committed) {
    return failed(committed.error(), path_);
  }
  uncommitted_ = 0;
  committed_at_ = Clock::now();
  return {};
}

}  // namespace tidemark::tools
