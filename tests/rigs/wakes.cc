// No wake is lost (SPEC.md section 6): whatever a writer commits before a reader sleeps is seen
// without sleeping, and whatever it commits later wakes the reader. The moments between the
// reader's steps are taken at the calls that it makes there; nothing depends on chance.

#include "rig.h"
#include "simulated_disk.h"
#include "stream_oracle.h"

namespace tidemark::rig {
namespace {

enum class News : uint8_t { Messages, Progress, Roll, Close, Durable };
constexpr int kNews = 5;

std::string publish(EventWriter& writer, News news) {
  const uint64_t time = 0;
  const std::string_view records[] = {"news"};
  switch (news) {
    case News::Messages: {
      const auto end = writer.append_messages(std::span(&time, 1), records);
      return end ? "" : end.error().text();
    }
    case News::Progress: {
      const Change changes[] = {{0, -1}, {0, 1}};
      const auto end = writer.append_progress(changes);
      return end ? "" : end.error().text();
    }
    case News::Roll: {
      const std::string text(5000, 'r');
      const std::string_view large[] = {text};
      const uint64_t segment = writer.committed() / kMinSegmentBytes;
      while (writer.committed() / kMinSegmentBytes == segment) {
        const auto end = writer.append_messages(std::span(&time, 1), large);
        if (!end) return end.error().text();
      }
      return "";
    }
    case News::Close: {
      const auto closed = writer.close();
      return closed ? "" : closed.error().text();
    }
    case News::Durable: {
      const auto synced = writer.sync();
      return synced ? "" : synced.error().text();
    }
  }
  return "";
}

// `at`: the call at which the writer has its news.
std::string try_one(News news, Call at) {
  SimulatedDisk disk;
  SimulatedProcess writing(disk);
  SimulatedProcess reading(disk);
  LogOptions create;
  create.create_if_missing = true;
  const auto log = Log::open(kLogPath, create, writing);
  if (!log) return log.error().text();
  auto writer = log->writer(0, small_segments(SyncPolicy::none()));
  if (!writer) return writer.error().text();
  if (auto wrong = publish(*writer, News::Messages); !wrong.empty()) return wrong;
  const auto seen = Log::open(kLogPath, {}, reading);
  if (!seen) return seen.error().text();
  ReaderOptions options;
  if (news == News::Durable) options.visibility = Visibility::Durable;
  auto reader = seen->reader(0, options);
  if (!reader) return reader.error().text();
  for (;;) {
    const auto status = reader->poll();
    if (!status) return status.error().text();
    if (*status != EventReader::Status::Event) break;
  }
  std::string wrong;
  bool told = false;
  bool slept = false;
  bool fenced = false;
  const uint64_t wakes = writing.wakes;
  reading.on_wait = [&](Call call) {
    slept |= call == Call::FutexWait;
    fenced |= call == Call::Membarrier;
    if (call == Call::FutexWait && !fenced) wrong = "the reader sleeps without the barrier";
    if (call != at || told) return;
    told = true;
    if (auto failed = publish(*writer, news); !failed.empty()) wrong = failed;
  };
  EventReader* const one = &*reader;
  const auto waited = wait_any(std::span(&one, 1), std::chrono::milliseconds(50));
  if (!waited) return waited.error().text();
  if (!wrong.empty()) return wrong;
  if (!told) return "the reader never came to the call at which there is news";
  if (at == Call::Membarrier && slept && news != News::Close)
    return "the reader sleeps though there is news";
  if (at == Call::FutexWait && writing.wakes == wakes) return "nobody woke the reader";
  return "";
}

}  // namespace

int wakes(Rig& rig) {
  for_each_case(rig, uint64_t{2} * kNews, [&](uint64_t number) {
    const auto news = static_cast<News>(number / 2 % kNews);
    const Call at = number % 2 == 0 ? Call::Membarrier : Call::FutexWait;
    const std::string wrong = try_one(news, at);
    if (!wrong.empty()) {
      rig.fail("news of kind " + std::to_string(number / 2) + " at " + std::string(name_of(at)) +
                   ": " + wrong,
               number);
    }
  });
  return rig.finish();
}

}  // namespace tidemark::rig
