//! The examples as people run them: processes on one machine, killed, resumed, replayed.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tidemark::scratch::Directory;
use tidemark::{Content, Log, LogOptions, Next, Reader, ReaderOptions};

const LIMIT: Duration = Duration::from_secs(60);

/// Killed when it is dropped, so that no failed test leaves a cluster behind.
struct Running(Child);
impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn example(name: &str) -> Command {
    let test = std::env::current_exe().expect("the path of this test");
    let path = test.parent().and_then(Path::parent).expect("target/<profile>").join("examples").join(name);
    assert!(path.exists(), "{} is not built: cargo test builds it", path.display());
    Command::new(path)
}

/// The `tidemark` command, where it is built: ctest puts it in PATH.
fn tidemark() -> Option<Command> {
    let found = Command::new("tidemark").arg("--version").output().is_ok_and(|o| o.status.success());
    if !found {
        eprintln!("left out: the tidemark command is not in PATH");
    }
    found.then(|| Command::new("tidemark"))
}

/// A file of addresses with ports that were free a moment ago.
fn hosts(directory: &Directory, processes: usize) -> PathBuf {
    let listeners: Vec<_> = (0..processes).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let lines: String = listeners.iter().map(|l| format!("{}\n", l.local_addr().unwrap())).collect();
    let path = directory.join(format!("hosts-{processes}"));
    std::fs::write(&path, lines).unwrap();
    path
}

/// Starts one process of each number.
fn start(directory: &Directory, name: &str, arguments: &[&str], processes: usize, workers: usize) -> Vec<Running> {
    let hosts = hosts(directory, processes);
    (0..processes)
        .map(|process| {
            let mut command = example(name);
            command.args(arguments).args(["-w", &workers.to_string()]);
            if processes > 1 {
                command.args(["-n", &processes.to_string(), "-p", &process.to_string(), "-h"]).arg(&hosts);
            }
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
            Running(command.spawn().unwrap())
        })
        .collect()
}

/// What a process prints, once it has ended well.
fn output(mut process: Running) -> String {
    let mut out = process.0.stdout.take().unwrap();
    let reading = std::thread::spawn(move || std::io::read_to_string(&mut out).unwrap());
    let mut errors = process.0.stderr.take().unwrap();
    let reading_errors = std::thread::spawn(move || std::io::read_to_string(&mut errors).unwrap());
    let begin = Instant::now();
    let status = loop {
        if let Some(status) = process.0.try_wait().unwrap() {
            break status;
        }
        assert!(begin.elapsed() < LIMIT, "a process does not end");
        std::thread::sleep(Duration::from_millis(5));
    };
    assert!(status.success(), "{status}: {}", reading_errors.join().unwrap());
    // timely says on standard output who is connected.
    let is_ours = |line: &&str| !line.starts_with("worker ") && !line.starts_with("awaiting connections");
    reading.join().unwrap().lines().filter(is_ours).map(|line| format!("{line}\n")).collect()
}

fn run(directory: &Directory, name: &str, arguments: &[&str], processes: usize, workers: usize) -> Vec<String> {
    start(directory, name, arguments, processes, workers).into_iter().map(output).collect()
}

/// "time count sum" of all processes, added up.
fn sums(outputs: &[String]) -> BTreeMap<u64, (u64, u64)> {
    let mut sums = BTreeMap::<u64, (u64, u64)>::new();
    for line in outputs.iter().flat_map(|output| output.lines()) {
        let numbers: Vec<u64> = line.split(' ').map(|number| number.parse().unwrap()).collect();
        let sum = sums.entry(numbers[0]).or_default();
        *sum = (sum.0 + numbers[1], sum.1.wrapping_add(numbers[2]));
    }
    sums
}

/// What the capture of so many rounds has, by its definition.
fn expected(rounds: u64) -> BTreeMap<u64, (u64, u64)> {
    let hash =
        |line: &str| line.bytes().fold(0xcbf29ce484222325u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100000001b3));
    (0..rounds)
        .map(|round| {
            let sum = (0..20u64).fold(0u64, |sum, item| sum.wrapping_add(hash(&format!("{round} {item}"))));
            (round, (20, sum))
        })
        .collect()
}

