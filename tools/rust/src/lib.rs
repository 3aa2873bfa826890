//! Timely dataflow on Tidemark logs.
//!
//! `capture_into` an [`EventWriter`], and what passes an operator is in a log: durable as the log's
//! policy says, every frame with a checksum, and errors are values that a handle keeps. Replay an
//! [`EventReader`] (`replay_into`, or [`replay_into`] here for a budget and an end), in this
//! computation or in another one, on any number of workers, now or while it is written.
//!
//! ```
//! use tidemark::{EventReader, EventWriter, Log, LogOptions};
//! use timely::dataflow::operators::capture::{Capture, Replay};
//! use timely::dataflow::operators::{Inspect, ToStream};
//!
//! # fn main() -> Result<(), tidemark::Error> {
//! # let directory = tidemark::scratch::Directory::new("doc");
//! # let path = directory.join("numbers.tide");
//! let log = Log::open_with(&path, LogOptions::peers(1))?;
//! let writer = EventWriter::<u64, Vec<u64>>::open(&log, 0)?;
//! let written = writer.handle();
//! timely::example(move |scope| {
//!     (0..10u64).to_stream(scope).container::<Vec<_>>().capture_into(writer);
//! });
//! written.result()?;
//!
//! let reader = EventReader::<u64, Vec<u64>>::open(&log, 0)?;
//! let read = reader.handle();
//! timely::example(move |scope| {
//!     Some(reader).replay_into(scope).inspect(|x| assert!(*x < 10));
//! });
//! assert!(read.result()?.finished);
//! # Ok(())
//! # }
//! ```
//!
//! `unsafe` is in `tidemark-sys` and in the private module `raw`, and nowhere else.
#![deny(unsafe_code)]
#![warn(missing_docs)]

mod codec;
mod error;
mod event_reader;
mod event_writer;
#[allow(unsafe_code)]
mod raw;
mod replay;
#[doc(hidden)]
pub mod scratch;
mod share;
mod time;

pub use codec::{Codec, Encoded, Native, Plain, Serde};
pub use error::{Error, ErrorCode};
pub use event_reader::{EventReader, ReadResult, ReaderHandle};
pub use event_writer::{EventWriter, WriterHandle};
pub use raw::{
    version, Behind, Content, Cursor, End, EventView, Log, LogOptions, MessagesView, Next, Order, ProgressView, Reader,
    ReaderOptions, Records, Recovery, Replay, ReplayOptions, Resume, Start, StreamResume, Sync, Traits, Visibility,
    WriterOptions,
};
pub use replay::{drive, replay_into, ReplayHandle, ReplayIntoOptions};
pub use share::share_of;
pub use time::LoggedTime;
