//! timely's own event logging on disk: a computation whose workers capture what timely tells of them, and
//! a diagnosis that replays it, then or later.
//!
//!     cargo run --release --example logging -- run LOG [-w 2]
//!     cargo run --release --example logging -- show LOG

use std::time::Duration;

use tidemark::{
    drive, replay_into, EventReader, EventWriter, Log, LogOptions, ReaderOptions, ReplayIntoOptions, Serde,
};
use timely::dataflow::operators::{Exchange, Inspect, ToStream};
use timely::logging::{BatchLogger, TimelyEvent, TimelyEventBuilder};

type Logged = Vec<(Duration, TimelyEvent)>;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let action = arguments.next().expect("run or show");
    let path = arguments.next().expect("a log");
    match action.as_str() {
        "run" => run(path, arguments),
        "show" => show(path),
        other => panic!("run or show, not {other}"),
    }
}

fn run(path: String, arguments: impl Iterator<Item = String>) {
    timely::execute_from_args(arguments, move |worker| {
        let log = Log::open_with(&path, LogOptions::peers(worker.peers() as u32)).expect("a log");
        let writer = EventWriter::<Duration, Logged, Serde>::open(&log, worker.index() as u32).expect("a stream");
        let mut logger = BatchLogger::new(writer);
        worker
            .log_register()
            .expect("timely is built with logging")
            .insert::<TimelyEventBuilder, _>("timely", move |time, data| logger.publish_batch(time, data));
        worker.dataflow::<u64, _, _>(|scope| {
            (0..1000u64).to_stream(scope).container::<Vec<_>>().exchange(|x| *x).inspect(|_| {});
        });
    })
    .expect("timely's arguments");
}

fn show(path: String) {
    timely::execute_directly(move |worker| {
        let log = Log::open_with(&path, LogOptions::existing()).expect("a log");
        let streams: Vec<u32> = (0..log.peers()).collect();
        let readers = EventReader::<Duration, Logged, Serde>::open_all(&log, &streams, &ReaderOptions::default())
            .expect("a log of timely's events");
        let replay = worker.dataflow::<Duration, _, _>(|scope| {
            let (events, replay) = replay_into(readers, scope, ReplayIntoOptions::default());
            events.inspect(|(at, event)| match event {
                TimelyEvent::Operates(operator) => println!("{at:?} operator {}", operator.name),
                TimelyEvent::Messages(messages) => println!("{at:?} messages {}", messages.record_count),
                _ => {}
            });
            replay
        });
        drive(worker, &[replay]).expect("a sound log");
    });
}
