/* Tidemark for C, and for every language that can call C.
 *
 * A log is a directory of streams; a stream is a sequence of events, written by one writer at a
 * time: progress (how counts of capabilities change) and messages (records at a time). SPEC.md has
 * the rules, README.md beside this header the order in which to read it.
 *
 * Everywhere:
 *
 * - A function that can fail returns a `tidemark_status`; TIDEMARK_OK is 0. Every other value is
 *   explained by tidemark_last_error(), which is the calling thread's own, until its next call
 *   that fails. Out parameters are written only where TIDEMARK_OK is returned.
 * - Handles are opaque and belong to who opened them; `*_close(NULL)` does nothing. A handle keeps
 *   alive what it needs: a log may be closed before the writers and readers that came from it.
 * - Pointers are to be valid and handles open. A null pointer where none is allowed, like every
 *   other broken promise of a caller, stops the process with a line on standard error.
 * - Threads: a log may be used by any number of threads at once. Every other handle by one at a
 *   time, whichever, unless its functions say more.
 * - What is lent (views, texts, frontiers) says until when. Nothing that is lent is to be freed.
 * - No function calls back, prints, exits, or throws.
 * - Option structures begin with their size. tidemark_*_options_init() fills in the defaults, and
 *   a program that was built with an older header goes on working.
 * - Times are `words` unsigned 64-bit words each, compared word by word (SPEC.md section 3).
 * - Durations are nanoseconds; a negative limit means no limit.
 */
#ifndef TIDEMARK_H
#define TIDEMARK_H
/* clang-tidy reads it as C++. NOLINTBEGIN(modernize-use-using,modernize-deprecated-headers) */

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

/* ---- Versions -------------------------------------------------------------------------------- */

/* The interface of this header. A library of another major number is another SONAME; a greater
 * minor number has more functions. It moves independently of the library's and the format's. */
#define TIDEMARK_ABI_MAJOR 1
#define TIDEMARK_ABI_MINOR 0

/* Of the library that is linked: major << 16 | minor. */
uint32_t tidemark_abi_version(void);
/* For example "0.1.0"; lives as long as the program. */
const char* tidemark_library_version(void);
/* The format that the library writes, major << 16 | minor; it reads all of the same major. */
uint32_t tidemark_format_version(void);

typedef enum tidemark_feature {
  TIDEMARK_FEATURE_SCHEMAS = 1,    /* streams that carry the schema of their records */
  TIDEMARK_FEATURE_RESUME = 2,     /* resuming exactly once: marks and void records */
  TIDEMARK_FEATURE_CURSORS = 3,    /* named, durable reading places */
  TIDEMARK_FEATURE_TIME_ORDER = 4, /* replays in the order of time, and complete ones */
  TIDEMARK_FEATURE_SEEKING = 5     /* by event, clock, time, and from the end */
} tidemark_feature;
/* 1 or 0; 0 also for numbers that this version does not know. */
int tidemark_has_feature(uint32_t feature);

/* Structures that a binding in another language lays out again. */
typedef enum tidemark_structure {
  TIDEMARK_STRUCTURE_ERROR = 1,
  TIDEMARK_STRUCTURE_BYTES = 2,
  TIDEMARK_STRUCTURE_FRONTIER = 3,
  TIDEMARK_STRUCTURE_LOG_OPTIONS = 4,
  TIDEMARK_STRUCTURE_WRITER_OPTIONS = 5,
  TIDEMARK_STRUCTURE_RECOVERY = 6,
  TIDEMARK_STRUCTURE_START = 7,
  TIDEMARK_STRUCTURE_READER_OPTIONS = 8,
  TIDEMARK_STRUCTURE_TRAITS = 9,
  TIDEMARK_STRUCTURE_EVENT = 10,
  TIDEMARK_STRUCTURE_REPLAY_OPTIONS = 11,
  TIDEMARK_STRUCTURE_STREAM_POSITION = 12,
  TIDEMARK_STRUCTURE_STREAM_RESUME = 13
} tidemark_structure;
/* Its bytes in the library; 0 for numbers that this version does not know. */
size_t tidemark_size_of(uint32_t structure);

/* ---- Errors ---------------------------------------------------------------------------------- */

