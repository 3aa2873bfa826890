// Appends without a sync: ours, the bare loop, and what people use.

#include <algorithm>
#include <array>
#include <string>

#include "measure/clock.h"
#include "measure/log_runs.h"
#include "peers/peer.h"
#include "suites.h"

namespace tidemark::bench {
namespace {

using namespace measure;

// In batches a peer commits this many records at once, which is beyond where more pays.
constexpr uint64_t kRecordsABatch = 1024;

// ns an event of `shape`: a run of about `bytes` of records, from an empty store on.
Result<double> append_to(const Peer& peer, const std::string& path, const Shape& shape,
                         const Input& input, uint64_t events, uint64_t records_a_commit) {
  TIDEMARK_ASSIGN(writer, peer.writer(path, Durability::None));
  const auto record = std::span(input.data).first(shape.record_bytes);
  const auto start = Clock::now();
  TIDEMARK_TRY(writer->append(record, events * shape.records, records_a_commit));
  return ns_since(start) / static_cast<double>(events);
}

void run_row(Bench& bench, const Shape& shape, bool with_peers) {
  const Input input(shape);
  const auto& options = bench.options();
  const uint64_t events = options.size(timed_events(shape), 100);
  const auto fresh = [&] { return bench.scratch().fresh("append"); };

  Row row;
  row.name = shape.name();
  row.unit = "ns/event";
  row.contestants = {
      contestant("bare loop", Role::Limit,
                 [&] { return append_barely(bench.scratch().path(), input, events); }),
      contestant("ours", Role::Ours,
                 [&]() -> Result<double> {
                   TIDEMARK_ASSIGN(run, append_prepared(fresh(), shape, input, events));
                   return run.ns_an_event;
                 }),
      contestant("ours, with rolls", Role::Ours,
                 [&] { return append_with_rolls(fresh(), shape, input, 4 * events); }),
  };
  if (shape.records == 1 && shape.encoding == RecordEncoding::Fixed) {
    row.contestants.push_back(contestant("ours, 64 a call", Role::Ours, [&]() -> Result<double> {
      TIDEMARK_ASSIGN(run, append_prepared_by_many(fresh(), shape, events));
      return run.ns_an_event;
    }));
  }
  for (const Peer& peer : all_peers()) {
    if (!with_peers) break;
    // An event is a commit: one record, or all of the event's. The buffered file has no commits.
    const auto add = [&](const std::string& name, uint64_t records_a_commit, uint64_t run_events) {
      Contestant one = contestant(name, Role::Peer, [&, records_a_commit, run_events] {
        return append_to(peer, fresh(), shape, input, run_events, records_a_commit);
      });
      one.absent = peer.absent;
      row.contestants.push_back(std::move(one));
    };
    if (!peer.database) {
      add(peer.name, shape.records, events);
      continue;
    }
    // A database takes microseconds a commit, so it gets fewer events: less work to wait for, and a
    // smaller database, which is to its advantage.
    const uint64_t least = options.quick ? 10 : 20;
    const uint64_t unbatched = std::clamp<uint64_t>(events / 16, least, 5000);
    add(peer.name, shape.records, unbatched);
    const uint64_t batched = std::clamp<uint64_t>(events / 4, least, 100'000 / shape.records);
    add(peer.name + ", batches", std::max<uint64_t>(kRecordsABatch, shape.records), batched);
  }
  bench.run(std::move(row));
  bench.scratch().fresh("append");
}

}  // namespace

void append_suite(Bench& bench) {
  bench.note(
      "records of one length, no sync, coarse clock; ours and the limit into segments that were "
      "touched before; \"with rolls\": from an empty log on; \"64 a call\": as many events by one "
      "call; a database commits each event, or " +
      std::to_string(kRecordsABatch) + " records at once");
  for (const auto& [shape, with_peers] : standard_shapes(bench.options())) {
    run_row(bench, shape, with_peers);
  }
}

}  // namespace tidemark::bench
