//! `tidemark.h` as types whose lifetimes are its rules. The one module with `unsafe` in it.
//!
//! What each block relies on:
//!
//! * A handle is a non-null pointer that its type owns; it is closed once, when that is dropped. Logs
//!   may be closed before what came from them (the header says so), so nothing borrows a log.
//! * One thread at a time uses a reader or a replay: everything that goes to the library with one takes
//!   `&mut`. A writer is used for appending through one
//!   [`Appender`], which is not `Clone`; what the header allows "any thread" goes through
//!   [`WriterShared`], which keeps the handle open for the time of the call.
//! * What is lent until the next call borrows the handle mutably for as long as it is looked at, so the
//!   compiler refuses that call.
//! * Pointers and lengths that the library hands out describe initialised memory, aligned for their
//!   type: records of one length to 8 bytes (`SPEC.md` section 5.3).

use std::ffi::{c_char, CStr, CString};
use std::marker::PhantomData;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::{self, NonNull};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use tidemark_sys as sys;

use crate::{Error, ErrorCode};

/// The calling thread's last error.
fn last_error() -> Error {
    // SAFETY: never null, and valid until this thread's next call that fails; all is copied here.
    let error = unsafe { &*sys::tidemark_last_error() };
    Error {
        code: ErrorCode::from_status(error.code),
        text: text(error.text),
        stream: (error.has_stream != 0).then_some(error.stream),
        segment: (error.has_segment != 0).then_some(error.segment),
        offset: (error.has_offset != 0).then_some(error.offset),
        rule: text(error.rule),
        system_error: error.system_error,
    }
}

fn check(status: sys::tidemark_status) -> Result<(), Error> {
    if status == sys::TIDEMARK_OK {
        Ok(())
    } else {
        Err(last_error())
    }
}

fn text(lent: *const c_char) -> String {
    // SAFETY: texts of the library are never null and end with a NUL.
    unsafe { CStr::from_ptr(lent) }.to_string_lossy().into_owned()
}

/// The handle that `open` gave.
fn opened<H>(open: impl FnOnce(*mut *mut H) -> sys::tidemark_status) -> Result<NonNull<H>, Error> {
    let mut handle = ptr::null_mut();
    check(open(&mut handle))?;
    Ok(NonNull::new(handle).expect("a call that succeeds gives a handle"))
}

/// A slice of what the library lends; a null pointer where there is nothing.
///
/// # Safety
/// `data` is null, or points to `count` values that live and do not change for `'a`.
unsafe fn lent<'a, T>(data: *const T, count: usize) -> &'a [T] {
    if count == 0 || data.is_null() {
        &[]
    } else {
        std::slice::from_raw_parts(data, count)
    }
}

fn c_text(text: &[u8], what: &str) -> Result<CString, Error> {
    CString::new(text).map_err(|_| Error::new(ErrorCode::InvalidArgument, format!("{what} has a NUL in it")))
}

fn limit_of(limit: Option<Duration>) -> i64 {
    limit.map_or(-1, |limit| i64::try_from(limit.as_nanos()).unwrap_or(i64::MAX))
}

/// The library's version, for example "0.1.0".
pub fn version() -> String {
    // SAFETY: no precondition.
    text(unsafe { sys::tidemark_library_version() })
}

// ---- Logs ----------------------------------------------------------------------------------------

/// How a log is opened.
#[derive(Clone, Debug)]
pub struct LogOptions {
    /// Streams of the log, one a capturing worker. None: 1 for a new log, what an existing one has.
    pub peers: Option<u32>,
    /// Create the log where there is none.
    pub create_if_missing: bool,
}
impl LogOptions {
    /// A log of so many streams, created where there is none.
    pub fn peers(peers: u32) -> Self {
        LogOptions { peers: Some(peers), create_if_missing: true }
    }
    /// A log that exists.
    pub fn existing() -> Self {
        LogOptions { peers: None, create_if_missing: false }
    }
}

/// A directory of streams. Cheap to clone; any number of threads and processes may have it open.
#[derive(Clone)]
pub struct Log(Arc<LogHandle>);
struct LogHandle(NonNull<sys::tidemark_log>);
// SAFETY: "a log may be used by any number of threads at once".
unsafe impl Send for LogHandle {}
// SAFETY: the same.
unsafe impl std::marker::Sync for LogHandle {}
impl Drop for LogHandle {
    fn drop(&mut self) {
        // SAFETY: owned, and not used afterwards.
        unsafe { sys::tidemark_log_close(self.0.as_ptr()) }
    }
}

impl Log {
    /// Opens a log, or creates one of one stream.
    pub fn open(path: impl AsRef<Path>) -> Result<Log, Error> {
        Self::open_with(path, LogOptions { peers: None, create_if_missing: true })
    }
    /// The same with options. Errors: `NotFound`, `InvalidArgument` (another number of streams),
    /// `Corrupt`, `Unsupported`, `NoSpace`, `Io`.
    pub fn open_with(path: impl AsRef<Path>, options: LogOptions) -> Result<Log, Error> {
        let path = c_text(path.as_ref().as_os_str().as_bytes(), "a path")?;
        // SAFETY: zeros are a value of this plain structure, and `init` fills it in.
        let mut given: sys::tidemark_log_options = unsafe { std::mem::zeroed() };
        unsafe { sys::tidemark_log_options_init(&mut given, std::mem::size_of_val(&given)) };
        given.peers = options.peers.unwrap_or(0);
        given.create_if_missing = options.create_if_missing.into();
        // SAFETY: the text and the options outlive the call.
        let handle = opened(|log| unsafe { sys::tidemark_log_open(path.as_ptr(), &given, log) })?;
        Ok(Log(Arc::new(LogHandle(handle))))
    }

