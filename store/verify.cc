#include "tidemark/verify.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <set>
#include <span>

#include "paths.h"
#include "stream_directory.h"
#include "verify_stream.h"

namespace tidemark {
namespace {

// The log's identity, all of its bytes. Errors: Corrupt, Missing, Io.
Result<LogIdentity> read_identity(FileSeam& files, const std::string& log) {
  const std::string path = log_identity_path(log);
  const auto fail_at = [&](ErrorCode code, std::string message) {
    auto error = fail(code, std::move(message));
    error.value().path = path;
    return error;
  };
  const int descriptor = files.open(path, OpenMode::Read);
  if (descriptor == -ENOENT) return fail_at(ErrorCode::Missing, "the log's identity is missing");
  if (descriptor < 0) return fail_system("cannot open", path, -descriptor);
  // One byte more than there should be, to see that there is none.
  std::array<std::byte, sizeof(LogIdentity) + 1> bytes{};
  const auto count = files.read(descriptor, bytes, 0);
  files.close(descriptor);
  if (count < 0) return fail_system("cannot read", path, static_cast<int>(-count));
  if (count != sizeof(LogIdentity)) {
    return fail_at(ErrorCode::Corrupt, "the log's identity has another size than 64 bytes");
  }
  LogIdentity identity;
  std::copy_n(bytes.begin(), sizeof identity,
              std::as_writable_bytes(std::span(&identity, 1)).begin());
  if (auto checked = check_log_identity(identity); !checked) {
    return fail_at(checked.error().code, checked.error().message);
  }
  return identity;
}

// The numbers of the streams that have a directory. NotFound: this is no log.
Result<std::set<uint32_t>> list_streams(FileSeam& files, const std::string& log) {
  std::vector<std::string> names;
  if (const int answer = files.list(streams_path(log), names); answer < 0) {
    if (answer == -ENOENT || answer == -ENOTDIR) {
      auto error = fail(ErrorCode::NotFound, "there is no log here");
      error.value().path = log;
      return error;
    }
    return fail_system("cannot list the streams of", log, -answer);
  }
  std::set<uint32_t> streams;
  for (const std::string& name : names) {
    if (const auto stream = parse_stream_name(name)) streams.insert(*stream);
  }
  return streams;
}

}  // namespace

bool VerifyReport::damaged() const {
  return !log_damage.empty() ||
         std::any_of(streams.begin(), streams.end(),
                     [](const StreamVerdict& stream) { return !stream.damage.empty(); });
}

Result<VerifyReport> verify_log(const std::string& path, const ByteProgress& progress,
                                FileSeam& files) {
  TIDEMARK_ASSIGN(streams, list_streams(files, path));
  VerifyReport report;
  ExpectedIdentity expected;
  auto identity = read_identity(files, path);
  if (identity) {
    expected.peers = identity->peers;
    std::copy(std::begin(identity->log_uuid), std::end(identity->log_uuid),
              expected.log_uuid.emplace().begin());
    for (uint32_t stream = 0; stream < identity->peers; ++stream) {
      if (streams.contains(stream)) continue;
      auto missing = fail(ErrorCode::Missing, "the log has " + std::to_string(identity->peers) +
                                                  " streams, but this one is absent");
      missing.value().stream = stream;
      missing.value().path = stream_path(path, stream);
      report.log_damage.push_back(std::move(missing).value());
    }
  } else {
    report.log_damage.push_back(std::move(identity).error());
  }

  uint64_t total = 0;
  uint64_t done = 0;
  for (const uint32_t stream : streams)
    total += bytes_of_segments(files, stream_path(path, stream));
  const auto examined = [&](uint64_t bytes) {
    // Segments that were made since the total was taken do not make it more than all.
    done = std::min(total, done + bytes);
    if (progress) progress(done, total);
  };
  for (const uint32_t stream : streams) {
    TIDEMARK_ASSIGN(verdict,
                    verify_stream(files, stream_path(path, stream), stream, expected, examined));
    report.streams.push_back(std::move(verdict));
  }
  if (progress) progress(total, total);
  return report;
}

}  // namespace tidemark
