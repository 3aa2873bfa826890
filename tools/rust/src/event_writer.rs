//! A stream of a log as timely's `EventPusher`.

use std::marker::PhantomData;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use timely::dataflow::operators::capture::{Event, EventPusher};
use timely::progress::Stamp;

use crate::codec::{Codec, Encoded, Native};
use crate::raw::{Appender, Log, Recovery, Shape, WriterOptions, WriterShared};
use crate::time::LoggedTime;
use crate::{Error, ErrorCode};

/// Captures what an operator sees into one stream of a log: the argument of timely's `capture_into`.
///
/// An event is visible to readers when `push` returns, and durable as the options say. `push` never
/// panics and never blocks for ever; an error is kept for the [handle](EventWriter::handle), and what is
/// pushed after it is let go of, so that nothing stands in the log behind a gap. The stream is synced and
/// closed when the dataflow drops its writer.
///
/// A message whose stamp has several times is written at the one that is at most all of them, where
/// there is one, which allows the same work downstream; otherwise it is an error (`Unsupported`), as a
/// message without a time is.
pub struct EventWriter<T, C, K = Native> {
    /// None: the stream was finished when it was to be resumed, and has everything.
    appender: Option<Appender>,
    handle: WriterHandle,
    /// The handle has an error. Here too, so that a push need not lock.
    failed: bool,
    scratch: Encoded,
    times: Vec<u64>,
    diffs: Vec<i64>,
    _events: PhantomData<fn(T, C, K)>,
}

/// How a capture goes. Clones are of the same; any thread may have one.
#[derive(Clone)]
pub struct WriterHandle {
    state: Arc<State>,
}
struct State {
    shared: Option<Arc<WriterShared>>,
    told: Mutex<Told>,
}
#[derive(Default)]
struct Told {
    error: Option<Error>,
    dropped_records: u64,
    closed: bool,
}

impl WriterHandle {
    /// What went wrong first, if anything did.
    pub fn error(&self) -> Option<Error> {
        self.told().error.clone()
    }
    /// Nothing went wrong so far; once the writer is [closed](Self::closed), all that was captured is
    /// durable.
    pub fn result(&self) -> Result<(), Error> {
        self.error().map_or(Ok(()), Err)
    }
    /// The dataflow has dropped its writer.
    pub fn closed(&self) -> bool {
        self.told().closed
    }
    /// Records that the stream had already, of an operator that was restarted. Told once it is closed.
    pub fn dropped_records(&self) -> u64 {
        self.told().dropped_records
    }
    /// The position after the last event; none once it is closed.
    pub fn committed(&self) -> Option<u64> {
        self.state.shared.as_ref()?.committed()
    }
    /// Below it everything survives a loss of power; none once it is closed.
    pub fn durable(&self) -> Option<u64> {
        self.state.shared.as_ref()?.durable()
    }
    /// Makes durable what was pushed before the call. Errors: `Poisoned`, `Closed`.
    pub fn sync(&self) -> Result<u64, Error> {
        let closed = || Error::new(ErrorCode::Closed, "the stream was finished");
        self.state.shared.as_ref().ok_or_else(closed)?.sync()
    }
    /// Waits until a position is durable. Errors: `Poisoned`; `Interrupted` at the limit.
    pub fn wait_durable(&self, position: u64, limit: Duration) -> Result<(), Error> {
        self.state.shared.as_ref().map_or(Ok(()), |shared| shared.wait_durable(position, limit))
    }

    fn told(&self) -> std::sync::MutexGuard<'_, Told> {
        self.state.told.lock().expect("nothing panics with the lock held")
    }
}

impl<T: LoggedTime, C, K: Codec<C>> EventWriter<T, C, K> {
    /// Opens a stream with the default options: every 100 ms is synced.
    pub fn open(log: &Log, stream: u32) -> Result<Self, Error> {
        Self::open_with(log, stream, &WriterOptions::default())
    }
    /// The same with options. Errors: `Busy` (at once), `Finished` unless it resumes, `InvalidArgument`
    /// (the stream holds other times or containers), `Corrupt`, `Missing`, `NoSpace`, `Io`.
    pub fn open_with(log: &Log, stream: u32, options: &WriterOptions) -> Result<Self, Error> {
        let shape = shape_of::<T, C, K>();
        let appender = match Appender::open(log, stream, options, &shape) {
            Err(error) if options.resume && error.code == ErrorCode::Finished => None,
            opened => Some(opened?),
        };
        let shared = appender.as_ref().map(|appender| Arc::clone(appender.shared()));
        let state = Arc::new(State { shared, told: Mutex::default() });
        Ok(EventWriter {
            appender,
            handle: WriterHandle { state },
            failed: false,
            scratch: Encoded::default(),
            times: Vec::new(),
            diffs: Vec::new(),
            _events: PhantomData,
        })
    }