    fn raw(&self) -> *mut sys::tidemark_log {
        self.0 .0.as_ptr()
    }
    /// How many streams it has.
    pub fn peers(&self) -> u32 {
        // SAFETY: the handle is open.
        unsafe { sys::tidemark_log_peers(self.raw()) }
    }
    /// Where producers that were killed go on, as the streams stand now.
    pub fn resume(&self) -> Result<Resume, Error> {
        // SAFETY: the handle is open.
        let resume = opened(|resume| unsafe { sys::tidemark_log_resume(self.raw(), resume) })?;
        // SAFETY: all is copied before it is closed, which happens once.
        unsafe {
            let streams = (0..sys::tidemark_resume_size(resume.as_ptr()))
                .map(|index| {
                    let stream = &*sys::tidemark_resume_at(resume.as_ptr(), index);
                    StreamResume {
                        stream: stream.stream,
                        frontier: times_of(&stream.frontier),
                        mark: lent(stream.mark.data, stream.mark.size).to_vec(),
                        records: stream.records,
                    }
                })
                .collect();
            let meet = times_of(&sys::tidemark_resume_meet(resume.as_ptr()));
            sys::tidemark_resume_close(resume.as_ptr());
            Ok(Resume { streams, meet })
        }
    }
}

/// Times as words, one vector each.
///
/// # Safety
/// What the frontier refers to is alive.
unsafe fn times_of(frontier: &sys::tidemark_frontier) -> Vec<Vec<u64>> {
    let words = frontier.words as usize;
    if words == 0 {
        return vec![Vec::new(); frontier.count];
    }
    lent(frontier.times, frontier.count * words).chunks_exact(words).map(<[u64]>::to_vec).collect()
}

/// Where the producers of a log go on. Times are words: `LoggedTime::decode`.
#[derive(Clone, Debug)]
pub struct Resume {
    /// All of the log, in order.
    pub streams: Vec<StreamResume>,
    /// Offering all input at or after an element of it again is enough, whichever stream it belongs
    /// to. Empty: all streams are finished.
    pub meet: Vec<Vec<u64>>,
}
impl Resume {
    /// The meet as times; what the type has no value for is left out of it.
    pub fn meet_as<T: crate::LoggedTime>(&self) -> Vec<T> {
        self.meet.iter().filter(|words| words.len() == T::WORDS).filter_map(|w| T::decode(w)).collect()
    }
}
/// Where the producer of one stream goes on.
#[derive(Clone, Debug)]
pub struct StreamResume {
    /// Its number.
    pub stream: u32,
    /// A record at a time that is not at or after an element is complete, and in the stream.
    pub frontier: Vec<Vec<u64>>,
    /// What was marked last; empty: nothing.
    pub mark: Vec<u8>,
    /// Records of the stream, void ones too.
    pub records: u64,
}

// ---- Writing -------------------------------------------------------------------------------------

/// When what was committed is made to survive a loss of power without being asked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sync {
    /// Never, but when the writer is closed.
    None,
    /// Every so often.
    Interval(Duration),
    /// Whenever so many bytes were committed.
    Bytes(u64),
    /// Each push returns when it is durable.
    Commit,
}

/// What becomes of messages that an operator which was restarted offers behind the frontier that its
/// stream has reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behind {
    /// `ProtocolViolation`, rule P3.
    Refuse,
    /// They are left out: the stream has them.
    Drop,
}

/// How a stream is written.
#[derive(Clone, Debug)]
pub struct WriterOptions {
    /// The size that segments grow up to, in bytes; a multiple of 4 KiB from 64 KiB to 1 GiB.
    pub segment_bytes: u64,
    /// Default: every 100 ms.
    pub sync: Sync,
    /// The clock at a tick's resolution, which is cheaper.
    pub coarse_clock: bool,
    /// The producer was restarted, and offers again all from `Log::resume` on: what the stream holds at
    /// times that were not complete is void, what is offered at complete ones is left out, and a stream
    /// that is finished takes nothing. Each record is in the log once then.
    pub resume: bool,
    /// For a writer that does not resume.
    pub behind: Behind,
}
impl Default for WriterOptions {
    fn default() -> Self {
        WriterOptions {
            segment_bytes: 128 << 20,
            sync: Sync::Interval(Duration::from_millis(100)),
            coarse_clock: false,
            resume: false,
            behind: Behind::Refuse,
        }
    }
}
impl WriterOptions {
    /// The defaults, but resuming.
    pub fn resuming() -> Self {
        WriterOptions { resume: true, ..Self::default() }
    }
}

