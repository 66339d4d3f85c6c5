//! Made-up runs, and journals of them.
#![allow(dead_code, unreachable_pub, reason = "each test has a part of it")]

pub mod changes;
pub mod place;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use exuvia_journal::{
    Entry, Event, Journal, OpenOptions, Reading, Report, RunEnd, RunError, RunStart, RunUsage, SqliteArchive,
    SqliteJournal, StoreArchive, StoreJournal,
};
use exuvia_tool::{
    Arguments, CallError, CallId, Cost, DirectCallId, Json, Origin, Principal, RunId, ToolCall, ToolName,
};

/// The time of day of all entries.
pub(crate) const NOW_MS: u64 = 1_764_385_200_000;

pub(crate) fn options(dir: &Path) -> OpenOptions {
    OpenOptions::new(dir, || NOW_MS)
}

pub(crate) fn open(dir: &Path) -> Arc<StoreJournal> {
    SqliteJournal::open(&options(dir)).expect("a journal")
}

pub(crate) fn archive(dir: &Path) -> StoreArchive {
    SqliteArchive::open(dir).expect("a journal")
}

pub(crate) fn database(dir: &Path) -> rusqlite::Connection {
    rusqlite::Connection::open(dir.join("journal.db")).expect("a database")
}

pub(crate) async fn verify(dir: &Path) -> Report {
    archive(dir).verify().await.expect("readable")
}

pub(crate) fn principal(name: &str) -> Principal {
    if name.is_empty() { Principal::Operator } else { Principal::Key(name.into()) }
}

pub(crate) fn of_run(run: &str, event: Event) -> Entry {
    of(&Principal::Operator, run, event)
}

pub(crate) fn of(principal: &Principal, run: &str, event: Event) -> Entry {
    Entry { principal: principal.clone(), origin: Origin::Run(RunId::new(run)), event }
}

pub(crate) fn direct(id: &str, event: Event) -> Entry {
    Entry { principal: Principal::Operator, origin: Origin::Direct(DirectCallId::new(id)), event }
}

pub(crate) fn started(source: &str) -> Event {
    Event::RunStarted(Box::new(RunStart { source: source.into(), ..RunStart::default() }))
}

pub(crate) fn intended(call: u64, server: &str, tool: &str) -> Event {
    let arguments = Arguments::parse(format!("{{\"secret\": \"argument {call}\"}}")).expect("JSON");
    let name = ToolName::new(server, tool);
    let call = ToolCall { id: CallId(call), name, arguments, line: Some(3) };
    Event::CallIntended { call, written: None, rule: "operator".into(), cost: Cost::ZERO }
}

pub(crate) fn answered(call: u64, ms: u64) -> Event {
    let value = Json::parse(format!("{{\"answer\": {call}}}")).expect("JSON");
    Event::CallEnded { id: CallId(call), code: "ok".into(), outcome: Some(Ok(value)), value_bytes: 13, ms }
}

pub(crate) fn failed(call: u64, message: &str) -> Event {
    let error = CallError::ToolFailed { message: message.into(), data: None };
    Event::CallEnded { id: CallId(call), code: "tool-failed".into(), outcome: Some(Err(error)), value_bytes: 0, ms: 9 }
}

pub(crate) fn readings() -> Event {
    Event::RunReadings(vec![Reading::WallClock(Duration::from_secs(5)), Reading::Random(vec![1, 2, 3])])
}

pub(crate) fn ended(outcome: &str, error: Option<&str>) -> Event {
    let error =
        error.map(|message| RunError { kind: "ToolError".into(), message: message.into(), ..RunError::default() });
    let usage = RunUsage { fuel: 1_000, wall_ms: 20, ..RunUsage::default() };
    Event::RunEnded(Box::new(RunEnd { outcome: outcome.into(), error, log: "log".into(), usage, ..RunEnd::default() }))
}

/// A run that makes so many calls of `crm.find` and returns.
pub(crate) fn run(calls: u64) -> Vec<Event> {
    let mut events = vec![started("result = crm.find()"), readings()];
    events.extend((1..=calls).flat_map(|call| [intended(call, "crm", "find"), answered(call, call)]));
    events.push(ended("returned", None));
    events
}

/// Appends a run, as the gateway does: what is about to be done durably.
pub(crate) async fn append(journal: &StoreJournal, principal: &Principal, run: &str, events: Vec<Event>) {
    for event in events {
        let is_durable = matches!(event, Event::RunStarted(_) | Event::CallIntended { .. });
        let entry = of(principal, run, event);
        if is_durable {
            journal.append_durable(entry).await.expect("kept");
        } else {
            journal.enqueue(entry).expect("taken");
        }
    }
}

/// A closed journal with so many runs of five calls each: 13 records a run.
pub(crate) async fn journal_of(dir: &Path, runs: u64) {
    let journal = open(dir);
    for number in 0..runs {
        append(&journal, &Principal::Operator, &format!("run-{number:04}"), run(5)).await;
    }
    journal.close().await.expect("closed");
}

/// A copy of the files of a closed journal.
pub(crate) fn copied(from: &Path, to: &Path) -> PathBuf {
    std::fs::create_dir_all(to).expect("a folder");
    // Not the write-ahead log, which comes and goes with readers: that of a closed journal is empty.
    let there = |file: &&str| from.join(file).exists();
    for file in ["journal.db", "journal.key", "journal.vkey", "checkpoint"].into_iter().filter(there) {
        std::fs::copy(from.join(file), to.join(file)).expect("copied");
    }
    to.to_owned()
}
