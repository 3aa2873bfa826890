// A kill after every single instruction of an append, a roll, a close and an opening (SPEC.md
// section 8): whatever the writer's mappings hold then, a reader sees no damage, all that was
// committed is there, and the stream goes on.

#include <algorithm>
#include <thread>

#include "crash_check.h"
#include "crash_image.h"
#include "rig.h"
#include "single_step.h"
#include "stream_oracle.h"

namespace tidemark::rig {
namespace {

enum class Step : uint8_t { Append, Progress, Batch, Each, Roll, Close, Open, Recover };
constexpr std::string_view kNames[] = {"append", "progress", "batch", "each",
                                       "roll",   "close",    "open",  "recover"};
constexpr int kSteps = std::size(kNames);

struct Epoch {
  NodePtr tree;                  // as it was when it began
  std::vector<NodePtr> watched;  // files of that tree, in the order of the regions
  std::vector<StoredWord> stores;
  Past past;
};

class Killed {
 public:
  Killed(Step step, SyncPolicy policy) : step_(step), policy_(policy) {}
  std::string run();
  std::string check(Random& random, CrashCounters& counters, std::atomic<uint64_t>& kept);
  uint64_t steps = 0;

 private:
  void begin_epoch();
  NodePtr copy(const NodePtr& node, std::vector<std::span<const std::byte>>& regions,
               std::vector<NodePtr>& watched);
  std::string append(EventWriter& writer, size_t bytes, bool stepped);
  std::string open(std::optional<EventWriter>& writer, bool stepped);
  // Runs it, and notes each store where it is `stepped`.
  template <typename Run>
  void run_step(bool stepped, Run run) {
    if (!stepped) return run();
    stepping_ = true;
    begin_epoch();
    single_step(run);
    stepping_ = false;
    epochs_.back().stores = take_stores();
  }

