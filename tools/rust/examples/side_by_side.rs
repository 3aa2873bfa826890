//! Tidemark beside timely's own binary EventWriter and EventReader, in one run: the same events, through
//! the same traits, into files on the same disk.
//!
//!     cargo run --release --example side_by_side -- [DIRECTORY] [--rounds N] [--mib N] [--batch N] [--json FILE]
//!
//! Throughput is the median of interleaved rounds, each over 256 MiB of records (an eighth at one a batch).
//! timely's writer goes through a `BufWriter` of 64 KiB. Its reader is measured twice. Given a file, it
//! reads as much as it can before each event, and then copies up to a MiB for each of them; at small
//! batches that takes hours, so it takes the first 2,048 events alone. Then it is fed through a
//! `BufReader` of 64 KiB in sips of an event's size, which only one who knows that size could do. Neither
//! writer syncs, but Tidemark's computes its checksums. A replay is events taken by
//! `EventIterator::next`. Then what happens where things go wrong.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use bytemuck::{Pod, Zeroable};
use serde::{Deserialize, Serialize};
use tidemark::{EventReader, EventWriter, Log, Plain, WriterOptions};
use timely::dataflow::operators::capture::event::EventIterator;
use timely::dataflow::operators::capture::{
    Event, EventPusher, EventReader as BinaryReader, EventWriter as BinaryWriter,
};
use timely::progress::Stamp;

const BUFFER: usize = 64 << 10;

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable, Serialize, Deserialize)]
struct Record64([u64; 8]);
impl Plain for Record64 {
    fn name() -> String {
        "record of 64 B".into()
    }
}

trait Sample: Plain + Serialize + for<'a> Deserialize<'a> {
    const NAME: &'static str;
    fn of(number: u64) -> Self;
    fn number(&self) -> u64;
}
impl Sample for u64 {
    const NAME: &'static str = "u64";
    fn of(number: u64) -> Self {
        number
    }
    fn number(&self) -> u64 {
        *self
    }
}
impl Sample for Record64 {
    const NAME: &'static str = "64 B";
    fn of(number: u64) -> Self {
        Record64([number; 8])
    }
    fn number(&self) -> u64 {
        self.0[7]
    }
}

/// Hands out at most so many bytes at once.
struct Sips(BufReader<File>, usize);
impl Read for Sips {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let most = self.1.min(into.len());
        self.0.read(&mut into[..most])
    }
}

/// Pushes so many batches, with progress after each 1,024 of them, from containers made beforehand.
fn push_all<D: Sample>(pusher: &mut impl EventPusher<u64, Vec<D>>, batches: usize, batch: usize) -> f64 {
    // Containers are consumed by a push; they are made in rounds outside of the time that is measured.
    let mut seconds = 0.0;
    let mut number = 0;
    let mut time = 0;
    let at_once = (1 << 20) / (batch * std::mem::size_of::<D>()).clamp(1, 1 << 20);
    let mut left = batches;
    while left > 0 {
        let now = at_once.clamp(1, left).min(1024);
        let containers: Vec<Vec<D>> = (0..now)
            .map(|_| {
                number += batch as u64;
                (number - batch as u64..number).map(D::of).collect()
            })
            .collect();
        // Allocated last: freeing the containers gives no memory back to the system meanwhile.
        let above = std::hint::black_box(vec![0u8; BUFFER]);
        let begin = Instant::now();
        for container in containers {
            pusher.push(Event::Messages(Stamp::from_elem(time), container));
        }
        pusher.push(Event::Progress(vec![(time, -1), (time + 1, 1)]));
        seconds += begin.elapsed().as_secs_f64();
        drop(above);
        time += 1;
        left -= now;
    }
    pusher.push(Event::Progress(vec![(time, -1)]));
    seconds
}