#[test]
fn a_cluster_captures_is_killed_resumes_and_is_replayed_on_any_other() {
    let directory = Directory::new("cluster");
    let path = directory.join("log");
    let log = path.to_str().unwrap();
    const ROUNDS: u64 = 300;
    let rounds = ROUNDS.to_string();

    // 2 processes of 2 workers, and the C++ command follows them.
    let mut tail = tidemark().map(|mut command| {
        Log::open_with(&path, LogOptions::peers(4)).unwrap();
        command.args(["tail", log, "-n", "1000000", "-f"]);
        Running(command.stdout(Stdio::piped()).spawn().unwrap())
    });
    let mut cluster = start(&directory, "capture", &[log, &rounds, "2", "--resume"], 2, 2);
    let begin = Instant::now();
    loop {
        assert!(begin.elapsed() < LIMIT, "the cluster makes no progress");
        let at = Log::open(&path).and_then(|log| log.resume()).ok().and_then(|r| r.meet_as::<u64>().first().copied());
        if at.is_some_and(|round| round >= 20) {
            break;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    for process in &mut cluster {
        process.0.kill().unwrap(); // SIGKILL
        process.0.wait().unwrap();
    }
    drop(cluster);
    let resume = Log::open(&path).unwrap().resume().unwrap();
    let from = resume.meet_as::<u64>()[0];
    assert!(from < ROUNDS, "it was killed in the middle");
    assert!(resume.streams.iter().all(|stream| stream.records > 0), "each worker had its stream");

    run(&directory, "capture", &[log, &rounds, "0", "--resume"], 2, 2);
    assert!(Log::open(&path).unwrap().resume().unwrap().meet.is_empty(), "all streams are finished");

    let once = expected(ROUNDS);
    for (processes, workers) in [(1, 1), (1, 3), (3, 1), (2, 2)] {
        let replayed = sums(&run(&directory, "replay", &[log], processes, workers));
        assert_eq!(replayed, once, "replayed on {processes} x {workers}");
    }

    // Whoever followed saw each line at least once, and is told about what is void.
    if let Some(tail) = &mut tail {
        let lines = BufReader::new(tail.0.stdout.take().unwrap()).lines();
        let seen: std::collections::BTreeSet<String> = lines.map(Result::unwrap).collect();
        assert_eq!(seen.len() as u64, 20 * ROUNDS);
    }
}

#[test]
fn authors_are_counted_right_at_every_time_of_what_the_command_captured() {
    let Some(mut capture) = tidemark() else { return };
    let directory = Directory::new("authors");
    let path = directory.join("log");
    let data = std::env::var("TIDEMARK_TEST_DATA")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data").into());
    // More of the same, where it is there: as tests/tools/common.sh finds it.
    let more = std::env::var("TIDEMARK_DATA").unwrap_or_else(|_| format!("{data}/../../../shared/data"));
    let more = Path::new(&more).join("leveldb.ndjson");
    let input = if more.exists() { more } else { Path::new(&data).join("demo.ndjson") };
    let captured = capture.arg("capture").arg(&path).arg(&input).args(["--time", "author_time", "--workers", "3"]);
    assert!(captured.output().unwrap().status.success());

    // The counts at every time, from the records alone and without a dataflow.
    let log = Log::open(&path).unwrap();
    let mut authors = BTreeMap::<u64, Vec<String>>::new();
    for stream in 0..log.peers() {
        let mut reader = Reader::open(&log, stream, &ReaderOptions::default()).unwrap();
        while let Next::Event(event) = reader.next().unwrap() {
            let Content::Messages(messages) = event.content() else { continue };
            for line in messages.iter() {
                let line = std::str::from_utf8(line).unwrap();
                let author = line.split("\"author\":").nth(1).unwrap().split('"').nth(1).unwrap();
                authors.entry(messages.time()[0]).or_default().push(author.to_owned());
            }
        }
    }
    let mut counts = BTreeMap::<String, u64>::new();
    let mut right = BTreeMap::<(u64, String), u64>::new();
    for (time, names) in authors {
        for name in names {
            let count = counts.entry(name.clone()).or_default();
            *count += 1;
            right.insert((time, name), *count);
        }
    }
    assert_eq!(counts.values().sum::<u64>(), std::fs::read_to_string(&input).unwrap().lines().count() as u64);

    for (processes, workers) in [(1, 1), (2, 2)] {
        let outputs = run(&directory, "author_counts", &[path.to_str().unwrap()], processes, workers);
        let mut found = BTreeMap::new();
        for line in outputs.iter().flat_map(|output| output.lines()) {
            let parts: Vec<&str> = line.split(' ').collect();
            let key = (parts[0].parse::<u64>().unwrap(), parts[1].to_owned());
            assert!(found.insert(key, parts[2].parse::<u64>().unwrap()).is_none(), "told twice: {line}");
        }
        assert_eq!(found, right, "on {processes} x {workers}");
    }
}

#[test]
fn timelys_own_events_are_captured_and_replayed() {
    let directory = Directory::new("logging");
    let path = directory.join("log");
    let log = path.to_str().unwrap();
    run(&directory, "logging", &["run", log], 1, 2);
    let shown = output(Running(
        example("logging").args(["show", log]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap(),
    ));
    // Both workers have the operators of the dataflow, and their messages.
    for operator in ["operator Exchange", "operator Inspect"] {
        assert!(shown.matches(operator).count() >= 2, "{operator} in {shown}");
    }
    let records: usize =
        shown.lines().filter_map(|line| line.split("messages ").nth(1)).map(|n| n.parse::<usize>().unwrap()).sum();
    assert!(records >= 2000, "{records} records were told of");
}
