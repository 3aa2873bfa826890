//! Writes the stream that tests/tools/capi/write_same.c describes, through timely's trait; a test compares
//! the bytes.
//!
//!     write_same LOG

use tidemark::{EventWriter, Log, Sync, WriterOptions};
use timely::dataflow::operators::capture::{Event, EventPusher};
use timely::progress::Stamp;

fn main() {
    let path = std::env::args().nth(1).expect("a log");
    let log = Log::open(path).expect("a log");
    let options = WriterOptions { segment_bytes: 65536, sync: Sync::None, ..Default::default() };
    let mut writer = EventWriter::<u64, Vec<u64>>::open_with(&log, 0, &options).expect("a stream");
    let handle = writer.handle();
    for i in 0..2000u64 {
        let time = i / 10;
        let numbers = (0..i % 64 + 1).map(|j| i * 64 + j).collect();
        writer.push(Event::Messages(Stamp::from_elem(time), numbers));
        if i % 10 == 9 {
            writer.push(Event::Progress(vec![(time, -1), (time + 1, 1)]));
        }
    }
    writer.push(Event::Progress(vec![(200, -1)]));
    drop(writer);
    handle.result().expect("all is captured");
}