  const Step step_;
  const SyncPolicy policy_;
  SimulatedDisk disk_;
  std::optional<Log> log_;
  bool stepping_ = false;
  std::vector<Epoch> epochs_;
  Past past_;
  uint64_t time_ = 0;
};

NodePtr Killed::copy(const NodePtr& node, std::vector<std::span<const std::byte>>& regions,
                     std::vector<NodePtr>& watched) {
  auto made = std::make_shared<Node>();
  made->is_directory = node->is_directory;
  made->inode = node->inode;
  if (node->live) {
    made->live = node->live->clone();
    regions.emplace_back(node->live->data(), node->live->size() & ~size_t{7});
    watched.push_back(made);
  }
  for (const auto& [name, child] : node->entries)
    made->entries[name] = copy(child, regions, watched);
  return made;
}

// At every call: files may have come, gone or grown, by this call's predecessor.
void Killed::begin_epoch() {
  if (!epochs_.empty()) epochs_.back().stores = take_stores();
  Epoch epoch;
  std::vector<std::span<const std::byte>> regions;
  epoch.tree = copy(disk_.root, regions, epoch.watched);
  watch(regions);
  epoch.past = past_;
  epochs_.push_back(std::move(epoch));
}

std::string Killed::append(EventWriter& writer, size_t bytes, bool stepped) {
  const size_t count = step_ == Step::Batch ? 20 : step_ == Step::Each ? 4 : 1;
  std::vector<std::string> texts(count, std::string(bytes, 'k'));
  const std::vector<std::string_view> records(texts.begin(), texts.end());
  Result<uint64_t> end = uint64_t{0};
  const auto run = [&] {
    if (stepped && step_ == Step::Progress) {
      const Change changes[] = {{time_, -1}, {time_ + 1, 1}};
      end = writer.append_progress(changes);
    } else if (step_ == Step::Each) {
      end = writer.append_each(std::span(&time_, 1), records);
    } else {
      end = writer.append_messages(std::span(&time_, 1), records);
    }
  };
  if (stepped && step_ == Step::Progress) {
    const Change changes[] = {{time_, -1}, {time_ + 1, 1}};
    past_.written.push_back(number_of_progress(changes));
  } else if (step_ == Step::Each) {
    for (const std::string_view& record : records) {
      past_.written.push_back(number_of_messages(time_, std::span(&record, 1)));
    }
  } else {
    past_.written.push_back(number_of_messages(time_, records));
  }
  run_step(stepped, run);
  if (!stepped) past_.returned = past_.written.size();
  if (!end) return end.error().text();
  past_.highest = std::max(past_.highest, stepped ? past_.highest : *end);
  if (stepped) return "";
  // Rolls take what the helper prepared.
  const uint64_t first = *end / kMinSegmentBytes * kMinSegmentBytes;
  for (int i = 0; *end - first >= kMinSegmentBytes / 8 && i < 2000 &&
                  !disk_.prepared_beyond(kStreamDirectory, first);
       ++i) {
    std::this_thread::sleep_for(std::chrono::microseconds(20));
  }
  return "";
}

std::string Killed::open(std::optional<EventWriter>& writer, bool stepped) {
  Result<EventWriter> opened = fail(ErrorCode::Closed, "");
  run_step(stepped, [&] { opened = log_->writer(0, small_segments(policy_)); });
  if (!opened) return opened.error().text();
  writer.emplace(*std::move(opened));
  return "";
}

std::string Killed::run() {
  SimulatedProcess process(disk_);
  process.before = [this, stepped = std::this_thread::get_id()](Call, const std::string&) {
    // Not at those of a helper thread.
    if (stepping_ && std::this_thread::get_id() == stepped) {
      without_stepping([this] { begin_epoch(); });
    }
    return 0;
  };
  LogOptions options;
  options.create_if_missing = true;
  auto log = Log::open(kLogPath, options, process);
  if (!log) return log.error().text();
  log_.emplace(*std::move(log));
  std::optional<EventWriter> writer;
  std::string wrong = open(writer, step_ == Step::Open);
  const bool rolls = step_ == Step::Roll;
  for (int i = 0; wrong.empty() && i < 3; ++i) wrong = append(*writer, 100, false);
  if (wrong.empty()) wrong = append(*writer, 40, !rolls && step_ <= Step::Each);
  while (wrong.empty() && rolls && epochs_.empty()) {
    const bool last = writer->committed() % kMinSegmentBytes + 6000 > kMinSegmentBytes;
    wrong = append(*writer, 5000, last);
  }
  if (wrong.empty() && step_ == Step::Close) {
    Result<void> closed;
    run_step(true, [&] { closed = writer->close(); });
    if (!closed) wrong = closed.error().text();
  }
  if (wrong.empty() && step_ == Step::Recover) {
    process.die();
    writer.reset();
    SimulatedProcess next(disk_);
    next.before = process.before;
    auto again = Log::open(kLogPath, {}, next);
    if (!again) return again.error().text();
    log_.emplace(*std::move(again));
    wrong = open(writer, true);
    next.die();
    writer.reset();
    log_.reset();
  }
  steps = steps_taken();
  process.die();
  writer.reset();
  return wrong;
}

std::string Killed::check(Random& random, CrashCounters& counters, std::atomic<uint64_t>& kept) {
  for (size_t e = 0; e < epochs_.size(); ++e) {
    const Epoch& epoch = epochs_[e];
    size_t at = 0;
    for (;;) {
      kept.fetch_add(1, std::memory_order_relaxed);
      std::vector<std::span<const std::byte>> unused;
      std::vector<NodePtr> nodes;
      const auto wrong = check_crash(copy(epoch.tree, unused, nodes), epoch.past, Crash::Kill, 0,
                                     random, counters);
      if (!wrong.empty()) {
        return wrong + "; killed at call " + std::to_string(e) + ", after " + std::to_string(at) +
               " stores" +
               (at > 0 ? ", at instruction " + std::to_string(epoch.stores[at - 1].step) : "");
      }
      if (at == epoch.stores.size()) break;
      // All words of one instruction at once.
      const uint64_t step = epoch.stores[at].step;
      for (; at < epoch.stores.size() && epoch.stores[at].step == step; ++at) {
        const StoredWord& store = epoch.stores[at];
        std::memcpy(epoch.watched[store.region]->live->data() + store.offset, &store.value,
                    sizeof store.value);
      }
    }
  }
  return "";
}

}  // namespace

// Cases: what is stepped through, with and without syncs.
int kill_steps(Rig& rig) {
  if (!can_single_step()) return rig.skip("single steps are known for x86-64 alone");
  CrashCounters counters{rig.counter("images"), rig.counter("of_those_in_recovery")};
  auto& instructions = rig.counter("instructions");
  auto& moments = rig.counter("distinct_moments");
  std::mutex one_at_a_time;
  for_each_case(rig, uint64_t{2} * kSteps, [&](uint64_t number) {
    const auto step = static_cast<Step>(number / 2 % kSteps);
    Killed killed(step, number % 2 == 0 ? SyncPolicy::none() : SyncPolicy::every_commit());
    std::string wrong;
    {
      const std::lock_guard lock(one_at_a_time);
      wrong = killed.run();
    }
    instructions.fetch_add(killed.steps);
    Random random(rig.options().seed, number);
    if (wrong.empty()) wrong = killed.check(random, counters, moments);
    if (!wrong.empty()) rig.fail(std::string(kNames[number / 2 % kSteps]) + ": " + wrong, number);
  });
  return rig.finish();
}

}  // namespace tidemark::rig
