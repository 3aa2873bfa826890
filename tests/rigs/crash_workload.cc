#include "crash_workload.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>
#include <thread>

#include "paths.h"
#include "tidemark/purge.h"

namespace tidemark::rig {

std::string_view name_of(Operation operation) {
  constexpr std::string_view kNames[] = {"append", "batch", "sync",      "roll",
                                         "reopen", "kill",  "fail_sync", "abandon",
                                         "resume", "purge", "cursor"};
  static_assert(std::size(kNames) == kOperations);
  return kNames[static_cast<size_t>(operation)];
}

Workload::Workload(SyncPolicy policy, uint64_t seed) : policy_(policy), random_(seed) {
  disk_.random = random_();
}

Workload::~Workload() {
  // Whatever the writer still does when it goes is no part of the workload.
  if (process_) process_->die();
}

void Workload::watch(bool on) {
  const std::lock_guard lock(mutex_);
  watching_ = on;
}

Past Workload::past() const {
  const std::lock_guard lock(mutex_);
  return past_;
}

void Workload::note_moment() {
  const std::lock_guard lock(mutex_);
  if (!watching_) return;
  Past past = past_;
  past.returned = ends_.size();
  // Whoever asks for the durable position is told, at any moment.
  if (seen_ != nullptr) {
    const auto told = std::upper_bound(ends_.begin(), ends_.end(), seen_->durable());
    past.acknowledged = std::max(past.acknowledged, static_cast<size_t>(told - ends_.begin()));
  }
  moments_.push_back({Snapshot(disk_), std::move(past)});
}

std::string Workload::open(Resume resume) {
  process_ = std::make_unique<SimulatedProcess>(disk_);
  process_->before = [this](Call call, const std::string& path) {
    if (changes_the_medium(call)) note_moment();
    if (fail_syncs_ && call == Call::SyncData && path.ends_with(".seg")) {
      fail_syncs_ = false;
      return -EIO;
    }
    return 0;
  };
  LogOptions options;
  options.create_if_missing = true;
  auto log = Log::open(kLogPath, options, *process_);
  if (!log) return "the log cannot be opened: " + log.error().text();
  log_.emplace(*std::move(log));
  WriterOptions writer_options = small_segments(policy_);
  writer_options.resume = resume;
  auto writer = log_->writer(0, writer_options);
  if (!writer) return "opening for writing is refused: " + writer.error().text();
  const std::lock_guard lock(mutex_);
  writer_.emplace(*std::move(writer));
  seen_ = &*writer_;
  // A kill loses nothing, so that all that returned must be there; what was in flight may be.
  const size_t recovered = writer_->totals().events;
  if (recovered < ends_.size() || recovered > past_.written.size()) {
    return "after a kill " + std::to_string(recovered) + " events of " +
           std::to_string(past_.written.size()) + " are left";
  }
  past_.written.resize(recovered);
  times_.resize(recovered);
  past_.acknowledged = recovered;
  while (ends_.size() < recovered) ends_.push_back(writer_->committed());
  return "";
}

std::string Workload::wrote(Result<uint64_t> end) {
  if (!end) return "append: " + end.error().text();
  {
    const std::lock_guard lock(mutex_);
    ends_.push_back(*end);
    past_.highest = *end;
    if (policy_.kind == SyncPolicy::Kind::EveryCommit) past_.acknowledged = ends_.size();
  }
  settle();
  return "";
}

// The helper prepares the next segment once an eighth of this one is used (SPEC.md section 8): it
// is waited for, so that the moments come in one order.
void Workload::settle() {
  const uint64_t committed = writer_->committed();
  const uint64_t first = committed / kMinSegmentBytes * kMinSegmentBytes;
  if (committed - first < kMinSegmentBytes / 8) return;
  for (int i = 0; i < 2000 && !disk_.prepared_beyond(kStreamDirectory, first); ++i) {
    std::this_thread::sleep_for(std::chrono::microseconds(20));
  }
}

std::string Workload::append(std::vector<std::string> texts) {
  const std::vector<std::string_view> records(texts.begin(), texts.end());
  {
    const std::lock_guard lock(mutex_);
    past_.written.push_back(number_of_messages(time_, records));
    times_.push_back(time_);
  }
  return wrote(writer_->append_messages(std::span(&time_, 1), records));
}

std::string Workload::advance() {
  const Change changes[] = {{time_, -1}, {time_ + 1, 1}};
  {
    const std::lock_guard lock(mutex_);
    past_.written.push_back(number_of_progress(changes));
    times_.push_back(time_);
  }
  ++time_;
  return wrote(writer_->append_progress(changes));
}

std::string Workload::append_one() {
  const std::string text = std::to_string(++appended_) + std::string(random_.below(200), 'a');
  if (auto wrong = append({text}); !wrong.empty()) return wrong;
  return appended_ % 2 == 0 ? advance() : "";
}

std::string Workload::reopen(Resume resume) {
  {
    const std::lock_guard lock(mutex_);
    seen_ = nullptr;
  }
  process_->die();
  writer_.reset();
  log_.reset();
  process_.reset();
  return open(resume);
}

std::string Workload::sync() {
  const size_t written = past().written.size();
  if (const auto synced = writer_->sync(); !synced) return "sync: " + synced.error().text();
  const std::lock_guard lock(mutex_);
  past_.acknowledged = written;
  return "";
}

uint64_t Workload::events_before(uint64_t segment) const {
  ReaderOptions options;
  options.hide_void = false;
  options.segment = segment;
  auto reader = log_->reader(0, options);
  if (!reader) return 0;
  auto status = reader->poll();
  while (status && *status == EventReader::Status::Voided) status = reader->poll();
  return reader->sequence() - (status && *status == EventReader::Status::Event ? 1 : 0);
}

std::string Workload::purge() {
  // Complete and durable, or it would all be kept.
  std::string wrong = advance();
  if (wrong.empty()) wrong = sync();
  if (!wrong.empty()) return wrong;
  RetentionPolicy policy;
  policy.keep_bytes = 0;
  // What the catalog's cursors would do: the messages from the cursor on have later times, or the
  // same.
  if (past_.cursor) {
    const uint64_t index = past_.cursor->index;
    policy.before = index < times_.size() ? times_[index] : time_;
  }
  const auto plan = purge_stream(*log_, 0, policy, /*dry_run=*/true);
  if (!plan) return "planning a purge: " + plan.error().text();
  const uint64_t gone = plan->purged_upto == 0 ? 0 : events_before(plan->purged_upto);
  {
    const std::lock_guard lock(mutex_);
    past_.purged_most = gone;
  }
  const auto done = purge_stream(*log_, 0, policy);
  if (!done) return "purge: " + done.error().text();
  if (done->purged_upto != plan->purged_upto) return "a purge did not do what it said";
  const std::lock_guard lock(mutex_);
  past_.purged_least = gone;
  return "";
}

void Workload::move_cursor() {
  const uint64_t durable = writer_->durable();
  const std::lock_guard lock(mutex_);
  const auto end = std::upper_bound(ends_.begin(), ends_.end(), durable);
  if (end == ends_.begin()) return;
  past_.cursor = {static_cast<uint64_t>(end - ends_.begin()), *(end - 1)};
}

std::string Workload::run(Operation operation) {
  std::string wrong;
  switch (operation) {
    case Operation::Append:
      wrong = append_one();
      break;
    case Operation::Batch: {
      std::vector<std::string> texts;
      for (uint64_t i = 0; i < 30; ++i) {
        texts.push_back(std::to_string(++appended_) + std::string(random_.below(400), 'b'));
      }
      wrong = append(std::move(texts));
      break;
    }
    case Operation::Sync:
      wrong = sync();
      break;
    case Operation::Purge:
      wrong = purge();
      break;
    case Operation::Cursor:
      move_cursor();
      break;
    case Operation::Roll: {
      // Sizes that leave little behind the last frame, now and then.
      const uint64_t segment = writer_->committed() / kMinSegmentBytes;
      while (wrong.empty() && writer_->committed() / kMinSegmentBytes == segment) {
        wrong = append({std::string(3000 + random_.below(4000), 'r')});
      }
      break;
    }
    case Operation::Reopen: {
      const size_t written = past().written.size();
      if (const auto closed = writer_->close(); !closed) return "close: " + closed.error().text();
      {
        const std::lock_guard lock(mutex_);
        past_.acknowledged = written;
      }
      wrong = reopen();
      break;
    }
    case Operation::Kill:
      wrong = reopen();
      break;
    case Operation::FailSync: {
      if (wrong = append_one(); !wrong.empty()) return wrong;
      if (writer_->durable() == writer_->committed()) {
        // Every commit is synced: the append itself meets the error.
        fail_syncs_ = true;
        const std::string text = "not durable";
        const std::string_view records[] = {text};
        {
          const std::lock_guard lock(mutex_);
          past_.written.push_back(number_of_messages(time_, records));
          times_.push_back(time_);
        }
        if (const auto end = writer_->append_messages(std::span(&time_, 1), records)) {
          wrong = wrote(end);
        }
      } else {
        fail_syncs_ = true;
        const size_t written = past().written.size();
        if (writer_->sync()) {
          const std::lock_guard lock(mutex_);
          past_.acknowledged = written;
        } else if (writer_->sync()) {
          const std::lock_guard lock(mutex_);
          past_.acknowledged = written;
        }
      }
      fail_syncs_ = false;
      {
        const std::lock_guard lock(disk_.mutex);
        note_moment();
      }
      if (wrong.empty()) wrong = reopen();
      break;
    }
    case Operation::Resume: {
      const std::string token = "after " + std::to_string(appended_);
      const auto bytes = std::as_bytes(std::span(token));
      if (const auto marked = writer_->append_mark(bytes); !marked) {
        return "mark: " + marked.error().text();
      }
      if (wrong = reopen(Resume::DiscardIncomplete); !wrong.empty()) return wrong;
      const auto& mark = writer_->recovery().mark;
      if (!std::equal(mark.begin(), mark.end(), bytes.begin(), bytes.end())) {
        return "the mark before the kill is not there";
      }
      break;
    }
    case Operation::Abandon: {
      // First a commit, which says where this opening's segment is.
      if (wrong = append_one(); !wrong.empty()) return wrong;
      // What an append of a longer event leaves that did not come to its commit: the place of the
      // next but one commit word may look like a length.
      const std::string text(8 * (4 + random_.below(8)), 'x');
      const uint64_t end = writer_->committed();
      const uint64_t first = end / kMinSegmentBytes * kMinSegmentBytes;
      {
        const std::lock_guard lock(disk_.mutex);
        const NodePtr segment = disk_.find(segment_path(kStreamDirectory, first));
        const uint64_t offset = end % kMinSegmentBytes;
        const uint64_t stale = 0x0000'0002'0000'0040;
        for (uint64_t at = offset + 8;
             segment && at + 8 <= offset + 512 && at + 8 <= segment->bytes(); at += 8) {
          std::memcpy(segment->live->data() + at, &stale, sizeof stale);
        }
      }
      wrong = append({text});
      break;
    }
  }
  if (!wrong.empty()) return wrong;
  const std::lock_guard lock(disk_.mutex);
  note_moment();
  return "";
}

}  // namespace tidemark::rig
