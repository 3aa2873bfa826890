#include "sync_runs.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <memory>
#include <span>
#include <utility>

#include "clock.h"
#include "threads.h"
#include "tidemark/log.h"

namespace tidemark::measure {
namespace {

std::vector<std::byte> record_of(const SyncPlan& plan) {
  return std::vector<std::byte>(plan.record_bytes, std::byte{7});
}

// A descriptor that is closed with the last one who commits to it.
std::shared_ptr<const int> closing(int descriptor) {
  return {new int(descriptor), [](const int* held) {
            ::close(*held);
            delete held;
          }};
}

// A file without a name whose blocks are all written, and on the disk.
Result<std::shared_ptr<const int>> written_file(const std::string& directory, uint64_t bytes) {
  const int descriptor = ::open(directory.c_str(), O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
  if (descriptor < 0) return fail_system("creating a file in", directory, errno);
  auto file = closing(descriptor);
  const std::vector<std::byte> zeros(uint64_t{1} << 16);
  for (uint64_t at = 0; at < bytes; at += zeros.size()) {
    const ssize_t written =
        ::pwrite(descriptor, zeros.data(), zeros.size(), static_cast<off_t>(at));
    if (written != static_cast<ssize_t>(zeros.size())) {
      return fail_system("writing to a file in", directory, written < 0 ? errno : ENOSPC);
    }
  }
  if (::fsync(descriptor) != 0) return fail_system("syncing a file in", directory, errno);
  return file;
}

}  // namespace

Result<SyncRun> commit_durably(const SyncPlan& plan,
                               const std::function<Result<Commit>(uint32_t)>& open) {
  std::vector<Commit> commits;
  for (uint32_t stream = 0; stream < plan.streams; ++stream) {
    TIDEMARK_ASSIGN(commit, open(stream));
    // The first one may still prepare something.
    TIDEMARK_TRY(commit());
    commits.push_back(std::move(commit));
  }
  std::vector<std::vector<double>> delays(plan.streams);
  for (auto& of_stream : delays) of_stream.reserve(plan.commits);
  TIDEMARK_ASSIGN(taken, in_threads(plan.streams, [&](uint32_t stream) -> Result<void> {
                    for (uint64_t i = 0; i < plan.commits; ++i) {
                      const auto start = Clock::now();
                      TIDEMARK_TRY(commits[stream]());
                      delays[stream].push_back(ns_since(start));
                    }
                    return {};
                  }));
  std::vector<double> all;
  for (const auto& of_stream : delays) all.insert(all.end(), of_stream.begin(), of_stream.end());
  return SyncRun{percentiles(all), taken / static_cast<double>(all.size())};
}

Result<SyncRun> append_durably(const std::string& path, const SyncPlan& plan) {
  TIDEMARK_ASSIGN(log, Log::open(path, {.peers = plan.streams, .refuse_existing = true}));
  return commit_durably(plan, [&](uint32_t stream) -> Result<Commit> {
    WriterOptions options;
    options.sync = SyncPolicy::every_commit();
    options.encoding = RecordEncoding::Fixed;
    TIDEMARK_ASSIGN(writer, log.writer(stream, options));
    auto kept = std::make_shared<EventWriter>(std::move(writer));
    return Commit([kept, record = record_of(plan)]() -> Result<void> {
      const uint64_t time = 0;
      TIDEMARK_TRY(kept->append_messages(std::span(&time, 1), 1, record));
      return {};
    });
  });
}

Result<SyncRun> write_durably(const std::string& directory, const SyncPlan& plan) {
  return commit_durably(plan, [&](uint32_t) -> Result<Commit> {
    TIDEMARK_ASSIGN(file, written_file(directory, (plan.commits + 1) * plan.record_bytes));
    return Commit([file, record = record_of(plan), directory,
                   at = uint64_t{0}]() mutable -> Result<void> {
      const ssize_t written = ::pwrite(*file, record.data(), record.size(), static_cast<off_t>(at));
      if (written != static_cast<ssize_t>(record.size())) {
        return fail_system("writing to a file in", directory, written < 0 ? errno : ENOSPC);
      }
      if (::fdatasync(*file) != 0) return fail_system("syncing a file in", directory, errno);
      at += record.size();
      return {};
    });
  });
}

}  // namespace tidemark::measure
