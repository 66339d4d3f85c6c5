//! How fast a journal is on this machine: `cargo run --release --example journal_speed -- [RUNS] [FOLDER | URL] [lists]`.
//! The default is 10,000 runs in SQLite in a temporary folder. A URL of PostgreSQL is that of an empty database, which `just postgres` makes.
//! `lists`: without what takes as long as the journal is large, so that a million runs are appended and listed in some minutes.
//!
//! Each run has two calls: six records. What is printed: a durable append in sequence beside the machine's fdatasync, appends by eight
//! clients, bytes on the disk for each record and each call, and verification, lists and opening with so many runs.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a program that prints measurements")]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use exuvia_journal::{
    Archive, Entry, Event, Filter, Journal, OpenOptions, PostgresArchive, PostgresJournal, RunEnd, RunStart,
    SqliteArchive, SqliteJournal, StoreArchive, StoreJournal,
};
use exuvia_tool::{Arguments, CallError, CallId, Cost, Json, Origin, Principal, RunId, ToolCall, ToolName};

const APPENDS: u32 = 1_000;

fn now_ms() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |now| u64::try_from(now.as_millis()).unwrap_or(u64::MAX))
}

/// The folder of a journal, and its database where that is elsewhere.
struct Place {
    dir: PathBuf,
    url: Option<String>,
}

impl Place {
    async fn open(&self) -> Arc<StoreJournal> {
        let options = OpenOptions::new(&self.dir, now_ms);
        match &self.url {
            Some(url) => PostgresJournal::open(url, &options).await.unwrap(),
            None => SqliteJournal::open(&options).unwrap(),
        }
    }

    fn archive(&self) -> StoreArchive {
        let archive = match &self.url {
            Some(url) => PostgresArchive::open(url, &self.dir),
            None => SqliteArchive::open(&self.dir),
        };
        archive.unwrap()
    }
}

fn entry(run: &str, event: Event) -> Entry {
    Entry { principal: Principal::Key("ci".into()), origin: Origin::Run(RunId::new(run)), event }
}

