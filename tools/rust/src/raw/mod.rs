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

mod cursor;
mod event;
mod log;
mod reader;
mod replay;
mod writer;

use std::ffi::{c_char, CStr, CString};
use std::ptr::{self, NonNull};
use std::time::Duration;

use tidemark_sys as sys;

use crate::{Error, ErrorCode};

pub use cursor::Cursor;
pub use event::{Content, EventView, MessagesView, ProgressView};
pub use log::{Log, LogOptions, Resume, StreamResume};
pub use reader::{End, Next, Reader, ReaderOptions, Start, Traits, Visibility};
pub use replay::{Order, Replay, ReplayOptions};
pub(crate) use writer::{Appender, Shape, WriterShared};
pub use writer::{Behind, Records, Recovery, Sync, WriterOptions};

/// The library's version, for example "0.1.0".
pub fn version() -> String {
    // SAFETY: no precondition.
    text(unsafe { sys::tidemark_library_version() })
}

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
