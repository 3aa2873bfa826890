//! The golden segments that every implementation reads: those of tests/data/golden.

use std::path::{Path, PathBuf};

use tidemark::scratch::Directory;
use tidemark::{Content, ErrorCode, EventReader, EventWriter, Log, Next, Reader, ReaderOptions, WriterOptions};
use timely::dataflow::operators::capture::event::EventIterator;
use timely::dataflow::operators::capture::Event;
use timely::progress::Stamp;

/// A log whose one segment is the golden one.
fn log_of(directory: &Directory, name: &str) -> Log {
    let data = std::env::var_os("TIDEMARK_TEST_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data"), PathBuf::from);
    let mut bytes = std::fs::read(data.join("golden").join(name).with_extension("seg")).unwrap();
    bytes.resize(65536, 0); // what is left out is zero
    let stream = directory.join(name).join("streams/00000");
    std::fs::create_dir_all(&stream).unwrap();
    std::fs::write(stream.join("00000000000000000000.seg"), bytes).unwrap();
    Log::open(directory.join(name)).unwrap()
}

#[test]
fn records_of_any_length_are_read() {
    let directory = Directory::new("golden");
    let log = log_of(&directory, "variable");
    let mut reader = EventReader::<u64, Vec<String>>::open(&log, 0).unwrap();
    let events: Vec<_> = std::iter::from_fn(|| reader.next().map(|event| event.into_owned())).collect();
    let texts = |time: u64, texts: &[&str]| {
        Event::Messages(Stamp::from_elem(time), texts.iter().map(|text| text.to_string()).collect())
    };
    let expected = [
        texts(3, &["tide", "mark!"]),
        Event::Progress(vec![(0, -1), (5, 1)]),
        texts(7, &["ebb"]),
        Event::Progress(vec![(5, -1)]),
    ];
    assert_eq!(events, expected);
    assert!(reader.handle().result().unwrap().finished);
}

#[test]
fn records_of_one_length_at_wide_and_signed_times_are_read() {
    let directory = Directory::new("golden");
    let log = log_of(&directory, "fixed_wide");
    let mut reader = Reader::open(&log, 0, &ReaderOptions::default()).unwrap();
    let mut told = Vec::new();
    while let Next::Event(event) = reader.next().unwrap() {
        match event.content() {
            Content::Messages(messages) => {
                let records = messages.records_as::<[u8; 16]>().unwrap();
                let texts: Vec<_> = records.iter().map(|record| String::from_utf8_lossy(record)).collect();
                told.push(format!("{:x?} {}", messages.time(), texts.join(" ")));
            }
            Content::Progress(progress) | Content::Voided(progress) => {
                let changes: Vec<_> = progress.iter().map(|(time, diff)| format!("{time:x?}{diff:+}")).collect();
                told.push(changes.join(" "));
            }
        }
    }
    // -1 and i64::MIN and so on, with their sign bits flipped.
    let expected = [
        "[7fffffffffffffff, 1, 5] abcdefghijklmnop ABCDEFGHIJKLMNOP",
        "[0, 0, 0]-1 [7ffffffffffffffb, 0, 7]+1 [8000000000000002, 0, 3]+2",
        "[8000000000000002, 0, 3] 0123456789abcdef",
        "[7ffffffffffffffc, 2, 0] ",
    ];
    assert_eq!(told, expected);
    let traits = reader.traits().unwrap();
    assert_eq!((traits.time_words, traits.time_wide_mask, traits.time_signed_mask), (3, 2, 1));
    assert_eq!((traits.time_name.as_str(), traits.container_name.as_str()), ("(i64, u128)", "16 letters"));
}

#[test]
fn records_with_a_schema_are_read() {
    let directory = Directory::new("golden");
    let log = log_of(&directory, "schema");
    let mut reader = Reader::open(&log, 0, &ReaderOptions::default()).unwrap();
    let Next::Event(event) = reader.next().unwrap() else { panic!("an event") };
    let Content::Messages(messages) = event.content() else { panic!("messages") };
    assert_eq!(messages.iter().collect::<Vec<_>>(), [b"a note"]);

    // And a stream is written with the same one.
    let schema = reader.traits().unwrap().schema;
    assert_eq!(&schema[4..8], b"BFBS");
    let log = Log::open(directory.join("written")).unwrap();
    let options = WriterOptions { schema: schema.clone(), ..WriterOptions::default() };
    EventWriter::<u64, Vec<Vec<u8>>>::open_with(&log, 0, &options).unwrap();
    let mut reader = Reader::open(&log, 0, &ReaderOptions::default()).unwrap();
    assert_eq!(reader.traits().unwrap().schema, schema);
    let without = EventWriter::<u64, Vec<Vec<u8>>>::open(&log, 0).err().unwrap();
    assert_eq!(without.code, ErrorCode::InvalidArgument);
    assert!(without.text.contains("schema"), "{without}");
    let options = WriterOptions { schema: schema[..20].to_vec(), ..WriterOptions::default() };
    let torn = EventWriter::<u64, Vec<Vec<u8>>>::open_with(&log, 0, &options).err().unwrap();
    assert_eq!(torn.code, ErrorCode::InvalidArgument);
}
