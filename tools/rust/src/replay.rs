//! Streams of a log as a stream of a dataflow, in bounded memory and with an end.
//!
//! The protocol is that of timely's `operators::capture::replay`: a replay of n streams begins with n
//! capabilities at the minimum. What is added: a budget of events for each activation, a bound on how
//! far it runs ahead of a probe, readers that are asked again after a while instead of at once, and an
//! operator that is over when its streams are.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use timely::dataflow::channels::pushers::Counter;
use timely::dataflow::channels::Message;
use timely::dataflow::operators::capture::Event;
use timely::dataflow::operators::generic::builder_raw::OperatorBuilder;
use timely::dataflow::operators::probe::Handle as ProbeHandle;
use timely::dataflow::{Scope, Stream};
use timely::order::TotalOrder;
use timely::progress::{ChangeBatch, Timestamp};
use timely::scheduling::Activator;
use timely::worker::Worker;
use timely::Container;

use crate::codec::Codec;
use crate::event_reader::{EventReader, Polled};
use crate::time::LoggedTime;
use crate::Error;

/// How a replay goes.
pub struct ReplayIntoOptions<T: Timestamp> {
    /// Events that one activation replays at most, all streams together.
    pub budget: usize,
    /// How long until streams that have nothing are asked again.
    pub period: Duration,
    /// The replay pauses while so many distinct times that it has let go of are still on their way to
    /// this probe, which stands downstream of it.
    pub ahead: Option<(ProbeHandle<T>, usize)>,
}
impl<T: Timestamp> Default for ReplayIntoOptions<T> {
    fn default() -> Self {
        ReplayIntoOptions { budget: 32, period: Duration::from_millis(1), ahead: None }
    }
}

/// How a replay goes, and how it is ended. Clones are of the same.
#[derive(Clone, Default)]
pub struct ReplayHandle {
    state: Arc<State>,
}
#[derive(Default)]
struct State {
    error: Mutex<Option<Error>>,
    released: AtomicBool,
}
impl ReplayHandle {
    /// Why it stopped, if it did: what went wrong first. What it holds stays held, for no time is
    /// complete whose records could not be read: see [`drive`].
    pub fn error(&self) -> Option<Error> {
        self.state.error.lock().expect("nothing panics with the lock held").clone()
    }
    /// Ends the replay where it stands, when it runs next: what was replayed until then is taken for
    /// complete downstream.
    pub fn release(&self) {
        self.state.released.store(true, Ordering::Relaxed);
    }
}

struct Source<T, C, K> {
    reader: EventReader<T, C, K>,
    /// What it holds of this operator's capabilities.
    counts: ChangeBatch<T>,
    /// It has nothing any more; what it holds is held for ever.
    over: bool,
}