typedef int32_t tidemark_status;
enum {
  TIDEMARK_OK = 0,
  TIDEMARK_INVALID_ARGUMENT = 1,    /* the caller asked for something that cannot be */
  TIDEMARK_NOT_FOUND = 2,           /* there is no such log, stream or position */
  TIDEMARK_ALREADY_EXISTS = 3,      /* something stands where something new was to be made */
  TIDEMARK_BUSY = 4,                /* another writer holds this stream */
  TIDEMARK_IO = 5,                  /* the system refused a call: `system_error` */
  TIDEMARK_NO_SPACE = 6,            /* the disk is full: nothing changed, a retry may succeed */
  TIDEMARK_CORRUPT = 7,             /* bytes are not what was written */
  TIDEMARK_MISSING = 8,             /* a segment or stream is not there that must be: data loss */
  TIDEMARK_UNSUPPORTED = 9,         /* a format, feature or file system that is not handled */
  TIDEMARK_PURGED = 10,             /* `offset` is the earliest position that is left */
  TIDEMARK_CURSOR_LOST = 11,        /* the position lies beyond the end, or in what was lost */
  TIDEMARK_VOIDED = 12,             /* records that were handed out are void */
  TIDEMARK_TOO_LARGE = 13,          /* a limit of the format is exceeded */
  TIDEMARK_PROTOCOL_VIOLATION = 14, /* `rule` names the rule of the protocol that is broken */
  TIDEMARK_POISONED = 15,           /* a sync failed: this writer acknowledges nothing any more */
  TIDEMARK_FINISHED = 16,           /* the stream holds no capability: nothing can follow */
  TIDEMARK_FORKED = 17,             /* the writer belongs to the parent process */
  TIDEMARK_CLOSED = 18,             /* the writer was closed */
  TIDEMARK_INTERRUPTED = 19         /* a wait's limit is over */
};

/* `stream`, `segment` and `offset` where `has_*` is 1. */
typedef struct tidemark_error {
  tidemark_status code;
  int32_t system_error; /* errno, where the system said no; otherwise 0 */
  uint32_t has_stream;
  uint32_t stream;
  uint32_t has_segment;
  uint32_t has_offset;
  uint64_t segment;    /* first position of the segment */
  uint64_t offset;     /* bytes from the segment's beginning */
  const char* text;    /* one line: code, message and place */
  const char* message; /* without the place */
  const char* path;    /* "" where none is known */
  const char* rule;    /* for instance "P1"; "" where none is broken */
} tidemark_error;

/* What the calling thread's last call that failed has to say; code TIDEMARK_OK where none did. Lent
 * until the thread's next call that fails. */
const tidemark_error* tidemark_last_error(void);
/* "Corrupt" and so on; lives as long as the program. */
const char* tidemark_status_name(tidemark_status status);

/* ---- What events are made of ----------------------------------------------------------------- */

#define TIDEMARK_MAX_TIME_WORDS 4

/* Bytes of somebody's. */
typedef struct tidemark_bytes {
  const uint8_t* data;
  size_t size;
} tidemark_bytes;

/* `count` times of `words` words each, one after the other. */
typedef struct tidemark_frontier {
  const uint64_t* times;
  size_t count;
  uint32_t words;
  uint32_t reserved;
} tidemark_frontier;

typedef enum tidemark_encoding {
  TIDEMARK_RECORDS_VARIABLE = 0, /* records of any length */
  TIDEMARK_RECORDS_FIXED = 1     /* all records of an event have the same length */
} tidemark_encoding;

/* ---- Logs ------------------------------------------------------------------------------------ */

typedef struct tidemark_log tidemark_log;

typedef struct tidemark_log_options {
  size_t struct_size;
  uint32_t peers;             /* streams; 0 (default): 1 for a new log, what an existing one has */
  uint32_t create_if_missing; /* default 1 */
  uint32_t refuse_existing;   /* default 0 */
  uint32_t reserved;
} tidemark_log_options;
void tidemark_log_options_init(tidemark_log_options* options, size_t struct_size);

/* Opens a log, or creates it. `options` may be NULL. Errors: NOT_FOUND, ALREADY_EXISTS,
 * INVALID_ARGUMENT (another number of streams), CORRUPT, UNSUPPORTED, NO_SPACE, IO. */