/// What opening a stream for writing found.
#[derive(Clone, Debug)]
pub struct Recovery {
    /// Of this opening, counted from 1.
    pub incarnation: u64,
    /// The stream had events before.
    pub existed: bool,
    /// Its last writer closed it: it was not killed.
    pub was_closed: bool,
    /// Where the stream stood, each time as words.
    pub frontier: Vec<Vec<u64>>,
}

/// A container's records, as they are handed to the library.
pub enum Records<'a> {
    /// Of one length each, one after the other.
    Fixed {
        /// How many there are.
        count: usize,
        /// All of them.
        bytes: &'a [u8],
    },
    /// One after the other, each to its end.
    Delimited {
        /// All of them.
        bytes: &'a [u8],
        /// Where each ends.
        ends: &'a [u32],
    },
    /// Each where it is.
    Texts(&'a [String]),
    /// The same.
    Blobs(&'a [Vec<u8>]),
}

/// What any thread may do with a writer while it is open.
pub(crate) struct WriterShared {
    /// None once it is closed. Calls hold the lock for reading, closing for writing.
    handle: RwLock<Option<WriterPointer>>,
    /// How it was closed.
    closed: RwLock<Option<Result<(), Error>>>,
}
struct WriterPointer(NonNull<sys::tidemark_writer>);
// SAFETY: what is called through a shared reference is what the header allows any thread.
unsafe impl Send for WriterPointer {}
// SAFETY: the same.
unsafe impl std::marker::Sync for WriterPointer {}

impl WriterShared {
    fn with<R>(&self, call: impl FnOnce(*mut sys::tidemark_writer) -> R) -> Option<R> {
        let handle = self.handle.read().expect("no call panics with the lock held");
        handle.as_ref().map(|writer| call(writer.0.as_ptr()))
    }
    fn closed_error(&self) -> Error {
        match &*self.closed.read().expect("nothing panics with the lock held") {
            Some(Err(error)) => error.clone(),
            _ => Error::new(ErrorCode::Closed, "the writer was closed"),
        }
    }
    /// The position after the last event; none once it is closed.
    pub(crate) fn committed(&self) -> Option<u64> {
        // SAFETY: open for the time of the call; any thread may.
        self.with(|writer| unsafe { sys::tidemark_writer_committed(writer) })
    }
    pub(crate) fn durable(&self) -> Option<u64> {
        // SAFETY: the same.
        self.with(|writer| unsafe { sys::tidemark_writer_durable(writer) })
    }
    pub(crate) fn sync(&self) -> Result<u64, Error> {
        let mut position = 0;
        // SAFETY: the same; the position outlives the call.
        self.with(|writer| check(unsafe { sys::tidemark_writer_sync(writer, &mut position) }))
            .unwrap_or_else(|| Err(self.closed_error()))?;
        Ok(position)
    }
    /// In slices, so that closing, which makes everything durable, is not kept waiting.
    pub(crate) fn wait_durable(&self, position: u64, limit: Duration) -> Result<(), Error> {
        const SLICE: Duration = Duration::from_millis(20);
        let end = std::time::Instant::now().checked_add(limit);
        loop {
            let left = end.map_or(SLICE, |end| end.saturating_duration_since(std::time::Instant::now()));
            let slice = limit_of(Some(left.min(SLICE)));
            // SAFETY: open for the time of the call; any thread may.
            let waited =
                self.with(|writer| check(unsafe { sys::tidemark_writer_wait_durable(writer, position, slice) }));
            match waited {
                None => {
                    return match &*self.closed.read().expect("nothing panics with the lock held") {
                        Some(Err(error)) => Err(error.clone()),
                        _ => Ok(()),
                    }
                }
                Some(Err(error)) if error.code == ErrorCode::Interrupted && !left.is_zero() => {}
                Some(result) => return result,
            }
        }
    }
}

/// The one that appends to a stream. Closes it when it is dropped.
pub(crate) struct Appender {
    writer: NonNull<sys::tidemark_writer>,
    shared: Arc<WriterShared>,
    recovery: Recovery,
    words: usize,
    bytes: Vec<sys::tidemark_bytes>,
}
// SAFETY: "by one thread at a time, whichever"; all appends take `&mut self`. The scratch space refers
// to nothing between two calls.
unsafe impl Send for Appender {}
// SAFETY: what takes `&self` reads, and nothing appends while such a reference is about.
unsafe impl std::marker::Sync for Appender {}

/// What the stream's headers say of its events.
pub(crate) struct Shape {
    pub words: usize,
    pub wide: u8,
    pub signed: u8,
    pub time_name: String,
    pub stride: Option<usize>,
    pub container_name: String,
}

impl Appender {
    pub(crate) fn open(log: &Log, stream: u32, options: &WriterOptions, shape: &Shape) -> Result<Appender, Error> {
        let time_name = c_text(shape.time_name.as_bytes(), "a time's name")?;
        let container_name = c_text(shape.container_name.as_bytes(), "a container's name")?;
        // SAFETY: zeros are a value of this plain structure, and `init` fills it in.
        let mut given: sys::tidemark_writer_options = unsafe { std::mem::zeroed() };
        unsafe { sys::tidemark_writer_options_init(&mut given, std::mem::size_of_val(&given)) };
        given.segment_bytes = options.segment_bytes;
        match options.sync {
            Sync::None => given.sync = 0,
            Sync::Interval(interval) => {
                given.sync = 1;
                given.sync_interval_ms = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX);
            }
            Sync::Bytes(bytes) => {
                given.sync = 2;
                given.sync_bytes = bytes;
            }
            Sync::Commit => given.sync = 3,
        }
        given.clock = options.coarse_clock.into();
        given.resume = options.resume.into();
        given.counts = sys::TIDEMARK_COUNTS_OPERATOR;
        given.behind = (options.resume || options.behind == Behind::Drop).into();
        given.encoding =
            if shape.stride.is_some() { sys::TIDEMARK_RECORDS_FIXED } else { sys::TIDEMARK_RECORDS_VARIABLE };
        given.time_words = shape.words as u8;
        given.time_wide_mask = shape.wide;
        given.time_signed_mask = shape.signed;
        given.time_name = time_name.as_ptr();
        given.container_name = container_name.as_ptr();
        // SAFETY: the log is open; texts and options outlive the call.
        let writer = opened(|writer| unsafe { sys::tidemark_writer_open(log.raw(), stream, &given, writer) })?;
        // SAFETY: lent until the writer is closed; all is copied.
        let recovery = unsafe {
            let found = &*sys::tidemark_writer_recovery(writer.as_ptr());
            Recovery {
                incarnation: found.incarnation,
                existed: found.existed != 0,
                was_closed: found.was_closed != 0,
                frontier: times_of(&found.frontier),
            }
        };
        let shared =
            Arc::new(WriterShared { handle: RwLock::new(Some(WriterPointer(writer))), closed: RwLock::new(None) });
        Ok(Appender { writer, shared, recovery, words: shape.words, bytes: Vec::new() })
    }

    pub(crate) fn shared(&self) -> &Arc<WriterShared> {
        &self.shared
    }
    pub(crate) fn recovery(&self) -> &Recovery {
        &self.recovery
    }
    pub(crate) fn dropped_records(&self) -> u64 {
        // SAFETY: open until it is dropped.
        unsafe { sys::tidemark_writer_dropped_records(self.writer.as_ptr()) }
    }

    pub(crate) fn messages(&mut self, time: &[u64], records: Records<'_>) -> Result<(), Error> {
        assert_eq!(time.len(), self.words);
        let too_many = |_| Error::new(ErrorCode::TooLarge, "a container of 2^32 records and more");
        let writer = self.writer.as_ptr();
        let position = ptr::null_mut();
        let status = match records {
            Records::Fixed { count: 0, .. } => {
                // Judged and not written: an empty container still has to be at a time that may be.
                // SAFETY: as below; no record is looked at.
                unsafe { sys::tidemark_writer_messages_gathered(writer, time.as_ptr(), 0, ptr::null(), position) }
            }
            Records::Fixed { count, bytes } => {
                assert_eq!(bytes.len() % count, 0, "records of one length");
                let stride = bytes.len() / count;
                let count = u32::try_from(count).map_err(too_many)?;
                // SAFETY: `count` times `stride` bytes, and the time's words, outlive the call.
                unsafe {
                    sys::tidemark_writer_messages_fixed(
                        writer,
                        time.as_ptr(),
                        count,
                        stride,
                        bytes.as_ptr().cast(),
                        position,
                    )
                }
            }
            Records::Delimited { bytes, ends } => {
                let last = ends.last().copied().unwrap_or(0) as usize;
                assert!(last <= bytes.len(), "records end within their bytes");
                let count = u32::try_from(ends.len()).map_err(too_many)?;
                // SAFETY: the library refuses ends that decrease, so each record lies before the last
                // end, within the bytes.
                unsafe {
                    sys::tidemark_writer_messages(
                        writer,
                        time.as_ptr(),
                        count,
                        ends.as_ptr(),
                        bytes.as_ptr().cast(),
                        position,
                    )
                }
            }
            Records::Texts(texts) => return self.gathered(time, texts),
            Records::Blobs(blobs) => return self.gathered(time, blobs),
        };
        check(status)
    }

    fn gathered<B: AsRef<[u8]>>(&mut self, time: &[u64], records: &[B]) -> Result<(), Error> {
        let count = u32::try_from(records.len())
            .map_err(|_| Error::new(ErrorCode::TooLarge, "a container of 2^32 records and more"))?;
        self.bytes.clear();
        self.bytes.extend(records.iter().map(|record| {
            let bytes = record.as_ref();
            sys::tidemark_bytes { data: bytes.as_ptr(), size: bytes.len() }
        }));
        // SAFETY: what `bytes` refers to, and the time's words, outlive the call.
        check(unsafe {
            sys::tidemark_writer_messages_gathered(
                self.writer.as_ptr(),
                time.as_ptr(),
                count,
                self.bytes.as_ptr(),
                ptr::null_mut(),
            )
        })
    }

    /// `times` has the words of one time for each of `diffs`.
    pub(crate) fn progress(&mut self, times: &[u64], diffs: &[i64]) -> Result<(), Error> {
        assert_eq!(times.len(), diffs.len() * self.words);
        // SAFETY: both outlive the call, and have as much as it reads.
        check(unsafe {
            sys::tidemark_writer_progress(
                self.writer.as_ptr(),
                diffs.len(),
                times.as_ptr(),
                diffs.as_ptr(),
                ptr::null_mut(),
            )
        })
    }

    /// Waits for the calls of other threads, then closes. A second call does nothing.
    pub(crate) fn close(&mut self) -> Result<(), Error> {
        let mut handle = self.shared.handle.write().expect("no call panics with the lock held");
        if handle.take().is_none() {
            return Ok(());
        }
        // SAFETY: owned, taken out, and nobody is in a call.
        let result = check(unsafe { sys::tidemark_writer_close(self.writer.as_ptr()) });
        *self.shared.closed.write().expect("nothing panics with the lock held") = Some(result.clone());
        result
    }
}
impl Drop for Appender {
    fn drop(&mut self) {
        // What went wrong stays in `shared`.
        let _ = self.close();
    }
}

