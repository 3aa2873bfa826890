// Appends that are waited for until they survive power loss.

#include <memory>
#include <string>

#include "measure/sync_runs.h"
#include "peers/peer.h"
#include "suites.h"

namespace tidemark::bench {
namespace {

using namespace measure;

Result<SyncRun> commit_to(const Peer& peer, const std::string& path, const SyncPlan& plan) {
  const std::vector<std::byte> record(plan.record_bytes, std::byte{7});
  std::shared_ptr<PeerWriter> shared;
  return commit_durably(plan, [&](uint32_t stream) -> Result<Commit> {
    std::shared_ptr<PeerWriter> writer = shared;
    if (writer == nullptr) {
      TIDEMARK_ASSIGN(opened, peer.writer(path + std::to_string(stream), Durability::EveryCommit));
      writer = std::move(opened);
      if (peer.groups_commits) shared = writer;
    }
    return Commit([writer, &record] { return writer->append(record, 1, 1); });
  });
}

void run_row(Bench& bench, const std::string& name, const SyncPlan& plan, bool together) {
  Row row;
  row.name = name;
  row.unit = "ns/commit";
  if (!together) row.metrics = {"p50", "p99", "mean"};
  const auto values = [together](const Result<SyncRun>& run) -> Result<std::vector<double>> {
    if (!run) return tl::make_unexpected(run.error());
    if (together) return std::vector<double>{run->ns_a_commit};
    return std::vector<double>{run->ns.p50, run->ns.p99, run->ns_a_commit};
  };
  row.contestants = {
      {"pwrite+fdatasync", Role::Limit,
       [&, values] { return values(write_durably(bench.scratch().path(), plan)); }},
      {"ours", Role::Ours,
       [&, values] { return values(append_durably(bench.scratch().fresh("durable"), plan)); }},
  };
  for (const Peer& peer : all_peers()) {
    row.contestants.push_back({peer.name, Role::Peer,
                               [&, values] {
                                 for (uint32_t i = 0; i < plan.streams; ++i) {
                                   bench.scratch().fresh("durable" + std::to_string(i));
                                 }
                                 return values(commit_to(peer, bench.scratch() / "durable", plan));
                               },
                               peer.absent});
  }
  bench.run(std::move(row));
  bench.scratch().fresh("durable");
  for (uint32_t i = 0; i < plan.streams; ++i) {
    bench.scratch().fresh("durable" + std::to_string(i));
  }
}

}  // namespace

void durable_suite(Bench& bench) {
  bench.note(
      "256 B a commit, each waited for; the limit writes into a file that was written and synced "
      "before; \"8 streams\": 8 threads, time of all by the number of all commits; LMDB and SQLite "
      "with a database a thread, RocksDB with one for all, whose syncs they share; the buffered "
      "file grows with each commit");
  run_row(bench, "1 stream", {1, bench.options().size(400, 20), 256}, false);
  run_row(bench, "8 streams at once", {8, bench.options().size(100, 5), 256}, true);
}

}  // namespace tidemark::bench