tidemark_status tidemark_log_open(const char* path, const tidemark_log_options* options,
                                  tidemark_log** log);
void tidemark_log_close(tidemark_log* log);
/* How many streams it has. */
uint32_t tidemark_log_peers(const tidemark_log* log);
/* 16 bytes. */
void tidemark_log_uuid(const tidemark_log* log, uint8_t* uuid);
/* The position below which every event of a stream lies that is committed now; 0: there is none.
 * Errors: NOT_FOUND, CORRUPT, UNSUPPORTED, IO. */
tidemark_status tidemark_log_committed_end(const tidemark_log* log, uint32_t stream,
                                           uint64_t* position);

/* ---- Writers --------------------------------------------------------------------------------- */

typedef struct tidemark_writer tidemark_writer;

typedef enum tidemark_sync {
  TIDEMARK_SYNC_NONE = 0,
  TIDEMARK_SYNC_INTERVAL = 1, /* every `sync_interval_ms` (default, 100) */
  TIDEMARK_SYNC_BYTES = 2,    /* whenever `sync_bytes` of frames were committed */
  TIDEMARK_SYNC_COMMIT = 3    /* each append returns when it is durable */
} tidemark_sync;

typedef enum tidemark_clock {
  TIDEMARK_CLOCK_PRECISE = 0, /* to a microsecond */
  TIDEMARK_CLOCK_COARSE = 1,  /* about 4 ms, cheaper */
  TIDEMARK_CLOCK_SUPPLIED = 2 /* what tidemark_writer_set_captured_at() gave last */
} tidemark_clock;

/* How the page cache holds segments of 4 MiB and more while they are written. */
typedef enum tidemark_pages {
  TIDEMARK_PAGES_AUTOMATIC = 0, /* large without a sync policy, else small */
  TIDEMARK_PAGES_SMALL = 1,     /* for who syncs after few events */
  TIDEMARK_PAGES_LARGE = 2      /* 2 MiB: cheaper to write and read; each sync writes whole ones */
} tidemark_pages;

/* What becomes of records that were left at times that are not complete. */
typedef enum tidemark_resume_mode {
  TIDEMARK_KEEP_ALL = 0,          /* they stay: the producer goes on where it was */
  TIDEMARK_DISCARD_INCOMPLETE = 1 /* they are void: the producer offers them again */
} tidemark_resume_mode;

/* Whose capabilities tidemark_writer_progress() counts. */
typedef enum tidemark_counts {
  /* The stream's, wherever it stands: for a producer that reads writer_frontier() and goes on. */
  TIDEMARK_COUNTS_STREAM = 0,
  /* An operator's, which begins with one at the minimum whenever it is started. Where the stream
   * stands further already, the operator's progress is written once its frontier has come there;
   * its messages behind that are refused or dropped: `behind`. Messages that are too large for one
   * event become several. After an error every call answers with it. */
  TIDEMARK_COUNTS_OPERATOR = 1
} tidemark_counts;

typedef enum tidemark_behind {
  TIDEMARK_BEHIND_REFUSE = 0, /* PROTOCOL_VIOLATION, rule P3 */
  TIDEMARK_BEHIND_DROP = 1    /* left out, and counted: the stream has them */
} tidemark_behind;

#define TIDEMARK_DEFAULT_BYTES UINT64_MAX

typedef struct tidemark_writer_options {
  size_t struct_size;
  uint64_t segment_bytes; /* the size that segments grow up to; default 128 MiB */
  uint32_t sync;          /* tidemark_sync */
  uint32_t clock;         /* tidemark_clock */
  uint64_t sync_interval_ms;
  uint64_t sync_bytes;
  uint32_t resume;   /* tidemark_resume_mode */
  uint32_t counts;   /* tidemark_counts */
  uint32_t behind;   /* tidemark_behind */
  uint32_t encoding; /* tidemark_encoding; default variable */
  /* The shape of times; a stream that exists must agree. Default: one unsigned word. */
  uint8_t time_words;       /* 0 to TIDEMARK_MAX_TIME_WORDS */
  uint8_t time_wide_mask;   /* bit i: words i and i+1 are halves of one coordinate */
  uint8_t time_signed_mask; /* bit i: word i was signed; its sign bit is stored flipped */
  uint8_t pages;            /* tidemark_pages */
  uint8_t reserved[4];
  const char* time_name;      /* at most 31 bytes; default "u64" */
  const char* container_name; /* at most 63 bytes; default "bytes" */
  tidemark_bytes schema;      /* of the records, as `flatc --binary --schema` writes it; or none */
  uint64_t schema_hash;       /* where there is no schema: of the application's choosing */
  /* What a segment never takes of the file system's free space, and when space counts as low.
   * TIDEMARK_DEFAULT_BYTES: chosen by the library. */
  uint64_t reserve_bytes;
  uint64_t low_space_bytes;
} tidemark_writer_options;
void tidemark_writer_options_init(tidemark_writer_options* options, size_t struct_size);

