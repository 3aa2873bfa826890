/* The C interface as a C program uses it. Each test is one behaviour, run by its name:
 *
 *     tidemark_capi_test 'records of one length come back as views'
 */
#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>

#include "check.h"

static char directory[] = "/tmp/tidemark-capi-XXXXXX";

static const char* path_of(const char* name) {
  static char path[512];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  return path;
}

static tidemark_log* open_log(const char* name, uint32_t peers) {
  tidemark_log_options options;
  tidemark_log* log = NULL;
  tidemark_log_options_init(&options, sizeof options);
  options.peers = peers;
  CHECK_OK(tidemark_log_open(path_of(name), &options, &log));
  return log;
}

static tidemark_writer_options small_options(void) {
  tidemark_writer_options options;
  tidemark_writer_options_init(&options, sizeof options);
  options.segment_bytes = 65536;
  options.sync = TIDEMARK_SYNC_NONE;
  return options;
}

static tidemark_writer* open_writer(const tidemark_log* log, uint32_t stream) {
  const tidemark_writer_options options = small_options();
  tidemark_writer* writer = NULL;
  CHECK_OK(tidemark_writer_open(log, stream, &options, &writer));
  return writer;
}

static tidemark_reader* open_reader(const tidemark_log* log, uint32_t stream) {
  tidemark_reader* reader = NULL;
  CHECK_OK(tidemark_reader_open(log, stream, NULL, &reader));
  return reader;
}

static uint64_t append_text(tidemark_writer* writer, uint64_t time, const char* text) {
  const uint32_t end = (uint32_t)strlen(text);
  uint64_t position = 0;
  CHECK_OK(tidemark_writer_messages(writer, &time, 1, &end, text, &position));
  return position;
}

static void advance(tidemark_writer* writer, uint64_t from, uint64_t to) {
  const uint64_t times[] = {from, to};
  const int64_t diffs[] = {-1, 1};
  CHECK_OK(tidemark_writer_progress(writer, 2, times, diffs, NULL));
}

static void finish(tidemark_writer* writer, uint64_t from) {
  const int64_t diff = -1;
  CHECK_OK(tidemark_writer_progress(writer, 1, &from, &diff, NULL));
}

static int is_text(const tidemark_event* event, uint64_t time, const char* text) {
  return event->kind == TIDEMARK_EVENT_MESSAGES && event->time_words == 1 &&
         event->time[0] == time && event->data_bytes == strlen(text) &&
         memcmp(event->data, text, event->data_bytes) == 0;
}

/* Polls for one event; NULL at the end. It lives until the next call. */
static const tidemark_event* next(tidemark_reader* reader) {
  static tidemark_event event;
  size_t count = 0;
  uint32_t state = 0;
  tidemark_reader_release(reader);
  CHECK_OK(tidemark_reader_poll(reader, &event, 1, &count, &state));
  if (count == 1) return &event;
  CHECK(state == TIDEMARK_ENDED);
  return NULL;
}

static void versions_and_features_can_be_asked_for(void) {
  CHECK(tidemark_abi_version() == (TIDEMARK_ABI_MAJOR << 16 | TIDEMARK_ABI_MINOR));
  CHECK(strchr(tidemark_library_version(), '.') != NULL);
  CHECK(tidemark_format_version() >> 16 == 2);
  CHECK(tidemark_has_feature(TIDEMARK_FEATURE_RESUME) == 1);
  CHECK(tidemark_has_feature(0) == 0);
  CHECK(tidemark_has_feature(1000000) == 0);
  CHECK(tidemark_size_of(TIDEMARK_STRUCTURE_EVENT) == sizeof(tidemark_event));
  CHECK(tidemark_size_of(0) == 0);
  CHECK(strcmp(tidemark_status_name(TIDEMARK_CORRUPT), "Corrupt") == 0);
  CHECK(strcmp(tidemark_status_name(-1), "unknown") == 0);
}

static void records_of_any_length_come_back(void) {
  static const char* const words[] = {"tide", "mark!", ""};
  tidemark_log* log = open_log("log", 1);
  tidemark_writer* writer = open_writer(log, 0);
  tidemark_bytes gathered[3];
  const uint64_t time = 3;
  const uint32_t ends[] = {4, 9, 9};
  uint64_t first = 0, second = 0;
  for (int i = 0; i < 3; ++i) {
    gathered[i].data = (const uint8_t*)words[i];
    gathered[i].size = strlen(words[i]);
  }
  CHECK_OK(tidemark_writer_messages(writer, &time, 3, ends, "tidemark!", &first));
  CHECK_OK(tidemark_writer_messages_gathered(writer, &time, 3, gathered, &second));
  CHECK(second > first && first > 0);
  CHECK(tidemark_writer_committed(writer) == second);
  finish(writer, 0);
  CHECK_OK(tidemark_writer_close(writer));

  tidemark_reader* reader = open_reader(log, 0);
  for (int i = 0; i < 2; ++i) {
    const tidemark_event* event = next(reader);
    CHECK(event != NULL && event->records == 3 && event->stride == 0);
    CHECK(is_text(event, 3, "tidemark!"));
    CHECK(event->ends[0] == 4 && event->ends[1] == 9 && event->ends[2] == 9);
    CHECK(event->sequence == (uint64_t)i);
    CHECK(event->end_position == (i == 0 ? first : second));
    CHECK(event->captured_at_ns > 1500000000000000000u);
  }
  const tidemark_event* last = next(reader);
  CHECK(last != NULL && last->kind == TIDEMARK_EVENT_PROGRESS);
  CHECK(last->changes == 1 && last->change_times[0] == 0 && last->change_diffs[0] == -1);
  CHECK(next(reader) == NULL);
  CHECK(tidemark_reader_finished(reader) == 1);
  CHECK(tidemark_reader_frontier(reader).count == 0);
  tidemark_reader_close(reader);
  tidemark_log_close(log);
}