    /// What tells how it goes, to be kept when the writer is given to the dataflow.
    pub fn handle(&self) -> WriterHandle {
        self.handle.clone()
    }
    /// What opening the stream found; none where a stream that is finished was to be resumed.
    pub fn recovery(&self) -> Option<&Recovery> {
        self.appender.as_ref().map(Appender::recovery)
    }

    /// Takes an event in. After an error every call answers with it.
    pub fn try_push(&mut self, event: &Event<T, C>) -> Result<(), Error> {
        if self.failed {
            return self.handle.result();
        }
        let result = self.write(event);
        self.keep(result)
    }

    /// Notes where the producer would go on should it be killed: 1 to 4,096 bytes of its own, an offset in
    /// its input for instance, which [`Log::resume`] and the next [`recovery`](Self::recovery) give back.
    /// It survives what the events before it survive. Errors, which stay: as [`try_push`](Self::try_push);
    /// `InvalidArgument` at another length.
    pub fn mark(&mut self, token: &[u8]) -> Result<(), Error> {
        if self.failed {
            return self.handle.result();
        }
        let result = self.appender.as_mut().map_or(Ok(()), |appender| appender.mark(token));
        self.keep(result)
    }

    fn keep(&mut self, result: Result<(), Error>) -> Result<(), Error> {
        if let Err(error) = &result {
            self.failed = true;
            self.handle.told().error = Some(error.clone());
        }
        result
    }

    fn write(&mut self, event: &Event<T, C>) -> Result<(), Error> {
        let Some(appender) = &mut self.appender else { return Ok(()) };
        match event {
            Event::Progress(changes) => {
                self.times.clear();
                self.diffs.clear();
                for (time, diff) in changes {
                    let from = self.times.len();
                    self.times.resize(from + T::WORDS, 0);
                    encode(time, &mut self.times[from..])?;
                    self.diffs.push(*diff);
                }
                appender.progress(&self.times, &self.diffs)
            }
            Event::Messages(stamp, container) => {
                let mut words = [0; 4];
                encode(time_of(stamp)?, &mut words[..T::WORDS])?;
                let records = K::encode(container, &mut self.scratch)?;
                appender.messages(&words[..T::WORDS], records)
            }
        }
    }
}

/// The time at which a message with this stamp stands in the log.
fn time_of<T: LoggedTime>(stamp: &Stamp<T>) -> Result<&T, Error> {
    if let Some(time) = stamp.as_singleton() {
        return Ok(time);
    }
    let times = stamp.elements();
    times.iter().find(|least| times.iter().all(|time| least.less_equal(time))).ok_or_else(|| {
        Error::new(
            ErrorCode::Unsupported,
            format!("a message whose stamp {times:?} has no least time cannot stand in a log"),
        )
    })
}

fn encode<T: LoggedTime>(time: &T, words: &mut [u64]) -> Result<(), Error> {
    if time.encode(words) {
        return Ok(());
    }
    Err(Error::new(ErrorCode::InvalidArgument, format!("time {time:?} has no place among {}", T::name())))
}

pub(crate) fn shape_of<T: LoggedTime, C, K: Codec<C>>() -> Shape {
    assert!(T::WORDS <= 4, "a time has at most four words");
    Shape {
        words: T::WORDS,
        wide: T::WIDE,
        signed: T::SIGNED,
        time_name: T::name(),
        stride: K::STRIDE,
        container_name: K::name(),
    }
}

impl<T: LoggedTime, C, K: Codec<C>> EventPusher<T, C> for EventWriter<T, C, K> {
    /// Errors are the handle's.
    fn push(&mut self, event: Event<T, C>) {
        let _ = self.try_push(&event);
    }
}

impl<T, C, K> Drop for EventWriter<T, C, K> {
    fn drop(&mut self) {
        let (dropped, closed) = match &mut self.appender {
            Some(appender) => (appender.dropped_records(), appender.close()),
            None => (0, Ok(())),
        };
        let mut told = self.handle.told();
        told.closed = true;
        told.dropped_records = dropped;
        if let (None, Err(error)) = (&told.error, closed) {
            told.error = Some(error);
        }
    }
}