/* Opens a stream for writing, which recovers it first, and holds it until it is closed. `options`
 * may be NULL. Errors: BUSY (at once), CORRUPT and MISSING (salvage it: `tidemark recover`),
 * FINISHED, INVALID_ARGUMENT (another shape), NO_SPACE, IO. */
tidemark_status tidemark_writer_open(const tidemark_log* log, uint32_t stream,
                                     const tidemark_writer_options* options,
                                     tidemark_writer** writer);

/* Appends. Each writes the position after its event into `*position`, which may be NULL: below it
 * everything is committed, and readers see it. One thread at a time. Errors: PROTOCOL_VIOLATION and
 * FINISHED (nothing was appended), TOO_LARGE, NO_SPACE and IO at a new segment (nothing was
 * appended; a retry is possible where the stream's capabilities are counted), FORKED, CLOSED,
 * POISONED.
 *
 * `time` has as many words as the stream's times. What is given is copied.
 *
 * `records` records of `stride` bytes each, one after the other in `data`: */
tidemark_status tidemark_writer_messages_fixed(tidemark_writer* writer, const uint64_t* time,
                                               uint32_t records, size_t stride, const void* data,
                                               uint64_t* position);
/* Records of any length, one after the other in `data`; record i ends at `ends[i]`, and begins
 * where the one before it ends. INVALID_ARGUMENT where the ends decrease. */
tidemark_status tidemark_writer_messages(tidemark_writer* writer, const uint64_t* time,
                                         uint32_t records, const uint32_t* ends, const void* data,
                                         uint64_t* position);
/* The same for records that lie anywhere: */
tidemark_status tidemark_writer_messages_gathered(tidemark_writer* writer, const uint64_t* time,
                                                  uint32_t records, const tidemark_bytes* bytes,
                                                  uint64_t* position);
/* The count of capabilities at `times[i]` changes by `diffs[i]`; judged as a whole. */
tidemark_status tidemark_writer_progress(tidemark_writer* writer, size_t changes,
                                         const uint64_t* times, const int64_t* diffs,
                                         uint64_t* position);
/* Notes where the producer would go on should it be killed: 1 to 4,096 bytes of its own, which the
 * next opening and tidemark_log_resume() give back. */
tidemark_status tidemark_writer_mark(tidemark_writer* writer, const void* token, size_t size,
                                     uint64_t* position);
/* For TIDEMARK_CLOCK_SUPPLIED: ns since the Unix epoch, for the appends that follow. */
void tidemark_writer_set_captured_at(tidemark_writer* writer, uint64_t ns);

/* Makes durable what was committed before the call; writes the durable position into `*position`,
 * which may be NULL. Any thread, beside appends. Errors: POISONED, CLOSED, FORKED. */
tidemark_status tidemark_writer_sync(tidemark_writer* writer, uint64_t* position);
/* Waits until `position` is durable. Any thread. Errors: POISONED; INTERRUPTED at the limit. */
tidemark_status tidemark_writer_wait_durable(tidemark_writer* writer, uint64_t position,
                                             int64_t limit_ns);
/* The position after the last event, and that below which everything is durable. Any thread. */
uint64_t tidemark_writer_committed(const tidemark_writer* writer);
uint64_t tidemark_writer_durable(const tidemark_writer* writer);
/* 1 where the file system was nearly full when the next segment was prepared. Any thread. */
int tidemark_writer_low_on_space(const tidemark_writer* writer);

