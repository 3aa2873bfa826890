//! A computation on any number of processes and workers, each of which captures what it sees into its own
//! stream of one log. Killed and started again with --resume, it leaves each record there once.
//!
//!     cargo run --release --example capture -- LOG ROUNDS PAUSE_MS [--resume] [-w 2 -n 2 -p 0]
//!
//! In round r, item i of 20 is the line "r i". Workers offer every peers-th item, and exchange them.

use std::time::Duration;

use tidemark::{EventWriter, Log, LogOptions, Sync, WriterHandle, WriterOptions};
use timely::dataflow::operators::capture::Capture;
use timely::dataflow::operators::{Exchange, Input, Probe};
use timely::dataflow::{InputHandle, ProbeHandle};

const ITEMS: u64 = 20;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let resume = arguments.iter().any(|argument| argument == "--resume");
    let path = arguments[0].clone();
    let rounds: u64 = arguments[1].parse().expect("a number of rounds");
    let pause = Duration::from_millis(arguments[2].parse().expect("milliseconds"));
    let of_timely = arguments.into_iter().skip(3).filter(|argument| argument != "--resume");

    let failed = timely::execute_from_args(of_timely, move |worker| {
        let peers = worker.peers() as u32;
        let log = Log::open_with(&path, LogOptions::peers(peers))?;
        // From where to offer the input again. No stream can come further before this worker does.
        let from = if resume { log.resume()?.meet_as::<u64>().first().copied() } else { Some(0) };
        let Some(from) = from else { return Ok(()) };
        let options = WriterOptions { resume, sync: Sync::Interval(Duration::from_millis(10)), ..Default::default() };
        let writer = EventWriter::<u64, Vec<String>>::open_with(&log, worker.index() as u32, &options)?;
        let written: WriterHandle = writer.handle();

        let mut input = InputHandle::new();
        let probe = ProbeHandle::new();
        worker.dataflow(|scope| {
            let lines = scope.input_from(&mut input).container::<Vec<String>>();
            let lines = lines.exchange(|line: &String| hash(line)).probe_with(&probe);
            lines.capture_into(writer);
        });
        input.advance_to(from);
        for round in from..rounds {
            for item in (worker.index() as u64..ITEMS).step_by(worker.peers()) {
                input.send(format!("{round} {item}"));
            }
            input.advance_to(round + 1);
            while probe.less_than(input.time()) {
                worker.step_or_park(Some(Duration::from_millis(1)));
            }
            written.result()?;
            std::thread::sleep(pause);
        }
        input.close();
        while worker.has_dataflows() {
            worker.step_or_park(Some(Duration::from_millis(1)));
        }
        written.result()
    })
    .expect("timely's arguments")
    .join()
    .into_iter()
    .find_map(|result| result.expect("no worker panics").err());
    if let Some(error) = failed {
        eprintln!("capture: {error}");
        std::process::exit(1);
    }
}

/// FNV-1a: the same on all machines and in all versions, so that a line finds its worker again.
fn hash(line: &str) -> u64 {
    line.bytes().fold(0xcbf29ce484222325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100000001b3))
}
