//! Events where they stand in a segment.

use tidemark_sys as sys;

use super::lent;

/// An event, as it stands in the log.
#[derive(Clone, Copy)]
pub struct EventView<'a> {
    pub(super) raw: &'a sys::tidemark_event,
}

/// What an event is.
pub enum Content<'a> {
    /// Records at a time.
    Messages(MessagesView<'a>),
    /// How counts of capabilities change.
    Progress(ProgressView<'a>),
    /// Of replays: messages that were handed out at or after one of these times are void.
    Voided(ProgressView<'a>),
}

impl<'a> EventView<'a> {
    /// Messages or progress.
    pub fn content(&self) -> Content<'a> {
        match self.raw.kind {
            sys::TIDEMARK_EVENT_MESSAGES => Content::Messages(MessagesView { raw: self.raw }),
            sys::TIDEMARK_EVENT_VOIDED => Content::Voided(ProgressView { raw: self.raw }),
            _ => Content::Progress(ProgressView { raw: self.raw }),
        }
    }
    /// Of its frame; 0 for progress that a reader makes itself.
    pub fn position(&self) -> u64 {
        self.raw.position
    }
    /// The stream it is of; none for a replay's own progress.
    pub fn stream(&self) -> Option<u32> {
        (self.raw.stream != u32::MAX).then_some(self.raw.stream)
    }
    /// When it was captured, in ns since the Unix epoch.
    pub fn captured_at_ns(&self) -> u64 {
        self.raw.captured_at_ns
    }
}

/// Records at a time, where they stand in the segment.
#[derive(Clone, Copy)]
pub struct MessagesView<'a> {
    raw: &'a sys::tidemark_event,
}

impl<'a> MessagesView<'a> {
    /// The time's words.
    pub fn time(&self) -> &'a [u64] {
        &self.raw.time[..self.raw.time_words as usize]
    }
    /// How many records there are.
    pub fn len(&self) -> usize {
        self.raw.records as usize
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// All records, one after the other.
    pub fn data(&self) -> &'a [u8] {
        // SAFETY: lent for as long as the event is.
        unsafe { lent(self.raw.data, self.raw.data_bytes) }
    }
    /// Bytes of each record; 0 where they differ.
    pub fn stride(&self) -> usize {
        self.raw.stride
    }
    /// Where each record ends; empty where all have one length.
    fn ends(&self) -> &'a [u32] {
        let count = if self.raw.ends.is_null() { 0 } else { self.len() };
        // SAFETY: lent for as long as the event is, one a record.
        unsafe { lent(self.raw.ends, count) }
    }
    /// The records as `D`s in place; none where they are not of its size, or where it needs more than
    /// the 8 bytes to which they are aligned and these do not have it.
    pub fn records_as<D: bytemuck::Pod>(&self) -> Option<&'a [D]> {
        if self.is_empty() {
            return Some(&[]);
        }
        if self.stride() != std::mem::size_of::<D>() {
            return None;
        }
        bytemuck::try_cast_slice(self.data()).ok()
    }
    /// The records' bytes.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'a [u8]> + 'a {
        let (data, ends, stride) = (self.data(), self.ends(), self.stride());
        (0..self.len()).map(move |i| {
            if ends.is_empty() {
                &data[i * stride..(i + 1) * stride]
            } else {
                let from = if i == 0 { 0 } else { ends[i - 1] as usize };
                &data[from..ends[i] as usize]
            }
        })
    }
}

/// How counts of capabilities change, where it stands in the segment.
#[derive(Clone, Copy)]
pub struct ProgressView<'a> {
    raw: &'a sys::tidemark_event,
}

impl<'a> ProgressView<'a> {
    /// How many changes there are.
    pub fn len(&self) -> usize {
        self.raw.changes
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// The times' words, and by how much the count of each changes (0 for what is void).
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u64], i64)> + 'a {
        let words = self.raw.time_words as usize;
        // SAFETY: lent for as long as the event is: `words` words and one difference a change.
        let times = unsafe { lent(self.raw.change_times, self.len() * words) };
        let diffs =
            unsafe { lent(self.raw.change_diffs, if self.raw.change_diffs.is_null() { 0 } else { self.len() }) };
        (0..self.len()).map(move |i| (&times[i * words..(i + 1) * words], diffs.get(i).copied().unwrap_or(0)))
    }
}
