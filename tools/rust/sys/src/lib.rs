//! `tidemark.h` in Rust: the same names, numbers and layouts, and its rules of threads and lifetimes,
//! which stand there. The crate `tidemark` is the way to use them.
#![allow(non_camel_case_types)]

use std::ffi::{c_char, c_int, c_void};

macro_rules! opaque {
    ($($name:ident),*) => {
        $(#[repr(C)]
        pub struct $name {
            _opaque: [u8; 0],
            _not_send: std::marker::PhantomData<(*mut u8, std::marker::PhantomPinned)>,
        })*
    };
}
opaque!(tidemark_log, tidemark_writer, tidemark_reader, tidemark_replay, tidemark_resume, tidemark_consumer);

pub const TIDEMARK_ABI_MAJOR: u32 = 1;

pub type tidemark_status = i32;
pub const TIDEMARK_OK: tidemark_status = 0;

pub const TIDEMARK_MAX_TIME_WORDS: usize = 4;

pub const TIDEMARK_RECORDS_VARIABLE: u32 = 0;
pub const TIDEMARK_RECORDS_FIXED: u32 = 1;
pub const TIDEMARK_COUNTS_OPERATOR: u32 = 1;
pub const TIDEMARK_START_EARLIEST: u32 = 0;
pub const TIDEMARK_START_POSITION: u32 = 1;
pub const TIDEMARK_START_SEQUENCE: u32 = 2;
pub const TIDEMARK_START_CAPTURED_AT: u32 = 3;
pub const TIDEMARK_START_LAST_EVENTS: u32 = 4;
pub const TIDEMARK_START_LAST_RECORDS: u32 = 5;
pub const TIDEMARK_START_COMPLETE: u32 = 6;
pub const TIDEMARK_EVENT_MESSAGES: u32 = 1;
pub const TIDEMARK_EVENT_PROGRESS: u32 = 2;
pub const TIDEMARK_EVENT_VOIDED: u32 = 3;
pub const TIDEMARK_MORE: u32 = 0;
pub const TIDEMARK_PENDING: u32 = 1;
pub const TIDEMARK_ENDED: u32 = 2;
pub const TIDEMARK_SLEEP: u32 = 0;
pub const TIDEMARK_DEFAULT_BYTES: u64 = u64::MAX;

