//! Replays a log of lines on any number of processes and workers, whatever it was captured on, and prints
//! for each time how many lines this process saw and the sum of their hashes.
//!
//!     cargo run --release --example replay -- LOG [-w 3]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use tidemark::{drive, replay_into, share_of, Error, EventReader, Log, LogOptions, ReaderOptions, ReplayIntoOptions};
use timely::dataflow::operators::{Exchange, Inspect};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().expect("a log");
    let workers = timely::execute_from_args(arguments, move |worker| {
        let log = Log::open_with(&path, LogOptions::existing())?;
        let streams = share_of(log.peers(), worker.index(), worker.peers());
        let readers = EventReader::<u64, Vec<String>>::open_all(&log, &streams, &ReaderOptions::default())?;
        let seen = Rc::new(RefCell::new(BTreeMap::<u64, (u64, u64)>::new()));
        let seeing = Rc::clone(&seen);
        let replay = worker.dataflow::<u64, _, _>(|scope| {
            let (lines, replay) = replay_into(readers, scope, ReplayIntoOptions::default());
            lines.exchange(|line| hash(line)).inspect_core(move |event| {
                let Ok((stamp, lines)) = event else { return };
                let mut seen = seeing.borrow_mut();
                let (count, sum) = seen.entry(*stamp.expect_singleton()).or_default();
                *count += lines.len() as u64;
                *sum = lines.iter().fold(*sum, |sum, line| sum.wrapping_add(hash(line)));
            });
            replay
        });
        drive(worker, &[replay])?;
        Ok::<_, Error>(seen.take())
    })
    .expect("timely's arguments");

    let mut all = BTreeMap::<u64, (u64, u64)>::new();
    for worker in workers.join() {
        match worker.expect("no worker panics") {
            Ok(seen) => {
                for (time, (count, sum)) in seen {
                    let entry = all.entry(time).or_default();
                    *entry = (entry.0 + count, entry.1.wrapping_add(sum));
                }
            }
            Err(error) => {
                eprintln!("replay: {error}");
                std::process::exit(1);
            }
        }
    }
    for (time, (count, sum)) in all {
        println!("{time} {count} {sum}");
    }
}

fn hash(line: &str) -> u64 {
    line.bytes().fold(0xcbf29ce484222325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100000001b3))
}