/* The stream's frontier after the last append. Lent until the next call with this writer. */
tidemark_frontier tidemark_writer_frontier(tidemark_writer* writer);
/* For an operator's counts: 1 once they are the stream's, and records that were left out. */
int tidemark_writer_caught_up(const tidemark_writer* writer);
uint64_t tidemark_writer_dropped_records(const tidemark_writer* writer);
/* The most bytes of records that one event can carry when there are `records` of them. */
uint64_t tidemark_writer_max_data_bytes(const tidemark_writer* writer, uint32_t records);

/* What opening the stream found and did (SPEC.md section 9). */
typedef struct tidemark_recovery {
  uint64_t incarnation; /* of this opening, counted from 1 */
  uint32_t existed;     /* the stream had events before */
  uint32_t was_closed;  /* its last writer closed it; 0: it was killed, or lost power */
  uint64_t previous_end;
  uint64_t rewritten_bytes; /* kept beyond the durable position, made durable now */
  uint64_t dropped_bytes;   /* beyond the end after a power loss */
  uint64_t dropped_frames;
  uint64_t set_aside_segments;
  tidemark_frontier frontier; /* where the stream stood */
  tidemark_bytes mark;        /* what was marked last; empty: nothing */
} tidemark_recovery;
/* Lent until the writer is closed. */
const tidemark_recovery* tidemark_writer_recovery(const tidemark_writer* writer);

/* Syncs, seals, and lets go of the stream, which is not finished by it. The handle is gone whatever
 * is returned. Errors: with TIDEMARK_COUNTS_OPERATOR the one that appending ended with; POISONED,
 * IO. */
tidemark_status tidemark_writer_close(tidemark_writer* writer);

/* ---- Where to resume ------------------------------------------------------------------------- */

typedef struct tidemark_resume tidemark_resume;

typedef struct tidemark_stream_resume {
  uint32_t stream;
  uint32_t reserved;
  /* A record at a time that is not at or after an element is complete, and in the stream. Empty:
   * the stream is finished. */
  tidemark_frontier frontier;
  tidemark_bytes mark;
  uint64_t events; /* of the stream, void records too */
  uint64_t records;
  uint64_t data_bytes;
} tidemark_stream_resume;

/* Where producers that were killed have to go on, as the streams stand now; opens none for writing.
 * Errors: as tidemark_writer_open(), but for BUSY and FINISHED. */
tidemark_status tidemark_log_resume(const tidemark_log* log, tidemark_resume** resume);
void tidemark_resume_close(tidemark_resume* resume);
/* All streams of the log, in order; lent until it is closed. `index` is below the size. */
size_t tidemark_resume_size(const tidemark_resume* resume);
const tidemark_stream_resume* tidemark_resume_at(const tidemark_resume* resume, size_t index);
/* Offering all input at or after an element of it again is enough, whichever stream it belongs to.
 * Empty: all streams are finished. Lent until it is closed. */
tidemark_frontier tidemark_resume_meet(const tidemark_resume* resume);

/* ---- Readers --------------------------------------------------------------------------------- */

typedef struct tidemark_reader tidemark_reader;

typedef enum tidemark_visibility {
  TIDEMARK_COMMITTED = 0, /* everything that was committed */
  TIDEMARK_DURABLE = 1    /* only what survives a loss of power */
} tidemark_visibility;

typedef enum tidemark_access {
  TIDEMARK_MAP = 0, /* a shared mapping, no copies: the log's writer is trusted not to rewrite */
  TIDEMARK_COPY = 1 /* private copies: a file that changes underneath cannot hurt */
} tidemark_access;

typedef enum tidemark_leasing {
  TIDEMARK_LEASE_NONE = 0,      /* a purge may overtake the reader: PURGED then */
  TIDEMARK_LEASE_AUTOMATIC = 1, /* what it reads, and all that follows, is kept (default) */
  TIDEMARK_LEASE_MANUAL = 2     /* all from where it began, until release_before() */
} tidemark_leasing;

typedef enum tidemark_waiting {
  TIDEMARK_SLEEP = 0, /* wakes in tens of microseconds */
  TIDEMARK_SPIN = 1   /* wakes in about 100 ns, and takes a core */
} tidemark_waiting;

