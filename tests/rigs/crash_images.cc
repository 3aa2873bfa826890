// Crash images over the file seam: every sequence of up to three operations, at each of its moments
// whatever a loss of power may leave (SPEC.md sections 7 and 9).

#include <cstdlib>
#include <filesystem>

#include "crash_workload.h"
#include "rig.h"

namespace tidemark::rig {
namespace {

// A case is a sequence and a policy; sequences are numbered by length first.
struct Case {
  std::vector<Operation> operations;
  SyncPolicy policy;
};

constexpr uint64_t kSequences =
    kOperations + kOperations * kOperations + kOperations * kOperations * kOperations;

Case case_of(uint64_t number) {
  Case result;
  result.policy = number % 2 == 0 ? SyncPolicy::none() : SyncPolicy::every_commit();
  number = number / 2 % kSequences;
  size_t length = 1;
  for (uint64_t of_length = kOperations; number >= of_length; of_length *= kOperations) {
    number -= of_length;
    ++length;
  }
  for (size_t i = 0; i < length; ++i) {
    result.operations.push_back(static_cast<Operation>(number % kOperations));
    number /= kOperations;
  }
  return result;
}

std::string text_of(const Case& tried) {
  std::string text =
      tried.policy.kind == SyncPolicy::Kind::None ? "synced on request:" : "every commit synced:";
  for (const Operation operation : tried.operations) text += ' ' + std::string(name_of(operation));
  return text;
}

}  // namespace

// --count: the most images of one moment; all are enumerated where there are no more.
int crash_images(Rig& rig) {
  const uint64_t limit = rig.options().count > 0 ? rig.options().count : 256;
  CrashCounters counters{rig.counter("images"), rig.counter("of_those_in_recovery")};
  auto& moments = rig.counter("moments");
  auto& enumerated = rig.counter("moments_enumerated");
  for_each_case(rig, 2 * kSequences, [&](uint64_t number) {
    const Case tried = case_of(number);
    const auto fail = [&](const std::string& what) {
      rig.fail(text_of(tried) + ": " + what, number);
    };
    Random random(rig.options().seed, number);
    Workload workload(tried.policy, random());
    std::string wrong = workload.open();
    // What the operations before the last one leave is what shorter sequences are for.
    for (size_t i = 0; wrong.empty() && i < tried.operations.size(); ++i) {
      workload.watch(i + 1 == tried.operations.size());
      wrong = workload.run(tried.operations[i]);
    }
    if (!wrong.empty()) return fail(wrong);
    for (size_t at = 0; at < workload.moments().size() && !rig.should_stop(); ++at) {
      const auto& moment = workload.moments()[at];
      moments.fetch_add(1, std::memory_order_relaxed);
      const Snapshot& snapshot = moment.snapshot;
      if (snapshot.can_enumerate(limit)) enumerated.fetch_add(1, std::memory_order_relaxed);
      const auto check = [&](const Choice& choice, Crash crash) {
        const bool again = random.below(256) == 0;
        const NodePtr root = snapshot.build(choice);
        wrong = check_crash(root, moment.past, crash, again ? 4 : 0, random, counters);
        if (wrong.empty()) return !rig.failed();
        if (!rig.options().directory.empty()) {
          dump(snapshot.build(choice), rig.options().directory);
        }
        fail(wrong + "; moment " + std::to_string(at) + (crash == Crash::Kill ? ", killed" : "") +
             ", left:" + snapshot.describe(choice));
        return false;
      };
      Choice whole;
      whole.pages.assign(snapshot.dirty_pages(), Variant::New);
      if (!check(whole, Crash::Kill)) return;
      snapshot.for_each_choice(
          limit, random, [&](const Choice& choice) { return check(choice, Crash::PowerLoss); });
    }
  });
  return rig.finish();
}

}  // namespace tidemark::rig
