#include "tidemark/protocol.h"

#include <algorithm>
#include <string>
#include <utility>

namespace tidemark {

namespace protocol_error {

tl::unexpected<Error> violation(std::string_view rule, std::string message) {
  auto error = fail(ErrorCode::ProtocolViolation, std::move(message));
  error.value().rule = rule;
  return error;
}

tl::unexpected<Error> nothing_can_follow() {
  auto error = fail(ErrorCode::Finished, "the stream holds no capability, nothing can follow");
  error.value().rule = "P5";
  return error;
}

tl::unexpected<Error> too_many(size_t most, size_t found) {
  return fail(ErrorCode::TooLarge, "a stream holds at most " + std::to_string(most) +
                                       " capabilities, found " + std::to_string(found));
}

}  // namespace protocol_error

Protocol::Protocol(TimeShape shape)
    : shape_(shape), rules_(Time::minimum(shape), 1, max_capabilities(shape)) {}

Result<Protocol> Protocol::restore(TimeShape shape, std::span<const Change> counts) {
  TIDEMARK_ASSIGN(rules, ProtocolRules<Time>::restore(counts, max_capabilities(shape)));
  return Protocol(shape, std::move(rules));
}

std::vector<Change> counts_of(const Protocol& protocol) {
  std::vector<Change> counts;
  counts.reserve(protocol.counts().size());
  for (const auto& [time, count] : protocol.counts()) counts.push_back({time, count});
  return counts;
}

bool same_counts(std::span<const Change> counts, const Protocol& protocol) {
  return std::equal(counts.begin(), counts.end(), protocol.counts().begin(),
                    protocol.counts().end(), [](const Change& change, const auto& count) {
                      return change.time == count.first && change.diff == count.second;
                    });
}

std::vector<Change> difference(const Protocol& from, const Protocol& to) {
  MutableAntichain<Time> net;
  for (const auto& [time, count] : from.counts()) net.update(time, -count);
  for (const auto& [time, count] : to.counts()) net.update(time, count);
  std::vector<Change> changes;
  for (const auto& [time, diff] : net.counts()) changes.push_back({time, diff});
  return changes;
}

}  // namespace tidemark
