// Losses of power under real file systems (SPEC.md section 7.4): ext4, XFS and btrfs on a loop
// device on a disk that remembers every write and flush. A writer, a purger and a consumer with a
// cursor in the real catalog work there; then images of what a loss of power may have left are
// mounted, which makes the file system recover first, and the log must hold what was acknowledged.

#include <cstdlib>
#include <filesystem>

#include <unistd.h>

#include "rig.h"
#include "stream_oracle.h"
#ifdef TIDEMARK_HAVE_FUSE
#include "recorded_disk.h"
#include "tidemark/cursor.h"
#include "tidemark/purge.h"
#include "tidemark/verify.h"
#endif

namespace tidemark::rig {

#ifndef TIDEMARK_HAVE_FUSE

int real_disks(Rig& rig) { return rig.skip("libfuse3 was missing when this was built"); }

#else

namespace {

namespace fs = std::filesystem;

struct Kind {
  const char* name;
  const char* make;   // the command, without the file
  const char* mount;  // options
  uint64_t mib;
  uint64_t atomic_bytes;  // that it needs the disk to write whole or not at all
};
constexpr Kind kKinds[] = {
    {"ext4", "mkfs.ext4 -q -F", "loop", 64, 512},
    // Smaller than XFS cares to support, as its own tests do.
    {"xfs", "TEST_DIR=1 TEST_DEV=1 QA_CHECK_FS=1 mkfs.xfs -q -f", "loop,nouuid", 64, 512},
    // Its superblock of 4 KiB has one checksum, and mounting never asks for the copies.
    {"btrfs", "mkfs.btrfs -q -f", "loop", 128, 4096},
};

bool run(const std::string& command) {
  return std::system(("PATH=$PATH:/usr/sbin:/sbin; " + command + " > /dev/null 2>&1").c_str()) == 0;
}

// What was known when so many writes and flushes had reached the disk.
struct Known {
  size_t entries = 0;
  size_t acknowledged = 0;
  uint64_t purged_least = 0;
  uint64_t purged_most = 0;
  size_t cursors = 0;  // commits of the cursor that returned
};

struct Life {
  std::vector<uint64_t> written;
  std::vector<StreamPosition> cursors;  // asked for, in order
  std::vector<Known> known;
};

constexpr const char* kConsumer = "a consumer";

// One writer's life, and those beside it. "" or what failed that must not.
class Worker {
 public:
  Worker(std::string path, RecordedDisk& disk, Random random, Life& life)
      : path_(std::move(path)), disk_(disk), random_(random), life_(life) {}

  std::string run(int operations, bool fail_a_sync) {
    LogOptions create;
    create.create_if_missing = true;
    auto log = Log::open(path_, create);
    if (!log) return log.error().text();
    log_.emplace(*std::move(log));
    if (auto wrong = open(); !wrong.empty()) return wrong;
    for (int i = 0; i < operations; ++i) {
      if (auto wrong = operate(); !wrong.empty()) return wrong;
    }
    return fail_a_sync ? fail_syncs() : "";
  }

 private:
  void note() {
    now_.entries = disk_.entries();
    life_.known.push_back(now_);
  }