/// Takes all events, and looks at each record's number.
fn take_all<D: Sample>(iterator: &mut impl EventIterator<u64, Vec<D>>, records: u64) -> f64 {
    let begin = Instant::now();
    let mut seen = 0;
    let mut sum = 0u64;
    let mut nothing = 0;
    while seen < records {
        let Some(event) = iterator.next() else {
            // timely's reader answers so whenever its buffer ends in the middle of an event.
            nothing += 1;
            assert!(nothing < 1 << 20, "the records end early, at {seen} of {records}");
            continue;
        };
        nothing = 0;
        if let Event::Messages(_, data) = event.as_ref() {
            seen += data.len() as u64;
            sum = data.iter().fold(sum, |sum, record| sum.wrapping_add(record.number()));
        }
    }
    let seconds = begin.elapsed().as_secs_f64();
    assert_eq!(sum, records * (records - 1) / 2, "the records are those that were written");
    seconds
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn bytes_on_disk(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let of = |metadata: std::fs::Metadata| metadata.blocks() * 512;
    if path.is_file() {
        return of(path.metadata().expect("a file"));
    }
    let entries = std::fs::read_dir(path).expect("a directory").map(|entry| entry.expect("an entry").path());
    entries.map(|entry| bytes_on_disk(&entry)).sum()
}

struct Row {
    records: &'static str,
    batch: usize,
    /// Millions of records a second: Tidemark's and timely's, the latter's reader given a file and fed.
    capture: [f64; 2],
    replay: [f64; 3],
    /// A record.
    bytes: [f64; 2],
}

fn compare<D: Sample>(directory: &Path, batch: usize, rounds: usize, mib: usize) -> Row {
    let total = (mib << 20) / std::mem::size_of::<D>() / if batch == 1 { 8 } else { 1 };
    let batches = total / batch;
    let records = (batches * batch) as u64;
    let (mut capture, mut replay, mut bytes) = ([vec![], vec![]], [vec![], vec![], vec![]], [0.0; 2]);
    for round in 0..rounds {
        for which in if round % 2 == 0 { [0, 1] } else { [1, 0] } {
            let path = directory.join(format!("{which}"));
            let speed = |records: u64, seconds: f64| records as f64 / seconds / 1e6;
            let pushed = if which == 0 {
                let log = Log::open(&path).expect("a log");
                let options = WriterOptions { sync: tidemark::Sync::None, ..Default::default() };
                let mut writer = EventWriter::<u64, Vec<D>>::open_with(&log, 0, &options).expect("a stream");
                let handle = writer.handle();
                let pushed = push_all(&mut writer, batches, batch);
                drop(writer);
                handle.result().expect("all is captured");
                bytes[which] = bytes_on_disk(&path.join("streams")) as f64;
                let mut reader = EventReader::<u64, Vec<D>>::open(&log, 0).expect("a stream");
                replay[0].push(speed(records, take_all(&mut reader, records)));
                reader.handle().result().expect("all is sound");
                pushed
            } else {
                let file = BufWriter::with_capacity(BUFFER, File::create(&path).expect("a file"));
                let mut writer = BinaryWriter::<u64, Vec<D>, _>::new(file);
                let pushed = push_all(&mut writer, batches, batch);
                drop(writer);
                bytes[which] = path.metadata().expect("a file").len() as f64;
                let first = (batches.min(2048) * batch) as u64;
                let mut reader = BinaryReader::<u64, Vec<D>, _>::new(File::open(&path).expect("a file"));
                replay[1].push(speed(first, take_all(&mut reader, first)));
                let file = BufReader::with_capacity(BUFFER, File::open(&path).expect("a file"));
                let sip = (bytes[which] / batches as f64).ceil() as usize + 1;
                let mut reader = BinaryReader::<u64, Vec<D>, _>::new(Sips(file, sip));
                replay[2].push(speed(records, take_all(&mut reader, records)));
                pushed
            };
            capture[which].push(speed(records, pushed));
            if path.is_dir() {
                std::fs::remove_dir_all(&path).expect("gone");
            } else {
                std::fs::remove_file(&path).expect("gone");
            }
        }
    }
    Row {
        records: D::NAME,
        batch,
        capture: capture.map(median),
        replay: replay.map(median),
        bytes: bytes.map(|bytes| bytes / records as f64),
    }
}

/// What a closure ends with, where it may panic.
fn outcome(closure: impl FnOnce() -> String + std::panic::UnwindSafe) -> String {
    match std::panic::catch_unwind(closure) {
        Ok(what) => what,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| text.to_string()));
            format!("panics: {}", text.unwrap_or_default())
        }
    }
}