// ---- Reading -------------------------------------------------------------------------------------

/// What a reader lets itself see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Visibility {
    /// Everything that was committed.
    #[default]
    Committed,
    /// Only what survives a loss of power.
    Durable,
}

/// What becomes of a stream that is not finished, once its end is reached and no writer is alive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum End {
    /// Its capabilities are dropped: it ends.
    #[default]
    Release,
    /// It ends, and its times stay open.
    Hold,
    /// Another writer may come.
    Wait,
}

/// Where reading begins. What precedes is summed up in the first event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// At the earliest event that is left.
    #[default]
    Earliest,
    /// At a position that a reader of this stream stood at.
    Position(u64),
    /// After so many events of the stream.
    Sequence(u64),
    /// At the first event captured at this time or later, in ns since the Unix epoch.
    CapturedAt(u64),
    /// So many events before the end.
    LastEvents(u64),
    /// At events that have so many records between them.
    LastRecords(u64),
    /// Right after the progress that completes a time of one word.
    Complete(u64),
}

/// How a stream is read.
#[derive(Clone, Debug, Default)]
pub struct ReaderOptions {
    /// Default: committed.
    pub visibility: Visibility,
    /// Default: release.
    pub end: End,
    /// Keep up with a stream that is written. Default: end where it ended when it was opened.
    pub follow: bool,
    /// Default: the earliest.
    pub start: Start,
}
impl ReaderOptions {
    /// The defaults, but keeping up with a stream that is written.
    pub fn following() -> Self {
        ReaderOptions { follow: true, ..Self::default() }
    }
}

