//! Reading places that are kept in a log.

use std::marker::PhantomData;
use std::ptr::NonNull;

use tidemark_sys as sys;

use super::{c_text, check, opened, Log, Start};
use crate::Error;

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
