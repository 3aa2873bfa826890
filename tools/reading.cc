#include "reading.h"

#include <fmt/format.h>

#include "event_times.h"
#include "json_text.h"
#include "report.h"
#include "terminal.h"

namespace tidemark::tools {

Outcome<Log> open_log_for_reading(const std::string& path) {
  LogOptions options;
  options.create_if_missing = false;
  auto log = Log::open(path, options);
  if (!log) return failed(log.error(), path);
  return *std::move(log);
}

void warn_void(std::string_view command, uint32_t stream, const Antichain<Time>& frontier) {
  std::string times;
  for (const Time& time : frontier.elements()) times += (times.empty() ? "" : ", ") + time.text();
  warn(command,
       fmt::format("stream {}: its producer was restarted and offers again what was not "
                   "complete; records put out before this line at or after time {} are void",
                   stream, times));
}

Outcome<std::vector<uint32_t>> choose_streams(const Log& log,
                                              const std::optional<std::vector<uint32_t>>& named) {
  if (!named) {
    auto all = log.all_streams();
    if (!all) return failed(all.error(), log.path());
    return *std::move(all);
  }
  for (const uint32_t stream : *named) {
    if (stream < log.peers()) continue;
    return misused(fmt::format("there is no stream {}, the log's are 0 to {}: {}", stream,
                               log.peers() - 1, log.path()));
  }
  return *named;
}

Outcome<TimeShape> time_shape_of(const Log& log, const std::vector<uint32_t>& streams) {
  for (const uint32_t stream : streams) {
    auto reader = log.reader(stream);
    if (!reader) return failed(reader.error(), log.path());
    if (!reader->traits()) static_cast<void>(reader->poll());
    if (reader->traits()) return reader->traits()->time;
  }
  return TimeShape{};
}

Outcome<std::optional<Time>> bound_of(const std::string& name, const std::string& text,
                                      TimeShape shape) {
  if (text.empty()) return std::nullopt;
  auto time = parse_time(text, shape);
  if (!time) return misused(fmt::format("{}: {}", name, time.error().message));
  return *time;
}

Outcome<void> RecordSink::render(std::string& text, uint32_t stream, const EventView& event,
                                 const MessagesView& messages, uint32_t index) const {
  if (format_ == RecordFormat::Ndjson) {
    append_envelope_json(text, stream, event, messages, index);
  } else {
    const std::string_view record = messages.text(index);
    if (output_.is_terminal() && !is_plain_text(record)) {
      return tl::make_unexpected(Failure{
          Exit::Failed,
          fmt::format("a record is binary and would garble the terminal: stream {}, position {}",
                      stream, event.position),
          "use --format ndjson, -o FILE or a pipe"});
    }
    text.append(record);
  }
  text += '\n';
  return {};
}

Outcome<bool> RecordSink::put(uint32_t stream, const EventView& event, const MessagesView& messages,
                              uint32_t index) {
  if (format_ == RecordFormat::Raw && !output_.is_terminal()) {
    return output_.write(messages.text(index)) && output_.write("\n");
  }
  text_.clear();
  if (auto rendered = render(text_, stream, event, messages, index); !rendered) {
    return tl::make_unexpected(std::move(rendered).error());
  }
  return output_.write(text_);
}

}  // namespace tidemark::tools