fn intended(call: u64, tool: &str) -> Event {
    let arguments = Arguments::parse(r#"{"name":"Ada Lovelace","limit":20,"fields":["id","mail","phone"]}"#).unwrap();
    let call = ToolCall { id: CallId(call), name: ToolName::new("crm", tool), arguments, line: Some(2) };
    Event::CallIntended { call, written: None, rule: "key ci: crm.*".into(), cost: Cost::ZERO }
}

fn answered(call: u64, fails: bool) -> Event {
    let value = Json::parse(format!(r#"{{"rows":[{{"id":{call},"mail":"ada@example.org"}}]}}"#)).unwrap();
    let error = CallError::UpstreamUnavailable("crm is down for maintenance".into());
    let (code, outcome) = if fails { (error.code(), Err(error)) } else { ("ok", Ok(value)) };
    Event::CallEnded { id: CallId(call), code: code.into(), outcome: Some(outcome), value_bytes: 43, ms: 12 }
}

fn run(number: u64) -> Vec<Event> {
    let source = format!("people = crm.find(name='Ada Lovelace', limit=20)\nresult = crm.get(people[{number}])\n");
    let rare = if number.is_multiple_of(10_000) { "rare" } else { "get" };
    let outcome = if number.is_multiple_of(1_000) { "failed" } else { "returned" };
    vec![
        Event::RunStarted(Box::new(RunStart { source, source_sha256: "0".repeat(64), ..RunStart::default() })),
        intended(1, "find"),
        answered(1, number.is_multiple_of(100)),
        intended(2, rare),
        answered(2, false),
        Event::RunEnded(Box::new(RunEnd { outcome: outcome.into(), ..RunEnd::default() })),
    ]
}

fn report(what: &str, took: Duration, count: u32) {
    println!("{what:<58} {:>9.1} µs", took.as_secs_f64() * 1e6 / f64::from(count));
}

/// The machine's fdatasync after 4 KiB at the end of a file, and after 16 KiB over old content, as a write-ahead log has it.
fn fdatasync(dir: &Path) {
    for (what, bytes, over) in
        [("fdatasync, 4 KiB appended", 4_096, false), ("fdatasync, 16 KiB over old content", 16_384, true)]
    {
        let path = dir.join("fdatasync");
        std::fs::write(&path, vec![0; if over { 4 << 20 } else { 0 }]).unwrap();
        let mut file = std::fs::OpenOptions::new().write(true).append(!over).open(&path).unwrap();
        file.sync_all().unwrap();
        let began = Instant::now();
        for _ in 0..200 {
            file.write_all(&vec![7; bytes]).unwrap();
            file.sync_data().unwrap();
        }
        report(what, began.elapsed(), 200);
        std::fs::remove_file(&path).unwrap();
    }
}

async fn in_sequence(journal: &StoreJournal) {
    journal.append_durable(entry("sequence", run(1).remove(0))).await.unwrap();
    let began = Instant::now();
    for call in 0..APPENDS {
        journal.append_durable(entry("sequence", intended(call.into(), "find"))).await.unwrap();
        journal.enqueue(entry("sequence", answered(call.into(), false))).unwrap();
    }
    report("durable append in sequence, with a queued one", began.elapsed(), APPENDS);
}

async fn at_once(journal: &Arc<StoreJournal>) {
    let began = Instant::now();
    let clients = (0..8).map(|client| {
        let journal = Arc::clone(journal);
        tokio::spawn(async move {
            for call in 0..APPENDS {
                let run = format!("client-{client}");
                journal.append_durable(entry(&run, intended(call.into(), "find"))).await.unwrap();
                journal.enqueue(entry(&run, answered(call.into(), false))).unwrap();
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.unwrap();
    }
    let calls = f64::from(8 * APPENDS);
    println!(
        "{:<58} {:>9.0} /s",
        "calls of 8 clients, intent durable and outcome queued",
        calls / began.elapsed().as_secs_f64()
    );
}

/// Appends runs. Returns the number of records, and when the middle one of the runs began.
async fn fill(journal: &Arc<StoreJournal>, runs: u64) -> (u64, u64) {
    let (began, mut middle_ms) = (Instant::now(), 0);
    for number in 0..runs {
        if number == runs / 2 {
            middle_ms = now_ms();
        }
        for event in run(number) {
            let mut waiting = Some(entry(&format!("01KB{number:022}"), event));
            while let Some(entry) = waiting.take() {
                if journal.enqueue(entry.clone()).is_err() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    waiting = Some(entry);
                }
            }
        }
    }
    let entries = u32::try_from(6 * runs).unwrap();
    let last = journal.append_durable(entry("last", run(1).remove(0))).await.unwrap();
    report(&format!("queued append, of {} records", last.0), began.elapsed(), entries);
    (last.0, middle_ms)
}

async fn lists(place: &Place, middle_ms: u64) {
    let began = Instant::now();
    let journal = place.open().await;
    println!("{:<58} {:>9.0} ms", "opening for writing", began.elapsed().as_secs_f64() * 1e3);
    journal.close().await.unwrap();
    let archive = place.archive();
    let text = |text: &str| Some(text.to_owned());
    let base = Filter { limit: 50, ..Filter::default() };
    for (what, filter) in [
        ("list, 50 newest", base.clone()),
        ("list, by principal without a run", Filter { principal: Some(Principal::Operator), ..base.clone() }),
        ("list, by outcome", Filter { outcome: text("failed"), ..base.clone() }),
        ("list, by a frequent tool", Filter { tool: text("get"), ..base.clone() }),
        ("list, by a rare tool", Filter { server: text("crm"), tool: text("rare"), ..base.clone() }),
        ("list, by the text of an error", Filter { error: text("maintenance"), ..base.clone() }),
        ("list, by a text that no error has", Filter { error: text("no such text"), ..base.clone() }),
        ("list, by time: all", Filter { since_ms: Some(1), until_ms: Some(now_ms()), ..base.clone() }),
        ("list, by time: before the middle", Filter { until_ms: Some(middle_ms), ..base.clone() }),
        (
            "list, by time: a tenth of a second",
            Filter { since_ms: Some(middle_ms), until_ms: Some(middle_ms + 100), ..base.clone() },
        ),
        ("list, by time and outcome", Filter { since_ms: Some(middle_ms), outcome: text("failed"), ..base.clone() }),
        ("list, by time: none", Filter { since_ms: Some(now_ms() + 1), ..base.clone() }),
    ] {
        let began = Instant::now();
        let found = archive.list(&filter).await.unwrap().len();
        println!("{:<58} {:>9.1} ms", format!("{what} ({found})"), began.elapsed().as_secs_f64() * 1e3);
    }
}

async fn reading(place: &Place) {
    let archive = place.archive();
    let began = Instant::now();
    archive.stats(&Filter::default()).await.unwrap();
    println!("{:<58} {:>9.2} s", "stats of everything", began.elapsed().as_secs_f64());
    let began = Instant::now();
    let report = archive.verify().await.unwrap();
    println!("{:<58} {:>9.2} s", format!("verify {} records", report.records), began.elapsed().as_secs_f64());
    assert!(report.is_consistent(), "{report:?}");
}

fn bytes(dir: &Path) -> u64 {
    std::fs::read_dir(dir).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum()
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let runs = arguments.next().map_or(10_000, |runs| runs.parse().unwrap());
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path().join("journal");
    let place = match arguments.next() {
        Some(url) if url.contains("://") => Place { dir, url: Some(url) },
        folder => Place { dir: folder.map_or(dir, PathBuf::from), url: None },
    };
    std::fs::create_dir_all(&place.dir).unwrap();
    fdatasync(&place.dir);
    let journal = place.open().await;
    in_sequence(&journal).await;
    at_once(&journal).await;
    let (records, middle_ms) = fill(&journal, runs).await;
    journal.close().await.unwrap();
    if place.url.is_none() {
        let (bytes, calls) = (bytes(&place.dir), 2 * runs + 9 * u64::from(APPENDS));
        println!("{:<58} {:>9} bytes", "per record on the disk", bytes / records);
        println!("{:<58} {:>9} bytes", "per call on the disk, with its share of a run of two", bytes / calls);
    }
    lists(&place, middle_ms).await;
    if arguments.next().is_none() {
        reading(&place).await;
    }
}
