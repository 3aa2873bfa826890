#include "tidemark/log.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "event_reader_implementation.h"
#include "event_writer_implementation.h"
#include "paths.h"
#include "stream_directory.h"

namespace tidemark {
namespace {

constexpr uint32_t kDefaultPeers = 1;

tl::unexpected<Error> fail_at_path(ErrorCode code, std::string message, const std::string& path) {
  auto error = fail(code, std::move(message));
  error.value().path = path;
  return error;
}

std::string hex(std::span<const std::byte> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::byte byte : bytes) {
    text += kDigits[std::to_integer<size_t>(byte >> 4)];
    text += kDigits[std::to_integer<size_t>(byte & std::byte{15})];
  }
  return text;
}

Result<void> write_identity(FileSeam& files, const std::string& log, LogIdentity identity) {
  const std::string path = log_identity_path(log);
  const int descriptor = files.open(path, OpenMode::Create);
  if (descriptor < 0) return fail_system("cannot create", path, -descriptor);
  finish_log_identity(identity);
  int answer = files.write(descriptor, std::as_bytes(std::span(&identity, 1)), 0);
  if (answer == 0) answer = files.sync_all(descriptor);
  files.close(descriptor);
  if (answer < 0) return fail_system("cannot write", path, -answer);
  return {};
}

// Builds the log beside its place and renames it there, so that nobody ever sees half a log.
// AlreadyExists when another process was quicker: its log is adopted.
Result<void> create_log(FileSeam& files, const std::string& path, uint32_t peers) {
  std::array<std::byte, 8> suffix{};
  LogIdentity identity{};
  identity.peers = peers;
  identity.created_at_ns = files.now_ns();
  int answer = files.random(suffix);
  if (answer == 0) answer = files.random(std::as_writable_bytes(std::span(identity.log_uuid)));
  if (answer < 0) return fail_system("cannot get random bytes for", path, -answer);

  const std::string temporary = path + ".new-" + hex(suffix);
  if (answer = files.make_directory(temporary); answer < 0) {
    return fail_system("cannot create", temporary, -answer);
  }
  const auto abandon = [&] {
    files.remove_file(log_identity_path(temporary));
    for (uint32_t stream = 0; stream < peers; ++stream) {
      files.remove_directory(stream_path(temporary, stream));
    }
    files.remove_directory(streams_path(temporary));
    files.remove_directory(temporary);
  };
  auto written = write_identity(files, temporary, identity);
  if (!written) {
    abandon();
    return written;
  }
  answer = files.make_directory(streams_path(temporary));
  // All streams at once, so that one without a directory is one that was lost.
  for (uint32_t stream = 0; answer == 0 && stream < peers; ++stream) {
    answer = files.make_directory(stream_path(temporary, stream));
  }
  if (answer == 0) answer = files.sync_directory(streams_path(temporary));
  if (answer == 0) answer = files.sync_directory(temporary);
  // An empty directory in the log's place is replaced; anything else is not.
  if (answer == 0) answer = files.rename_over(temporary, path);
  if (answer == -ENOTEMPTY || answer == -EEXIST) {
    abandon();
    return fail_at_path(ErrorCode::AlreadyExists, "the log was created meanwhile", path);
  }
  if (answer < 0) {
    abandon();
    return fail_system("cannot create a log", path, -answer);
  }
  const size_t slash = path.find_last_of('/');
  const std::string parent = slash == std::string::npos ? "."
                             : slash == 0               ? "/"
                                                        : path.substr(0, slash);
  if (answer = files.sync_directory(parent); answer < 0) {
    return fail_system("cannot sync", parent, -answer);
  }
  return {};
}

std::string without_trailing_slashes(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

struct Identity {
  Uuid uuid{};
  uint32_t peers = 0;
};

Result<Identity> read_identity(FileSeam& files, const std::string& log) {
  const std::string path = log_identity_path(log);
  const int descriptor = files.open(path, OpenMode::Read);
  if (descriptor < 0) return fail_system("cannot open", path, -descriptor);
  LogIdentity identity{};
  const auto count = files.read(descriptor, std::as_writable_bytes(std::span(&identity, 1)), 0);
  files.close(descriptor);
  if (count < 0) return fail_system("cannot read", path, static_cast<int>(-count));
  if (count != sizeof identity) {
    return fail_at_path(ErrorCode::Corrupt, "the log's identity is cut short", path);
  }
  if (auto checked = check_log_identity(identity); !checked) {
    return fail_at_path(checked.error().code, checked.error().message, path);
  }
  Identity result;
  std::copy(std::begin(identity.log_uuid), std::end(identity.log_uuid), result.uuid.begin());
  result.peers = identity.peers;
  return result;
}

Result<std::vector<uint32_t>> list_streams(FileSeam& files, const std::string& log) {
  std::vector<std::string> names;
  if (const int answer = files.list(streams_path(log), names); answer < 0) {
    return fail_system("cannot list the streams of", log, -answer);
  }
  std::vector<uint32_t> streams;
  for (const std::string& name : names) {
    if (const auto stream = parse_stream_name(name)) streams.push_back(*stream);
  }
  std::sort(streams.begin(), streams.end());
  return streams;
}

// Every segment carries what the log's identity says, so a damaged identity loses nothing.
Result<Identity> identity_from_segments(FileSeam& files, const std::string& log) {
  TIDEMARK_ASSIGN(streams, list_streams(files, log));
  for (const uint32_t stream : streams) {
    TIDEMARK_ASSIGN(segments, list_segments(files, stream_path(log, stream), stream));
    for (const SegmentFile& file : segments) {
      if (!file.published) continue;
      Identity result;
      std::copy(std::begin(file.header->log_uuid), std::end(file.header->log_uuid),
                result.uuid.begin());
      result.peers = file.header->peers;
      return result;
    }
  }
  return fail_at_path(ErrorCode::NotFound, "there is no log here", log);
}

}  // namespace

Result<Log> Log::open(const std::string& given_path, const LogOptions& options, FileSeam& files) {
  const std::string path = without_trailing_slashes(given_path);
  if (path.empty()) return fail(ErrorCode::InvalidArgument, "the path of a log is empty");
  if (options.peers && (*options.peers == 0 || *options.peers > kMaxPeers)) {
    return fail(ErrorCode::InvalidArgument, "a log has between 1 and 100000 streams");
  }
  bool created = false;
  auto identity = read_identity(files, path);
  if (!identity && identity.error().code == ErrorCode::NotFound) {
    std::vector<std::string> names;
    const int listed = files.list(path, names);
    if (listed < 0 && listed != -ENOENT) return fail_system("cannot open a log", path, -listed);
    if (names.empty()) {
      if (!options.create_if_missing) {
        return fail_at_path(ErrorCode::NotFound, "there is no log here", path);
      }
      auto made = create_log(files, path, options.peers.value_or(kDefaultPeers));
      if (!made && made.error().code != ErrorCode::AlreadyExists) {
        return tl::make_unexpected(std::move(made).error());
      }
      created = made.has_value();
      identity = read_identity(files, path);
    }
  }
  if (!identity && (identity.error().code == ErrorCode::NotFound ||
                    identity.error().code == ErrorCode::Corrupt)) {
    FileStatus status;
    if (files.status(streams_path(path), status) < 0) {
      if (identity.error().code == ErrorCode::Corrupt) {
        return tl::make_unexpected(std::move(identity).error());
      }
      return fail_at_path(ErrorCode::NotFound, "this directory is no log, and it is not empty",
                          path);
    }
    auto found = identity_from_segments(files, path);
    if (found) identity = found;
  }
  if (!identity) return tl::make_unexpected(std::move(identity).error());
  if (!created && options.refuse_existing) {
    return fail_at_path(ErrorCode::AlreadyExists, "the log exists already", path);
  }
  if (options.peers && *options.peers != identity->peers) {
    return fail_at_path(ErrorCode::InvalidArgument,
                        "the log has " + std::to_string(identity->peers) + " streams, not " +
                            std::to_string(*options.peers),
                        path);
  }
  return Log(path, identity->peers, identity->uuid, files);
}

Result<EventWriter> Log::writer(uint32_t stream, const WriterOptions& options) const {
  if (stream >= peers_) {
    return fail_at_path(ErrorCode::InvalidArgument,
                        "the log has " + std::to_string(peers_) + " streams, there is no stream " +
                            std::to_string(stream),
                        path_);
  }
  const std::string directory = stream_path(path_, stream);
  // Made with the log; here only where somebody removed an empty stream, or copied without it.
  int answer = files_->make_directory(directory);
  if (answer == 0) answer = files_->sync_directory(streams_path(path_));
  if (answer < 0 && answer != -EEXIST) {
    return fail_system("cannot create a stream", directory, -answer);
  }
  auto opened =
      EventWriter::Implementation::open(*files_, {directory, stream, peers_, uuid_}, options);
  if (!opened) {
    Error error = std::move(opened).error();
    if (!error.stream) error.stream = stream;
    if (error.path.empty()) error.path = directory;
    return tl::make_unexpected(std::move(error));
  }
  return EventWriter(*std::move(opened));
}

Result<EventReader> Log::reader(uint32_t stream, const ReaderOptions& options) const {
  TIDEMARK_ASSIGN(opened, EventReader::Implementation::open(*files_, stream_path(path_, stream),
                                                            stream, uuid_, options));
  return EventReader(std::move(opened));
}

Result<PositionReader> Log::position_reader(uint32_t stream) const {
  return open_position_reader(*files_, stream_path(path_, stream), stream);
}

Result<std::vector<uint32_t>> Log::streams() const { return list_streams(*files_, path_); }

Result<std::vector<uint32_t>> Log::all_streams() const {
  TIDEMARK_ASSIGN(found, streams());
  std::vector<uint32_t> all;
  for (uint32_t stream = 0; stream < peers_; ++stream) {
    if (!std::binary_search(found.begin(), found.end(), stream)) {
      auto error =
          fail_at_path(ErrorCode::Missing,
                       "the log has " + std::to_string(peers_) + " streams, but this one is absent",
                       stream_path(path_, stream));
      error.value().stream = stream;
      return error;
    }
    all.push_back(stream);
  }
  return all;
}

}  // namespace tidemark
