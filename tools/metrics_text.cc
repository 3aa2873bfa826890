#include "metrics_text.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <functional>
#include <iterator>
#include <optional>
#include <string_view>

#include "describe.h"
#include "output.h"

namespace tidemark::tools {
namespace {

// A label's value: any text, with the three characters escaped that the format gives a meaning.
std::string label(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\\' || c == '"') escaped += '\\';
    if (c == '\n') {
      escaped += "\\n";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

class Exposition {
 public:
  Exposition(const std::string& log, const LogMetrics& metrics)
      : log_(label(log)), metrics_(metrics) {}

  using ValueOf = std::function<std::optional<std::string>(const StreamMetrics&)>;

  // One family: a value for each stream that has one.
  void streams(std::string_view name, std::string_view type, std::string_view help,
               const ValueOf& value_of) {
    head(name, type, help);
    for (const StreamMetrics& stream : metrics_.streams) {
      if (const auto value = value_of(stream)) {
        fmt::format_to(std::back_inserter(text_), "{}{{log=\"{}\",stream=\"{}\"}} {}\n", name, log_,
                       stream.stream, *value);
      }
    }
  }

  void number(std::string_view name, std::string_view type, std::string_view help,
              uint64_t (*value_of)(const StreamMetrics&)) {
    streams(name, type, help,
            [value_of](const StreamMetrics& s) { return std::to_string(value_of(s)); });
  }

  void log_value(std::string_view name, std::string_view help, uint64_t value) {
    head(name, "gauge", help);
    fmt::format_to(std::back_inserter(text_), "{}{{log=\"{}\"}} {}\n", name, log_, value);
  }

  // Each state is a series of its own, of which one is 1.
  void states() {
    constexpr std::string_view kName = "tidemark_stream_state";
    head(kName, "gauge", "1 for the state that the stream is in.");
    for (const StreamMetrics& stream : metrics_.streams) {
      for (const std::string_view state : {"empty", "open", "crashed", "finished", "damaged"}) {
        fmt::format_to(std::back_inserter(text_),
                       "{}{{log=\"{}\",stream=\"{}\",state=\"{}\"}} {}\n", kName, log_,
                       stream.stream, state, state_word(stream.state) == state ? 1 : 0);
      }
    }
  }

  std::string text() { return std::move(text_); }

 private:
  void head(std::string_view name, std::string_view type, std::string_view help) {
    fmt::format_to(std::back_inserter(text_), "# HELP {0} {1}\n# TYPE {0} {2}\n", name, help, type);
  }

  std::string log_;
  const LogMetrics& metrics_;
  std::string text_;
};

std::string seconds_text(uint64_t ns) {
  return fmt::format("{}.{:09}", ns / 1'000'000'000, ns % 1'000'000'000);
}

}  // namespace

std::string metrics_text(const std::string& log, const LogMetrics& metrics) {
  Exposition out(log, metrics);
  using Stream = StreamMetrics;
  out.number("tidemark_stream_records_total", "counter",
             "Records committed since the stream's beginning.",
             [](const Stream& s) { return s.totals.records; });
  out.number("tidemark_stream_events_total", "counter",
             "Events committed since the stream's beginning.",
             [](const Stream& s) { return s.totals.events; });
  out.number("tidemark_stream_data_bytes_total", "counter",
             "Bytes of records committed since the stream's beginning.",
             [](const Stream& s) { return s.totals.data_bytes; });
  out.number("tidemark_stream_committed_position", "gauge", "Position after the last event.",
             [](const Stream& s) { return s.committed; });
  out.streams("tidemark_stream_durable_position", "gauge",
              "Position below which everything survives a power loss.",
              [](const Stream& s) -> std::optional<std::string> {
                if (!s.durable) return std::nullopt;
                return std::to_string(*s.durable);
              });
  out.number("tidemark_stream_durable_lag_bytes", "gauge",
             "Positions that are committed and not durable yet.",
             [](const Stream& s) { return s.durable_lag_bytes; });
  out.number("tidemark_stream_segments", "gauge", "Published segments.",
             [](const Stream& s) { return s.segments; });
  out.number("tidemark_stream_disk_bytes", "gauge", "Bytes that the stream takes on disk.",
             [](const Stream& s) { return s.disk_bytes; });
  out.streams("tidemark_stream_frontier", "gauge",
              "The least time that may still come, where times are one number.",
              [](const Stream& s) -> std::optional<std::string> {
                if (s.frontier.size() != 1 || s.frontier.front().shape() != TimeShape{}) {
                  return std::nullopt;
                }
                return s.frontier.front().text();
              });
  out.streams("tidemark_stream_last_captured_timestamp_seconds", "gauge",
              "When the last event was captured.",
              [](const Stream& s) -> std::optional<std::string> {
                if (s.last_captured_at_ns == 0) return std::nullopt;
                return seconds_text(s.last_captured_at_ns);
              });
  out.number("tidemark_stream_purged_position", "gauge",
             "Position up to which the stream was purged.",
             [](const Stream& s) { return s.purged_upto; });
  out.streams("tidemark_stream_least_lease_position", "gauge",
              "Least position that a live reader holds.",
              [](const Stream& s) -> std::optional<std::string> {
                if (!s.least_lease) return std::nullopt;
                return std::to_string(*s.least_lease);
              });
  out.states();
  out.log_value("tidemark_disk_free_bytes", "Free bytes of the log's file system.",
                metrics.space.free_bytes);
  out.log_value("tidemark_disk_size_bytes", "Size of the log's file system.", metrics.space.bytes);
  return out.text();
}

Outcome<void> write_metrics(const std::string& path, const std::string& text) {
  const bool is_file = path != "-";
  const std::string temporary = is_file ? path + ".new-" + std::to_string(::getpid()) : path;
  auto output = Output::open(temporary);
  if (!output) return tl::make_unexpected(std::move(output).error());
  output->write(text);
  auto finished = output->finish();
  if (!is_file) return finished;
  if (finished && std::rename(temporary.c_str(), path.c_str()) != 0) {
    finished = failed(fmt::format("cannot replace {}: {}", path, std::strerror(errno)));
  }
  if (!finished) ::unlink(temporary.c_str());
  return finished;
}

}  // namespace tidemark::tools