fn start_of(start: Start) -> sys::tidemark_start {
    let (kind, number) = match start {
        Start::Earliest => (sys::TIDEMARK_START_EARLIEST, 0),
        Start::Position(number) => (sys::TIDEMARK_START_POSITION, number),
        Start::Sequence(number) => (sys::TIDEMARK_START_SEQUENCE, number),
        Start::CapturedAt(number) => (sys::TIDEMARK_START_CAPTURED_AT, number),
        Start::LastEvents(number) => (sys::TIDEMARK_START_LAST_EVENTS, number),
        Start::LastRecords(number) => (sys::TIDEMARK_START_LAST_RECORDS, number),
        Start::Complete(_) => (sys::TIDEMARK_START_COMPLETE, 0),
    };
    let mut given = sys::tidemark_start { kind, time_words: 0, number, time: [0; 4] };
    if let Start::Complete(time) = start {
        given.time_words = 1;
        given.time[0] = time;
    }
    given
}

/// What a stream's headers say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traits {
    /// Words of a time.
    pub time_words: usize,
    /// Which of them are halves of one coordinate.
    pub time_wide_mask: u8,
    /// Which of them were signed.
    pub time_signed_mask: u8,
    /// What its writer called them.
    pub time_name: String,
    /// Whether all records of an event have one length.
    pub fixed: bool,
    /// What its writer called the records.
    pub container_name: String,
}

/// What [`Reader::next`] found.
pub enum Next<'a> {
    /// An event, which borrows the reader: it has to be let go of before the next one is asked for.
    Event(EventView<'a>),
    /// Nothing yet; the stream may go on.
    Pending,
    /// Nothing will come: the stream is finished, or ended as the options say.
    Ended,
}

const BATCH: usize = 32;

/// Reads one stream as views into its segments, without copies.
///
/// A view cannot outlive the reader's next step:
///
/// ```compile_fail,E0499
/// # fn dangling(reader: &mut tidemark::Reader) {
/// let first = reader.next();
/// let second = reader.next();     // the first one's bytes may be gone now
/// drop(first);
/// # }
/// ```
///
/// ```compile_fail,E0505
/// # fn dangling(mut reader: tidemark::Reader) {
/// let first = reader.next();
/// drop(reader);                   // and so are all of them
/// drop(first);
/// # }
/// ```
///
/// One after the other is well:
///
/// ```
/// # fn right(reader: &mut tidemark::Reader) {
/// let first = reader.next();
/// drop(first);
/// let second = reader.next();
/// drop(second);
/// # }
/// ```
pub struct Reader {
    reader: NonNull<sys::tidemark_reader>,
    stream: u32,
    events: Box<[sys::tidemark_event; BATCH]>,
    /// Of `events`, those that are handed out and those that there are.
    taken: usize,
    found: usize,
    /// What the library said with the last batch.
    state: u32,
    position: u64,
}
// SAFETY: "by one thread at a time, whichever".
unsafe impl Send for Reader {}
// SAFETY: what takes `&self` looks at fields of this structure alone.
unsafe impl std::marker::Sync for Reader {}

