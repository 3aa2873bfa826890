#include "tidemark/salvage.h"

#include <algorithm>

#include "paths.h"
#include "salvage_stream.h"
#include "stream_directory.h"

namespace tidemark {
namespace {

Error missing_stream(const Log& log, uint32_t stream) {
  Error error = fail(ErrorCode::Missing, "the stream is absent").value();
  error.stream = stream;
  error.path = stream_path(log.path(), stream);
  return error;
}

}  // namespace

bool SalvageReport::lost_anything() const {
  return std::any_of(streams.begin(), streams.end(),
                     [](const StreamSalvage& stream) { return !stream.left_behind.empty(); });
}

Result<SalvageReport> salvage_log(const std::string& source, const std::string& destination,
                                  const ByteProgress& progress, FileSeam& files) {
  // Takes the identity from the segments where its own file is lost.
  LogOptions existing;
  existing.create_if_missing = false;
  TIDEMARK_ASSIGN(from, Log::open(source, existing, files));
  TIDEMARK_ASSIGN(present, from.streams());
  LogOptions fresh;
  fresh.peers = from.peers();
  fresh.refuse_existing = true;
  TIDEMARK_ASSIGN(to, Log::open(destination, fresh, files));

  uint64_t total = 0;
  uint64_t done = 0;
  for (const uint32_t stream : present) {
    total += bytes_of_segments(files, stream_path(from.path(), stream));
  }
  const auto examined = [&](uint64_t bytes) {
    done = std::min(total, done + bytes);
    if (progress) progress(done, total);
  };

  SalvageReport report;
  for (uint32_t stream = 0; stream < from.peers(); ++stream) {
    if (!std::binary_search(present.begin(), present.end(), stream)) {
      StreamSalvage& absent = report.streams.emplace_back();
      absent.stream = stream;
      absent.left_behind.push_back({missing_stream(from, stream), 0, 0});
      continue;
    }
    TIDEMARK_ASSIGN(saved,
                    salvage_stream(files, stream_path(from.path(), stream), stream, to, examined));
    report.streams.push_back(std::move(saved));
  }
  if (progress) progress(total, total);

  TIDEMARK_ASSIGN(verified, verify_log(to.path(), {}, files));
  if (verified.damaged()) {
    auto error = fail(ErrorCode::Corrupt, "the new log does not verify");
    for (const StreamVerdict& stream : verified.streams) {
      if (!stream.damage.empty()) error.value() = stream.damage.front();
    }
    return error;
  }
  return report;
}

}  // namespace tidemark
