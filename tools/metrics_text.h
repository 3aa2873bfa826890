// A log's metrics as Prometheus reads them, in its text format 0.0.4.
#pragma once

#include <string>

#include "command.h"
#include "tidemark/metrics.h"

namespace tidemark::tools {

// `log`: the path as the user gave it, the label of every value.
std::string metrics_text(const std::string& log, const LogMetrics& metrics);

// Replaces the file at once, so that whoever collects it never sees half of it. "-": standard
// output.
Outcome<void> write_metrics(const std::string& path, const std::string& text);

}  // namespace tidemark::tools