static void ends_that_decrease_are_refused(void) {
  tidemark_log* log = open_log("log", 1);
  tidemark_writer* writer = open_writer(log, 0);
  const uint64_t time = 0;
  const uint32_t ends[] = {4, 3};
  CHECK_FAILS(tidemark_writer_messages(writer, &time, 2, ends, "tide", NULL),
              TIDEMARK_INVALID_ARGUMENT);
  CHECK(strstr(tidemark_last_error()->message, "record 1") != NULL);
  CHECK_OK(tidemark_writer_close(writer));
  tidemark_log_close(log);
}

typedef struct trade {
  uint64_t account;
  double amount;
} trade;

static void records_of_one_length_come_back_as_views(void) {
  tidemark_log* log = open_log("log", 1);
  tidemark_writer_options options = small_options();
  options.encoding = TIDEMARK_RECORDS_FIXED;
  options.time_words = 2;
  options.time_name = "(u64,u64)";
  options.container_name = "trade";
  tidemark_writer* writer = NULL;
  CHECK_OK(tidemark_writer_open(log, 0, &options, &writer));
  const trade trades[] = {{7, 1.5}, {8, -2.0}};
  const uint64_t time[] = {4, 9};
  CHECK_OK(tidemark_writer_messages_fixed(writer, time, 2, sizeof(trade), trades, NULL));
  CHECK_FAILS(tidemark_writer_messages_fixed(writer, time, 2, 0, trades, NULL),
              TIDEMARK_INVALID_ARGUMENT);
  CHECK_OK(tidemark_writer_close(writer));

  tidemark_reader* reader = open_reader(log, 0);
  const tidemark_event* event = next(reader);
  CHECK(event != NULL && event->time_words == 2 && event->time[0] == 4 && event->time[1] == 9);
  CHECK(event->stride == sizeof(trade) && event->records == 2 && event->ends == NULL);
  CHECK((uintptr_t)event->data % 8 == 0);
  CHECK(((const trade*)(const void*)event->data)[1].amount == -2.0);
  tidemark_traits traits;
  CHECK(tidemark_reader_traits(reader, &traits) == 1);
  CHECK(traits.time_words == 2 && traits.encoding == TIDEMARK_RECORDS_FIXED);
  CHECK(strcmp(traits.time_name, "(u64,u64)") == 0);
  CHECK(strcmp(traits.container_name, "trade") == 0);
  tidemark_reader_close(reader);
  tidemark_log_close(log);
}

static void a_batch_stays_until_it_is_released_also_across_segments(void) {
  enum { kEvents = 3000, kBytes = 100 };
  static tidemark_event events[2 * kEvents];
  char text[kBytes + 1];
  tidemark_log* log = open_log("log", 1);
  tidemark_writer* writer = open_writer(log, 0);
  for (int i = 0; i < kEvents; ++i) {
    snprintf(text, sizeof text, "%0*d", kBytes, i);
    append_text(writer, 5, text);
  }
  finish(writer, 0);
  CHECK_OK(tidemark_writer_close(writer));

  tidemark_reader* reader = open_reader(log, 0);
  size_t count = 0;
  uint32_t state = 0;
  CHECK_OK(tidemark_reader_poll(reader, events, 2 * kEvents, &count, &state));
  CHECK(count == kEvents + 1);
  CHECK(state == TIDEMARK_ENDED);
  CHECK(events[kEvents - 1].position > 4 * 65536); /* more than one segment */
  for (int i = 0; i < kEvents; ++i) {
    snprintf(text, sizeof text, "%0*d", kBytes, i);
    CHECK(is_text(&events[i], 5, text));
  }
  CHECK_FAILS(tidemark_reader_poll(reader, events, 1, &count, &state), TIDEMARK_INVALID_ARGUMENT);
  tidemark_reader_release(reader);
  CHECK_OK(tidemark_reader_poll(reader, events, 1, &count, &state));
  CHECK(count == 0 && state == TIDEMARK_ENDED);
  tidemark_reader_close(reader);
  tidemark_log_close(log);
}

static void the_protocol_is_judged(void) {
  tidemark_log* log = open_log("log", 1);
  tidemark_writer* writer = open_writer(log, 0);
  advance(writer, 0, 5);
  const uint64_t behind = 4;
  const uint32_t end = 1;
  CHECK_FAILS(tidemark_writer_messages(writer, &behind, 1, &end, "x", NULL),
              TIDEMARK_PROTOCOL_VIOLATION);
  CHECK(strncmp(tidemark_last_error()->rule, "P", 1) == 0);
  append_text(writer, 5, "a refusal appends nothing, and the writer goes on");
  const tidemark_frontier frontier = tidemark_writer_frontier(writer);
  CHECK(frontier.count == 1 && frontier.words == 1 && frontier.times[0] == 5);
  finish(writer, 5);
  CHECK_FAILS(tidemark_writer_messages(writer, &behind, 1, &end, "x", NULL), TIDEMARK_FINISHED);
  CHECK_OK(tidemark_writer_close(writer));
  CHECK_FAILS(tidemark_writer_open(log, 0, NULL, &writer), TIDEMARK_FINISHED);
  tidemark_log_close(log);
}