#[repr(C)]
pub struct tidemark_error {
    pub code: tidemark_status,
    pub system_error: i32,
    pub has_stream: u32,
    pub stream: u32,
    pub has_segment: u32,
    pub has_offset: u32,
    pub segment: u64,
    pub offset: u64,
    pub text: *const c_char,
    pub message: *const c_char,
    pub path: *const c_char,
    pub rule: *const c_char,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct tidemark_bytes {
    pub data: *const u8,
    pub size: usize,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct tidemark_frontier {
    pub times: *const u64,
    pub count: usize,
    pub words: u32,
    pub reserved: u32,
}

#[repr(C)]
pub struct tidemark_log_options {
    pub struct_size: usize,
    pub peers: u32,
    pub create_if_missing: u32,
    pub refuse_existing: u32,
    pub reserved: u32,
}

#[repr(C)]
pub struct tidemark_writer_options {
    pub struct_size: usize,
    pub segment_bytes: u64,
    pub sync: u32,
    pub clock: u32,
    pub sync_interval_ms: u64,
    pub sync_bytes: u64,
    pub resume: u32,
    pub counts: u32,
    pub behind: u32,
    pub encoding: u32,
    pub time_words: u8,
    pub time_wide_mask: u8,
    pub time_signed_mask: u8,
    pub pages: u8,
    pub reserved: [u8; 4],
    pub time_name: *const c_char,
    pub container_name: *const c_char,
    pub schema: tidemark_bytes,
    pub schema_hash: u64,
    pub reserve_bytes: u64,
    pub low_space_bytes: u64,
}

#[repr(C)]
pub struct tidemark_recovery {
    pub incarnation: u64,
    pub existed: u32,
    pub was_closed: u32,
    pub previous_end: u64,
    pub rewritten_bytes: u64,
    pub dropped_bytes: u64,
    pub dropped_frames: u64,
    pub set_aside_segments: u64,
    pub frontier: tidemark_frontier,
    pub mark: tidemark_bytes,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct tidemark_start {
    pub kind: u32,
    pub time_words: u32,
    pub number: u64,
    pub time: [u64; TIDEMARK_MAX_TIME_WORDS],
}

#[repr(C)]
pub struct tidemark_reader_options {
    pub struct_size: usize,
    pub visibility: u32,
    pub access: u32,
    pub leasing: u32,
    pub show_void: u32,
    pub end: u32,
    pub follow: u32,
    pub start: tidemark_start,
}

#[repr(C)]
pub struct tidemark_traits {
    pub stream: u32,
    pub peers: u32,
    pub time_words: u8,
    pub time_wide_mask: u8,
    pub time_signed_mask: u8,
    pub encoding: u8,
    pub reserved: u32,
    pub time_name: *const c_char,
    pub container_name: *const c_char,
    pub schema: tidemark_bytes,
    pub schema_hash: u64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct tidemark_event {
    pub kind: u32,
    pub stream: u32,
    pub position: u64,
    pub end_position: u64,
    pub sequence: u64,
    pub captured_at_ns: u64,
    pub time_words: u32,
    pub records: u32,
    pub time: [u64; TIDEMARK_MAX_TIME_WORDS],
    pub data: *const u8,
    pub data_bytes: usize,
    pub stride: usize,
    pub ends: *const u32,
    pub changes: usize,
    pub change_times: *const u64,
    pub change_diffs: *const i64,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct tidemark_stream_position {
    pub stream: u32,
    pub reserved: u32,
    pub position: u64,
}

#[repr(C)]
pub struct tidemark_replay_options {
    pub struct_size: usize,
    pub order: u32,
    pub delivery: u32,
    pub end: u32,
    pub follow: u32,
    pub visibility: u32,
    pub access: u32,
    pub leasing: u32,
    pub show_void: u32,
    pub start: tidemark_start,
    pub has_from: u32,
    pub has_until: u32,
    pub time_words: u32,
    pub reserved: u32,
    pub from: [u64; TIDEMARK_MAX_TIME_WORDS],
    pub until: [u64; TIDEMARK_MAX_TIME_WORDS],
    pub positions: *const tidemark_stream_position,
    pub position_count: usize,
    pub held_events_limit: u64,
}

#[repr(C)]
pub struct tidemark_stream_resume {
    pub stream: u32,
    pub reserved: u32,
    pub frontier: tidemark_frontier,
    pub mark: tidemark_bytes,
    pub events: u64,
    pub records: u64,
    pub data_bytes: u64,
}

extern "C" {
    pub fn tidemark_abi_version() -> u32;
    pub fn tidemark_library_version() -> *const c_char;
    pub fn tidemark_format_version() -> u32;
    pub fn tidemark_has_feature(feature: u32) -> c_int;
    pub fn tidemark_size_of(structure: u32) -> usize;

    pub fn tidemark_last_error() -> *const tidemark_error;
    pub fn tidemark_status_name(status: tidemark_status) -> *const c_char;

    pub fn tidemark_log_options_init(options: *mut tidemark_log_options, struct_size: usize);
    pub fn tidemark_log_open(
        path: *const c_char,
        options: *const tidemark_log_options,
        log: *mut *mut tidemark_log,
    ) -> tidemark_status;
    pub fn tidemark_log_close(log: *mut tidemark_log);
    pub fn tidemark_log_peers(log: *const tidemark_log) -> u32;
    pub fn tidemark_log_uuid(log: *const tidemark_log, uuid: *mut u8);
    pub fn tidemark_log_committed_end(log: *const tidemark_log, stream: u32, position: *mut u64) -> tidemark_status;

    pub fn tidemark_writer_options_init(options: *mut tidemark_writer_options, struct_size: usize);
    pub fn tidemark_writer_open(
        log: *const tidemark_log,
        stream: u32,
        options: *const tidemark_writer_options,
        writer: *mut *mut tidemark_writer,
    ) -> tidemark_status;
    pub fn tidemark_writer_messages_fixed(
        writer: *mut tidemark_writer,
        time: *const u64,
        records: u32,
        stride: usize,
        data: *const c_void,
        position: *mut u64,
    ) -> tidemark_status;
    pub fn tidemark_writer_messages(
        writer: *mut tidemark_writer,
        time: *const u64,
        records: u32,
        ends: *const u32,
        data: *const c_void,
        position: *mut u64,
    ) -> tidemark_status;
    pub fn tidemark_writer_messages_gathered(
        writer: *mut tidemark_writer,
        time: *const u64,
        records: u32,
        bytes: *const tidemark_bytes,
        position: *mut u64,
    ) -> tidemark_status;
    pub fn tidemark_writer_progress(
        writer: *mut tidemark_writer,
        changes: usize,
        times: *const u64,
        diffs: *const i64,
        position: *mut u64,
    ) -> tidemark_status;
    pub fn tidemark_writer_mark(
        writer: *mut tidemark_writer,
        token: *const c_void,
        size: usize,
        position: *mut u64,
    ) -> tidemark_status;
    pub fn tidemark_writer_set_captured_at(writer: *mut tidemark_writer, ns: u64);
    pub fn tidemark_writer_sync(writer: *mut tidemark_writer, position: *mut u64) -> tidemark_status;
    pub fn tidemark_writer_wait_durable(writer: *mut tidemark_writer, position: u64, limit_ns: i64) -> tidemark_status;
    pub fn tidemark_writer_committed(writer: *const tidemark_writer) -> u64;
    pub fn tidemark_writer_durable(writer: *const tidemark_writer) -> u64;
    pub fn tidemark_writer_low_on_space(writer: *const tidemark_writer) -> c_int;
    pub fn tidemark_writer_frontier(writer: *mut tidemark_writer) -> tidemark_frontier;
    pub fn tidemark_writer_caught_up(writer: *const tidemark_writer) -> c_int;
    pub fn tidemark_writer_dropped_records(writer: *const tidemark_writer) -> u64;
    pub fn tidemark_writer_max_data_bytes(writer: *const tidemark_writer, records: u32) -> u64;
    pub fn tidemark_writer_recovery(writer: *const tidemark_writer) -> *const tidemark_recovery;
    pub fn tidemark_writer_close(writer: *mut tidemark_writer) -> tidemark_status;

    pub fn tidemark_log_resume(log: *const tidemark_log, resume: *mut *mut tidemark_resume) -> tidemark_status;
    pub fn tidemark_resume_close(resume: *mut tidemark_resume);
    pub fn tidemark_resume_size(resume: *const tidemark_resume) -> usize;
    pub fn tidemark_resume_at(resume: *const tidemark_resume, index: usize) -> *const tidemark_stream_resume;
    pub fn tidemark_resume_meet(resume: *const tidemark_resume) -> tidemark_frontier;

    pub fn tidemark_reader_options_init(options: *mut tidemark_reader_options, struct_size: usize);
    pub fn tidemark_reader_open(
        log: *const tidemark_log,
        stream: u32,
        options: *const tidemark_reader_options,
        reader: *mut *mut tidemark_reader,
    ) -> tidemark_status;
    pub fn tidemark_reader_close(reader: *mut tidemark_reader);
    pub fn tidemark_reader_poll(
        reader: *mut tidemark_reader,
        events: *mut tidemark_event,
        capacity: usize,
        count: *mut usize,
        state: *mut u32,
    ) -> tidemark_status;
    pub fn tidemark_reader_release(reader: *mut tidemark_reader);
    pub fn tidemark_reader_wait(
        reader: *mut tidemark_reader,
        limit_ns: i64,
        waiting: u32,
        woken: *mut c_int,
    ) -> tidemark_status;
    pub fn tidemark_wait_any(
        readers: *const *mut tidemark_reader,
        count: usize,
        limit_ns: i64,
        woken: *mut c_int,
    ) -> tidemark_status;
    pub fn tidemark_reader_seek(reader: *mut tidemark_reader, start: *const tidemark_start) -> tidemark_status;
    pub fn tidemark_reader_position(reader: *const tidemark_reader) -> u64;
    pub fn tidemark_reader_sequence(reader: *const tidemark_reader) -> u64;
    pub fn tidemark_reader_stream(reader: *const tidemark_reader) -> u32;
    pub fn tidemark_reader_frontier(reader: *mut tidemark_reader) -> tidemark_frontier;
    pub fn tidemark_reader_finished(reader: *const tidemark_reader) -> c_int;
    pub fn tidemark_reader_writer_alive(reader: *const tidemark_reader) -> c_int;
    pub fn tidemark_reader_release_before(reader: *mut tidemark_reader, position: u64);
    pub fn tidemark_reader_capabilities(reader: *mut tidemark_reader, event: *mut tidemark_event);
    pub fn tidemark_reader_traits(reader: *mut tidemark_reader, traits: *mut tidemark_traits) -> c_int;

    pub fn tidemark_replay_options_init(options: *mut tidemark_replay_options, struct_size: usize);
    pub fn tidemark_replay_open(
        log: *const tidemark_log,
        streams: *const u32,
        count: usize,
        options: *const tidemark_replay_options,
        replay: *mut *mut tidemark_replay,
    ) -> tidemark_status;
    pub fn tidemark_replay_close(replay: *mut tidemark_replay);
    pub fn tidemark_replay_next(
        replay: *mut tidemark_replay,
        limit_ns: i64,
        event: *mut tidemark_event,
        state: *mut u32,
    ) -> tidemark_status;
    pub fn tidemark_replay_frontier(replay: *mut tidemark_replay) -> tidemark_frontier;
    pub fn tidemark_replay_positions(
        replay: *mut tidemark_replay,
        count: *mut usize,
    ) -> *const tidemark_stream_position;
    pub fn tidemark_replay_held_events(replay: *const tidemark_replay) -> u64;

    pub fn tidemark_consumer_open(
        log: *const tidemark_log,
        name: *const c_char,
        streams: *const u32,
        count: usize,
        ahead_of_durable: c_int,
        consumer: *mut *mut tidemark_consumer,
    ) -> tidemark_status;
    pub fn tidemark_consumer_close(consumer: *mut tidemark_consumer);
    pub fn tidemark_consumer_found(consumer: *const tidemark_consumer) -> c_int;
    pub fn tidemark_consumer_position(consumer: *const tidemark_consumer, stream: u32, position: *mut u64) -> c_int;
    pub fn tidemark_consumer_commit(
        consumer: *mut tidemark_consumer,
        positions: *const tidemark_stream_position,
        count: usize,
    ) -> tidemark_status;
    pub fn tidemark_cursor_delete(
        log: *const tidemark_log,
        name: *const c_char,
        deleted: *mut c_int,
    ) -> tidemark_status;
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::mem::{offset_of, size_of};

    /// The numbers of `tidemark_structure`.
    #[test]
    fn structures_have_the_sizes_that_the_library_says() {
        let sizes = [
            size_of::<tidemark_error>(),
            size_of::<tidemark_bytes>(),
            size_of::<tidemark_frontier>(),
            size_of::<tidemark_log_options>(),
            size_of::<tidemark_writer_options>(),
            size_of::<tidemark_recovery>(),
            size_of::<tidemark_start>(),
            size_of::<tidemark_reader_options>(),
            size_of::<tidemark_traits>(),
            size_of::<tidemark_event>(),
            size_of::<tidemark_replay_options>(),
            size_of::<tidemark_stream_position>(),
            size_of::<tidemark_stream_resume>(),
        ];
        for (index, size) in sizes.iter().enumerate() {
            let structure = index as u32 + 1;
            assert_eq!(unsafe { tidemark_size_of(structure) }, *size, "structure {structure}");
        }
        assert_eq!(unsafe { tidemark_size_of(sizes.len() as u32 + 1) }, 0);
        assert_eq!(unsafe { tidemark_abi_version() } >> 16, TIDEMARK_ABI_MAJOR);
    }

    /// Those that tests/tools/capi/layout_test.cc asserts of the C structures.
    #[test]
    fn fields_stand_where_the_header_has_them() {
        assert_eq!(offset_of!(tidemark_error, text), 40);
        assert_eq!(offset_of!(tidemark_frontier, words), 16);
        assert_eq!(offset_of!(tidemark_writer_options, time_words), 56);
        assert_eq!(offset_of!(tidemark_writer_options, time_name), 64);
        assert_eq!(offset_of!(tidemark_writer_options, low_space_bytes), 112);
        assert_eq!(offset_of!(tidemark_recovery, mark), 80);
        assert_eq!(offset_of!(tidemark_start, time), 16);
        assert_eq!(offset_of!(tidemark_reader_options, start), 32);
        assert_eq!(offset_of!(tidemark_traits, time_name), 16);
        assert_eq!(offset_of!(tidemark_event, time), 48);
        assert_eq!(offset_of!(tidemark_event, data), 80);
        assert_eq!(offset_of!(tidemark_event, changes), 112);
        assert_eq!(offset_of!(tidemark_replay_options, has_from), 88);
        assert_eq!(offset_of!(tidemark_replay_options, positions), 168);
    }
}
