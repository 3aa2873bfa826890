#include "replay_checks.h"

#include <algorithm>

#include "support/catch.h"

namespace tidemark::test {
namespace {

std::vector<std::unique_ptr<StreamEvents>> readers_of(std::vector<Script>& scripts) {
  std::vector<std::unique_ptr<StreamEvents>> readers;
  readers.reserve(scripts.size());
  for (Script& script : scripts) readers.push_back(read(script));
  return readers;
}

Protocol beginning_of(const std::vector<Script>& scripts) {
  const TimeShape shape = scripts.empty() ? TimeShape{} : scripts.front().shape;
  const std::vector<Change> counts{{Time::minimum(shape), static_cast<int64_t>(scripts.size())}};
  return scripts.empty() ? *Protocol::restore(shape, {}) : *Protocol::restore(shape, counts);
}

}  // namespace

Watched::Watched(std::vector<Script>& scripts, const ReplayOptions& options)
    : scripts_(scripts), driver_(readers_of(scripts), options), protocol_(beginning_of(scripts)) {
  REQUIRE(driver_.check());
  REQUIRE(driver_.reported().counts() == protocol_.counts());
}

Result<Replay::Status> Watched::poll(size_t budget) {
  auto status = driver_.poll(budget);
  most_held_ = std::max(most_held_, driver_.held_events());
  if (!status || *status != Replay::Status::Event) {
    REQUIRE(driver_.reported().counts() == protocol_.counts());
    return status;
  }
  const ReplayedEvent& event = driver_.event();
  if (const MessagesView* messages = event.messages()) {
    const auto allowed = protocol_.messages(messages->time());
    if (!allowed) FAIL(allowed.error().text());
    REQUIRE(event.stream);
    REQUIRE(event.changes.empty());
    const auto numbers = messages->records_as<uint64_t>();
    REQUIRE((numbers && numbers->size() == 1));
    got_.push_back({messages->time(), *event.stream, event.event.position, numbers->front()});
  } else {
    REQUIRE(event.is_progress());
    const auto applied = protocol_.progress(event.changes);
    if (!applied) FAIL(applied.error().text());
    ++reports_;
  }
  REQUIRE(driver_.reported().counts() == protocol_.counts());
  REQUIRE(driver_.reported().frontier() == protocol_.frontier());
  return status;
}

Result<Replay::Status> Watched::run(size_t budget) {
  // Reading makes headway with each budget, so a replay that never ends is a bug.
  for (int polls = 0; polls < 1'000'000; ++polls) {
    const size_t before = passed();
    auto status = poll(budget);
    if (!status || *status == Replay::Status::Finished) return status;
    if (*status == Replay::Status::Voided) return status;
    if (*status == Replay::Status::Pending && passed() == before) return status;
  }
  FAIL("a million polls did not end the replay");
  return Replay::Status::Pending;
}

size_t Watched::passed() const {
  size_t sum = 0;
  for (const Script& script : scripts_) sum += script.passed;
  return sum;
}

std::vector<Got> messages_of(const Script& script) {
  std::vector<Got> messages;
  for (const Written& written : script.events) {
    if (written.kind == Written::Kind::Messages) {
      messages.push_back({written.time, script.stream, written.position, written.number});
    }
  }
  return messages;
}

std::vector<Got> all_messages(const std::vector<Script>& scripts) {
  std::vector<Got> all;
  for (const Script& script : scripts) {
    const auto messages = messages_of(script);
    all.insert(all.end(), messages.begin(), messages.end());
  }
  return sorted(std::move(all));
}

std::vector<Got> of_stream(const std::vector<Got>& messages, uint32_t stream) {
  std::vector<Got> result;
  std::copy_if(messages.begin(), messages.end(), std::back_inserter(result),
               [&](const Got& got) { return got.stream == stream; });
  return result;
}

std::vector<Got> sorted(std::vector<Got> messages) {
  std::sort(messages.begin(), messages.end());
  return messages;
}

MutableAntichain<Time> capabilities_of(const std::vector<Script>& scripts) {
  MutableAntichain<Time> sum;
  for (const Script& script : scripts) {
    const Protocol protocol = script.protocol();
    for (const auto& [time, count] : protocol.counts()) sum.update(time, count);
  }
  return sum;
}

}  // namespace tidemark::test