/* A stream that is not finished, once its end is reached and no writer is alive. */
typedef enum tidemark_end {
  TIDEMARK_END_RELEASE = 0, /* it ends; a replay drops its capabilities */
  TIDEMARK_END_HOLD = 1,    /* it ends; a replay keeps its times open */
  TIDEMARK_END_WAIT = 2     /* another writer may come */
} tidemark_end;

typedef enum tidemark_start_kind {
  TIDEMARK_START_EARLIEST = 0,     /* the earliest event that is left */
  TIDEMARK_START_POSITION = 1,     /* `number`: a position that a reader stood at */
  TIDEMARK_START_SEQUENCE = 2,     /* `number`: events of the stream before it */
  TIDEMARK_START_CAPTURED_AT = 3,  /* `number`: ns since the Unix epoch; the first from then on */
  TIDEMARK_START_LAST_EVENTS = 4,  /* `number`: so many before the end */
  TIDEMARK_START_LAST_RECORDS = 5, /* events that have so many records between them */
  TIDEMARK_START_COMPLETE = 6      /* `time`: right after the progress that completes it */
} tidemark_start_kind;

typedef struct tidemark_start {
  uint32_t kind; /* tidemark_start_kind */
  uint32_t time_words;
  uint64_t number;
  uint64_t time[TIDEMARK_MAX_TIME_WORDS];
} tidemark_start;

typedef struct tidemark_reader_options {
  size_t struct_size;
  uint32_t visibility;  /* tidemark_visibility */
  uint32_t access;      /* tidemark_access */
  uint32_t leasing;     /* tidemark_leasing */
  uint32_t show_void;   /* 1: void records are handed out too; default 0 */
  uint32_t end;         /* tidemark_end; default release */
  uint32_t follow;      /* 0 (default): it ends where the stream ended when it was opened */
  tidemark_start start; /* default: the earliest */
} tidemark_reader_options;
void tidemark_reader_options_init(tidemark_reader_options* options, size_t struct_size);

/* Opens a stream for reading, which may still be empty. Every frame is verified before its event is
 * handed out. `options` may be NULL. Errors: NOT_FOUND, PURGED, CURSOR_LOST, CORRUPT, MISSING,
 * UNSUPPORTED, INVALID_ARGUMENT, IO. */
tidemark_status tidemark_reader_open(const tidemark_log* log, uint32_t stream,
                                     const tidemark_reader_options* options,
                                     tidemark_reader** reader);
/* Views that are still out end with it. */
void tidemark_reader_close(tidemark_reader* reader);

typedef enum tidemark_event_kind {
  TIDEMARK_EVENT_MESSAGES = 1,
  TIDEMARK_EVENT_PROGRESS = 2,
  TIDEMARK_EVENT_VOIDED = 3 /* of replays: see tidemark_replay_next() */
} tidemark_event_kind;

#define TIDEMARK_NO_STREAM UINT32_MAX

typedef struct tidemark_event {
  uint32_t kind;           /* tidemark_event_kind */
  uint32_t stream;         /* TIDEMARK_NO_STREAM: a replay's own */
  uint64_t position;       /* 0, as the next three, for progress that a reader makes itself */
  uint64_t end_position;   /* of the byte after it */
  uint64_t sequence;       /* events of the stream before it */
  uint64_t captured_at_ns; /* since the Unix epoch */
  uint32_t time_words;
  uint32_t records;                       /* of messages */
  uint64_t time[TIDEMARK_MAX_TIME_WORDS]; /* of messages; words beyond time_words are 0 */
  const uint8_t* data;                    /* all records, without anything between them */
  size_t data_bytes;
  size_t stride;                /* bytes of each record; 0 where there are `ends` */
  const uint32_t* ends;         /* where each record ends in `data`; NULL: all have one length */
  size_t changes;               /* of progress */
  const uint64_t* change_times; /* `changes` times of `time_words` words each */
  const int64_t* change_diffs;
} tidemark_event;

typedef enum tidemark_state {
  TIDEMARK_MORE = 0,    /* events were handed out; there may be more at once */
  TIDEMARK_PENDING = 1, /* there is nothing yet */
  TIDEMARK_ENDED = 2    /* nothing will come: finished, or at the end as the options say */
} tidemark_state;

