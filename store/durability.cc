#include "durability.h"

#include "tidemark/planted.h"

#include <limits>
#include <string>

namespace tidemark {

Durability::Durability(FileSeam& files, ControlPage& control, const SyncPolicy& policy,
                       const std::atomic<uint64_t>& committed, uint64_t durable)
    : files_(files), control_(control), policy_(policy), committed_(committed), durable_(durable) {
  if (policy_.kind == SyncPolicy::Kind::Bytes) {
    next_request_.store(durable + policy_.bytes, std::memory_order_relaxed);
  }
  if (policy_.kind == SyncPolicy::Kind::Interval || policy_.kind == SyncPolicy::Kind::Bytes) {
    thread_ = std::thread([this] { run(); });
  }
}

Durability::~Durability() { stop(); }

void Durability::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  for (const Unsynced& segment : unsynced_) files_.close(segment.descriptor);
  unsynced_.clear();
}

void Durability::add_segment(int descriptor, uint64_t first_position) {
  const std::lock_guard lock(mutex_);
  unsynced_.push_back({descriptor, first_position});
}

void Durability::request(uint64_t committed) {
  const std::lock_guard lock(mutex_);
  next_request_.store(committed + policy_.bytes, std::memory_order_relaxed);
  requested_ = true;
  changed_.notify_all();
}

Error Durability::poison() const {
  const std::lock_guard lock(mutex_);
  return poison_.value_or(Error{});
}

Result<uint64_t> Durability::sync() {
  const std::lock_guard one_at_a_time(sync_mutex_);
  return sync_once();
}

Result<uint64_t> Durability::sync_once() {
  std::unique_lock lock(mutex_);
  if (poison_) return tl::make_unexpected(*poison_);
  // Read before the first sync: what is committed later may or may not be covered by it.
  const uint64_t target = committed_.load(std::memory_order_acquire);
  if (target <= durable_.load(std::memory_order_relaxed)) return target;
  // Segments that begin at or after the target hold nothing of it.
  std::vector<Unsynced> segments;
  for (const Unsynced& segment : unsynced_) {
    if (segment.first_position < target) segments.push_back(segment);
  }
  if (planted(Bug::OnlyLastSegmentSynced)) segments.erase(segments.begin(), segments.end() - 1);
  if (planted(Bug::DurableBeforeSync)) durable_.store(target, std::memory_order_release);
  lock.unlock();

  int answer = 0;
  for (const Unsynced& segment : segments) {
    answer = files_.sync_data(segment.descriptor);
    if (answer < 0 && planted(Bug::SyncRetried)) answer = files_.sync_data(segment.descriptor);
    if (answer < 0) break;
  }

  lock.lock();
  if (answer < 0) {
    Error error = fail_system("a sync failed, and is not tried again", "", -answer).value();
    error.code = ErrorCode::Poisoned;
    if (planted(Bug::PoisonForgotten)) return tl::make_unexpected(std::move(error));
    poison_ = error;
    poisoned_.store(true, std::memory_order_release);
    control_.set_state(WriterState::Poisoned);
    changed_.notify_all();
    return tl::make_unexpected(std::move(error));
  }
  durable_.store(target, std::memory_order_release);
  control_.set_durable(target);
  // A segment before the last one is complete: when all of it is durable, its last sync is done.
  while (unsynced_.size() > 1 && unsynced_[1].first_position < target) {
    files_.close(unsynced_.front().descriptor);
    unsynced_.erase(unsynced_.begin());
  }
  changed_.notify_all();
  lock.unlock();
  control_.wake_sleepers();
  return target;
}

Result<void> Durability::wait(uint64_t position, std::chrono::nanoseconds limit) {
  // Where nobody else is going to sync, or not for this position, the caller does.
  if (policy_.kind != SyncPolicy::Kind::Interval) {
    if (durable() >= position) return {};
    TIDEMARK_TRY(sync());
    return {};
  }
  std::unique_lock lock(mutex_);
  const bool in_time = changed_.wait_for(
      lock, limit, [&] { return poison_ || durable_.load(std::memory_order_relaxed) >= position; });
  if (durable_.load(std::memory_order_relaxed) >= position) return {};
  if (poison_) return tl::make_unexpected(*poison_);
  if (!in_time) return fail(ErrorCode::Interrupted, "the position did not become durable in time");
  return {};
}

void Durability::run() {
  std::unique_lock lock(mutex_);
  while (!stop_ && !poison_) {
    if (policy_.kind == SyncPolicy::Kind::Interval) {
      changed_.wait_for(lock, policy_.interval, [this] { return stop_; });
    } else {
      changed_.wait(lock, [this] { return stop_ || requested_; });
      requested_ = false;
    }
    if (stop_) return;
    lock.unlock();
    // The error stays in poison_, where the writer's next call finds it.
    (void)sync();
    lock.lock();
  }
}

}  // namespace tidemark