impl Reader {
    /// Opens a stream for reading, which may still be empty. Errors: `NotFound`, `Purged`,
    /// `CursorLost`, `Corrupt`, `Missing`, `Unsupported`, `InvalidArgument`, `Io`.
    pub fn open(log: &Log, stream: u32, options: &ReaderOptions) -> Result<Reader, Error> {
        // SAFETY: zeros are values of these plain structures, and `init` fills the one in.
        let mut given: sys::tidemark_reader_options = unsafe { std::mem::zeroed() };
        let empty: sys::tidemark_event = unsafe { std::mem::zeroed() };
        unsafe { sys::tidemark_reader_options_init(&mut given, std::mem::size_of_val(&given)) };
        given.visibility = (options.visibility == Visibility::Durable).into();
        given.end = options.end as u32;
        given.follow = options.follow.into();
        given.start = start_of(options.start);
        // SAFETY: the log is open, and the options outlive the call.
        let reader = opened(|reader| unsafe { sys::tidemark_reader_open(log.raw(), stream, &given, reader) })?;
        // SAFETY: the handle is open.
        let position = unsafe { sys::tidemark_reader_position(reader.as_ptr()) };
        Ok(Reader {
            reader,
            stream,
            events: Box::new([empty; BATCH]),
            taken: 0,
            found: 0,
            state: sys::TIDEMARK_MORE,
            position,
        })
    }

    /// The next event, without waiting. Errors, which stay: `Corrupt` (stream, segment, offset),
    /// `Missing`, `Purged`, `CursorLost`, `Voided`, `ProtocolViolation`, `Unsupported`, `Io`.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Next<'_>, Error> {
        if self.taken == self.found {
            if self.found > 0 && self.state == sys::TIDEMARK_ENDED {
                return Ok(Next::Ended);
            }
            self.fill()?;
            if self.found == 0 {
                return Ok(if self.state == sys::TIDEMARK_ENDED { Next::Ended } else { Next::Pending });
            }
        }
        let raw = &self.events[self.taken];
        self.taken += 1;
        if raw.end_position != 0 {
            self.position = raw.end_position;
        }
        Ok(Next::Event(EventView { raw }))
    }

    /// Reads the next events, where none are there.
    pub(crate) fn read_ahead(&mut self) -> Result<(), Error> {
        if self.taken == self.found && !(self.found > 0 && self.state == sys::TIDEMARK_ENDED) {
            self.fill()?;
        }
        Ok(())
    }

    fn fill(&mut self) -> Result<(), Error> {
        self.taken = 0;
        self.found = 0;
        // SAFETY: the handle is open; no view of the last batch is left, for each borrows `self`; there
        // is room for BATCH events.
        unsafe {
            sys::tidemark_reader_release(self.reader.as_ptr());
            check(sys::tidemark_reader_poll(
                self.reader.as_ptr(),
                self.events.as_mut_ptr(),
                BATCH,
                &mut self.found,
                &mut self.state,
            ))
        }
    }

    /// Sleeps until there may be something new, or the limit is over; now and then it returns early. Not
    /// where events are there already.
    pub fn wait(&mut self, limit: Duration) -> Result<(), Error> {
        if self.taken < self.found {
            return Ok(());
        }
        let mut woken = 0;
        // SAFETY: the handle is open, and the number outlives the call.
        check(unsafe {
            sys::tidemark_reader_wait(self.reader.as_ptr(), limit_of(Some(limit)), sys::TIDEMARK_SLEEP, &mut woken)
        })
    }

    /// Goes to another place of the stream. After an error the reader stands where it stood, behind what
    /// was read ahead.
    pub fn seek(&mut self, start: Start) -> Result<(), Error> {
        // SAFETY: the handle is open, no view is left, and the place outlives the call.
        unsafe {
            sys::tidemark_reader_release(self.reader.as_ptr());
            check(sys::tidemark_reader_seek(self.reader.as_ptr(), &start_of(start)))?;
            self.position = sys::tidemark_reader_position(self.reader.as_ptr());
        }
        self.taken = 0;
        self.found = 0;
        Ok(())
    }

    /// Behind the last event that was handed out: what a cursor remembers.
    pub fn position(&self) -> u64 {
        self.position
    }
    /// The stream's number.
    pub fn stream(&self) -> u32 {
        self.stream
    }

    /// What the stream's headers say; nothing while it has no segment.
    pub fn traits(&mut self) -> Option<Traits> {
        // SAFETY: zeros are a value; the handle is open; texts are copied at once.
        unsafe {
            let mut found: sys::tidemark_traits = std::mem::zeroed();
            if sys::tidemark_reader_traits(self.reader.as_ptr(), &mut found) == 0 {
                return None;
            }
            Some(Traits {
                time_words: found.time_words.into(),
                time_wide_mask: found.time_wide_mask,
                time_signed_mask: found.time_signed_mask,
                time_name: text(found.time_name),
                fixed: u32::from(found.encoding) == sys::TIDEMARK_RECORDS_FIXED,
                container_name: text(found.container_name),
            })
        }
    }
}
impl Drop for Reader {
    fn drop(&mut self) {
        // SAFETY: owned, and not used afterwards; no view is left.
        unsafe { sys::tidemark_reader_close(self.reader.as_ptr()) }
    }
}