static void a_stream_has_one_writer(void) {
  tidemark_log* log = open_log("log", 2);
  tidemark_writer* writer = open_writer(log, 1);
  tidemark_writer* second = NULL;
  CHECK_FAILS(tidemark_writer_open(log, 1, NULL, &second), TIDEMARK_BUSY);
  CHECK(second == NULL);
  CHECK(tidemark_last_error()->has_stream == 1 && tidemark_last_error()->stream == 1);
  CHECK_OK(tidemark_writer_close(writer));
  CHECK_OK(tidemark_writer_close(NULL));
  tidemark_log_close(log);
}

static void what_was_synced_is_durable(void) {
  tidemark_log* log = open_log("log", 1);
  tidemark_writer* writer = open_writer(log, 0);
  const uint64_t end = append_text(writer, 0, "kept");
  uint64_t durable = 0;
  CHECK(tidemark_writer_durable(writer) < end);
  CHECK_OK(tidemark_writer_sync(writer, &durable));
  CHECK(durable >= end && tidemark_writer_durable(writer) == durable);
  const uint64_t next_end = append_text(writer, 0, "kept too");
  CHECK_OK(tidemark_writer_wait_durable(writer, next_end, -1));
  CHECK(tidemark_writer_durable(writer) >= next_end);
  uint64_t committed = 0;
  CHECK_OK(tidemark_log_committed_end(log, 0, &committed));
  CHECK(committed == next_end);
  CHECK_OK(tidemark_writer_close(writer));
  tidemark_log_close(log);
}

static void a_reader_of_durable_events_waits_for_the_sync(void) {
  tidemark_log* log = open_log("log", 1);
  tidemark_writer* writer = open_writer(log, 0);
  append_text(writer, 0, "durable");
  CHECK_OK(tidemark_writer_sync(writer, NULL));
  append_text(writer, 0, "committed");
  tidemark_reader_options options;
  tidemark_reader_options_init(&options, sizeof options);
  options.visibility = TIDEMARK_DURABLE;
  options.follow = 1;
  tidemark_reader* reader = NULL;
  CHECK_OK(tidemark_reader_open(log, 0, &options, &reader));
  tidemark_event events[4];
  size_t count = 0;
  uint32_t state = 0;
  CHECK_OK(tidemark_reader_poll(reader, events, 4, &count, &state));
  CHECK(count == 1 && state == TIDEMARK_PENDING && is_text(&events[0], 0, "durable"));
  tidemark_reader_release(reader);
  CHECK_OK(tidemark_writer_sync(writer, NULL));
  CHECK_OK(tidemark_reader_poll(reader, events, 4, &count, &state));
  CHECK(count == 1 && is_text(&events[0], 0, "committed"));
  tidemark_reader_close(reader);
  CHECK_OK(tidemark_writer_close(writer));
  tidemark_log_close(log);
}

static void a_tailer_is_woken(void) {
  tidemark_log* log = open_log("log", 1);
  tidemark_writer* writer = open_writer(log, 0);
  tidemark_reader_options options;
  tidemark_reader_options_init(&options, sizeof options);
  options.follow = 1;
  tidemark_reader* reader = NULL;
  tidemark_event event;
  size_t count = 0;
  uint32_t state = 0;
  int woken = 1;
  CHECK_OK(tidemark_reader_open(log, 0, &options, &reader));
  CHECK_OK(tidemark_reader_poll(reader, &event, 1, &count, &state));
  CHECK(count == 0 && state == TIDEMARK_PENDING);
  CHECK(tidemark_reader_writer_alive(reader) == 1);
  CHECK_OK(tidemark_reader_wait(reader, 1000000, TIDEMARK_SLEEP, &woken));
  CHECK(woken == 0);
  CHECK_OK(tidemark_reader_wait(reader, 1000000, TIDEMARK_SPIN, &woken));
  CHECK(woken == 0);
  append_text(writer, 0, "one");
  CHECK_OK(tidemark_wait_any(&reader, 1, -1, &woken));
  CHECK(woken == 1);
  CHECK_OK(tidemark_reader_wait(reader, -1, TIDEMARK_SPIN, &woken));
  CHECK(woken == 1);
  CHECK_OK(tidemark_reader_wait(reader, -1, TIDEMARK_SLEEP, &woken));
  CHECK(woken == 1);
  CHECK_OK(tidemark_reader_poll(reader, &event, 1, &count, &state));
  CHECK(count == 1 && is_text(&event, 0, "one"));
  tidemark_reader_release(reader);
  CHECK_FAILS(tidemark_wait_any(NULL, 0, -1, &woken), TIDEMARK_INVALID_ARGUMENT);
  tidemark_reader_close(reader);
  CHECK_OK(tidemark_writer_close(writer));
  tidemark_log_close(log);
}

