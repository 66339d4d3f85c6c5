//! What the journal in memory keeps, to the byte and in order, and what its entries say of themselves.

use std::error::Error as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};

use exuvia_journal::{
    Entry, Event, Journal, JournalError, JournalErrorKind, MemoryJournal, RunEnd, RunStart, Seq, Stamped,
};
use exuvia_tool::{Arguments, CallId, Cost, Origin, Principal, RunId, ToolCall, ToolName};

fn of_run(run: &str, event: Event) -> Entry {
    Entry { principal: Principal::Operator, origin: Origin::Run(RunId::new(run)), event }
}

fn entry(event: Event) -> Entry {
    of_run("r", event)
}

fn run_of(entry: &Entry) -> &str {
    entry.origin.run().map_or("", RunId::as_str)
}

fn started(source_bytes: usize) -> Entry {
    entry(Event::RunStarted(Box::new(RunStart { source: "x".repeat(source_bytes), ..RunStart::default() })))
}

fn intended(arguments_bytes: usize) -> Entry {
    let arguments = Arguments::parse(format!("\"{}\"", "x".repeat(arguments_bytes - 2))).expect("JSON");
    let name = ToolName::new("s".repeat(300), "t".repeat(20));
    let call = ToolCall { id: CallId(2), name, arguments, line: None };
    entry(Event::CallIntended { call, written: None, rule: String::new(), cost: Cost::ZERO })
}

fn refused(name_bytes: usize) -> Entry {
    let name = ToolName::new("s".repeat(name_bytes - 50), "t".repeat(50));
    let call = ToolCall { id: CallId(3), name, arguments: Arguments::parse("{}").expect("JSON"), line: None };
    entry(Event::CallRefused { call, code: "denied".into(), error: None, rule: String::new() })
}

fn not_run(digest_bytes: usize) -> Entry {
    entry(Event::RunRefused {
        outcome: "denied".into(),
        source_bytes: 9,
        source_sha256: "a".repeat(digest_bytes),
        reason: String::new(),
        start: None,
    })
}

fn answered() -> Entry {
    entry(Event::CallEnded { id: CallId(4), code: "ok".into(), outcome: None, value_bytes: 1 << 40, ms: 3 })
}

fn ended(number: usize) -> Entry {
    of_run(&number.to_string(), Event::RunEnded(Box::default()))
}

/// What an entry takes beside its text.
const BASE: usize = 2 * size_of::<Entry>();

/// What the end of a run takes.
const END: usize = BASE + size_of::<RunEnd>();

/// A journal with this much room for what was done, or for what was refused.
fn with_room(bytes: usize, for_refusals: bool) -> MemoryJournal {
    let room = |limit: usize| if for_refusals { limit / 8 } else { limit - limit / 8 };
    let limit = (bytes..9 * bytes + 9).find(|&limit| room(limit) == bytes).expect("some limit gives this room");
    MemoryJournal::new(limit, || 7)
}

fn kept(journal: &MemoryJournal, entries: impl IntoIterator<Item = Entry>) -> usize {
    entries.into_iter().for_each(|entry| journal.enqueue(entry).expect("kept"));
    journal.entries().len()
}

#[test]
fn an_entry_counts_with_all_of_its_text() {
    for (entry, text_bytes, is_refusal) in [
        (started(5_000), 5_000 + size_of::<RunStart>(), false),
        (intended(5_000), 5_320, false),
        (answered(), 0, false),
        (ended(1), size_of::<RunEnd>(), false),
        (refused(5_000), 5_002, true),
        (not_run(5_000), 5_000, true),
    ] {
        let two = 2 * (BASE + text_bytes);
        let entries = |count: usize| vec![entry.clone(); count];
        assert_eq!(kept(&with_room(two, is_refusal), entries(2)), 2, "{two} bytes are enough: {}", entry.event.kind());
        assert_eq!(kept(&with_room(two - 1, is_refusal), entries(2)), 1, "a byte less is not: {}", entry.event.kind());
        assert_eq!(kept(&with_room(two, is_refusal), entries(9)), 2, "{}", entry.event.kind());
    }
}

