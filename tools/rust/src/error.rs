//! What can go wrong, as the library says it.

use std::fmt;

/// What kind of error it is; the codes of `SPEC.md` section 12.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorCode {
    /// The caller asked for something that cannot be.
    InvalidArgument,
    /// There is no such log, stream or position.
    NotFound,
    /// Something stands where something new was to be made.
    AlreadyExists,
    /// Another writer holds this stream.
    Busy,
    /// The system refused a call.
    Io,
    /// The disk is full: nothing was changed.
    NoSpace,
    /// Bytes are not what was written.
    Corrupt,
    /// A segment or stream that must be there is not.
    Missing,
    /// A format version, feature or file system that this library cannot handle.
    Unsupported,
    /// The position was purged.
    Purged,
    /// The position lies beyond the end of the log, or in a range that was lost.
    CursorLost,
    /// Records that were handed out are void: their producer was restarted.
    Voided,
    /// A limit of the format is exceeded.
    TooLarge,
    /// A rule of the capture protocol is broken.
    ProtocolViolation,
    /// An earlier sync failed: nothing can be acknowledged any more.
    Poisoned,
    /// The stream holds no capability: nothing can follow.
    Finished,
    /// The writer belongs to the parent process.
    Forked,
    /// The writer was closed.
    Closed,
    /// A wait's limit is over.
    Interrupted,
    /// A code of a newer library.
    Unknown,
}

impl ErrorCode {
    pub(crate) fn from_status(status: i32) -> Self {
        use ErrorCode::*;
        // In the order of the enum above, a few in each line.
        #[rustfmt::skip]
        const CODES: [ErrorCode; 19] = [
            InvalidArgument, NotFound, AlreadyExists, Busy, Io, NoSpace, Corrupt, Missing, Unsupported, Purged,
            CursorLost, Voided, TooLarge, ProtocolViolation, Poisoned, Finished, Forked, Closed, Interrupted,
        ];
        usize::try_from(status - 1).ok().and_then(|i| CODES.get(i)).copied().unwrap_or(Unknown)
    }
}

/// What went wrong, and where.
#[derive(Clone, Debug)]
pub struct Error {
    /// What kind of error it is.
    pub code: ErrorCode,
    /// One line: code, message, and every part of the place that is known.
    pub text: String,
    /// The stream's number in the log.
    pub stream: Option<u32>,
    /// First position of the segment.
    pub segment: Option<u64>,
    /// Bytes from the segment's beginning; for `Purged` the earliest position that is left.
    pub offset: Option<u64>,
    /// The rule of `SPEC.md` that is broken, for instance "P1"; empty: none.
    pub rule: String,
    /// `errno`, where the system said no; otherwise 0.
    pub system_error: i32,
}

impl Error {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Error {
            code,
            text: format!("{code:?}: {}", message.into()),
            stream: None,
            segment: None,
            offset: None,
            rule: String::new(),
            system_error: 0,
        }
    }
    pub(crate) fn in_stream(mut self, stream: u32) -> Self {
        self.text.push_str(&format!(", stream {stream}"));
        self.stream = Some(stream);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
impl std::error::Error for Error {}
