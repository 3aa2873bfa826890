// What the commands share that read a log: opening it, choosing streams, putting records out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "command.h"
#include "output.h"
#include "tidemark/antichain.h"
#include "tidemark/event.h"
#include "tidemark/log.h"
#include "tidemark/time.h"

namespace tidemark::tools {

Outcome<Log> open_log_for_reading(const std::string& path);

// The streams that were named, or all. Errors: Usage where the log has no such number, Damaged
// where a stream that was asked for is not there.
Outcome<std::vector<uint32_t>> choose_streams(const Log& log,
                                              const std::optional<std::vector<uint32_t>>& named);

// Says that records of a stream that were put out are void (SPEC.md section 5.8).
void warn_void(std::string_view command, uint32_t stream, const Antichain<Time>& frontier);

// The shape of the log's times, by which options give theirs; the default of an empty log.
Outcome<TimeShape> time_shape_of(const Log& log, const std::vector<uint32_t>& streams);
// What the option `name` says; nothing where it was not given. Errors: Usage.
Outcome<std::optional<Time>> bound_of(const std::string& name, const std::string& text,
                                      TimeShape shape);

enum class RecordFormat : uint8_t {
  Raw,     // exactly the bytes that were captured, and a newline
  Ndjson,  // one envelope a record
};

// Writes records to an output. Raw bytes that are no text are refused where a terminal would have
// to show them.
class RecordSink {
 public:
  RecordSink(Output& output, RecordFormat format) : output_(output), format_(format) {}

  // Returns false where the output ended or failed: finish() of the output says why.
  Outcome<bool> put(uint32_t stream, const EventView& event, const MessagesView& messages,
                    uint32_t index);
  // What put() would write, appended to `text`.
  Outcome<void> render(std::string& text, uint32_t stream, const EventView& event,
                       const MessagesView& messages, uint32_t index) const;

 private:
  Output& output_;
  RecordFormat format_;
  std::string text_;  // scratch of put()
};

}  // namespace tidemark::tools
