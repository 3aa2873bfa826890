// `Log`: a directory of streams (SPEC.md section 2).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tidemark/antichain.h"
#include "tidemark/event_reader.h"
#include "tidemark/event_writer.h"
#include "tidemark/file_seam.h"
#include "tidemark/layout.h"
#include "tidemark/position_reader.h"
#include "tidemark/result.h"

namespace tidemark {

struct LogOptions {
  // Streams of the log, one a capturing worker. Unset: 1 for a new log, whatever it is for one
  // that exists. InvalidArgument where an existing log has another number.
  std::optional<uint32_t> peers = std::nullopt;
  bool create_if_missing = true;
  bool refuse_existing = false;
};

// Where the producer of one stream goes on.
struct StreamResume {
  uint32_t stream = 0;
  // A record at a time that is not at or after an element of it is complete, and in the stream.
  // Empty: the stream is finished.
  Antichain<Time> frontier;
  // The restart token that was marked last; empty: none.
  std::vector<std::byte> mark;
  Totals totals;  // of the stream, void records too
};

struct ResumeFrontier {
  std::vector<StreamResume> streams;  // all of the log, in order
  // The meet of their frontiers: offering all input at or after an element of it again is enough,
  // whichever stream it belongs to. Empty: all streams are finished, there is nothing to resume.
  Antichain<Time> meet;
};

// Opening changes nothing in a log that exists. Copyable and thread-safe; any number of processes
// may have one log open.
class Log {
 public:
  // Errors: NotFound (no log there, or a directory that is none), AlreadyExists, InvalidArgument,
  // Corrupt (its identity, and no segment to take it from), Unsupported (file system), NoSpace, Io.
  static Result<Log> open(const std::string& path, const LogOptions& options = {},
                          FileSeam& files = system_files());

  // Opens a stream for writing, which recovers it first. `stream` is below peers().
  // Errors: Busy (at once), Corrupt and Missing (the stream is damaged: salvage it), Finished,
  // InvalidArgument (another shape), NoSpace, Io.
  Result<EventWriter> writer(uint32_t stream, const WriterOptions& options = {}) const;

  // Opens a stream for reading; it may still be empty. Errors: NotFound, Purged (the segment that
  // the options name), Corrupt, Missing, Unsupported, Io.
  Result<EventReader> reader(uint32_t stream, const ReaderOptions& options = {}) const;
  Result<PositionReader> position_reader(uint32_t stream) const;

  // Where a producer that was killed has to go on, as the streams stand now: what opening each for
  // writing would recover, without doing it. Of a stream that is being written, how far it has
  // come, which is never too early. Errors: as writer(), but for Busy and Finished.
  Result<ResumeFrontier> resume_frontier() const;

  // The streams that have a directory, in order.
  Result<std::vector<uint32_t>> streams() const;
  // All streams below peers(). Errors: Missing where one of them has no directory.
  Result<std::vector<uint32_t>> all_streams() const;

  const std::string& path() const { return path_; }
  uint32_t peers() const { return peers_; }
  const Uuid& uuid() const { return uuid_; }
  FileSeam& files() const { return *files_; }

 private:
  Log(std::string path, uint32_t peers, Uuid uuid, FileSeam& files)
      : path_(std::move(path)), peers_(peers), uuid_(uuid), files_(&files) {}

  std::string path_;
  uint32_t peers_;
  Uuid uuid_;
  FileSeam* files_;
};

}  // namespace tidemark