/// The events of `readers`, this worker's share of a replay, as a stream of the dataflow.
pub fn replay_into<'scope, T, C, K>(
    readers: Vec<EventReader<T, C, K>>,
    scope: Scope<'scope, T>,
    options: ReplayIntoOptions<T>,
) -> (Stream<'scope, T, C>, ReplayHandle)
where
    T: LoggedTime + TotalOrder,
    C: Container + Clone,
    K: Codec<C> + 'static,
{
    let mut builder = OperatorBuilder::new("Replay of a log".to_owned(), scope);
    let activator: Activator = scope.activator_for(builder.operator_info().address);
    let (targets, stream) = builder.new_output();
    let mut output = Counter::new(targets);
    let handle = ReplayHandle::default();
    let state = Arc::clone(&handle.state);
    let mut sources: Vec<Source<T, C, K>> = readers
        .into_iter()
        .map(|reader| {
            let mut counts = ChangeBatch::new();
            counts.update(T::minimum(), 1);
            Source { reader, counts, over: false }
        })
        .collect();
    let mut started = false;
    let mut turn = 0;
    let mut ahead = Ahead { sent: VecDeque::new(), options: options.ahead };
    let budget = options.budget.max(1);

    builder.build(move |progress| {
        let capabilities = &mut progress.internals[0];
        if !started {
            started = true;
            capabilities.update(T::minimum(), sources.len() as i64 - 1);
        }
        if state.released.load(Ordering::Relaxed) {
            for source in &mut sources {
                source.over = true;
                for (time, count) in std::mem::take(&mut source.counts).into_inner() {
                    capabilities.update(time, -count);
                }
            }
        }

        let mut left = if ahead.must_pause(&mut sources) { 0 } else { budget };
        let mut idle = left > 0;
        let mut quiet = 0;
        while left > 0 && quiet < sources.len() {
            turn = (turn + 1) % sources.len();
            let source = &mut sources[turn];
            quiet += 1;
            if source.over {
                continue;
            }
            match source.reader.poll() {
                Ok(Polled::Event(Event::Progress(changes))) => {
                    source.counts.extend(changes.iter().cloned());
                    capabilities.extend(changes.into_iter());
                    source.over = source.counts.is_empty();
                }
                Ok(Polled::Event(Event::Messages(stamp, data))) => {
                    ahead.sends(stamp.elements());
                    output.push(&mut Some(Message::new(stamp, data)));
                }
                Ok(Polled::Pending) => continue,
                Ok(Polled::Ended) => {
                    source.over = true;
                    continue;
                }
                Err(error) => {
                    source.over = true;
                    let mut first = state.error.lock().expect("nothing panics with the lock held");
                    first.get_or_insert(error);
                    continue;
                }
            }
            left -= 1;
            quiet = 0;
        }
        idle &= left > 0;

        use timely::communication::Push;
        output.done();
        output.produced().borrow_mut().drain_into(&mut progress.produceds[0]);
        // Held for ever or until it is released, it still has to see the release.
        if sources.iter_mut().any(|source| !source.over || !source.counts.is_empty()) {
            if idle || left > 0 {
                activator.activate_after(options.period);
            } else if left == 0 && budget > 0 {
                activator.activate_after(Duration::ZERO);
            }
        }
        false
    });
    (stream, handle)
}

/// How far the replay is ahead of a probe.
struct Ahead<T: Timestamp> {
    /// Times that were sent and that the probe may not have passed, each once in a row.
    sent: VecDeque<T>,
    options: Option<(ProbeHandle<T>, usize)>,
}
impl<T: LoggedTime> Ahead<T> {
    fn sends(&mut self, times: &[T]) {
        if self.options.is_some() && !times.iter().all(|time| self.sent.back() == Some(time)) {
            self.sent.extend(times.iter().cloned());
        }
    }
    /// Times that a stream of ours still holds do not count: they wait for us.
    fn must_pause<C, K>(&mut self, sources: &mut [Source<T, C, K>]) -> bool {
        let Some((probe, limit)) = &self.options else { return false };
        self.sent.retain(|time| probe.less_equal(time));
        let held = |sources: &mut [Source<T, C, K>], time: &T| {
            sources.iter_mut().any(|s| s.counts.iter().any(|(held, _)| held.less_equal(time)))
        };
        let mut let_go = 0;
        let mut last: Option<&T> = None;
        for time in &self.sent {
            if last != Some(time) && !held(sources, time) {
                let_go += 1;
                last = Some(time);
            }
        }
        let_go >= (*limit).max(1)
    }
}

/// Steps the worker until its dataflows are over, or until one of these replays fails: its dataflows are
/// dropped then, with their frontiers where they are.
pub fn drive(worker: &mut Worker, replays: &[ReplayHandle]) -> Result<(), Error> {
    loop {
        if let Some(error) = replays.iter().find_map(ReplayHandle::error) {
            for dataflow in worker.installed_dataflows() {
                worker.drop_dataflow(dataflow);
            }
            return Err(error);
        }
        if !worker.step_or_park(Some(Duration::from_millis(10))) && !worker.has_dataflows() {
            return Ok(());
        }
    }
}