/* Hands out up to `capacity` events, without waiting and without copying: the views in them are
 * valid until tidemark_reader_release(), which is due before the next poll (INVALID_ARGUMENT
 * otherwise). `*count` may be 0; events and a state other than MORE may come together. Where a
 * stream is not read from its own beginning, the first event is the progress from one capability at
 * the minimum to what it holds there. An error comes alone, after all events before it, and stays:
 * CORRUPT, MISSING, PURGED, CURSOR_LOST, PROTOCOL_VIOLATION, UNSUPPORTED, IO, and VOIDED where
 * messages that were handed out are void now. Nothing is allocated for an event. */
tidemark_status tidemark_reader_poll(tidemark_reader* reader, tidemark_event* events,
                                     size_t capacity, size_t* count, uint32_t* state);
/* Ends the views of the last poll. */
void tidemark_reader_release(tidemark_reader* reader);
/* Waits until a poll may find something, or the limit is over: `*woken` is 0 then. Errors: as poll.
 */
tidemark_status tidemark_reader_wait(tidemark_reader* reader, int64_t limit_ns, uint32_t waiting,
                                     int* woken);
/* The same for several readers, by sleeping. */
tidemark_status tidemark_wait_any(tidemark_reader* const* readers, size_t count, int64_t limit_ns,
                                  int* woken);
/* Goes to another place of the stream, as if it were opened there; nothing may be lent. After an
 * error the reader stands where it stood. */
tidemark_status tidemark_reader_seek(tidemark_reader* reader, const tidemark_start* start);

/* Where the next event will be looked for, and the events before it. */
uint64_t tidemark_reader_position(const tidemark_reader* reader);
uint64_t tidemark_reader_sequence(const tidemark_reader* reader);
uint32_t tidemark_reader_stream(const tidemark_reader* reader);
/* After the last event that was handed out. Lent until the next call with this reader. */
tidemark_frontier tidemark_reader_frontier(tidemark_reader* reader);
/* The same with their counts: what the stream held there, as the changes of a progress event
 * without a place. Lent until the next call with this reader. */
void tidemark_reader_capabilities(tidemark_reader* reader, tidemark_event* event);
/* 1 where the stream is finished: nothing can ever follow. */
int tidemark_reader_finished(const tidemark_reader* reader);
/* 1 while a process holds the stream for writing. */
int tidemark_reader_writer_alive(const tidemark_reader* reader);
/* For TIDEMARK_LEASE_MANUAL: what stands before `position` is not needed any more. */
void tidemark_reader_release_before(tidemark_reader* reader, uint64_t position);

/* What a stream's headers say. Texts are lent until the reader is closed or seeks. */
typedef struct tidemark_traits {
  uint32_t stream;
  uint32_t peers;
  uint8_t time_words;
  uint8_t time_wide_mask;
  uint8_t time_signed_mask;
  uint8_t encoding; /* tidemark_encoding */
  uint32_t reserved;
  const char* time_name;
  const char* container_name;
  tidemark_bytes schema; /* empty: none */
  uint64_t schema_hash;
} tidemark_traits;
/* 1, or 0 while the stream has no segment; nothing is written then. */
int tidemark_reader_traits(tidemark_reader* reader, tidemark_traits* traits);

/* ---- Replays --------------------------------------------------------------------------------- */

/* Several streams as one sequence of events: progress says how the capabilities of the replay
 * change, which begin with one a stream at the minimum. */
typedef struct tidemark_replay tidemark_replay;

typedef enum tidemark_order {
  TIDEMARK_ORDER_STREAM = 0, /* each stream's own; streams in turns */
  TIDEMARK_ORDER_TIME = 1    /* messages by time, as frontiers pass */
} tidemark_order;

typedef enum tidemark_delivery {
  TIDEMARK_EAGER = 0,   /* as committed */
  TIDEMARK_COMPLETE = 1 /* once the frontier has passed a time; from durable data */
} tidemark_delivery;

typedef struct tidemark_stream_position {
  uint32_t stream;
  uint32_t reserved;
  uint64_t position; /* of the next event */
} tidemark_stream_position;

