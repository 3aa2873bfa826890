//! Replays a log that `tidemark capture --time author_time` made of commits, and keeps a count for each
//! author: whenever a time is complete, a line "time author count" for each author who has commits there.
//!
//!     tidemark capture commits.tide ../../tests/data/demo.ndjson --time author_time
//!     cargo run --release --example author_counts -- commits.tide [-w 2]

use std::collections::{BTreeMap, HashMap};

use tidemark::{drive, replay_into, share_of, Error, EventReader, Log, LogOptions, ReaderOptions, ReplayIntoOptions};
use timely::dataflow::operators::{Exchange, Inspect};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().expect("a log");
    let workers = timely::execute_from_args(arguments, move |worker| {
        let log = Log::open_with(&path, LogOptions::existing())?;
        let streams = share_of(log.peers(), worker.index(), worker.peers());
        let readers = EventReader::<u64, Vec<String>>::open_all(&log, &streams, &ReaderOptions::default())?;
        let mut counts = HashMap::<String, u64>::new();
        let mut waiting = BTreeMap::<u64, BTreeMap<String, u64>>::new();
        let replay = worker.dataflow::<u64, _, _>(|scope| {
            let (lines, replay) = replay_into(readers, scope, ReplayIntoOptions::default());
            lines.exchange(|line| hash(author_of(line))).inspect_core(move |event| match event {
                Ok((stamp, lines)) => {
                    let at = waiting.entry(*stamp.expect_singleton()).or_default();
                    for line in lines {
                        *at.entry(author_of(line).to_owned()).or_default() += 1;
                    }
                }
                Err(frontier) => {
                    let later = frontier.first().map_or(BTreeMap::new(), |time| waiting.split_off(time));
                    for (time, authors) in std::mem::replace(&mut waiting, later) {
                        for (author, more) in authors {
                            let count = counts.entry(author.clone()).or_default();
                            *count += more;
                            println!("{time} {author} {count}");
                        }
                    }
                }
            });
            replay
        });
        drive(worker, &[replay])
    })
    .expect("timely's arguments");
    let results: Vec<Result<(), Error>> =
        workers.join().into_iter().map(|worker| worker.expect("no worker panics")).collect();
    if let Some(Err(error)) = results.into_iter().find(Result::is_err) {
        eprintln!("author_counts: {error}");
        std::process::exit(1);
    }
}

/// The text of the field "author" of a line of JSON.
fn author_of(line: &str) -> &str {
    let rest = line.split_once("\"author\":").map_or("", |(_, rest)| rest);
    rest.split('"').nth(1).unwrap_or("")
}

fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf29ce484222325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100000001b3))
}
