//! Memory does not grow with the log. Alone in its program, since it measures all of it.

use tidemark::scratch::Directory;
use tidemark::{EventReader, EventWriter, Log, Sync, WriterOptions};
use timely::dataflow::operators::capture::event::EventIterator;
use timely::dataflow::operators::capture::{Event, EventPusher};
use timely::progress::Stamp;

/// Memory that is this process's own; pages of mapped files can be taken back at any time.
fn own_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("RssAnon")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}

#[test]
fn a_log_larger_than_the_limit_is_captured_and_replayed_within_it() {
    const LIMIT: u64 = 8 << 20;
    const EVENTS: u64 = 12_288; // 96 MiB of records
    let directory = Directory::new("memory");
    let log = Log::open(directory.join("log")).unwrap();
    let options = WriterOptions { sync: Sync::None, segment_bytes: 8 << 20, ..Default::default() };
    let mut writer = EventWriter::<u64, Vec<u64>>::open_with(&log, 0, &options).unwrap();
    let handle = writer.handle();
    let before = own_bytes();
    let mut most = 0;
    for number in 0..EVENTS {
        writer.push(Event::Messages(Stamp::from_elem(number), vec![number; 1024]));
        writer.push(Event::Progress(vec![(number, -1), (number + 1, 1)]));
        if number % 256 == 0 {
            most = most.max(own_bytes().saturating_sub(before));
        }
    }
    drop(writer);
    handle.result().unwrap();
    assert!(most < LIMIT, "capturing took {most} bytes");

    let mut reader = EventReader::<u64, Vec<u64>>::open(&log, 0).unwrap();
    let mut records = 0;
    most = 0;
    while let Some(event) = reader.next() {
        if let Event::Messages(_, data) = event.as_ref() {
            records += data.len() as u64;
        }
        if records % (1 << 18) == 0 {
            most = most.max(own_bytes().saturating_sub(before));
        }
    }
    assert!(reader.handle().result().unwrap().ended);
    assert_eq!(records, EVENTS * 1024);
    assert!(most < LIMIT, "replaying took {most} bytes");
}
