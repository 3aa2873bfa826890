//! What passes an operator of a timely dataflow, into a log and out of it again.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::mpsc;
use std::time::Duration;

use bytemuck::{Pod, Zeroable};
use serde::{Deserialize, Serialize};
use tidemark::scratch::Directory;
use tidemark::{
    drive, replay_into, Codec, End, ErrorCode, EventReader, EventWriter, Log, LogOptions, LoggedTime, Native, Plain,
    ReaderOptions, ReplayIntoOptions, Serde, WriterOptions,
};
use timely::dataflow::operators::capture::event::EventIterator;
use timely::dataflow::operators::capture::{Capture, Event, EventPusher, Extract, Replay};
use timely::dataflow::operators::{Input, Inspect, Probe, ToStream};
use timely::order::Product;
use timely::progress::Stamp;

fn messages<T, C>(time: T, data: C) -> Event<T, C> {
    Event::Messages(Stamp::from_elem(time), data)
}

/// All that a reader gives out until it has nothing.
fn read_all<T: LoggedTime, C: Clone, K: Codec<C>>(reader: &mut EventReader<T, C, K>) -> Vec<Event<T, C>> {
    std::iter::from_fn(|| reader.next().map(|event| event.into_owned())).collect()
}

/// Pushes events, reads them, and finds them the same.
fn round_trip<T, C, K>(events: Vec<Event<T, C>>)
where
    T: LoggedTime,
    C: Clone + Debug + PartialEq,
    K: Codec<C>,
{
    let directory = Directory::new("round-trip");
    let log = Log::open(directory.join("log")).unwrap();
    let mut writer = EventWriter::<T, C, K>::open(&log, 0).unwrap();
    let written = writer.handle();
    for event in &events {
        writer.push(event.clone());
    }
    assert!(written.committed().unwrap() > 0);
    drop(writer);
    written.result().unwrap();
    assert!(written.closed() && written.committed().is_none());

    let mut reader = EventReader::<T, C, K>::open(&log, 0).unwrap();
    assert_eq!(read_all(&mut reader), events);
    let read = reader.handle().result().unwrap();
    assert!(read.ended && read.finished);
    assert_eq!(read.events, events.len() as u64);
}

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
struct Trade {
    account: u64,
    amount: f64,
}
impl Plain for Trade {
    fn name() -> String {
        "trade".into()
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Order {
    Buy { symbol: String, count: u32 },
    Cancel(Option<u64>),
}

#[test]
fn containers_come_back_as_they_were() {
    fn finish<C>() -> Event<u64, C> {
        Event::Progress(vec![(0, -1)])
    }
    round_trip::<u64, Vec<u64>, Native>(vec![messages(3, vec![1, 2, 3]), finish()]);
    round_trip::<u64, Vec<u128>, Native>(vec![messages(3, vec![u128::MAX]), finish()]);
    round_trip::<u64, Vec<[u8; 5]>, Native>(vec![messages(3, vec![*b"tide!", *b"mark!"]), finish()]);
    round_trip::<u64, Vec<Trade>, Native>(vec![
        messages(3, vec![Trade { account: 7, amount: 1.5 }, Trade { account: 8, amount: -2.0 }]),
        finish(),
    ]);
    let texts = |texts: &[&str]| texts.iter().map(|text| text.to_string()).collect::<Vec<_>>();
    round_trip::<u64, Vec<String>, Native>(vec![messages(3, texts(&["tide", "", "mark!"])), finish()]);
    round_trip::<u64, Vec<Vec<u8>>, Native>(vec![messages(3, vec![vec![0, 255], vec![]]), finish()]);
    let orders =
        vec![Order::Buy { symbol: "TIDE".into(), count: 300 }, Order::Cancel(Some(u64::MAX)), Order::Cancel(None)];
    round_trip::<u64, Vec<Order>, Serde>(vec![messages(3, orders), finish()]);
}

#[test]
fn times_come_back_as_they_were() {
    fn at<T: LoggedTime>(times: [T; 2]) {
        let [a, b] = times;
        round_trip::<T, Vec<u64>, Native>(vec![
            messages(a.clone(), vec![1]),
            Event::Progress(vec![(T::minimum(), -1), (b.clone(), 2)]),
            messages(b.clone(), vec![2]),
            Event::Progress(vec![(b, -2)]),
        ]);
    }
    at([5u64, 9]);
    at([-5i64, 9]);
    at([1u128 << 70, 1 << 80]);
    at([Duration::from_millis(5), Duration::from_secs(9)]);
    at([Product::new(1u64, 7u64), Product::new(2, 3)]);
    at([Product::new(1u64, Product::new(7i32, 4u64)), Product::new(2, Product::new(-3, 5))]);
}

#[test]
fn a_dataflow_is_captured_on_two_workers_and_replayed_on_three() {
    let directory = Directory::new("workers");
    let path = directory.join("log");
    let log = Log::open_with(&path, LogOptions::peers(2)).unwrap();
    let capturing = log.clone();
    timely::execute(timely::Config::process(2), move |worker| {
        let writer = EventWriter::<u64, Vec<u64>>::open(&capturing, worker.index() as u32).unwrap();
        let mut input = timely::dataflow::InputHandle::new();
        worker.dataflow(|scope| {
            scope.input_from(&mut input).container::<Vec<_>>().capture_into(writer);
        });
        for round in 0..10u64 {
            input.send(100 * worker.index() as u64 + round);
            input.advance_to(round + 1);
            worker.step();
        }
    })
    .unwrap();

    let (send, receive) = mpsc::channel();
    let send = std::sync::Arc::new(std::sync::Mutex::new(send));
    timely::execute(timely::Config::process(3), move |worker| {
        let streams = tidemark::share_of(log.peers(), worker.index(), worker.peers());
        let readers = EventReader::<u64, Vec<u64>>::open_all(&log, &streams, &ReaderOptions::default()).unwrap();
        let send = send.lock().unwrap().clone();
        worker.dataflow::<u64, _, _>(|scope| readers.replay_into(scope).capture_into(send));
    })
    .unwrap();
    let expected: Vec<_> = (0..10u64).map(|round| (round, vec![round, 100 + round])).collect();
    assert_eq!(receive.extract(), expected);
}

#[test]
fn errors_are_the_handles_and_nothing_panics() {
    let directory = Directory::new("errors");
    let log = Log::open(directory.join("log")).unwrap();
    let mut writer = EventWriter::<u64, Vec<u64>>::open(&log, 0).unwrap();
    let busy = EventWriter::<u64, Vec<u64>>::open(&log, 0).err().unwrap();
    assert_eq!((busy.code, busy.stream), (ErrorCode::Busy, Some(0)));
    let handle = writer.handle();
    writer.push(Event::Progress(vec![(0, -1), (5, 1)]));
    handle.result().unwrap();
    writer.push(messages(4, vec![1]));
    let error = handle.error().unwrap();
    assert_eq!(error.code, ErrorCode::ProtocolViolation);
    assert!(error.rule.starts_with('P'), "{error}");
    // It stays: nothing stands in the log behind a gap.
    writer.push(messages(5, vec![2]));
    assert!(writer.try_push(&messages(6, vec![3])).is_err());
    drop(writer);
    assert_eq!(handle.error().unwrap().code, ErrorCode::ProtocolViolation);
    let mut reader = EventReader::<u64, Vec<u64>>::open(&log, 0).unwrap();
    let read = read_all(&mut reader);
    assert_eq!(read[0], Event::Progress(vec![(0, -1), (5, 1)]));
    assert_eq!(read[1], Event::Progress(vec![(5, -1)])); // given up at the end
    assert_eq!(read.len(), 2);
    assert!(!reader.handle().result().unwrap().finished);
}

#[test]
fn streams_of_something_else_are_refused_naming_both() {
    let directory = Directory::new("traits");
    let log = Log::open(directory.join("log")).unwrap();
    // Opened before there is a segment, it is told when there is one.
    let mut early = EventReader::<u64, Vec<Trade>>::open_with(&log, 0, &ReaderOptions::following());
    drop(EventWriter::<u64, Vec<u64>>::open(&log, 0).unwrap());
    if let Ok(early) = &mut early {
        assert_eq!(early.poll().err().unwrap().code, ErrorCode::InvalidArgument);
    }
    let of_trades = EventReader::<u64, Vec<Trade>>::open(&log, 0).err().unwrap();
    assert_eq!(of_trades.code, ErrorCode::InvalidArgument);
    assert!(of_trades.text.contains("trade") && of_trades.text.contains("u64"), "{of_trades}");
    assert!(EventReader::<i64, Vec<u64>>::open(&log, 0).is_err());
    assert!(EventWriter::<u64, Vec<i64>>::open(&log, 0).is_err());
    assert!(EventReader::<u64, Vec<u64>>::open(&log, 0).is_ok());
}

#[test]
fn stamps_of_several_times_stand_at_their_least_one() {
    let directory = Directory::new("stamps");
    let log = Log::open(directory.join("log")).unwrap();
    let mut writer = EventWriter::<Product<u64, u64>, Vec<u64>>::open(&log, 0).unwrap();
    let at = |outer, inner| Product::new(outer, inner);
    let stamped = |[a, b]: [Product<u64, u64>; 2]| Event::Messages(two(a, b), vec![1]);
    writer.try_push(&stamped([at(2, 3), at(2, 5)])).unwrap();
    let incomparable = writer.try_push(&stamped([at(2, 3), at(3, 2)])).unwrap_err();
    assert_eq!(incomparable.code, ErrorCode::Unsupported);
    drop(writer);
    let mut reader = EventReader::<Product<u64, u64>, Vec<u64>>::open(&log, 0).unwrap();
    assert_eq!(read_all(&mut reader)[0], messages(at(2, 3), vec![1]));
}

/// A stamp of two times, as it comes out of a scope.
fn two<T: Ord + Clone>(a: T, b: T) -> Stamp<T> {
    let mut times = [a, b].into_iter();
    let both: Stamp<Product<u64, u64>> = [Product::new(0u64, 1u64), Product::new(1, 0)].into_iter().collect();
    both.map_pointwise(|_| times.next().unwrap())
}

#[test]
fn a_stream_that_was_left_open_is_released_held_or_waited_for() {
    let directory = Directory::new("ends");
    let log = Log::open(directory.join("log")).unwrap();
    let mut writer = EventWriter::<u64, Vec<u64>>::open(&log, 0).unwrap();
    writer.push(messages(0, vec![7]));
    writer.push(Event::Progress(vec![(0, -1), (5, 1)]));
    drop(writer);

    // timely's own replay completes with what the reader gives up at the end.
    let reader = EventReader::<u64, Vec<u64>>::open(&log, 0).unwrap();
    let handle = reader.handle();
    let (send, receive) = mpsc::channel();
    timely::execute_directly(move |worker| {
        worker.dataflow::<u64, _, _>(|scope| Some(reader).replay_into(scope).capture_into(send));
    });
    assert_eq!(receive.extract(), vec![(0, vec![7])]);
    let read = handle.result().unwrap();
    assert!(read.ended && !read.finished);

    for (end, ended) in [(End::Hold, true), (End::Wait, false)] {
        let options = ReaderOptions { end, ..ReaderOptions::default() };
        let mut reader = EventReader::<u64, Vec<u64>>::open_with(&log, 0, &options).unwrap();
        assert_eq!(read_all(&mut reader).len(), 2);
        assert_eq!(reader.handle().result().unwrap().ended, ended);
    }
}

#[test]
fn a_producer_that_was_restarted_leaves_each_record_once() {
    let directory = Directory::new("resume");
    let log = Log::open(directory.join("log")).unwrap();
    // The input: a record at each time. The first run ends in the middle, the second begins again
    // from the frontier, as an operator that counts from the minimum.
    let run = |from: u64, upto: u64, finish: bool| {
        let mut writer = EventWriter::<u64, Vec<u64>>::open_with(&log, 0, &WriterOptions::resuming()).unwrap();
        let handle = writer.handle();
        for time in from..upto {
            writer.push(messages(time, vec![10 * time]));
            if time % 4 == 3 {
                let before = if time < from + 4 { 0 } else { time - 3 };
                writer.push(Event::Progress(vec![(before, -1), (time + 1, 1)]));
            }
        }
        if finish {
            writer.push(Event::Progress(vec![(upto / 4 * 4, -1)]));
        }
        drop(writer);
        handle.result().unwrap();
        handle
    };
    run(0, 6, false);
    let resume = log.resume().unwrap();
    assert_eq!(resume.meet_as::<u64>(), vec![4]);
    assert_eq!(resume.streams[0].records, 6); // two of them are void when it is opened
                                              // From earlier on than it had to: what is complete is left out.
    assert_eq!(run(0, 12, true).dropped_records(), 4);
    assert!(log.resume().unwrap().meet.is_empty());
    run(0, 12, true); // a stream that is finished takes nothing

    let mut reader = EventReader::<u64, Vec<u64>>::open(&log, 0).unwrap();
    let mut records = BTreeMap::new();
    for event in read_all(&mut reader) {
        if let Event::Messages(stamp, data) = event {
            for record in data {
                *records.entry((*stamp.expect_singleton(), record)).or_insert(0) += 1;
            }
        }
    }
    assert_eq!(records, (0..12).map(|time| ((time, 10 * time), 1)).collect());
    assert!(reader.handle().result().unwrap().finished);
}

#[test]
fn what_was_marked_last_is_given_back_to_the_next_opening() {
    let directory = Directory::new("mark");
    let log = Log::open(directory.join("log")).unwrap();
    let mut writer = EventWriter::<u64, Vec<u64>>::open(&log, 0).unwrap();
    assert!(writer.recovery().unwrap().mark.is_empty());
    writer.push(messages(0, vec![1]));
    writer.mark(b"offset 17").unwrap();
    writer.mark(b"offset 34").unwrap();
    drop(writer);
    assert_eq!(log.resume().unwrap().streams[0].mark, b"offset 34");
    let mut writer = EventWriter::<u64, Vec<u64>>::open(&log, 0).unwrap();
    assert_eq!(writer.recovery().unwrap().mark, b"offset 34");
    let handle = writer.handle();
    assert_eq!(writer.mark(&[0; 4097]).unwrap_err().code, ErrorCode::InvalidArgument);
    assert_eq!(writer.mark(b"later").unwrap_err().code, ErrorCode::InvalidArgument); // it stays
    drop(writer);
    assert_eq!(handle.error().unwrap().code, ErrorCode::InvalidArgument);
    // It is no event.
    assert_eq!(read_all(&mut EventReader::<u64, Vec<u64>>::open(&log, 0).unwrap())[0], messages(0, vec![1]));
}

/// Ten thousand records, a time each hundred.
fn write_many(log: &Log) {
    let mut writer = EventWriter::<u64, Vec<u64>>::open(log, 0).unwrap();
    for time in 0..100u64 {
        for i in 0..10 {
            writer.push(messages(time, (0..10).map(|j| 100 * time + 10 * i + j).collect()));
        }
        writer.push(Event::Progress(vec![(time, -1), (time + 1, 1)]));
    }
    writer.push(Event::Progress(vec![(100, -1)]));
}

#[test]
fn a_replay_keeps_to_its_budget_and_to_a_probe() {
    let directory = Directory::new("budget");
    let log = Log::open(directory.join("log")).unwrap();
    write_many(&log);
    timely::execute_directly(move |worker| {
        let readers = EventReader::<u64, Vec<u64>>::open_all(&log, &[0], &Default::default()).unwrap();
        let read = readers[0].handle();
        let (probe, seen) = (timely::dataflow::ProbeHandle::new(), mpsc::channel());
        let options = ReplayIntoOptions { budget: 8, ahead: Some((probe.clone(), 2)), ..Default::default() };
        let send = seen.0;
        let handle = worker.dataflow::<u64, _, _>(|scope| {
            let (stream, handle) = replay_into(readers, scope, options);
            stream.inspect(move |x| send.send(*x).unwrap()).probe_with(&probe);
            handle
        });
        let mut most = 0;
        let mut before = 0;
        let mut records = Vec::new();
        while worker.step() {
            records.extend(seen.1.try_iter());
            most = most.max(records.len() - before);
            before = records.len();
        }
        assert!(most <= 80, "{most} records in one step, of a budget of 8 events");
        assert!(handle.error().is_none());
        assert_eq!(records, (0..10_000).collect::<Vec<u64>>());
        assert!(read.result().unwrap().finished);
    });
}

#[test]
fn damage_ends_a_replay_after_what_precedes_it_and_completes_nothing() {
    let directory = Directory::new("damage");
    let log = Log::open(directory.join("log")).unwrap();
    write_many(&log);
    let segment = directory.join("log/streams/00000/00000000000000000000.seg");
    let mut bytes = std::fs::read(&segment).unwrap();
    bytes[20_000] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    timely::execute_directly(move |worker| {
        let readers = EventReader::<u64, Vec<u64>>::open_all(&log, &[0], &Default::default()).unwrap();
        let probe = timely::dataflow::ProbeHandle::new();
        let handle = worker.dataflow::<u64, _, _>(|scope| {
            let (stream, handle) = replay_into(readers, scope, ReplayIntoOptions::default());
            stream.probe_with(&probe);
            handle
        });
        let error = drive(worker, &[handle]).unwrap_err();
        assert_eq!((error.code, error.stream, error.segment), (ErrorCode::Corrupt, Some(0), Some(0)));
        assert!(error.offset.unwrap() <= 20_000);
        // It stopped on the way, and what it had not read is not taken for complete.
        let frontier = probe.with_frontier(|frontier| frontier.to_owned());
        assert!(frontier.elements()[0] > 0 && frontier.elements()[0] < 100, "{frontier:?}");
    });
}

#[test]
fn a_replay_can_be_released() {
    let directory = Directory::new("release");
    let log = Log::open(directory.join("log")).unwrap();
    drop(EventWriter::<u64, Vec<u64>>::open(&log, 0).unwrap());
    timely::execute_directly(move |worker| {
        let options = ReaderOptions { end: End::Wait, ..Default::default() };
        let readers = EventReader::<u64, Vec<u64>>::open_all(&log, &[0], &options).unwrap();
        let handle = worker.dataflow::<u64, _, _>(|scope| replay_into(readers, scope, ReplayIntoOptions::default()).1);
        for _ in 0..100 {
            worker.step_or_park(Some(Duration::from_millis(1)));
        }
        assert!(worker.has_dataflows());
        handle.release();
        drive(worker, &[handle]).unwrap();
    });
}

#[test]
fn what_a_handle_waits_for_is_durable() {
    let directory = Directory::new("durable");
    let log = Log::open(directory.join("log")).unwrap();
    let options = WriterOptions { sync: tidemark::Sync::None, ..Default::default() };
    let mut writer = EventWriter::<u64, Vec<u64>>::open_with(&log, 0, &options).unwrap();
    let handle = writer.handle();
    writer.push(messages(0, vec![1]));
    let position = handle.committed().unwrap();
    assert!(handle.durable().unwrap() < position);
    let waiting = handle.clone();
    let waiter = std::thread::spawn(move || waiting.wait_durable(position, Duration::from_secs(60)));
    waiter.join().unwrap().unwrap();
    assert!(handle.durable().unwrap() >= position);
    writer.push(messages(0, vec![2]));
    assert!(handle.sync().unwrap() > position);
    drop(writer);
    assert_eq!(handle.sync().unwrap_err().code, ErrorCode::Closed);
    handle.wait_durable(u64::MAX, Duration::from_secs(60)).unwrap();
}

#[test]
fn to_stream_is_captured_by_the_line_in_the_documentation() {
    let directory = Directory::new("line");
    let log = Log::open(directory.join("log")).unwrap();
    let writer = EventWriter::<u64, Vec<u64>>::open(&log, 0).unwrap();
    let handle = writer.handle();
    timely::example(move |scope| {
        (0..10u64).to_stream(scope).container::<Vec<_>>().capture_into(writer);
    });
    handle.result().unwrap();
    assert_eq!(log.resume().unwrap().streams[0].records, 10);
}