static void the_end_mode_decides_when_a_stream_without_a_writer_is_over(void) {
  tidemark_log* log = open_log("log", 1);
  tidemark_writer* writer = open_writer(log, 0);
  append_text(writer, 0, "left open");
  CHECK_OK(tidemark_writer_close(writer));
  static const uint32_t modes[] = {TIDEMARK_END_RELEASE, TIDEMARK_END_HOLD, TIDEMARK_END_WAIT};
  for (int i = 0; i < 3; ++i) {
    tidemark_reader_options options;
    tidemark_reader_options_init(&options, sizeof options);
    options.end = modes[i];
    tidemark_reader* reader = NULL;
    tidemark_event events[4];
    size_t count = 0;
    uint32_t state = 0;
    CHECK_OK(tidemark_reader_open(log, 0, &options, &reader));
    CHECK_OK(tidemark_reader_poll(reader, events, 4, &count, &state));
    CHECK(count == 1);
    CHECK(state == (modes[i] == TIDEMARK_END_WAIT ? TIDEMARK_PENDING : TIDEMARK_ENDED));
    CHECK(tidemark_reader_finished(reader) == 0);
    tidemark_reader_close(reader);
  }
  tidemark_log_close(log);
}

static tidemark_start start_at(uint32_t kind, uint64_t number) {
  tidemark_start start;
  memset(&start, 0, sizeof start);
  start.kind = kind;
  start.number = number;
  return start;
}

static void seeking_finds_events_by_number_clock_time_and_from_the_end(void) {
  tidemark_log* log = open_log("log", 1);
  tidemark_writer_options options = small_options();
  options.clock = TIDEMARK_CLOCK_SUPPLIED;
  tidemark_writer* writer = NULL;
  CHECK_OK(tidemark_writer_open(log, 0, &options, &writer));
  /* At time t: messages at sequence 2t, captured at 100 + t, then progress to t + 1. */
  for (uint64_t t = 0; t < 100; ++t) {
    char text[16];
    snprintf(text, sizeof text, "%d", (int)t);
    tidemark_writer_set_captured_at(writer, 100 + t);
    append_text(writer, t, text);
    advance(writer, t, t + 1);
  }
  CHECK_OK(tidemark_writer_close(writer));

  tidemark_reader* reader = open_reader(log, 0);
  const tidemark_event* event = next(reader);
  CHECK(event != NULL && is_text(event, 0, "0"));
  tidemark_start start = start_at(TIDEMARK_START_SEQUENCE, 40);
  CHECK_FAILS(tidemark_reader_seek(reader, &start), TIDEMARK_INVALID_ARGUMENT); /* it is lent */
  tidemark_reader_release(reader);
  CHECK_OK(tidemark_reader_seek(reader, &start));
  event = next(reader); /* from one at the minimum to what the stream holds there */
  CHECK(event != NULL && event->kind == TIDEMARK_EVENT_PROGRESS && event->position == 0);
  CHECK(event->changes == 2);
  tidemark_event held;
  tidemark_reader_capabilities(reader, &held);
  CHECK(held.changes == 1 && held.change_times[0] == 20 && held.change_diffs[0] == 1);
  event = next(reader);
  CHECK(event != NULL && is_text(event, 20, "20") && event->sequence == 40);
  const uint64_t position = event->position;
  CHECK(tidemark_reader_position(reader) == event->end_position);
  CHECK(tidemark_reader_sequence(reader) == 41);

  start = start_at(TIDEMARK_START_CAPTURED_AT, 130);
  tidemark_reader_release(reader);
  CHECK_OK(tidemark_reader_seek(reader, &start));
  CHECK(next(reader)->kind == TIDEMARK_EVENT_PROGRESS);
  CHECK(tidemark_reader_sequence(reader) == 60);
  CHECK(is_text(next(reader), 30, "30"));

  start = start_at(TIDEMARK_START_LAST_EVENTS, 2);
  tidemark_reader_release(reader);
  CHECK_OK(tidemark_reader_seek(reader, &start));
  CHECK(next(reader)->kind == TIDEMARK_EVENT_PROGRESS);
  CHECK(is_text(next(reader), 99, "99"));

  start = start_at(TIDEMARK_START_LAST_RECORDS, 3);
  tidemark_reader_release(reader);
  CHECK_OK(tidemark_reader_seek(reader, &start));
  for (event = next(reader); event->kind != TIDEMARK_EVENT_MESSAGES; event = next(reader)) {
    CHECK(event->position == 0 || event->captured_at_ns >= 196);
  }
  CHECK(is_text(event, 97, "97"));

  start = start_at(TIDEMARK_START_COMPLETE, 0);
  start.time_words = 1;
  start.time[0] = 49;
  tidemark_reader_release(reader);
  CHECK_OK(tidemark_reader_seek(reader, &start));
  CHECK(next(reader)->change_times[0] == 0);
  CHECK(is_text(next(reader), 50, "50"));
  start.time_words = 2;
  tidemark_reader_release(reader);
  CHECK_FAILS(tidemark_reader_seek(reader, &start), TIDEMARK_INVALID_ARGUMENT);
  CHECK(next(reader)->kind == TIDEMARK_EVENT_PROGRESS); /* it stands where it stood */

  start = start_at(TIDEMARK_START_POSITION, position);
  tidemark_reader_release(reader);
  CHECK_OK(tidemark_reader_seek(reader, &start));
  CHECK(next(reader)->kind == TIDEMARK_EVENT_PROGRESS);
  CHECK(is_text(next(reader), 20, "20"));
  start = start_at(TIDEMARK_START_POSITION, UINT64_MAX / 2);
  tidemark_reader_release(reader);
  CHECK_FAILS(tidemark_reader_seek(reader, &start), TIDEMARK_CURSOR_LOST);
  start = start_at(99, 0);
  CHECK_FAILS(tidemark_reader_seek(reader, &start), TIDEMARK_INVALID_ARGUMENT);
  tidemark_reader_close(reader);
  tidemark_log_close(log);
}

