//! Several streams as one sequence of events.

use std::ptr::NonNull;
use std::time::Duration;

use tidemark_sys as sys;

use super::{check, limit_of, opened, End, EventView, Log, Next};
use crate::{Error, ErrorCode};

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
