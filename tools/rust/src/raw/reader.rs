//! Reading a stream.

use std::ptr::NonNull;
use std::time::Duration;

use tidemark_sys as sys;

use super::{check, lent, limit_of, opened, text, EventView, Log};
use crate::Error;

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
    /// Of the records, as its writer gave it; empty: none.
    pub schema: Vec<u8>,
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
                schema: lent(found.schema.data, found.schema.size).to_vec(),
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