static void an_operator_that_is_restarted_is_brought_up_to_its_stream(void) {
  tidemark_log* log = open_log("log", 1);
  tidemark_writer_options options = small_options();
  options.counts = TIDEMARK_COUNTS_OPERATOR;
  options.behind = TIDEMARK_BEHIND_DROP;
  options.resume = TIDEMARK_DISCARD_INCOMPLETE;
  tidemark_writer* writer = NULL;
  CHECK_OK(tidemark_writer_open(log, 0, &options, &writer));
  append_text(writer, 1, "one");
  advance(writer, 0, 2);
  append_text(writer, 2, "incomplete, and offered again");
  CHECK_OK(tidemark_writer_mark(writer, "token", 5, NULL));
  CHECK_OK(tidemark_writer_close(writer));

  tidemark_resume* resume = NULL;
  CHECK_OK(tidemark_log_resume(log, &resume));
  CHECK(tidemark_resume_size(resume) == 1);
  const tidemark_stream_resume* stream = tidemark_resume_at(resume, 0);
  CHECK(stream->frontier.count == 1 && stream->frontier.times[0] == 2);
  CHECK(stream->mark.size == 5 && memcmp(stream->mark.data, "token", 5) == 0);
  CHECK(stream->events == 3 && stream->records == 2);
  CHECK(tidemark_resume_meet(resume).count == 1 && tidemark_resume_meet(resume).times[0] == 2);
  tidemark_resume_close(resume);

  CHECK_OK(tidemark_writer_open(log, 0, &options, &writer));
  const tidemark_recovery* recovery = tidemark_writer_recovery(writer);
  CHECK(recovery->incarnation == 2 && recovery->existed == 1 && recovery->was_closed == 1);
  CHECK(recovery->frontier.count == 1 && recovery->frontier.times[0] == 2);
  CHECK(recovery->mark.size == 5);
  CHECK(tidemark_writer_caught_up(writer) == 0);
  append_text(writer, 1, "one"); /* the stream has it: dropped */
  append_text(writer, 2, "two");
  CHECK(tidemark_writer_dropped_records(writer) == 1);
  advance(writer, 0, 3);
  CHECK(tidemark_writer_caught_up(writer) == 1);
  finish(writer, 3);
  CHECK_OK(tidemark_writer_close(writer));

  tidemark_reader* reader = open_reader(log, 0);
  CHECK(is_text(next(reader), 1, "one"));
  CHECK(next(reader)->kind == TIDEMARK_EVENT_PROGRESS);
  CHECK(is_text(next(reader), 2, "two"));
  CHECK(next(reader)->kind == TIDEMARK_EVENT_PROGRESS);
  CHECK(next(reader)->kind == TIDEMARK_EVENT_PROGRESS);
  CHECK(next(reader) == NULL && tidemark_reader_finished(reader) == 1);
  tidemark_reader_close(reader);
  tidemark_log_close(log);
}

static void messages_that_were_read_and_became_void_are_told(void) {
  tidemark_log* log = open_log("log", 1);
  tidemark_writer* writer = open_writer(log, 0);
  append_text(writer, 0, "incomplete");
  tidemark_reader_options reading;
  tidemark_reader_options_init(&reading, sizeof reading);
  reading.end = TIDEMARK_END_WAIT;
  tidemark_reader* reader = NULL;
  tidemark_event event;
  size_t count = 0;
  uint32_t state = 0;
  CHECK_OK(tidemark_reader_open(log, 0, &reading, &reader));
  tidemark_replay_options replaying;
  tidemark_replay_options_init(&replaying, sizeof replaying);
  replaying.end = TIDEMARK_END_WAIT;
  tidemark_replay* replay = NULL;
  const uint32_t stream = 0;
  CHECK_OK(tidemark_replay_open(log, &stream, 1, &replaying, &replay));
  CHECK_OK(tidemark_reader_poll(reader, &event, 1, &count, &state));
  CHECK(count == 1);
  tidemark_reader_release(reader);
  CHECK_OK(tidemark_replay_next(replay, 0, &event, &state));
  CHECK(state == TIDEMARK_MORE && is_text(&event, 0, "incomplete"));
  CHECK_OK(tidemark_writer_close(writer));

  tidemark_writer_options options = small_options();
  options.resume = TIDEMARK_DISCARD_INCOMPLETE;
  CHECK_OK(tidemark_writer_open(log, 0, &options, &writer));
  CHECK_FAILS(tidemark_reader_poll(reader, &event, 1, &count, &state), TIDEMARK_VOIDED);
  CHECK_OK(tidemark_replay_next(replay, -1, &event, &state));
  CHECK(state == TIDEMARK_MORE && event.kind == TIDEMARK_EVENT_VOIDED && event.stream == 0);
  CHECK(event.changes == 1 && event.change_times[0] == 0);
  tidemark_replay_close(replay);
  tidemark_reader_close(reader);
  CHECK_OK(tidemark_writer_close(writer));
  tidemark_log_close(log);
}