fn event(number: u64) -> Event<u64, Vec<u64>> {
    Event::Messages(Stamp::from_elem(0), (0..1024).map(|i| number * 1024 + i).collect())
}

/// What each of them says of a file whose last bytes are missing, and of one with a bit that turned.
fn torn_and_rotten(directory: &Path) -> Vec<[String; 3]> {
    let mut told = Vec::new();
    for (what, rot) in [("a torn file", false), ("a turned bit", true)] {
        let path = directory.join("log");
        let log = Log::open(&path).expect("a log");
        let mut writer = EventWriter::<u64, Vec<u64>>::open(&log, 0).expect("a stream");
        (0..10).for_each(|number| writer.push(event(number)));
        drop(writer);
        let segment = path.join("streams/00000/00000000000000000000.seg");
        let mut bytes = std::fs::read(&segment).expect("a segment");
        if rot {
            bytes[50_000] ^= 4;
        } else {
            bytes[50_000..].fill(0);
        }
        std::fs::write(&segment, bytes).expect("written");
        let ours = outcome(|| {
            let log = Log::open(&path).expect("a log");
            let mut reader = EventReader::<u64, Vec<u64>>::open(&log, 0).expect("a stream");
            let mut events = 0;
            while reader.next().is_some() {
                events += 1;
            }
            let error = reader.handle().error().map_or("no error".into(), |error| error.text);
            format!("{events} events, then {}", error.split(" (").next().unwrap_or(""))
        });
        std::fs::remove_dir_all(&path).expect("gone");

        let file = directory.join("binary");
        let mut writer = BinaryWriter::<u64, Vec<u64>, _>::new(File::create(&file).expect("a file"));
        (0..10).for_each(|number| writer.push(event(number)));
        let mut bytes = std::fs::read(&file).expect("a file");
        if rot {
            bytes[50_000] ^= 4;
        } else {
            bytes.truncate(50_000);
        }
        std::fs::write(&file, bytes).expect("written");
        let theirs = outcome(|| {
            let mut reader = BinaryReader::<u64, Vec<u64>, _>::new(File::open(&file).expect("a file"));
            let (mut events, mut wrong, mut nothing) = (0u64, 0, 0);
            while nothing < 10_000 {
                match reader.next() {
                    Some(found) => {
                        wrong += u32::from(*found != event(events));
                        events += 1;
                    }
                    None => nothing += 1,
                }
            }
            format!("{events} events, {wrong} of them wrong, then nothing and no error")
        });
        std::fs::remove_file(&file).expect("gone");
        told.push([what.into(), ours, theirs]);
    }
    told
}

/// A writer that is killed: what is left of the events that it had pushed.
fn killed(directory: &Path) -> [String; 3] {
    let run = |which: &str, path: &Path| {
        let program = std::env::current_exe().expect("this program");
        let _ = std::process::Command::new(program).args(["--write-and-die", which]).arg(path).status();
    };
    let ours = directory.join("log");
    run("tidemark", &ours);
    let log = Log::open(&ours).expect("a log");
    let mut reader = EventReader::<u64, Vec<u64>>::open(&log, 0).expect("a stream");
    let mut found = 0;
    while let Some(event) = reader.next() {
        found += usize::from(matches!(event.as_ref(), Event::Messages(..)));
    }
    let theirs = directory.join("binary");
    run("timely", &theirs);
    let mut reader = BinaryReader::<u64, Vec<u64>, _>::new(File::open(&theirs).expect("a file"));
    let kept = (0..10_000).filter(|_| reader.next().is_some()).count();
    std::fs::remove_dir_all(&ours).expect("gone");
    std::fs::remove_file(&theirs).expect("gone");
    ["a killed writer".into(), format!("{found} of 100 events are there"), format!("{kept} of 100 are there")]
}

