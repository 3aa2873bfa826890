// A reader tails a stream beside its writer, both in one mapping of one process, over several
// rolls: every event is seen once and whole (SPEC.md section 7.3). What this is for is
// ThreadSanitizer, which sees a store that orders too little on any hardware; without it, it is a
// stress.

#include <thread>

#include "rig.h"
#include "simulated_disk.h"
#include "stream_oracle.h"

namespace tidemark::rig {
namespace {

std::string tail_beside_a_writer(uint64_t seed) {
  constexpr uint64_t kEvents = 400;
  SimulatedDisk disk;
  SimulatedProcess writing(disk);
  SimulatedProcess reading(disk);
  LogOptions create;
  create.create_if_missing = true;
  const auto log = Log::open(kLogPath, create, writing);
  if (!log) return log.error().text();
  // With a clock of its own no append makes a call, whose lock would order what must order itself.
  WriterOptions options = small_segments(SyncPolicy::none());
  options.clock = CaptureClock::Supplied;
  auto writer = log->writer(0, options);
  if (!writer) return writer.error().text();
  const auto text_at = [seed](uint64_t index) {
    return std::to_string(index) + std::string(Random(seed, index).below(800), 't');
  };
  std::string wrong_writing;
  std::thread appending([&] {
    const uint64_t time = 0;
    for (uint64_t i = 0; i < kEvents && wrong_writing.empty(); ++i) {
      const std::string text = text_at(i);
      const std::string_view records[] = {text};
      const auto end = writer->append_messages(std::span(&time, 1), records);
      if (!end) wrong_writing = end.error().text();
    }
  });
  std::string wrong;
  const auto seen = Log::open(kLogPath, {}, reading);
  if (!seen) wrong = seen.error().text();
  if (wrong.empty()) {
    auto reader = seen->reader(0);
    if (!reader) wrong = reader.error().text();
    // Far more polls than it takes: a writer that failed leaves the rest unwritten.
    for (uint64_t i = 0, polls = 0; wrong.empty() && i < kEvents; ++polls) {
      const auto status = reader->poll();
      if (!status) {
        wrong = status.error().text();
      } else if (*status == EventReader::Status::Event) {
        const auto* messages = reader->event().messages();
        if (messages == nullptr || messages->size() != 1 || messages->text(0) != text_at(i)) {
          wrong = "event " + std::to_string(i) + " is another one";
        }
        ++i;
      } else if (polls > 100'000'000) {
        wrong = "the reader waits for ever";
      } else if (polls % 64 == 0) {
        std::this_thread::yield();
      }
    }
  }
  appending.join();
  return wrong_writing.empty() ? wrong : wrong_writing;
}

}  // namespace

int races(Rig& rig) {
  for_each_case(rig, rig.options().count > 0 ? rig.options().count : 200, [&](uint64_t number) {
    const std::string wrong = tail_beside_a_writer(rig.options().seed * 1'000'003 + number);
    if (!wrong.empty()) rig.fail(wrong, number);
  });
  return rig.finish();
}

}  // namespace tidemark::rig
