//! What only a journal in PostgreSQL promises: several processes, and a server that becomes unavailable.

mod made;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use exuvia_journal::{
    ApprovalFilter, ApprovalStore as _, Archive, Filter, Journal, JournalErrorKind, PostgresApprovals, PostgresArchive,
    PostgresJournal, StoreJournal,
};
use exuvia_test_support::postgres::{self, Server};
use exuvia_tool::Principal;
use made::place::Place;
use made::{answered, append, ended, intended, of_run, options, run, started};
use tempfile::tempdir;
use tokio::task::JoinHandle;

/// How many rounds of kills. The default is 6.
const ROUNDS: &str = "EXUVIA_TEST_KILL_ROUNDS";

/// Tasks that append runs of two records, the second one queued.
struct Load {
    tasks: Vec<JoinHandle<Vec<(u64, String)>>>,
    is_over: Arc<AtomicBool>,
}

impl Load {
    fn start(journal: &Arc<StoreJournal>, name: &str) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let tasks = (0..4).map(|task| {
            let (journal, is_over, name) = (Arc::clone(journal), Arc::clone(&is_over), format!("{name}-{task}"));
            tokio::spawn(async move { append_runs(&journal, &is_over, &name).await })
        });
        Self { tasks: tasks.collect(), is_over }
    }

    /// The places and runs of what was told to be kept.
    async fn end(self) -> Vec<(u64, String)> {
        self.is_over.store(true, Ordering::SeqCst);
        let mut kept = Vec::new();
        for task in self.tasks {
            kept.extend(task.await.expect("ended"));
        }
        kept
    }
}