static void a_replay_merges_streams_in_the_order_of_time(void) {
  tidemark_log* log = open_log("log", 2);
  for (uint32_t stream = 0; stream < 2; ++stream) {
    tidemark_writer* writer = open_writer(log, stream);
    for (uint64_t t = stream; t < 10; t += 2) {
      char text[16];
      snprintf(text, sizeof text, "%d", (int)t);
      append_text(writer, t, text);
    }
    advance(writer, 0, 20);
    finish(writer, 20);
    CHECK_OK(tidemark_writer_close(writer));
  }
  tidemark_replay_options options;
  tidemark_replay_options_init(&options, sizeof options);
  options.order = TIDEMARK_ORDER_TIME;
  options.delivery = TIDEMARK_COMPLETE;
  options.time_words = 1;
  options.has_from = options.has_until = 1;
  options.from[0] = 2;
  options.until[0] = 8;
  const uint32_t streams[] = {0, 1};
  tidemark_replay* replay = NULL;
  CHECK_OK(tidemark_replay_open(log, streams, 2, &options, &replay));
  uint64_t expected = 2;
  tidemark_event event;
  for (;;) {
    uint32_t state = 0;
    CHECK_OK(tidemark_replay_next(replay, -1, &event, &state));
    if (state == TIDEMARK_ENDED) break;
    CHECK(state == TIDEMARK_MORE);
    if (event.kind != TIDEMARK_EVENT_MESSAGES) continue;
    CHECK(event.time[0] == expected && event.stream == expected % 2);
    ++expected;
  }
  CHECK(expected == 8);
  CHECK(tidemark_replay_frontier(replay).count == 0);
  CHECK(tidemark_replay_held_events(replay) == 0);
  size_t count = 0;
  CHECK(tidemark_replay_positions(replay, &count) != NULL && count == 2);
  tidemark_replay_close(replay);

  options.time_words = 2;
  CHECK_FAILS(tidemark_replay_open(log, streams, 2, &options, &replay), TIDEMARK_INVALID_ARGUMENT);
  options.has_from = options.has_until = 0;
  options.order = 7;
  CHECK_FAILS(tidemark_replay_open(log, streams, 2, &options, &replay), TIDEMARK_INVALID_ARGUMENT);
  tidemark_log_close(log);
}

static void a_cursor_remembers_and_repeats(void) {
  tidemark_log* log = open_log("log", 1);
  tidemark_writer* writer = open_writer(log, 0);
  append_text(writer, 0, "one");
  append_text(writer, 0, "two");
  CHECK_OK(tidemark_writer_close(writer));
  const uint32_t stream = 0;
  uint64_t position = 0;
  tidemark_consumer* consumer = NULL;
  CHECK_OK(tidemark_consumer_open(log, "billing", &stream, 1, 0, &consumer));
  CHECK(tidemark_consumer_found(consumer) == 0);
  CHECK(tidemark_consumer_position(consumer, 0, &position) == 0);
  tidemark_reader* reader = open_reader(log, 0);
  CHECK(is_text(next(reader), 0, "one"));
  const tidemark_stream_position place = {0, 0, tidemark_reader_position(reader)};
  CHECK_OK(tidemark_consumer_commit(consumer, &place, 1));
  tidemark_reader_close(reader);
  tidemark_consumer_close(consumer);

  CHECK_OK(tidemark_consumer_open(log, "billing", &stream, 1, 0, &consumer));
  CHECK(tidemark_consumer_found(consumer) == 1);
  CHECK(tidemark_consumer_position(consumer, 0, &position) == 1 && position == place.position);
  tidemark_reader_options options;
  tidemark_reader_options_init(&options, sizeof options);
  options.start.kind = TIDEMARK_START_POSITION;
  options.start.number = position;
  CHECK_OK(tidemark_reader_open(log, 0, &options, &reader));
  CHECK(is_text(next(reader), 0, "two"));
  tidemark_reader_close(reader);
  tidemark_consumer_close(consumer);
  int deleted = 0;
  CHECK_OK(tidemark_cursor_delete(log, "billing", &deleted));
  CHECK(deleted == 1);
  CHECK_OK(tidemark_cursor_delete(log, "billing", &deleted));
  CHECK(deleted == 0);
  CHECK_FAILS(tidemark_consumer_open(log, "", &stream, 1, 0, &consumer), TIDEMARK_INVALID_ARGUMENT);
  tidemark_log_close(log);
}