#[test]
fn the_oldest_go_first_and_what_is_left_stays_in_order() {
    let journal = with_room(10 * END, false);
    (0..1_000).for_each(|number| {
        journal.enqueue(ended(number)).expect("kept");
        journal.enqueue(not_run(0)).expect("kept");
    });
    let runs: Vec<String> = journal.entries().iter().map(|stamped| run_of(&stamped.entry).to_owned()).collect();
    let numbers: Vec<&String> = runs.iter().filter(|run| *run != "r").collect();
    assert_eq!(
        numbers,
        (990..1_000).map(|number: usize| number.to_string()).collect::<Vec<_>>().iter().collect::<Vec<_>>()
    );
    // A refusal came after each, and the last of all.
    assert_eq!(runs.last().map(String::as_str), Some("r"));
    assert_eq!(runs[runs.len() - 2], "999");
}

#[test]
fn an_entry_that_is_larger_than_its_room_leaves_it_empty_and_usable() {
    let journal = with_room(3 * BASE, false);
    assert_eq!(kept(&journal, [answered(), answered(), started(4 * BASE)]), 0);
    assert_eq!(kept(&journal, (3..9).map(|_| answered())), 3);
}

#[test]
fn executed_and_refused_entries_have_separate_bounds() {
    let journal = MemoryJournal::new(80 * BASE, || 7);
    assert_eq!(kept(&journal, (0..100).map(|_| not_run(0))), 10);
    assert_eq!(kept(&journal, (0..100).map(|_| answered())), 80);
    let of_calls = 10 * BASE / (BASE + 52);
    assert_eq!(kept(&journal, (0..100).map(|_| refused(50))), 70 + of_calls, "both kinds of refusals share a room");
}

#[test]
fn an_entry_says_what_it_is_and_of_which_run_and_call() {
    for (entry, kind, call) in [
        (not_run(64), "run-refused", None),
        (started(1), "run-started", None),
        (intended(9), "call-intended", Some(2)),
        (refused(60), "call-refused", Some(3)),
        (answered(), "call-ended", Some(4)),
    ] {
        assert_eq!((entry.event.kind(), run_of(&entry), entry.event.call_id()), (kind, "r", call.map(CallId)));
    }
    assert_eq!((ended(7).event.kind(), run_of(&ended(7)), ended(7).event.call_id()), ("run-ended", "7", None));
}

#[test]
fn an_error_says_what_failed_and_why() {
    let outer = std::io::Error::other(std::fmt::Error);
    let error = JournalError::new(JournalErrorKind::Unavailable).caused_by(outer);
    assert_eq!((error.to_string().as_str(), error.kind().name()), ("the journal cannot be written", "unavailable"));
    assert!(error.source().is_some_and(|source| format!("{error:#}").ends_with(&format!(": {source}"))), "{error:#}");
    let full = JournalError::new(JournalErrorKind::Full);
    assert_eq!((format!("{full:#}"), full.kind().name()), (full.to_string(), "full"));
    assert!(full.to_string().starts_with("the journal has no room"));
}

#[test]
fn both_ways_lead_to_one_order_and_each_entry_has_its_time() {
    static TIME: AtomicU64 = AtomicU64::new(1_000);
    let journal = MemoryJournal::new(1 << 20, || TIME.fetch_add(1, Ordering::Relaxed));
    journal.enqueue(ended(0)).expect("taken");
    // It has its place when it is given, whenever somebody waits for it.
    let mut appended = journal.append_durable(ended(1));
    journal.enqueue(ended(2)).expect("taken");
    let polled = appended.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(polled, Poll::Ready(Ok(Seq(2)))), "{polled:?}");
    drop(journal.append_durable(ended(3)));
    let told = |Stamped { seq, at_ms, entry, .. }: &Stamped| (seq.0, *at_ms, run_of(entry).to_owned());
    let expected = (0..4).map(|n: u64| (n + 1, 1_000 + n, n.to_string()));
    assert_eq!(journal.entries().iter().map(told).collect::<Vec<_>>(), expected.collect::<Vec<_>>());
}