/// An event, as it stands in the log.
#[derive(Clone, Copy)]
pub struct EventView<'a> {
    raw: &'a sys::tidemark_event,
}

/// What an event is.
pub enum Content<'a> {
    /// Records at a time.
    Messages(MessagesView<'a>),
    /// How counts of capabilities change.
    Progress(ProgressView<'a>),
    /// Of replays: messages that were handed out at or after one of these times are void.
    Voided(ProgressView<'a>),
}

impl<'a> EventView<'a> {
    /// Messages or progress.
    pub fn content(&self) -> Content<'a> {
        match self.raw.kind {
            sys::TIDEMARK_EVENT_MESSAGES => Content::Messages(MessagesView { raw: self.raw }),
            sys::TIDEMARK_EVENT_VOIDED => Content::Voided(ProgressView { raw: self.raw }),
            _ => Content::Progress(ProgressView { raw: self.raw }),
        }
    }
    /// Of its frame; 0 for progress that a reader makes itself.
    pub fn position(&self) -> u64 {
        self.raw.position
    }
    /// The stream it is of; none for a replay's own progress.
    pub fn stream(&self) -> Option<u32> {
        (self.raw.stream != u32::MAX).then_some(self.raw.stream)
    }
    /// When it was captured, in ns since the Unix epoch.
    pub fn captured_at_ns(&self) -> u64 {
        self.raw.captured_at_ns
    }
}

/// Records at a time, where they stand in the segment.
#[derive(Clone, Copy)]
pub struct MessagesView<'a> {
    raw: &'a sys::tidemark_event,
}

impl<'a> MessagesView<'a> {
    /// The time's words.
    pub fn time(&self) -> &'a [u64] {
        &self.raw.time[..self.raw.time_words as usize]
    }
    /// How many records there are.
    pub fn len(&self) -> usize {
        self.raw.records as usize
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// All records, one after the other.
    pub fn data(&self) -> &'a [u8] {
        // SAFETY: lent for as long as the event is.
        unsafe { lent(self.raw.data, self.raw.data_bytes) }
    }
    /// Bytes of each record; 0 where they differ.
    pub fn stride(&self) -> usize {
        self.raw.stride
    }
    /// Where each record ends; empty where all have one length.
    fn ends(&self) -> &'a [u32] {
        let count = if self.raw.ends.is_null() { 0 } else { self.len() };
        // SAFETY: lent for as long as the event is, one a record.
        unsafe { lent(self.raw.ends, count) }
    }
    /// The records as `D`s in place; none where they are not of its size, or where it needs more than
    /// the 8 bytes to which they are aligned and these do not have it.
    pub fn records_as<D: bytemuck::Pod>(&self) -> Option<&'a [D]> {
        if self.is_empty() {
            return Some(&[]);
        }
        if self.stride() != std::mem::size_of::<D>() {
            return None;
        }
        bytemuck::try_cast_slice(self.data()).ok()
    }
    /// The records' bytes.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'a [u8]> + 'a {
        let (data, ends, stride) = (self.data(), self.ends(), self.stride());
        (0..self.len()).map(move |i| {
            if ends.is_empty() {
                &data[i * stride..(i + 1) * stride]
            } else {
                let from = if i == 0 { 0 } else { ends[i - 1] as usize };
                &data[from..ends[i] as usize]
            }
        })
    }
}

/// How counts of capabilities change, where it stands in the segment.
#[derive(Clone, Copy)]
pub struct ProgressView<'a> {
    raw: &'a sys::tidemark_event,
}

impl<'a> ProgressView<'a> {
    /// How many changes there are.
    pub fn len(&self) -> usize {
        self.raw.changes
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// The times' words, and by how much the count of each changes (0 for what is void).
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u64], i64)> + 'a {
        let words = self.raw.time_words as usize;
        // SAFETY: lent for as long as the event is: `words` words and one difference a change.
        let times = unsafe { lent(self.raw.change_times, self.len() * words) };
        let diffs =
            unsafe { lent(self.raw.change_diffs, if self.raw.change_diffs.is_null() { 0 } else { self.len() }) };
        (0..self.len()).map(move |i| (&times[i * words..(i + 1) * words], diffs.get(i).copied().unwrap_or(0)))
    }
}

// ---- Replays -------------------------------------------------------------------------------------

/// In what order a replay hands messages out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Each stream's own; streams in turns.
    #[default]
    Stream,
    /// By time, as frontiers pass.
    Time,
}

/// How streams are replayed as one sequence.
#[derive(Clone, Debug, Default)]
pub struct ReplayOptions {
    /// Default: each stream's own.
    pub order: Order,
    /// A time's messages once the frontier has passed it, from durable data; otherwise as committed.
    pub complete: bool,
    /// Default: release.
    pub end: End,
    /// Keep up with streams that are written.
    pub follow: bool,
    /// Only messages at times t with from <= t, as words.
    pub from: Option<Vec<u64>>,
    /// Only messages at times t that until <= t is not true of, as words.
    pub until: Option<Vec<u64>>,
}