static void damage_is_named_after_what_precedes_it(void) {
  tidemark_log* log = open_log("log", 1);
  tidemark_writer* writer = open_writer(log, 0);
  append_text(writer, 0, "sound");
  const uint64_t position = append_text(writer, 0, "rotten");
  append_text(writer, 0, "beyond");
  CHECK_OK(tidemark_writer_close(writer));
  FILE* file = fopen(path_of("log/streams/00000/00000000000000000000.seg"), "r+b");
  CHECK(file != NULL);
  CHECK(fseek(file, (long)position - 3, SEEK_SET) == 0 && fputc('?', file) == '?');
  CHECK(fclose(file) == 0);

  tidemark_reader* reader = open_reader(log, 0);
  tidemark_event events[4];
  size_t count = 0;
  uint32_t state = 0;
  CHECK_OK(tidemark_reader_poll(reader, events, 4, &count, &state));
  CHECK(count == 1 && is_text(&events[0], 0, "sound"));
  tidemark_reader_release(reader);
  for (int i = 0; i < 2; ++i) { /* it stays */
    CHECK_FAILS(tidemark_reader_poll(reader, events, 4, &count, &state), TIDEMARK_CORRUPT);
    const tidemark_error* error = tidemark_last_error();
    CHECK(error->has_stream == 1 && error->stream == 0);
    CHECK(error->has_segment == 1 && error->segment == 0);
    CHECK(error->has_offset == 1 && error->offset < position && error->offset > 4096);
    CHECK(strstr(error->path, ".seg") != NULL && strstr(error->text, "Corrupt") != NULL);
  }
  tidemark_reader_close(reader);
  tidemark_log_close(log);
}

static void* fail_in_a_thread(void* unused) {
  tidemark_log* log = NULL;
  (void)unused;
  CHECK(tidemark_last_error()->code == TIDEMARK_OK);
  tidemark_log_options options;
  tidemark_log_options_init(&options, sizeof options);
  options.create_if_missing = 0;
  CHECK_FAILS(tidemark_log_open("/nowhere", &options, &log), TIDEMARK_NOT_FOUND);
  CHECK(strstr(tidemark_last_error()->path, "nowhere") != NULL);
  return NULL;
}

static void errors_belong_to_their_thread(void) {
  pthread_t thread;
  CHECK(tidemark_last_error()->code == TIDEMARK_OK);
  CHECK(pthread_create(&thread, NULL, fail_in_a_thread, NULL) == 0);
  CHECK(pthread_join(thread, NULL) == 0);
  CHECK(tidemark_last_error()->code == TIDEMARK_OK);
}

static void older_and_newer_options_are_told_apart(void) {
  /* An older header's structure ended after `create_if_missing`. */
  struct older {
    size_t struct_size;
    uint32_t peers;
    uint32_t create_if_missing;
  } older = {sizeof older, 3, 1};
  tidemark_log* log = NULL;
  CHECK_OK(
      tidemark_log_open(path_of("log"), (const tidemark_log_options*)(const void*)&older, &log));
  CHECK(tidemark_log_peers(log) == 3);
  uint8_t uuid[16] = {0}, nothing[16] = {0};
  tidemark_log_uuid(log, uuid);
  CHECK(memcmp(uuid, nothing, sizeof uuid) != 0);
  tidemark_log_close(log);

  struct newer {
    tidemark_log_options options;
    uint64_t more;
  } newer;
  tidemark_log_options_init(&newer.options, sizeof newer);
  CHECK_FAILS(tidemark_log_open(path_of("log"), &newer.options, &log), TIDEMARK_INVALID_ARGUMENT);
  tidemark_log_options zero;
  memset(&zero, 0, sizeof zero);
  CHECK_FAILS(tidemark_log_open(path_of("log"), &zero, &log), TIDEMARK_INVALID_ARGUMENT);
}

static void numbers_that_name_nothing_are_refused(void) {
  tidemark_log* log = open_log("log", 1);
  tidemark_writer* writer = NULL;
  for (int i = 0; i < 6; ++i) {
    tidemark_writer_options options = small_options();
    uint32_t* const fields[] = {&options.sync,   &options.clock,  &options.resume,
                                &options.counts, &options.behind, &options.encoding};
    *fields[i] = 17;
    CHECK_FAILS(tidemark_writer_open(log, 0, &options, &writer), TIDEMARK_INVALID_ARGUMENT);
    CHECK(strstr(tidemark_last_error()->message, "17") != NULL);
  }
  for (int i = 0; i < 5; ++i) {
    tidemark_reader_options options;
    tidemark_reader_options_init(&options, sizeof options);
    uint32_t* const fields[] = {&options.visibility, &options.access, &options.leasing,
                                &options.end, &options.start.kind};
    tidemark_reader* reader = NULL;
    *fields[i] = 17;
    CHECK_FAILS(tidemark_reader_open(log, 0, &options, &reader), TIDEMARK_INVALID_ARGUMENT);
  }
  tidemark_log_close(log);
}

/* Copies a golden segment into the place where a log has its first one. */
static void place_golden(const char* name) {
  char bytes[8192];
  char source[512];
  snprintf(source, sizeof source, "%s/golden/%s.seg", TIDEMARK_TEST_DATA, name);
  FILE* file = fopen(source, "rb");
  CHECK(file != NULL);
  const size_t size = fread(bytes, 1, sizeof bytes, file);
  CHECK(fclose(file) == 0 && size > 4096);
  CHECK(mkdir(path_of(name), 0777) == 0);
  char path[256];
  snprintf(path, sizeof path, "%s/streams", name);
  CHECK(mkdir(path_of(path), 0777) == 0);
  snprintf(path, sizeof path, "%s/streams/00000", name);
  CHECK(mkdir(path_of(path), 0777) == 0);
  snprintf(path, sizeof path, "%s/streams/00000/00000000000000000000.seg", name);
  file = fopen(path_of(path), "wb");
  CHECK(file != NULL && fwrite(bytes, 1, size, file) == size && fclose(file) == 0);
  CHECK(truncate(path_of(path), 65536) == 0);
}

