#include "lease.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "paths.h"
#include "segment.h"
#include "store/timed_log.h"
#include "support/catch.h"
#include "support/forwarding_files.h"
#include "support/log_files.h"
#include "support/stream_helpers.h"
#include "support/temporary_directory.h"
#include "tidemark/purge.h"

using namespace tidemark;
using namespace tidemark::test;

TEST_CASE("What a live reader needs stays until it goes on or ends") {
  const TemporaryDirectory directory;
  const Log log = written_log(directory / "log");
  const ReadBack all = read_all(log);
  std::optional<EventReader> reader = must(log.reader(0));
  CHECK(must(purge_stream(log, 0, before(1000))).kept_for == KeptFor::Lease);
  CHECK(segment_paths(log.path()).front() == segment_path(directory_of(log), 0));
  std::vector<std::string> seen;
  uint64_t purged_segments = 0;
  for (;;) {
    const auto status = must(reader->poll());
    if (status != EventReader::Status::Event) break;
    seen.push_back(text_of(reader->event()));
    const StreamPurge purge = must(purge_stream(log, 0, before(1000)));
    purged_segments += purge.segments;
    REQUIRE(purge.purged_upto <= reader->segment()->first_position());
  }
  CHECK(seen == all.events);
  CHECK(purged_segments > 5);
  CHECK(segment_paths(log.path()).size() == 1);
}

TEST_CASE("A reader without a lease or overtaken by force is told what is left") {
  const TemporaryDirectory directory;
  const Log log = written_log(directory / "log");
  const ReadBack all = read_all(log);
  ReaderOptions options;
  RetentionPolicy policy = before(100);
  SECTION("without a lease") { options.leasing = Leasing::None; }
  SECTION("by force") { policy.force = true; }
  EventReader reader = must(log.reader(0, options));
  must(reader.poll());
  const StreamPurge purge = must(purge_stream(log, 0, policy));
  CHECK(purge.segments > 3);
  const ReadBack seen = read_all(reader);
  REQUIRE(seen.error);
  CHECK(seen.error->code == ErrorCode::Purged);
  CHECK(seen.error->offset == purge.purged_upto);
  CHECK(seen.events.size() > 5);  // what it has mapped, it reads to the end
  CHECK(std::equal(seen.events.begin(), seen.events.end(), all.events.begin() + 1));
  ReaderOptions rest;
  rest.segment = *seen.error->offset;
  CHECK(ends_with(all.events, read_all(log, 0, rest).events));
}

TEST_CASE("A lease that is taken while a purge decides keeps its segments, and nothing else") {
  const TemporaryDirectory directory;
  const Log plain = written_log(directory / "log");
  const ReadBack all = read_all(plain);
  // The purge has looked at the leases, and is about to replace `purged`.
  class ReaderArrives : public ForwardingFiles {
   public:
    explicit ReaderArrives(const Log& log) : log_(log) {}
    int rename_over(const std::string& from, const std::string& to) override {
      if (!reader) reader.emplace(must(log_.reader(0)));
      return ForwardingFiles::rename_over(from, to);
    }
    std::optional<EventReader> reader;

   private:
    const Log& log_;
  } files(plain);
  const StreamPurge purge =
      must(purge_stream(must(Log::open(plain.path(), {}, files)), 0, before(100)));
  CHECK(purge.segments > 3);
  CHECK(purge.unlinked == 0);
  CHECK(purge.waiting == purge.segments);
  // Others begin behind them, and whoever asks for what they hold is told so.
  CHECK(must(plain.reader(0)).position() >= purge.purged_upto);
  const auto other = plain.reader(0, ReaderOptions{.position = files.reader->position()});
  REQUIRE_FALSE(other);
  CHECK(other.error().code == ErrorCode::Purged);
  const ReadBack seen = read_all(*files.reader);
  INFO((seen.error ? seen.error->text() : ""));
  CHECK_FALSE(seen.error);
  CHECK(seen.events == all.events);
  files.reader.reset();
  CHECK(must(purge_stream(plain, 0, before(100))).unlinked == purge.segments);
}

TEST_CASE("A lease ends with its process and is not inherited by a child") {
  const TemporaryDirectory directory;
  const Log log = written_log(directory / "log");
  int ready[2];
  REQUIRE(::pipe(ready) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const auto reader = log.reader(0);
    // Only the grandchild knows when it is past its fork, and has closed what is not its own.
    if (::fork() == 0) {
      const pid_t self = ::getpid();
      (void)!::write(ready[1], &self, sizeof self);
    }
    ::pause();
    ::_exit(0);
  }
  pid_t grandchild = 0;
  REQUIRE(::read(ready[0], &grandchild, sizeof grandchild) == sizeof grandchild);
  CHECK(must(least_lease(system_files(), directory_of(log), ~uint64_t{0} >> 1)) == uint64_t{0});
  CHECK(must(purge_stream(log, 0, before(1000))).kept_for == KeptFor::Lease);
  ::kill(child, SIGKILL);
  REQUIRE(::waitpid(child, nullptr, 0) == child);
  CHECK_FALSE(must(least_lease(system_files(), directory_of(log), ~uint64_t{0} >> 1)));
  CHECK(must(purge_stream(log, 0, before(1000))).kept_for == KeptFor::Last);
  ::kill(grandchild, SIGKILL);
  for (const int descriptor : ready) ::close(descriptor);
}

TEST_CASE("The least of many leases is found, and they move and end one by one") {
  const TemporaryDirectory directory;
  const std::string path = directory.path();
  FileSeam& files = system_files();
  Lease none;
  CHECK_FALSE(none.hold(files, path, 0));  // no file: no lease
  must(create_leases(files, path));
  const auto least = [&](uint64_t end = uint64_t{1} << 62) {
    return must(least_lease(files, path, end));
  };
  CHECK_FALSE(least());
  std::vector<std::unique_ptr<Lease>> leases;
  for (const uint64_t position : {40960U, 8192U, 12288U, 8192U, 4096U, 1048576U}) {
    leases.push_back(std::make_unique<Lease>());
    REQUIRE(leases.back()->hold(files, path, position));
  }
  CHECK(least() == uint64_t{4096});
  CHECK_FALSE(least(4096));
  CHECK(least(4097) == uint64_t{4096});
  leases[4]->release();
  CHECK(least() == uint64_t{8192});
  REQUIRE(leases[1]->hold(files, path, uint64_t{1} << 50));
  CHECK(least() == uint64_t{8192});
  leases[3].reset();
  CHECK(least() == uint64_t{12288});
  REQUIRE(leases[0]->hold(files, path, 0));
  CHECK(least() == uint64_t{0});
  leases.clear();
  CHECK_FALSE(least());
  CHECK(read_file(leases_path(path)).empty());
}

TEST_CASE("A reader that keeps its lease by hand holds what it has yet to release") {
  const TemporaryDirectory directory;
  const Log log = written_log(directory / "log");
  ReaderOptions options;
  options.leasing = Leasing::Manual;
  EventReader reader = must(log.reader(0, options));
  std::vector<uint64_t> positions;
  while (must(reader.poll()) == EventReader::Status::Event) positions.push_back(reader.position());
  CHECK(must(purge_stream(log, 0, before(1000))).segments == 0);
  reader.release_before(positions.at(200));
  const StreamPurge purge = must(purge_stream(log, 0, before(1000)));
  CHECK(purge.segments > 2);
  CHECK(purge.purged_upto <= positions.at(200));
  reader.release_before(positions.at(100));  // never back
  reader.release_before(positions.back());
  CHECK(must(purge_stream(log, 0, before(1000))).kept_for == KeptFor::Last);
}
