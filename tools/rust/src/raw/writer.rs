//! Appending to a stream.

use std::ptr::{self, NonNull};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use tidemark_sys as sys;

use super::{c_text, check, lent, limit_of, opened, times_of, Log};
use crate::{Error, ErrorCode};

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
    /// Of the records, as `flatc --binary --schema` writes it: the command shows them by it. Empty:
    /// none. A stream that has another one is refused.
    pub schema: Vec<u8>,
}
impl Default for WriterOptions {
    fn default() -> Self {
        WriterOptions {
            segment_bytes: 128 << 20,
            sync: Sync::Interval(Duration::from_millis(100)),
            coarse_clock: false,
            resume: false,
            behind: Behind::Refuse,
            schema: Vec::new(),
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
    /// What was [marked](crate::EventWriter::mark) last; empty: nothing.
    pub mark: Vec<u8>,
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
        given.schema = sys::tidemark_bytes { data: options.schema.as_ptr(), size: options.schema.len() };
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
                mark: lent(found.mark.data, found.mark.size).to_vec(),
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

    pub(crate) fn mark(&mut self, token: &[u8]) -> Result<(), Error> {
        // SAFETY: the token outlives the call.
        check(unsafe {
            sys::tidemark_writer_mark(self.writer.as_ptr(), token.as_ptr().cast(), token.len(), ptr::null_mut())
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
