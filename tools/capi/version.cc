#include "tidemark/version.h"

#include "tidemark.h"

uint32_t tidemark_abi_version(void) {
  return uint32_t{TIDEMARK_ABI_MAJOR} << 16 | TIDEMARK_ABI_MINOR;
}

// The text is a literal, so it ends where C expects it.
const char* tidemark_library_version(void) { return tidemark::library_version().data(); }

uint32_t tidemark_format_version(void) {
  return uint32_t{tidemark::kFormatVersion.major} << 16 | tidemark::kFormatVersion.minor;
}

int tidemark_has_feature(uint32_t feature) {
  switch (feature) {
    case TIDEMARK_FEATURE_SCHEMAS:
    case TIDEMARK_FEATURE_RESUME:
    case TIDEMARK_FEATURE_CURSORS:
    case TIDEMARK_FEATURE_TIME_ORDER:
    case TIDEMARK_FEATURE_SEEKING:
      return 1;
    default:
      return 0;
  }
}

size_t tidemark_size_of(uint32_t structure) {
  switch (structure) {
    case TIDEMARK_STRUCTURE_ERROR:
      return sizeof(tidemark_error);
    case TIDEMARK_STRUCTURE_BYTES:
      return sizeof(tidemark_bytes);
    case TIDEMARK_STRUCTURE_FRONTIER:
      return sizeof(tidemark_frontier);
    case TIDEMARK_STRUCTURE_LOG_OPTIONS:
      return sizeof(tidemark_log_options);
    case TIDEMARK_STRUCTURE_WRITER_OPTIONS:
      return sizeof(tidemark_writer_options);
    case TIDEMARK_STRUCTURE_RECOVERY:
      return sizeof(tidemark_recovery);
    case TIDEMARK_STRUCTURE_START:
      return sizeof(tidemark_start);
    case TIDEMARK_STRUCTURE_READER_OPTIONS:
      return sizeof(tidemark_reader_options);
    case TIDEMARK_STRUCTURE_TRAITS:
      return sizeof(tidemark_traits);
    case TIDEMARK_STRUCTURE_EVENT:
      return sizeof(tidemark_event);
    case TIDEMARK_STRUCTURE_REPLAY_OPTIONS:
      return sizeof(tidemark_replay_options);
    case TIDEMARK_STRUCTURE_STREAM_POSITION:
      return sizeof(tidemark_stream_position);
    case TIDEMARK_STRUCTURE_STREAM_RESUME:
      return sizeof(tidemark_stream_resume);
    default:
      return 0;
  }
}