typedef struct tidemark_replay_options {
  size_t struct_size;
  uint32_t order;      /* tidemark_order */
  uint32_t delivery;   /* tidemark_delivery */
  uint32_t end;        /* tidemark_end; default release */
  uint32_t follow;     /* 0 (default): it ends where the streams ended when it was opened */
  uint32_t visibility; /* tidemark_visibility; complete delivery is always durable */
  uint32_t access;     /* tidemark_access */
  uint32_t leasing;    /* tidemark_leasing */
  uint32_t show_void;
  tidemark_start start; /* of every stream; TIDEMARK_START_POSITION is not for replays */
  /* Only messages at times t with from <= t and not until <= t, where has_* is 1. */
  uint32_t has_from;
  uint32_t has_until;
  uint32_t time_words;
  uint32_t reserved;
  uint64_t from[TIDEMARK_MAX_TIME_WORDS];
  uint64_t until[TIDEMARK_MAX_TIME_WORDS];
  /* Where streams start; those that are not named start as `start` says. */
  const tidemark_stream_position* positions;
  size_t position_count;
  uint64_t held_events_limit; /* messages that wait for their turn; TOO_LARGE beyond; 0: default */
} tidemark_replay_options;
void tidemark_replay_options_init(tidemark_replay_options* options, size_t struct_size);

/* `options` may be NULL. Errors: as tidemark_reader_open(); INVALID_ARGUMENT where the streams'
 * times differ or one is named twice. */
tidemark_status tidemark_replay_open(const tidemark_log* log, const uint32_t* streams, size_t count,
                                     const tidemark_replay_options* options,
                                     tidemark_replay** replay);
void tidemark_replay_close(tidemark_replay* replay);
/* The next event, at latest when the limit is over; 0: without waiting. `*event` is written where
 * `*state` is MORE; its views are valid until the next call with this replay. An event of kind
 * VOIDED says that the producer of its stream was restarted: messages of it that were handed out at
 * times at or after an element of its `change_times` are void. Errors: as tidemark_reader_poll(),
 * and TOO_LARGE. */
tidemark_status tidemark_replay_next(tidemark_replay* replay, int64_t limit_ns,
                                     tidemark_event* event, uint32_t* state);
/* The combined frontier as reported so far. Lent until the next call with this replay. */
tidemark_frontier tidemark_replay_frontier(tidemark_replay* replay);
/* Where a later replay goes on that is to see what this one did not hand out. Lent likewise. */
const tidemark_stream_position* tidemark_replay_positions(tidemark_replay* replay, size_t* count);
/* Messages that wait for their turn. */
uint64_t tidemark_replay_held_events(const tidemark_replay* replay);

/* ---- Cursors --------------------------------------------------------------------------------- */

/* A named, durable reading place of one consumer, in the log's catalog. */
typedef struct tidemark_consumer tidemark_consumer;

/* Reads the cursor `name`, 1 to 255 bytes, and changes nothing. `ahead_of_durable` 0: it never
 * passes what survives a loss of power, and commits the durable position before it instead. Errors:
 * CURSOR_LOST where the log has lost that place or is another one; CORRUPT, BUSY, IO. */
tidemark_status tidemark_consumer_open(const tidemark_log* log, const char* name,
                                       const uint32_t* streams, size_t count, int ahead_of_durable,
                                       tidemark_consumer** consumer);
void tidemark_consumer_close(tidemark_consumer* consumer);
/* 1 where there was a cursor of this name. */
int tidemark_consumer_found(const tidemark_consumer* consumer);
/* 1 and the place to start at (TIDEMARK_START_POSITION); 0: the cursor has none in this stream. */
int tidemark_consumer_position(const tidemark_consumer* consumer, uint32_t stream,
                               uint64_t* position);
/* Moves the cursor in these streams, all or none; it is durable when this returns. Errors: those of
 * the catalog: CORRUPT, BUSY, NO_SPACE, IO, NOT_FOUND, FORKED. */
tidemark_status tidemark_consumer_commit(tidemark_consumer* consumer,
                                         const tidemark_stream_position* positions, size_t count);
/* `*deleted`, which may be NULL, is 0 where there was none. */
tidemark_status tidemark_cursor_delete(const tidemark_log* log, const char* name, int* deleted);

#ifdef __GNUC__
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

/* NOLINTEND(modernize-use-using,modernize-deprecated-headers) */
#endif /* TIDEMARK_H */