fn write_and_die(which: &str, path: &Path) -> ! {
    let pusher: Box<dyn EventPusher<u64, Vec<u64>>> = if which == "tidemark" {
        let log = Log::open(path).expect("a log");
        Box::new(EventWriter::<u64, Vec<u64>>::open(&log, 0).expect("a stream"))
    } else {
        Box::new(BinaryWriter::new(BufWriter::with_capacity(BUFFER, File::create(path).expect("a file"))))
    };
    let mut pusher = pusher;
    (0..100).for_each(|number| pusher.push(event(number)));
    std::process::abort()
}

fn peak_memory_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("RssAnon")).expect("a line of it");
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number")
}

/// A consumer downstream of a replay that takes its time: how much waits in memory for it at most.
fn slow_consumer(directory: &Path) -> [String; 3] {
    use timely::dataflow::operators::capture::Replay;
    use timely::dataflow::operators::Inspect;
    use timely::dataflow::operators::Probe;
    const EVENTS: u64 = 16_384; // 128 MiB of records
    let ours = directory.join("log");
    let theirs = directory.join("binary");
    let log = Log::open(&ours).expect("a log");
    let mut writers: [Box<dyn EventPusher<u64, Vec<u64>>>; 2] = [
        Box::new(EventWriter::<u64, Vec<u64>>::open(&log, 0).expect("a stream")),
        Box::new(BinaryWriter::new(BufWriter::new(File::create(&theirs).expect("a file")))),
    ];
    for writer in &mut writers {
        for number in 0..EVENTS {
            writer.push(Event::Messages(Stamp::from_elem(number / 16), vec![number; 1024]));
            if number % 16 == 15 {
                writer.push(Event::Progress(vec![(number / 16, -1), (number / 16 + 1, 1)]));
            }
        }
        writer.push(Event::Progress(vec![(EVENTS / 16, -1)]));
    }
    drop(writers);
    let mut answers = Vec::new();
    for which in 0..2 {
        let (log, theirs) = (log.clone(), theirs.clone());
        answers.push(timely::execute_directly(move |worker| {
            let before = peak_memory_kib();
            let most = std::rc::Rc::new(std::cell::Cell::new(0));
            let noting = std::rc::Rc::clone(&most);
            let probe = timely::dataflow::ProbeHandle::new();
            worker.dataflow::<u64, _, _>(|scope| {
                let stream = if which == 0 {
                    let readers = EventReader::open_all(&log, &[0], &Default::default()).expect("a stream");
                    let options = tidemark::ReplayIntoOptions { ahead: Some((probe.clone(), 4)), ..Default::default() };
                    tidemark::replay_into::<u64, Vec<u64>, tidemark::Native>(readers, scope, options).0
                } else {
                    let file = BufReader::new(File::open(theirs).expect("a file"));
                    Some(BinaryReader::<u64, Vec<u64>, _>::new(file)).replay_into(scope)
                };
                stream
                    .inspect_core(move |event| {
                        if event.is_err() {
                            return;
                        }
                        std::thread::sleep(std::time::Duration::from_micros(20));
                        noting.set(noting.get().max(peak_memory_kib()));
                    })
                    .probe_with(&probe);
            });
            while worker.has_dataflows() && !probe.done() {
                worker.step();
            }
            format!("{} MiB more", most.get().saturating_sub(before) >> 10)
        }));
    }
    std::fs::remove_dir_all(&ours).expect("gone");
    std::fs::remove_file(&theirs).expect("gone");
    let theirs = answers.pop().expect("two");
    ["a slow consumer of 128 MiB".into(), answers.pop().expect("two"), theirs]
}

/// A disk that is full: /dev/full for a file; for a log, a limit on the size of files, which has the same
/// effect on what is prepared next.
fn full_disk(directory: &Path) -> [String; 3] {
    let program = std::env::current_exe().expect("this program");
    let path = directory.join("log");
    let limited = format!("ulimit -f 3000; trap '' XFSZ; exec '{}' --fill '{}'", program.display(), path.display());
    let output = std::process::Command::new("bash").args(["-c", &limited]).output().expect("bash");
    let ours = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let _ = std::fs::remove_dir_all(&path);
    let theirs = outcome(|| {
        let full = BufWriter::new(std::fs::OpenOptions::new().write(true).open("/dev/full").expect("Linux"));
        let mut writer = BinaryWriter::<u64, Vec<u64>, _>::new(full);
        (0..1000).for_each(|number| writer.push(event(number)));
        "no error".into()
    });
    ["a full disk".into(), ours, theirs.split('\n').next().unwrap_or("").into()]
}

