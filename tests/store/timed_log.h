// A log of many small segments, with a record at each time, and what a purge takes of it.

#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "paths.h"
#include "support/stream_helpers.h"
#include "tidemark/log.h"
#include "tidemark/purge.h"

namespace tidemark::test {

// Records at times 0, 1, 2, ..., about 20 a segment; the frontier follows each.
inline uint64_t write_times(EventWriter& writer, uint64_t from, uint64_t upto) {
  for (uint64_t time = from; time < upto; ++time) {
    append_text(writer, time, std::to_string(time) + std::string(3000, '.'));
    advance(writer, time, time + 1);
  }
  return upto;
}

inline Log written_log(const std::string& path, uint64_t times = 200) {
  Log log = must(Log::open(path));
  EventWriter writer = must(log.writer(0, small_segments()));
  write_times(writer, 0, times);
  must(writer.close());
  return log;
}

inline RetentionPolicy before(uint64_t time) {
  RetentionPolicy policy;
  policy.before = Time(time);
  policy.max_segments = 1000;
  return policy;
}

inline std::string directory_of(const Log& log) { return stream_path(log.path(), 0); }

inline bool ends_with(const std::vector<std::string>& all, const std::vector<std::string>& end) {
  return end.size() <= all.size() && std::equal(end.rbegin(), end.rend(), all.rbegin());
}

}  // namespace tidemark::test
