//! Logs, and where their producers go on.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::NonNull;
use std::sync::Arc;

use tidemark_sys as sys;

use super::{c_text, lent, opened, times_of};
use crate::Error;

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

    pub(super) fn raw(&self) -> *mut sys::tidemark_log {
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