  std::string open() {
    const SyncPolicy policies[] = {SyncPolicy::none(), SyncPolicy::every_commit(),
                                   SyncPolicy::every_bytes(20'000)};
    policy_ = policies[random_.below(3)];
    auto writer = log_->writer(0, small_segments(policy_));
    if (!writer) return "writer: " + writer.error().text();
    writer_.emplace(*std::move(writer));
    if (writer_->totals().events != life_.written.size()) return "reopening lost events";
    time_ = writer_->protocol().counts().front().first.word(0);
    now_.acknowledged = life_.written.size();
    note();
    return "";
  }

  std::string append(size_t bytes) {
    const std::string text = std::to_string(life_.written.size()) + std::string(bytes, 'd');
    const std::string_view records[] = {text};
    life_.written.push_back(number_of_messages(time_, records));
    if (const auto end = writer_->append_messages(std::span(&time_, 1), records); !end) {
      return "append: " + end.error().text();
    }
    return told();
  }

  std::string advance() {
    const Change changes[] = {{time_, -1}, {time_ + 1, 1}};
    ++time_;
    life_.written.push_back(number_of_progress(changes));
    if (const auto end = writer_->append_progress(changes); !end) {
      return "append: " + end.error().text();
    }
    return told();
  }

  std::string told() {
    if (policy_.kind != SyncPolicy::Kind::EveryCommit) return "";
    now_.acknowledged = life_.written.size();
    note();
    return "";
  }

  std::string sync() {
    if (const auto synced = writer_->sync(); !synced) return "sync: " + synced.error().text();
    now_.acknowledged = life_.written.size();
    note();
    return "";
  }

  std::string move_cursor() {
    const uint32_t streams[] = {0};
    auto consumer = Consumer::open(*log_, kConsumer, streams);
    if (!consumer) return "cursor: " + consumer.error().text();
    const StreamPosition at[] = {{0, writer_->durable()}};
    life_.cursors.push_back(at[0]);
    if (const auto moved = consumer->commit(at); !moved) return "cursor: " + moved.error().text();
    now_.cursors = life_.cursors.size();
    note();
    return "";
  }

  std::string purge() {
    std::string wrong = advance();
    if (wrong.empty()) wrong = sync();
    if (!wrong.empty()) return wrong;
    RetentionPolicy policy;
    policy.keep_bytes = 0;
    const auto plan = purge_stream(*log_, 0, policy, /*dry_run=*/true);
    if (!plan) return "planning a purge: " + plan.error().text();
    if (plan->segments == 0) return "";
    ReaderOptions options;
    options.segment = plan->purged_upto;
    auto reader = log_->reader(0, options);
    const auto status = reader ? reader->poll() : tl::make_unexpected(reader.error());
    if (!status) return "what a purge leaves: " + status.error().text();
    const uint64_t gone = reader->sequence() - (*status == EventReader::Status::Event ? 1 : 0);
    now_.purged_most = gone;
    note();
    if (const auto done = purge_stream(*log_, 0, policy); !done) {
      return "purge: " + done.error().text();
    }
    now_.purged_least = gone;
    note();
    return "";
  }

  std::string operate() {
    switch (random_.below(10)) {
      case 0:
        return sync();
      case 1:
        return move_cursor();
      case 2:
        return purge();
      case 3: {  // a segment's worth
        std::string wrong;
        for (int i = 0; wrong.empty() && i < 15; ++i) wrong = append(3000 + random_.below(3000));
        return wrong;
      }
      case 4: {
        if (random_.below(3) != 0) return advance();
        if (const auto closed = writer_->close(); !closed) return "close: " + closed.error().text();
        now_.acknowledged = life_.written.size();
        note();
        writer_.reset();
        return open();
      }
      default:
        return append(random_.below(1500));
    }
  }

  // The disk refuses to flush: the writer says so, and claims nothing more to be durable.
  std::string fail_syncs() {
    if (policy_.kind == SyncPolicy::Kind::EveryCommit) return "";
    if (auto wrong = append(100); !wrong.empty()) return wrong;
    disk_.fail_flushes(true);
    const auto refused = writer_->sync();
    const uint64_t durable = writer_->durable();
    disk_.fail_flushes(false);
    if (refused) return "a sync that the disk refused succeeded";
    if (const auto again = writer_->sync(); again) return "a sync was tried again, and trusted";
    if (writer_->durable() != durable) return "the durable position moved after a failed sync";
    return "";
  }

  const std::string path_;
  RecordedDisk& disk_;
  Random random_;
  Life& life_;
  Known now_;
  SyncPolicy policy_;
  std::optional<Log> log_;
  std::optional<EventWriter> writer_;
  uint64_t time_ = 0;
};

bool is_part(const Served& served, const std::vector<uint64_t>& of) {
  return served.first <= of.size() && served.events.size() <= of.size() - served.first &&
         std::equal(served.events.begin(), served.events.end(),
                    of.begin() + static_cast<ptrdiff_t>(served.first));
}

// The log on a file system that has just recovered.
std::string check(const std::string& path, const Life& life, const Known& known) {
  const auto log = Log::open(path);
  if (!log) return "the log cannot be opened: " + log.error().text();
  const Served before = serve(*log, 0, Access::Map);
  if (!is_part(before, life.written)) return "a reader was served a wrong event";
  if (before.first + before.events.size() < known.acknowledged) {
    return "a reader was served " + std::to_string(before.first + before.events.size()) + " of " +
           std::to_string(known.acknowledged) + " acknowledged events" +
           (before.error ? ": " + before.error->text() : "");
  }
  auto writer = log->writer(0, small_segments(SyncPolicy::none()));
  if (!writer) return "opening for writing is refused: " + writer.error().text();
  const size_t recovered = writer->totals().events;
  if (recovered < known.acknowledged || recovered > life.written.size()) {
    return "recovery kept " + std::to_string(recovered) + " events of " +
           std::to_string(known.acknowledged) + " acknowledged ones";
  }
  std::vector<uint64_t> expected(life.written.begin(),
                                 life.written.begin() + static_cast<ptrdiff_t>(recovered));
  const uint64_t time = writer->protocol().counts().front().first.word(0);
  const std::string_view records[] = {"appended after a crash"};
  expected.push_back(number_of_messages(time, records));
  const auto end = writer->append_messages(std::span(&time, 1), records);
  if (!end) return "nothing can be appended: " + end.error().text();
  if (const auto closed = writer->close(); !closed) return "close: " + closed.error().text();
  const Served after = serve(*log, 0, Access::Copy);
  if (after.error) return "the recovered stream is damaged: " + after.error->text();
  if (!is_part(after, expected) || after.first + after.events.size() != expected.size()) {
    return "the recovered stream is not what was recovered";
  }
  if (after.first < known.purged_least || after.first > known.purged_most) {
    return "what is left begins with event " + std::to_string(after.first);
  }
  const auto report = verify_log(path);
  if (!report) return "verification: " + report.error().text();
  if (report->damaged()) {
    const auto& damage =
        report->log_damage.empty() ? report->streams.at(0).damage : report->log_damage;
    return "verification finds damage: " + damage.at(0).text();
  }
  const uint32_t streams[] = {0};
  const auto consumer = Consumer::open(*log, kConsumer, streams);
  if (!consumer) return "the cursor: " + consumer.error().text();
  if (!consumer->position(0)) return known.cursors > 0 ? "a cursor is gone" : "";
  const uint64_t position = *consumer->position(0);
  if (known.cursors > 0 && position < life.cursors[known.cursors - 1].position) {
    return "a cursor went back to " + std::to_string(position);
  }
  const Served rest = serve(*log, 0, Access::Map, position);
  if (rest.error) return "a cursor's place is lost: " + rest.error->text();
  if (!is_part(rest, expected) || rest.first + rest.events.size() != expected.size()) {
    return "a consumer that comes back is not served what follows its cursor";
  }
  return "";
}

struct Mounted {
  std::string path;
  bool mounted = false;
  bool mount(const std::string& file, const char* options, const char* type) {
    mounted = run(std::string("mount -t ") + type + " -o " + options + " " + file + " " + path);
    return mounted;
  }
  ~Mounted() {
    if (mounted && !run("umount " + path)) run("umount -l " + path);
  }
};

std::string missing() {
  if (::geteuid() != 0) return "mounting needs root";
  if (::access("/dev/fuse", R_OK | W_OK) != 0) return "there is no /dev/fuse";
  if (::access("/dev/loop-control", R_OK | W_OK) != 0) return "there are no loop devices";
  return "";
}

}  // namespace

// --count: images of each writer's life; 40 by default. Cases: lives, one file system after the
// other. --seconds: how long to go on with new lives; without it there are two of each.
int real_disks(Rig& rig) {
  if (const std::string why = missing(); !why.empty()) return rig.skip(why);
  const uint64_t count = rig.options().count > 0 ? rig.options().count : 40;
  const std::string base = "/dev/shm/tidemark_real_disks-" + std::to_string(::getpid());
  auto& images = rig.counter("images");
  auto& flushes = rig.counter("flushes");
  auto& writes = rig.counter("writes_and_flushes");
  uint64_t skipped = 0;
  const auto live = [&](uint64_t number) {
    const Kind& kind = kKinds[number % std::size(kKinds)];
    const auto fail = [&](const std::string& what) {
      rig.fail(std::string(kind.name) + ": " + what, number);
    };
    if (!run(std::string("command -v mkfs.") + kind.name)) {
      ++skipped;
      return;
    }
    Random random(rig.options().seed, number);
    fs::create_directories(base + "/fuse");
    fs::create_directories(base + "/mounted");
    Life life;
    RecordedDisk disk;
    if (auto wrong = disk.start(base + "/fuse", kind.mib << 20); !wrong.empty()) return fail(wrong);
    const std::string file = base + "/fuse/disk";
    if (!run(std::string(kind.make) + " " + file)) return fail("mkfs failed");
    {
      Mounted mounted{base + "/mounted"};
      if (!mounted.mount(file, kind.mount, kind.name)) return fail("it cannot be mounted");
      disk.begin();
      Worker worker(base + "/mounted/log", disk, Random(random()), life);
      const auto wrong = worker.run(60, number / std::size(kKinds) % 2 == 1);
      if (!wrong.empty()) return fail(wrong);
    }
    flushes.fetch_add(disk.flushes());
    writes.fetch_add(disk.entries());
    if (life.known.empty() || disk.flushes() == 0) return fail("no flush has reached the disk");
    const std::string image = base + "/image";
    // Not before the log is there: creating it is a rename, before and after which all is well.
    const size_t first = life.known.front().entries;
    for (uint64_t i = 0; i < count && !rig.should_stop(); ++i) {
      const size_t entries = first + random.below(disk.entries() - first + 1);
      Known known;
      uint64_t purged_most = 0;
      for (const Known& at : life.known) {
        if (at.entries <= entries) known = at;
        // What was begun may have come to be.
        purged_most = at.entries <= entries || purged_most == known.purged_most
                          ? std::max(purged_most, at.purged_most)
                          : purged_most;
      }
      known.purged_most = purged_most;
      disk.write_image(image, entries, kind.atomic_bytes, random);
      Mounted mounted{base + "/mounted"};
      if (!mounted.mount(image, kind.mount, kind.name)) {
        return fail("an image cannot be mounted: after " + std::to_string(entries) + " of " +
                    std::to_string(disk.entries()) + ", left in " + image);
      }
      images.fetch_add(1);
      rig.counter(std::string("images_") + kind.name).fetch_add(1);
      if (auto wrong = check(base + "/mounted/log", life, known); !wrong.empty()) {
        return fail(wrong + "; after " + std::to_string(entries) + " writes and flushes of " +
                    std::to_string(disk.entries()));
      }
      rig.progress(images.load(), 0);
    }
  };
  if (rig.options().only) {
    live(*rig.options().only);
  } else {
    const uint64_t lives = rig.options().seconds > 0 ? ~uint64_t{0} : 2 * std::size(kKinds);
    for (uint64_t number = 0; number < lives && !rig.should_stop(); ++number) live(number);
  }
  if (!rig.failed()) fs::remove_all(base);
  if (images.load() == 0 && !rig.failed())
    return rig.skip("mkfs.ext4, mkfs.xfs and mkfs.btrfs are missing");
  return rig.finish();
}

#endif

}  // namespace tidemark::rig