async fn append_runs(journal: &StoreJournal, is_over: &AtomicBool, name: &str) -> Vec<(u64, String)> {
    let mut kept = Vec::new();
    for number in 0.. {
        if is_over.load(Ordering::SeqCst) {
            break;
        }
        let run = format!("{name}-{number}");
        match journal.append_durable(of_run(&run, started("x"))).await {
            Ok(seq) => {
                kept.push((seq.0, run.clone()));
                journal.enqueue(of_run(&run, ended("returned", None))).expect("taken");
            }
            Err(error) => {
                assert_eq!(error.kind(), JournalErrorKind::Unavailable, "{error:#}");
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
    }
    kept
}

/// Checks that all of it is there, at its place and once, and that the log is consistent.
async fn check_kept(place: &Place, kept: &[(u64, String)]) {
    let archive = place.archive();
    for (seq, run) in kept {
        let record = archive.record(run).await.expect("read").unwrap_or_else(|| panic!("run {run} is lost"));
        let found: Vec<_> = record.entries.iter().map(|entry| (entry.entry.event.kind(), entry.seq.0)).collect();
        assert_eq!(found.len(), 2, "{run} at {seq}: {found:?}");
        assert_eq!((found[0], found[1].0), (("run-started", *seq), "run-ended"), "{run}");
    }
    let report = place.verify().await;
    assert!(report.is_consistent() && report.is_complete(), "{report:?}");
    assert_eq!(report.covered_records, report.records);
    // What was refused may have been written all the same, but once.
    let listed = archive.list(&Filter::default()).await.expect("listed");
    let mut starts = HashMap::new();
    for summary in listed {
        *starts.entry(summary.origin.run().expect("a run").as_str().to_owned()).or_insert(0) += 1;
    }
    assert!(starts.values().all(|count| *count == 1));
    let ends = kept.len() as u64;
    assert!(report.records <= 2 * ends + (report.runs - ends), "{report:?}: more records than {ends} runs have");
}

/// Waits until an entry is kept.
async fn recovered(journal: &StoreJournal, name: &str) {
    let begin = Instant::now();
    while journal.append_durable(of_run(name, started("x"))).await.is_err() {
        assert!(begin.elapsed() < Duration::from_secs(20), "the journal does not recover");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    while journal.is_failing() {
        assert!(begin.elapsed() < Duration::from_secs(20), "it says that it does not recover");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    journal.enqueue(of_run(name, ended("returned", None))).expect("taken");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_lost_or_doubled_when_the_server_is_killed_and_comes_back() {
    let Some(server) = Server::own() else { return };
    let rounds = std::env::var(ROUNDS).ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(6_u64);
    let place = Place::at(&server);
    let journal = place.open().await;
    let (mut kept, mut refused) = (Vec::new(), 0);
    for round in 0..rounds {
        let load = Load::start(&journal, &format!("{round}"));
        let mut random = [0];
        getrandom::fill(&mut random).expect("randomness");
        tokio::time::sleep(Duration::from_millis(20 + u64::from(random[0]))).await;
        server.kill(["-QUIT", "-KILL", "-INT"][usize::try_from(round % 3).expect("small")]);
        tokio::time::sleep(Duration::from_millis(100)).await;
        refused += usize::from(journal.append_durable(of_run("refused", started("x"))).await.is_err());
        server.back();
        recovered(&journal, &format!("back-{round}")).await;
        kept.extend(load.end().await);
    }
    assert_eq!(refused as u64, rounds, "an entry was kept without a server");
    assert!(kept.len() > 100, "{} entries", kept.len());
    journal.close().await.expect("closed");
    let archive = place.archive();
    assert!(archive.record("refused").await.expect("read").is_none());
    for round in 0..rounds {
        assert!(archive.record(&format!("back-{round}")).await.expect("read").is_some());
    }
    let kept_count = kept.len();
    kept.extend((0..rounds).map(|round| (0, format!("back-{round}"))));
    check_kept_but_places(&place, kept, kept_count).await;
}

async fn check_kept_but_places(place: &Place, mut kept: Vec<(u64, String)>, with_places: usize) {
    let archive = place.archive();
    for (seq, run) in &mut kept[with_places..] {
        *seq = archive.record(run).await.expect("read").expect("there").entries[0].seq.0;
    }
    check_kept(place, &kept).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_writers_make_one_tree_with_dense_places() {
    let Some(place) = Place::postgres() else { return };
    let first = place.open().await;
    let (second_place, third_place) = (place.beside(), place.beside());
    let (second, third) = (second_place.open().await, third_place.open().await);
    let loads = [("a", &first), ("b", &second), ("c", &third)].map(|(name, journal)| Load::start(journal, name));
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let mut kept = Vec::new();
    for load in loads {
        let of_one = load.end().await;
        assert!(of_one.len() > 20, "{} entries of one writer", of_one.len());
        kept.extend(of_one);
    }
    for journal in [first, second, third] {
        journal.close().await.expect("closed");
    }
    check_kept(&place, &kept).await;
    let mut places: Vec<_> = Vec::new();
    for summary in place.archive().list(&Filter::default()).await.expect("listed") {
        let record = place.archive().record(summary.origin.run().expect("a run").as_str()).await.expect("read");
        places.extend(record.expect("there").entries.iter().map(|entry| entry.seq.0));
    }
    places.sort_unstable();
    assert_eq!(places, (1..=places.len() as u64).collect::<Vec<_>>());
    // Each one sees, proves and verifies what the others wrote.
    for other in [&second_place, &third_place] {
        let (archive, run) = (other.archive(), kept[0].1.clone());
        let proved = tokio::spawn(async move { (archive.verify().await, archive.prove(&run, true).await) });
        let (report, proof) = proved.await.expect("no panic");
        assert!(report.expect("readable").is_consistent() && proof.expect("proved").is_some());
    }
}

#[tokio::test]
async fn a_run_is_continued_by_another_writer() {
    let Some(place) = Place::postgres() else { return };
    let (first, other) = (place.open().await, place.beside());
    append(&first, &Principal::Operator, "01", vec![started("x"), intended(1, "crm", "find")]).await;
    let second = other.open().await;
    second.append_durable(of_run("01", answered(1, 5))).await.expect("kept");
    first.append_durable(of_run("01", ended("returned", None))).await.expect("kept");
    first.close().await.expect("closed");
    second.close().await.expect("closed");
    let record = other.archive().record("01").await.expect("read").expect("there");
    let kinds: Vec<_> = record.entries.iter().map(|entry| entry.entry.event.kind()).collect();
    assert_eq!(kinds, ["run-started", "call-intended", "call-ended", "run-ended"]);
    assert_eq!(record.start().expect("start").source, "x");
    let report = other.verify().await;
    assert!(report.is_consistent() && report.is_complete() && report.unknown_calls.is_empty(), "{report:?}");
}

#[tokio::test]
async fn a_process_with_another_key_or_none_is_refused() {
    let Some(place) = Place::postgres() else { return };
    place.open().await.close().await.expect("closed");
    let url = place.url().expect("a URL");
    let (none, other) = (tempdir().expect("folder"), Place::postgres().expect("a place"));
    other.fill(1).await;
    for dir in [none.path(), other.dir()] {
        let error = PostgresJournal::open(url, &options(dir)).await.err().expect("refused");
        assert_eq!(error.kind(), JournalErrorKind::Inconsistent, "{error:#}");
        assert!(format!("{error:#}").contains("copy `journal.key`"), "{error:#}");
    }
    assert!(!none.path().join("journal.key").exists(), "a key that signs nothing");
}

/// The database goes back to an earlier state while a process writes, and another one goes on with it.
#[tokio::test]
async fn a_database_that_was_restored_is_not_written_by_who_knows_more() {
    let Some(place) = Place::postgres() else { return };
    let journal = place.open().await;
    append(&journal, &Principal::Operator, "01", run(3)).await;
    journal.append_durable(of_run("02", started("x"))).await.expect("kept");
    let (size, root) = (place.sql("SELECT size FROM log"), place.sql("SELECT encode(root, 'hex') FROM log"));
    journal.append_durable(of_run("03", started("x"))).await.expect("kept");
    let size = size.expect("a number");
    // A checkpoint is signed within a second.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    place.sql(&format!(
        "DELETE FROM records WHERE seq > {size}; DELETE FROM runs WHERE first > {size}; DELETE FROM keys WHERE run > {size};
         UPDATE log SET size = {size}, root = decode('{}', 'hex')",
        root.expect("a root")
    ));
    for _ in 0..2 {
        let error = journal.append_durable(of_run("04", started("x"))).await.expect_err("refused");
        assert!(format!("{error:#}").contains("the last ones are missing"), "{error:#}");
    }
    // The other one knows no more than the database.
    place.sql("DELETE FROM checkpoints");
    let other = place.beside();
    let second = other.open().await;
    for number in 0..9 {
        second.append_durable(of_run(&format!("other-{number}"), started("x"))).await.expect("kept");
    }
    second.close().await.expect("closed");
    let error = journal.append_durable(of_run("05", started("x"))).await.expect_err("refused");
    assert!(format!("{error:#}").contains("other records than this process knows"), "{error:#}");
    assert!(journal.close().await.is_err(), "it signs what it does not know");
    let error = place.try_open(&options(place.dir())).await.err().expect("refused");
    assert_eq!(error.kind(), JournalErrorKind::Inconsistent, "{error:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_answer_is_given_up() {
    let Some(server) = Server::own() else { return };
    let place = Place::at(&server);
    let journal = place.open().await;
    append(&journal, &Principal::Operator, "01", run(1)).await;
    server.signal_all("-STOP");
    let begin = Instant::now();
    let error = journal.append_durable(of_run("02", started("x"))).await.expect_err("refused");
    assert_eq!(error.kind(), JournalErrorKind::Unavailable);
    assert!(begin.elapsed() < Duration::from_secs(25), "{:?}", begin.elapsed());
    assert!(format!("{error:#}").contains("did not answer"), "{error:#}");
    server.signal_all("-CONT");
    recovered(&journal, "03").await;
    journal.close().await.expect("closed");
    let report = place.verify().await;
    assert!(report.is_consistent() && report.is_complete(), "{report:?}");
}

#[tokio::test]
async fn several_journals_share_a_database_by_the_search_path() {
    let Some(place) = Place::postgres() else { return };
    place.fill(2).await;
    let url = format!("{}?options=-c%20search_path%3Daudit_2", place.url().expect("a URL"));
    let dir = tempdir().expect("folder");
    let journal = PostgresJournal::open(&url, &options(dir.path())).await.expect("a journal");
    assert_eq!(journal.append_durable(of_run("01", started("x"))).await.expect("kept").0, 1);
    journal.close().await.expect("closed");
    let archive = PostgresArchive::open(&url, dir.path()).expect("a journal");
    assert_eq!(archive.list(&Filter::default()).await.expect("listed").len(), 1);
    assert_eq!(place.verify().await.runs, 2);
}

#[tokio::test]
async fn processes_that_start_together_migrate_once() {
    let Some(place) = Place::postgres() else { return };
    // One of them makes the key.
    let dir = tempdir().expect("folder");
    let key = Place::postgres().expect("a place");
    key.open().await.close().await.expect("closed");
    std::fs::copy(key.dir().join("journal.key"), dir.path().join("journal.key")).expect("copied");
    std::fs::copy(key.dir().join("journal.key"), place.dir().join("journal.key")).expect("copied");
    let others: Vec<_> = (0..5).map(|_| place.beside()).collect();
    let opened = others.iter().map(|other| {
        let (url, options) = (other.url().expect("a URL").to_owned(), options(other.dir()));
        tokio::spawn(async move { PostgresJournal::open(&url, &options).await })
    });
    for opened in opened.collect::<Vec<_>>() {
        opened.await.expect("no panic").expect("a journal").close().await.expect("closed");
    }
}

#[tokio::test]
async fn no_error_shows_the_password() {
    let dir = tempdir().expect("folder");
    let mut urls = vec![
        "postgres://user:Pa55word@127.0.0.1:1/journal".to_owned(),
        "postgres://user:Pa55word@127.0.0.1:1/journal?sslmode=require".to_owned(),
        "postgres://user:Pa55word@127.0.0.1:1/journal?connect_timeout=Pa55word".to_owned(),
    ];
    if let Some(place) = Place::postgres() {
        let there = place.url().expect("a URL").replacen("postgres@", "nobody:Pa55word@", 1);
        assert!(postgres::query(&there, "SELECT 1").is_err());
        urls.push(there);
    }
    for url in urls {
        let options = options(dir.path());
        let written = PostgresJournal::open(&url, &options).await.err().expect("refused");
        let read = match PostgresArchive::open(&url, dir.path()) {
            Ok(archive) => archive.list(&Filter::default()).await.expect_err("refused"),
            Err(error) => error,
        };
        for error in [written, read] {
            let text = format!("{error:#} {error:?}");
            assert!(!text.contains("Pa55word"), "{text}");
            assert!(!error.to_string().contains("127.0.0.1"), "an address for clients: {error}");
        }
    }
}

/// Runs wait for approvals in tasks of a runtime that has timers alone.
#[test]
fn connections_are_of_use_where_there_are_no_sockets_and_after_the_runtime_that_opened_them() {
    let Some(place) = Place::postgres() else { return };
    let first = tokio::runtime::Runtime::new().expect("a runtime");
    let (archive, approvals) = first.block_on(async {
        let journal = place.open().await;
        append(&journal, &Principal::Operator, "01", run(1)).await;
        journal.close().await.expect("closed");
        (place.archive(), PostgresApprovals::open(place.url().expect("a URL")).await.expect("approvals"))
    });
    drop(first);
    let timers = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    timers.block_on(async {
        assert_eq!(archive.list(&Filter::default()).await.expect("listed").len(), 1);
        let pending = ApprovalFilter::default();
        let [one, other] = [approvals.list(&pending), approvals.list(&pending)];
        let (one, other) = tokio::join!(one, other);
        assert!(one.expect("listed").is_empty() && other.expect("listed").is_empty());
    });
}