static void golden_segments_are_read(void) {
  place_golden("variable");
  tidemark_log* log = open_log("variable", 0);
  tidemark_reader* reader = open_reader(log, 0);
  const tidemark_event* event = next(reader);
  CHECK(event != NULL && is_text(event, 3, "tidemark!") && event->records == 2);
  CHECK(event->ends[0] == 4 && event->ends[1] == 9);
  event = next(reader);
  CHECK(event != NULL && event->changes == 2);
  CHECK(event->change_times[0] == 0 && event->change_diffs[0] == -1);
  CHECK(event->change_times[1] == 5 && event->change_diffs[1] == 1);
  CHECK(is_text(next(reader), 7, "ebb"));
  event = next(reader);
  CHECK(event != NULL && event->changes == 1 && event->change_times[0] == 5);
  CHECK(next(reader) == NULL && tidemark_reader_finished(reader) == 1);
  tidemark_reader_close(reader);
  tidemark_log_close(log);

  place_golden("fixed_wide");
  log = open_log("fixed_wide", 0);
  reader = open_reader(log, 0);
  event = next(reader);
  CHECK(event != NULL && event->time_words == 3 && event->stride == 16 && event->records == 2);
  CHECK(event->time[0] == ((uint64_t)-1 ^ (uint64_t)1 << 63));
  CHECK(memcmp(event->data, "abcdefghijklmnopABCDEFGHIJKLMNOP", 32) == 0);
  event = next(reader);
  CHECK(event != NULL && event->changes == 3 && event->change_diffs[2] == 2);
  CHECK(event->change_times[3 * 2 + 1] == 0 || event->change_times[3 * 2 + 2] == 3);
  CHECK(next(reader)->kind == TIDEMARK_EVENT_MESSAGES);
  tidemark_traits traits;
  CHECK(tidemark_reader_traits(reader, &traits) == 1);
  CHECK(traits.time_wide_mask == 2 && traits.time_signed_mask == 1);
  CHECK(strcmp(traits.container_name, "16 letters") == 0);
  tidemark_reader_close(reader);
  tidemark_log_close(log);

  place_golden("schema");
  log = open_log("schema", 0);
  reader = open_reader(log, 0);
  CHECK(is_text(next(reader), 3, "a note"));
  CHECK(tidemark_reader_traits(reader, &traits) == 1);
  CHECK(traits.schema.size > 8 && memcmp(traits.schema.data + 4, "BFBS", 4) == 0);
  tidemark_reader_close(reader);
  tidemark_log_close(log);
}

static void a_killed_writer_leaves_what_it_committed(void) {
  tidemark_log* log = open_log("log", 1);
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    tidemark_writer* writer = open_writer(log, 0);
    append_text(writer, 0, "committed");
    kill(getpid(), SIGKILL);
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
  tidemark_reader* reader = open_reader(log, 0);
  CHECK(is_text(next(reader), 0, "committed"));
  CHECK(next(reader) == NULL);
  tidemark_reader_close(reader);
  tidemark_writer* writer = open_writer(log, 0);
  CHECK(tidemark_writer_recovery(writer)->was_closed == 0);
  CHECK(tidemark_writer_recovery(writer)->incarnation == 2);
  CHECK_OK(tidemark_writer_close(writer));
  tidemark_log_close(log);
}

#define TEST(name) \
  { #name, name }
static const struct {
  const char* name;
  void (*run)(void);
} tests[] = {
    TEST(versions_and_features_can_be_asked_for),
    TEST(records_of_any_length_come_back),
    TEST(ends_that_decrease_are_refused),
    TEST(records_of_one_length_come_back_as_views),
    TEST(a_batch_stays_until_it_is_released_also_across_segments),
    TEST(the_protocol_is_judged),
    TEST(a_stream_has_one_writer),
    TEST(what_was_synced_is_durable),
    TEST(a_reader_of_durable_events_waits_for_the_sync),
    TEST(a_tailer_is_woken),
    TEST(the_end_mode_decides_when_a_stream_without_a_writer_is_over),
    TEST(seeking_finds_events_by_number_clock_time_and_from_the_end),
    TEST(an_operator_that_is_restarted_is_brought_up_to_its_stream),
    TEST(messages_that_were_read_and_became_void_are_told),
    TEST(a_replay_merges_streams_in_the_order_of_time),
    TEST(a_cursor_remembers_and_repeats),
    TEST(damage_is_named_after_what_precedes_it),
    TEST(errors_belong_to_their_thread),
    TEST(older_and_newer_options_are_told_apart),
    TEST(numbers_that_name_nothing_are_refused),
    TEST(golden_segments_are_read),
    TEST(a_killed_writer_leaves_what_it_committed),
};

/* `tidemark_capi_test NAME` runs a test, without a name it lists them. */
int main(int count, char** arguments) {
  const size_t all = sizeof tests / sizeof tests[0];
  if (count < 2) {
    for (size_t i = 0; i < all; ++i) puts(tests[i].name);
    return 0;
  }
  for (size_t i = 0; i < all; ++i) {
    if (strcmp(tests[i].name, arguments[1]) != 0) continue;
    if (mkdtemp(directory) == NULL) return 2;
    tests[i].run();
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'", directory);
    return system(command) == 0 ? 0 : 2;
  }
  fprintf(stderr, "there is no test '%s'\n", arguments[1]);
  return 2;
}
