//! A stream of a log as timely's `EventIterator`.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex};

use timely::dataflow::operators::capture::event::EventIterator;
use timely::dataflow::operators::capture::Event;
use timely::progress::{ChangeBatch, Stamp};

use crate::codec::{Codec, Native};
use crate::event_writer::shape_of;
use crate::raw::{Content, End, EventView, Log, Next, Reader, ReaderOptions};
use crate::time::LoggedTime;
use crate::{Error, ErrorCode};

/// Gives out what was captured into one stream: what timely's `replay_into` takes several of, and
/// [`replay_into`](crate::replay_into) here, which has a budget and an end.
///
/// Every frame is verified before its event is given out, and memory does not grow with the log. An
/// error is kept for the [handle](EventReader::handle); nothing is given out after it, and what the
/// stream holds stays held, for no time is complete whose records could not be read. Where the stream
/// comes to its end before it is finished, and the options say [`End::Release`], the last event gives up
/// what it still holds, so that a replay of it completes.
pub struct EventReader<T, C, K = Native> {
    reader: Reader,
    handle: ReaderHandle,
    end: End,
    checked: bool,
    /// What the events up to now hold, from one at the minimum on.
    counts: ChangeBatch<T>,
    over: bool,
    finished: bool,
    /// Not told to the handle yet, so that it is not locked for each event.
    events: u64,
    _events: PhantomData<fn() -> (C, K)>,
}

/// How a replay goes. Clones are of the same; any thread may have one.
#[derive(Clone, Default)]
pub struct ReaderHandle {
    told: Arc<Mutex<Told>>,
}
#[derive(Default)]
struct Told {
    error: Option<Error>,
    read: ReadResult,
}

/// How far reading a stream has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadResult {
    /// Nothing will come any more.
    pub ended: bool,
    /// The stream holds no capability: nothing can ever follow, for anybody.
    pub finished: bool,
    /// Given out so far.
    pub events: u64,
}

impl ReaderHandle {
    /// What went wrong, if anything did.
    pub fn error(&self) -> Option<Error> {
        self.told().error.clone()
    }
    /// How far it has come, or what went wrong.
    pub fn result(&self) -> Result<ReadResult, Error> {
        let told = self.told();
        told.error.clone().map_or(Ok(told.read), Err)
    }
    fn told(&self) -> std::sync::MutexGuard<'_, Told> {
        self.told.lock().expect("nothing panics with the lock held")
    }
}

/// What [`EventReader::poll`] found.
pub enum Polled<T, C> {
    /// An event.
    Event(Event<T, C>),
    /// Nothing yet.
    Pending,
    /// Nothing will come any more.
    Ended,
}

impl<T: LoggedTime, C, K: Codec<C>> EventReader<T, C, K> {
    /// Opens a stream with the default options: up to where it ends now.
    pub fn open(log: &Log, stream: u32) -> Result<Self, Error> {
        Self::open_with(log, stream, &ReaderOptions::default())
    }
    /// The same with options. Errors: those of [`Reader::open`]; `InvalidArgument` where the stream holds
    /// other times or containers.
    pub fn open_with(log: &Log, stream: u32, options: &ReaderOptions) -> Result<Self, Error> {
        let mut counts = ChangeBatch::new();
        counts.update(T::minimum(), 1);
        let mut reader = EventReader {
            reader: Reader::open(log, stream, options)?,
            handle: ReaderHandle::default(),
            end: options.end,
            checked: false,
            counts,
            over: false,
            finished: false,
            events: 0,
            _events: PhantomData,
        };
        reader.check()?;
        Ok(reader)
    }
    /// One of each of these streams, in their order.
    pub fn open_all(log: &Log, streams: &[u32], options: &ReaderOptions) -> Result<Vec<Self>, Error> {
        streams.iter().map(|stream| Self::open_with(log, *stream, options)).collect()
    }

    /// What tells how it goes, to be kept when the reader is given to the dataflow.
    pub fn handle(&self) -> ReaderHandle {
        self.handle.clone()
    }
    /// Behind the last event that was given out: what a cursor remembers.
    pub fn position(&self) -> u64 {
        self.reader.position()
    }