/// Several streams of a log as one sequence of events; progress says how the capabilities of the replay
/// change, which begin with one a stream at the minimum. [`replay_into`](crate::replay_into) is for
/// dataflows, this for programs without one.
pub struct Replay {
    replay: NonNull<sys::tidemark_replay>,
    event: Box<sys::tidemark_event>,
}
// SAFETY: "by one thread at a time, whichever".
unsafe impl Send for Replay {}

impl Replay {
    /// Errors: as [`Reader::open`]; `InvalidArgument` where the streams' times differ, or bounds have
    /// other words than they.
    pub fn open(log: &Log, streams: &[u32], options: &ReplayOptions) -> Result<Replay, Error> {
        // SAFETY: zeros are values of these plain structures, and `init` fills the one in.
        let mut given: sys::tidemark_replay_options = unsafe { std::mem::zeroed() };
        let event = Box::new(unsafe { std::mem::zeroed::<sys::tidemark_event>() });
        unsafe { sys::tidemark_replay_options_init(&mut given, std::mem::size_of_val(&given)) };
        given.order = (options.order == Order::Time).into();
        given.delivery = options.complete.into();
        given.end = options.end as u32;
        given.follow = options.follow.into();
        let bounds = [(&options.from, &mut given.from), (&options.until, &mut given.until)];
        for (bound, words) in bounds {
            let Some(bound) = bound else { continue };
            if bound.len() > words.len() {
                return Err(Error::new(ErrorCode::InvalidArgument, "a bound of more than four words"));
            }
            words[..bound.len()].copy_from_slice(bound);
            given.time_words = bound.len() as u32;
        }
        given.has_from = options.from.is_some().into();
        given.has_until = options.until.is_some().into();
        // SAFETY: the log is open; streams and options outlive the call.
        let replay = opened(|replay| unsafe {
            sys::tidemark_replay_open(log.raw(), streams.as_ptr(), streams.len(), &given, replay)
        })?;
        Ok(Replay { replay, event })
    }

    /// The next event, at latest when the limit is over. Errors: as [`Reader::next`], and `TooLarge`.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self, limit: Duration) -> Result<Next<'_>, Error> {
        let mut state = 0;
        // SAFETY: the handle is open, no view of the last event is left, and both outlive the call.
        check(unsafe {
            sys::tidemark_replay_next(self.replay.as_ptr(), limit_of(Some(limit)), &mut *self.event, &mut state)
        })?;
        Ok(match state {
            sys::TIDEMARK_MORE => Next::Event(EventView { raw: &self.event }),
            sys::TIDEMARK_PENDING => Next::Pending,
            _ => Next::Ended,
        })
    }
}
impl Drop for Replay {
    fn drop(&mut self) {
        // SAFETY: owned, and not used afterwards; no view is left.
        unsafe { sys::tidemark_replay_close(self.replay.as_ptr()) }
    }
}

// ---- Cursors -------------------------------------------------------------------------------------

/// A named, durable reading place of one consumer in some streams.
pub struct Cursor {
    consumer: NonNull<sys::tidemark_consumer>,
    _not_sync: PhantomData<*mut ()>,
}
// SAFETY: "by one thread at a time, whichever".
unsafe impl Send for Cursor {}

impl Cursor {
    /// Reads the cursor, and changes nothing. Errors: `CursorLost`, `InvalidArgument`, `Corrupt`,
    /// `Busy`, `Io`.
    pub fn open(log: &Log, name: &str, streams: &[u32]) -> Result<Cursor, Error> {
        let name = c_text(name.as_bytes(), "a cursor's name")?;
        // SAFETY: the log is open; name and streams outlive the call.
        let consumer = opened(|consumer| unsafe {
            sys::tidemark_consumer_open(log.raw(), name.as_ptr(), streams.as_ptr(), streams.len(), 0, consumer)
        })?;
        Ok(Cursor { consumer, _not_sync: PhantomData })
    }
    /// Where to start in a stream.
    pub fn start(&self, stream: u32) -> Start {
        let mut position = 0;
        // SAFETY: the handle is open, and the number outlives the call.
        let found = unsafe { sys::tidemark_consumer_position(self.consumer.as_ptr(), stream, &mut position) };
        if found != 0 {
            Start::Position(position)
        } else {
            Start::Earliest
        }
    }
    /// Moves the cursor in these streams, to positions of them; all or none. It is durable when this
    /// returns.
    pub fn commit(&mut self, positions: &[(u32, u64)]) -> Result<(), Error> {
        let places: Vec<_> = positions
            .iter()
            .map(|&(stream, position)| sys::tidemark_stream_position { stream, reserved: 0, position })
            .collect();
        // SAFETY: the handle is open, and the places outlive the call.
        check(unsafe { sys::tidemark_consumer_commit(self.consumer.as_ptr(), places.as_ptr(), places.len()) })
    }
}
impl Drop for Cursor {
    fn drop(&mut self) {
        // SAFETY: owned, and not used afterwards.
        unsafe { sys::tidemark_consumer_close(self.consumer.as_ptr()) }
    }
}