fn fill(path: &Path) {
    let log = Log::open(path).expect("a log");
    let mut writer = EventWriter::<u64, Vec<u64>>::open(&log, 0).expect("a stream");
    let handle = writer.handle();
    let mut pushed = 0;
    while handle.error().is_none() && pushed < 100_000 {
        writer.push(event(pushed));
        pushed += 1;
    }
    let error = handle.error().map_or("no error".into(), |error| format!("{:?} in the handle", error.code));
    drop(writer);
    let mut reader = EventReader::<u64, Vec<u64>>::open(&log, 0).expect("a stream");
    let mut kept = 0;
    while let Some(event) = reader.next() {
        kept += u64::from(matches!(event.as_ref(), Event::Messages(..)));
    }
    println!("{error}; the {kept} events before it are there: {}", kept + 1 == pushed);
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (mut directory, mut rounds, mut mib, mut json) = (std::env::temp_dir(), 5, 256, None);
    let mut batches = vec![1, 128, 1024];
    while let Some(argument) = arguments.next() {
        let mut value = || PathBuf::from(arguments.next().expect("a value"));
        match argument.as_str() {
            "--rounds" => rounds = value().to_string_lossy().parse().expect("a number"),
            "--mib" => mib = value().to_string_lossy().parse().expect("a number"),
            "--batch" => batches = vec![value().to_string_lossy().parse().expect("a number")],
            "--json" => json = Some(value()),
            "--fill" => return fill(&value()),
            "--write-and-die" => {
                let which = value();
                write_and_die(&which.to_string_lossy(), &value())
            }
            _ => directory = PathBuf::from(argument),
        }
    }
    let directory = directory.join(format!("side-by-side-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory");
    std::panic::set_hook(Box::new(|_| {}));

    let mut rows = Vec::new();
    for batch in batches {
        rows.push(compare::<u64>(&directory, batch, rounds, mib));
        rows.push(compare::<Record64>(&directory, batch, rounds, mib));
    }
    println!("Millions of records a second, and how many times timely's.\n");
    println!("| records | a batch | capture | timely | times | replay | timely | times | timely, fed | times | bytes each | timely |");
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|");
    for row in &rows {
        let ([a, b], [c, d, e], [f, g]) = (row.capture, row.replay, row.bytes);
        let (x, y, z) = (a / b, c / d, c / e);
        println!(
            "| {} | {} | {a:.1} | {b:.1} | {x:.1} | {c:.1} | {d:.2} | {y:.1} | {e:.1} | {z:.1} | {f:.1} | {g:.1} |",
            row.records, row.batch,
        );
    }
    let mut trouble = vec![full_disk(&directory)];
    trouble.extend(torn_and_rotten(&directory));
    trouble.push(killed(&directory));
    trouble.push(slow_consumer(&directory));
    println!("\n| what happens on | Tidemark | timely |\n|---|---|---|");
    for [what, ours, theirs] in &trouble {
        println!("| {what} | {ours} | {theirs} |");
    }
    if let Some(path) = json {
        let row = |row: &Row| {
            let ([a, b], [c, d, e], [f, g]) = (row.capture, row.replay, row.bytes);
            format!(
                "{{\"records\":\"{}\",\"batch\":{},\"capture_million_per_second\":{{\"tidemark\":{a:.3},\"timely\":{b:.3}}},\
                 \"replay_million_per_second\":{{\"tidemark\":{c:.3},\"timely\":{d:.3},\"timely_fed\":{e:.3}}},\
                 \"bytes_per_record\":{{\"tidemark\":{f:.3},\"timely\":{g:.3}}}}}",
                row.records, row.batch
            )
        };
        let all: Vec<String> = rows.iter().map(row).collect();
        let mut file = File::create(path).expect("a file");
        writeln!(file, "[{}]", all.join(",\n ")).expect("written");
    }
    std::fs::remove_dir_all(&directory).expect("gone");
}