    /// The next event, without waiting. Errors, which stay: those of [`Reader::next`]; `Corrupt` where
    /// records cannot be such a container.
    pub fn poll(&mut self) -> Result<Polled<T, C>, Error> {
        if self.over {
            return self.handle.error().map_or(Ok(Polled::Ended), Err);
        }
        let polled = self.look();
        match &polled {
            Ok(Polled::Event(_)) => {
                self.events += 1;
                if self.over {
                    self.tell(None);
                }
            }
            Ok(_) => self.tell(None),
            Err(error) => {
                self.over = true;
                self.tell(Some(error.clone()));
            }
        }
        polled
    }

    fn tell(&mut self, error: Option<Error>) {
        let mut told = self.handle.told();
        told.read = ReadResult { ended: self.over, finished: self.finished, events: self.events };
        if error.is_some() {
            told.error = error;
        }
    }

    fn look(&mut self) -> Result<Polled<T, C>, Error> {
        if !self.checked {
            // The stream's first segment may come with the very events that are read next.
            self.reader.read_ahead()?;
            self.check()?;
        }
        let stream = self.reader.stream();
        let event = match self.reader.next()? {
            Next::Event(view) => event_of::<T, C, K>(&view).map_err(|error| error.in_stream(stream))?,
            Next::Pending => return Ok(Polled::Pending),
            Next::Ended => {
                self.over = true;
                return Ok(self.last_event());
            }
        };
        if let Event::Progress(changes) = &event {
            self.counts.extend(changes.iter().cloned());
            // Nothing can follow, and a replay has no reason to ask again.
            self.over = self.counts.is_empty();
            self.finished = self.over;
        }
        Ok(Polled::Event(event))
    }

    /// Gives up what is held where the stream ends before it is finished.
    fn last_event(&mut self) -> Polled<T, C> {
        if self.end != End::Release || self.counts.is_empty() {
            return Polled::Ended;
        }
        let held = std::mem::take(&mut self.counts).into_inner();
        Polled::Event(Event::Progress(held.into_iter().map(|(time, count)| (time, -count)).collect()))
    }

    fn check(&mut self) -> Result<(), Error> {
        let Some(found) = self.reader.traits() else { return Ok(()) };
        let expected = shape_of::<T, C, K>();
        let same_time = found.time_words == expected.words
            && found.time_wide_mask == expected.wide
            && found.time_signed_mask == expected.signed
            && found.time_name == expected.time_name;
        let same_container = found.container_name.is_empty() || K::reads(&found.container_name);
        if !same_time || !same_container || found.fixed != expected.stride.is_some() {
            return Err(Error::new(
                ErrorCode::InvalidArgument,
                format!(
                    "the stream holds {} at times {}, the reader expects {} at {}",
                    found.container_name, found.time_name, expected.container_name, expected.time_name
                ),
            )
            .in_stream(self.reader.stream()));
        }
        self.checked = true;
        Ok(())
    }
}

fn event_of<T: LoggedTime, C, K: Codec<C>>(view: &EventView<'_>) -> Result<Event<T, C>, Error> {
    match view.content() {
        Content::Messages(messages) => {
            Ok(Event::Messages(Stamp::from_elem(time_of(messages.time())?), K::decode(&messages)?))
        }
        Content::Progress(progress) | Content::Voided(progress) => {
            let change = |(words, diff)| Ok((time_of(words)?, diff));
            Ok(Event::Progress(progress.iter().map(change).collect::<Result<_, Error>>()?))
        }
    }
}

fn time_of<T: LoggedTime>(words: &[u64]) -> Result<T, Error> {
    T::decode(words)
        .ok_or_else(|| Error::new(ErrorCode::InvalidArgument, format!("the time {words:?} is none of {}", T::name())))
}

impl<T: LoggedTime, C: Clone, K: Codec<C>> EventIterator<T, C> for EventReader<T, C, K> {
    /// None where there is nothing yet, or nothing any more; the handle knows which.
    fn next(&mut self) -> Option<Cow<'_, Event<T, C>>> {
        match self.poll() {
            Ok(Polled::Event(event)) => Some(Cow::Owned(event)),
            Ok(_) | Err(_) => None,
        }
    }
}
