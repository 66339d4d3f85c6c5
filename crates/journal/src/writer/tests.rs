//! What the writer does when the store fails, is slow, or does not say what it did.

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use exuvia_tool::{BoxFuture, Origin, Principal, RunId};
use tempfile::{TempDir, tempdir};

use super::{Pace, StoreJournal};
use crate::store::sqlite::{SqliteStore, opened};
use crate::store::{Batch, GuestFolder, KeyState, Retained, Store};
use crate::tree::TreeHead;
use crate::{
    Archive, Entry, Event, Journal, JournalError, JournalErrorKind, Losses, OpenOptions, Retention, RunEnd, RunStart,
    SqliteArchive, Stamped, TokenSum,
};

/// What the store does wrong.
#[derive(Default)]
struct Faults {
    /// Commits fail, and nothing is written.
    fail: AtomicBool,
    /// Commits fail, and everything is written.
    doubt: AtomicBool,
    /// Commits take so long.
    slow_ms: AtomicU64,
    /// The database is full: no page can be added.
    full: AtomicBool,
    /// The database is read-only.
    read_only: AtomicBool,
    commits: AtomicUsize,
}

struct Faulty {
    inner: SqliteStore,
    faults: Arc<Faults>,
}

impl Store for Faulty {
    fn commit<'a>(&'a mut self, batch: &'a Batch) -> BoxFuture<'a, Result<u64, JournalError>> {
        Box::pin(async {
            let is = |fault: &AtomicBool| fault.load(Ordering::SeqCst);
            self.faults.commits.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(self.faults.slow_ms.load(Ordering::SeqCst))).await;
            if is(&self.faults.fail) {
                return Err(failed());
            }
            if is(&self.faults.full) {
                self.inner.fill();
            }
            if is(&self.faults.read_only) {
                self.inner.protect();
            }
            let first = self.inner.commit(batch).await?;
            if is(&self.faults.doubt) { Err(self.inner.disconnected(failed(), first)) } else { Ok(first) }
        })
    }

    fn settle<'a>(&'a mut self, head: &'a [u8]) -> BoxFuture<'a, Result<bool, JournalError>> {
        if self.faults.fail.load(Ordering::SeqCst) {
            return Box::pin(std::future::ready(Err(failed())));
        }
        self.inner.settle(head)
    }

    fn guests(&self) -> GuestFolder {
        self.inner.guests()
    }

    fn key<'a>(&'a mut self, id: &'a str) -> BoxFuture<'a, Result<KeyState, JournalError>> {
        self.inner.key(id)
    }

    fn add_tokens<'a>(&'a mut self, sums: &'a [TokenSum]) -> BoxFuture<'a, Result<(), JournalError>> {
        self.inner.add_tokens(sums)
    }

    fn tree(&mut self) -> BoxFuture<'_, Result<TreeHead, JournalError>> {
        self.inner.tree()
    }

    fn retain<'a>(
        &'a mut self,
        retention: Retention,
        now_ms: u64,
        is_open: &'a (dyn Fn(&str) -> bool + Sync),
    ) -> BoxFuture<'a, Result<Retained, JournalError>> {
        self.inner.retain(retention, now_ms, is_open)
    }
}

fn failed() -> JournalError {
    JournalError::new(JournalErrorKind::Unavailable).caused_by("no space left on device")
}

#[derive(Default)]
struct Lost(AtomicUsize);

impl Losses for Lost {
    fn lost(&self, _: &Entry, _: &JournalError) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

struct World {
    dir: TempDir,
    faults: Arc<Faults>,
    lost: Arc<Lost>,
    journal: Arc<StoreJournal>,
}

impl World {
    fn new(queue_bytes: usize) -> Self {
        Self::at(queue_bytes, || 7)
    }

    fn at(queue_bytes: usize, clock: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        let (dir, faults) = (tempdir().expect("folder"), Arc::new(Faults::default()));
        let options = OpenOptions { queue_bytes, ..OpenOptions::new(dir.path(), clock) };
        let (inner, checkpoints) = opened(&options).expect("a store");
        let store = Box::new(Faulty { inner, faults: Arc::clone(&faults) });
        let quick = Duration::from_millis(10);
        let pace = Pace { flush: quick, retry: quick, close: 20 * quick, checkpoint: 5 * quick, ..Pace::default() };
        let journal = StoreJournal::start(store, checkpoints, &options, pace).expect("a journal");
        let lost = Arc::<Lost>::default();
        journal.tell_losses(Arc::clone(&lost) as Arc<dyn Losses>);
        Self { dir, faults, lost, journal }
    }

    /// What is kept, in order, once the journal is closed. The log is consistent.
    async fn kept(self) -> Vec<Stamped> {
        self.journal.close().await.expect("closed");
        let archive = SqliteArchive::open(self.dir.path()).expect("readable");
        let report = archive.verify().await.expect("readable");
        assert!(report.is_consistent(), "{report:?}");
        let mut kept = Vec::new();
        for run in archive.list(&crate::Filter::default()).await.expect("listed") {
            let id = run.origin.run().expect("a run").as_str().to_owned();
            kept.extend(archive.record(&id).await.expect("read").expect("there").entries);
        }
        kept.sort_by_key(|stamped| stamped.seq);
        assert_eq!(kept.len() as u64, report.records);
        kept
    }
}

fn started(run: &str) -> Entry {
    let (principal, origin) = (Principal::Operator, Origin::Run(RunId::new(run)));
    Entry { principal, origin, event: Event::RunStarted(Box::default()) }
}

fn ended(run: &str, log: &str) -> Entry {
    Entry { event: Event::RunEnded(Box::new(RunEnd { log: log.into(), ..RunEnd::default() })), ..started(run) }
}

fn runs(kept: &[Stamped]) -> Vec<String> {
    kept.iter().map(|stamped| stamped.entry.origin.run().expect("a run").as_str().to_owned()).collect()
}

#[tokio::test]
async fn a_failed_store_refuses_durable_entries_keeps_queued_ones_and_recovers() {
    let world = World::new(1 << 20);
    world.journal.append_durable(started("1")).await.expect("kept");
    world.faults.fail.store(true, Ordering::SeqCst);
    world.journal.enqueue(ended("1", "first")).expect("taken");
    for _ in 0..3 {
        let error = world.journal.append_durable(started("refused")).await.expect_err("refused");
        assert_eq!(error.kind(), JournalErrorKind::Unavailable);
        assert!(format!("{error:#}").contains("no space left"), "{error:#}");
        assert!(world.journal.is_failing());
    }
    for run in ["2", "3", "4"] {
        world.journal.enqueue(ended(run, "more")).expect("taken");
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    world.faults.fail.store(false, Ordering::SeqCst);
    world.journal.append_durable(started("5")).await.expect("kept");
    assert!(!world.journal.is_failing());
    assert_eq!(world.lost.0.load(Ordering::SeqCst), 0);
    assert_eq!(runs(&world.kept().await), ["1", "1", "2", "3", "4", "5"]);
}

#[tokio::test]
async fn a_batch_that_was_written_although_its_commit_failed_is_not_written_twice() {
    let world = World::new(1 << 20);
    for round in 0..20 {
        world.faults.doubt.store(round % 2 == 0, Ordering::SeqCst);
        let run = round.to_string();
        world.journal.enqueue(ended(&run, "log")).expect("taken");
        let appended = world.journal.append_durable(started(&run)).await;
        assert_eq!(appended.is_err(), round % 2 == 0);
        // The queued entries behind it are not those of the batch.
        world.journal.enqueue(ended(&format!("{run}-after"), "log")).expect("taken");
    }
    world.faults.doubt.store(false, Ordering::SeqCst);
    let mut count = HashMap::new();
    for run in runs(&world.kept().await) {
        *count.entry(run).or_insert(0) += 1;
    }
    for round in 0..20 {
        assert_eq!(count.get(&round.to_string()), Some(&2), "{round}");
        assert_eq!(count.get(&format!("{round}-after")), Some(&1), "{round}");
    }
}

#[tokio::test]
async fn what_has_happened_waits_in_its_place_when_it_cannot_be_written() {
    let world = World::new(1 << 20);
    for (fault, name) in [(&world.faults.fail, "fails"), (&world.faults.doubt, "in doubt")] {
        world.journal.append_durable(started(name)).await.expect("kept");
        fault.store(true, Ordering::SeqCst);
        world.journal.enqueue(ended(name, "before")).expect("taken");
        let error = world.journal.append_durable(ended(name, "late")).await.expect_err("it is not kept yet");
        assert_eq!(error.kind(), JournalErrorKind::Late, "{name}: {error:#}");
        world.journal.enqueue(ended(name, "behind")).expect("taken");
        tokio::time::sleep(Duration::from_millis(30)).await;
        fault.store(false, Ordering::SeqCst);
    }
    let log = |stamped: &Stamped| match &stamped.entry.event {
        Event::RunEnded(end) => end.log.clone(),
        _ => String::new(),
    };
    let logs: Vec<String> = world.kept().await.iter().map(log).collect();
    assert_eq!(logs, ["", "before", "late", "behind", "", "before", "late", "behind"]);
}

/// Whoever is cancelled while an intent is written records that it ended: an intent that is refused then would leave an end alone.
#[tokio::test]
async fn an_intent_that_nobody_waits_for_any_more_is_kept_with_its_end() {
    let world = World::new(1 << 20);
    world.journal.append_durable(started("first")).await.expect("kept");
    world.faults.slow_ms.store(50, Ordering::SeqCst);
    world.faults.fail.store(true, Ordering::SeqCst);
    drop(world.journal.append_durable(started("dropped")));
    world.journal.enqueue(ended("dropped", "cancelled")).expect("taken");
    let error = world.journal.append_durable(started("refused")).await.expect_err("somebody waits for it");
    assert_eq!(error.kind(), JournalErrorKind::Unavailable);
    world.faults.fail.store(false, Ordering::SeqCst);
    world.faults.slow_ms.store(0, Ordering::SeqCst);
    assert_eq!(runs(&world.kept().await), ["first", "dropped", "dropped"]);
}

/// Whoever leaves after an intent was refused, and before hearing of it, would leave an end alone.
#[tokio::test]
async fn an_intent_is_refused_or_kept_with_its_end_whenever_its_waiter_leaves() {
    let world = World::new(1 << 20);
    world.faults.fail.store(true, Ordering::SeqCst);
    let (mut refused, mut left) = (0, 0);
    for round in 0..60_u64 {
        let (run, refusal) = (round.to_string(), Arc::default());
        let mut appended = world.journal.append_intent(started(&run), &refusal);
        // It is in the queue, and nobody looks at it again.
        let looked = poll_fn(|context| Poll::Ready(appended.as_mut().poll(context))).await;
        if looked.is_ready() {
            // It heard of it.
            refused += 1;
            continue;
        }
        tokio::time::sleep(Duration::from_micros(round % 3 * 2_000)).await;
        drop(appended);
        match refusal.leave() {
            true => refused += 1,
            false => {
                left += 1;
                world.journal.enqueue(ended(&run, "cancelled")).expect("taken");
            }
        }
    }
    assert!(refused > 0 && left > 0, "{refused} were refused, {left} were not");
    world.faults.fail.store(false, Ordering::SeqCst);
    let kept = runs(&world.kept().await);
    assert_eq!(kept.len(), 2 * left, "a start and an end each: {kept:?}");
}

/// A run without effects waits for the disk once.
#[tokio::test]
async fn a_start_that_nothing_waits_for_is_written_with_the_end_or_by_itself() {
    let world = World::new(1 << 20);
    for run in 0..20 {
        let run = run.to_string();
        let start = world.journal.append_start(started(&run), &Arc::default());
        world.journal.append_durable(ended(&run, "log")).await.expect("kept");
        start.await.expect("kept");
    }
    let commits = world.faults.commits.load(Ordering::SeqCst);
    assert!(commits < 30, "{commits} transactions for 20 runs");
    world.journal.append_start(started("alone"), &Arc::default()).await.expect("kept");
    assert_eq!(runs(&world.kept().await).len(), 41);
}

/// What was told to nobody, and had no effect, is not half recorded.
#[tokio::test]
async fn a_start_that_is_refused_takes_all_of_its_run_along() {
    let world = World::new(1 << 20);
    world.faults.fail.store(true, Ordering::SeqCst);
    let refusal = Arc::default();
    let start = world.journal.append_start(started("refused"), &refusal);
    let error = world.journal.append_durable(ended("refused", "")).await.expect_err("refused");
    assert_eq!(error.kind(), JournalErrorKind::Unavailable, "{error:#}");
    assert!(refusal.leave());
    start.await.expect_err("refused");
    // What the run records before it hears of that.
    world.journal.enqueue(ended("refused", "later")).expect_err("refused");
    let error = world.journal.append_durable(ended("refused", "later")).await.expect_err("refused");
    assert_eq!(error.kind(), JournalErrorKind::Unavailable, "{error:#}");
    // One that has done something stays.
    let (start, error) = {
        let refusal = Arc::default();
        let start = world.journal.append_start(started("kept"), &refusal);
        assert!(!refusal.leave());
        (start, world.journal.append_durable(ended("kept", "")).await.expect_err("not yet"))
    };
    assert_eq!(error.kind(), JournalErrorKind::Late, "{error:#}");
    start.await.expect_err("not yet");
    world.faults.fail.store(false, Ordering::SeqCst);
    assert_eq!(runs(&world.kept().await), ["kept", "kept"]);
}

#[tokio::test]
async fn a_full_database_refuses_and_recovers_without_a_loss() {
    let world = World::new(8 << 20);
    world.journal.append_durable(started("1")).await.expect("kept");
    world.faults.full.store(true, Ordering::SeqCst);
    // No compression makes it small.
    let mut random = vec![0; 200_000];
    getrandom::fill(&mut random).expect("randomness");
    let text: String = random.iter().map(|byte| char::from(b'!' + byte % 90)).collect();
    let large = || {
        let start = RunStart { source: text.clone(), ..RunStart::default() };
        Entry { event: Event::RunStarted(Box::new(start)), ..started("2") }
    };
    let error = world.journal.append_durable(large()).await.expect_err("refused");
    assert_eq!(error.kind(), JournalErrorKind::Unavailable);
    assert!(format!("{error:#}").contains("full"), "{error:#}");
    world.journal.enqueue(ended("1", &text)).expect("taken");
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(world.journal.is_failing());
    world.faults.full.store(false, Ordering::SeqCst);
    world.journal.append_durable(large()).await.expect("kept");
    assert_eq!(runs(&world.kept().await), ["1", "1", "2"]);
}

#[tokio::test]
async fn a_read_only_database_refuses_and_recovers_without_a_loss() {
    let world = World::new(1 << 20);
    world.journal.append_durable(started("1")).await.expect("kept");
    world.faults.read_only.store(true, Ordering::SeqCst);
    for _ in 0..3 {
        let error = world.journal.append_durable(started("refused")).await.expect_err("refused");
        assert_eq!(error.kind(), JournalErrorKind::Unavailable);
        assert!(format!("{error:#}").contains("readonly"), "{error:#}");
        assert!(world.journal.is_failing());
    }
    world.journal.enqueue(ended("1", "log")).expect("taken");
    world.faults.read_only.store(false, Ordering::SeqCst);
    world.journal.append_durable(started("2")).await.expect("kept");
    assert_eq!(world.lost.0.load(Ordering::SeqCst), 0);
    assert_eq!(runs(&world.kept().await), ["1", "1", "2"]);
}

/// As with an fsync that takes so long: more than fits the queue is refused, and nothing that was taken is lost.
#[tokio::test]
async fn what_waits_for_half_a_second_of_the_disk_is_bounded_and_kept() {
    const LIMIT_BYTES: usize = 100_000;
    let world = World::new(LIMIT_BYTES);
    world.faults.slow_ms.store(500, Ordering::SeqCst);
    let source = "x".repeat(20_000);
    let (waiting, most, refused) = <(Arc<AtomicUsize>, Arc<AtomicUsize>, Arc<AtomicUsize>)>::default();
    let clients = (0..12).map(|client| {
        let (journal, source) = (Arc::clone(&world.journal), source.clone());
        let (waiting, most, refused) = (Arc::clone(&waiting), Arc::clone(&most), Arc::clone(&refused));
        tokio::spawn(async move {
            loop {
                let start = RunStart { source: source.clone(), ..RunStart::default() };
                let entry = Entry { event: Event::RunStarted(Box::new(start)), ..started(&client.to_string()) };
                let bytes = entry.size_bytes();
                let mut appended = journal.append_durable(entry);
                let refusal = poll_fn(|context| match appended.as_mut().poll(context) {
                    Poll::Ready(Err(error)) => Poll::Ready(Some(error)),
                    _ => Poll::Ready(None),
                });
                if let Some(error) = refusal.await {
                    assert_eq!(error.kind(), JournalErrorKind::Full);
                    refused.fetch_add(1, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    continue;
                }
                most.fetch_max(waiting.fetch_add(bytes, Ordering::SeqCst) + bytes, Ordering::SeqCst);
                appended.await.expect("kept");
                waiting.fetch_sub(bytes, Ordering::SeqCst);
                return;
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.expect("ended");
    }
    assert!(refused.load(Ordering::SeqCst) > 0);
    let most = most.load(Ordering::SeqCst);
    assert!((40_000..=2 * LIMIT_BYTES).contains(&most), "{most} bytes waited");
    assert_eq!(world.kept().await.len(), 12);
}

#[tokio::test]
async fn what_waits_is_bounded_and_all_that_was_taken_is_kept() {
    let world = World::new(100_000);
    world.faults.fail.store(true, Ordering::SeqCst);
    let mut taken = 0;
    let error = loop {
        match world.journal.enqueue(ended(&taken.to_string(), &"x".repeat(1_000))) {
            Ok(()) => taken += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), JournalErrorKind::Full);
    assert!((30..100).contains(&taken), "{taken}");
    let error = world.journal.append_durable(ended("durable", &"x".repeat(1_000))).await.expect_err("refused");
    assert_eq!(error.kind(), JournalErrorKind::Full);
    world.faults.fail.store(false, Ordering::SeqCst);
    while world.journal.append_durable(started("last")).await.is_err() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let kept = runs(&world.kept().await);
    assert_eq!(kept.len(), taken + 1);
    assert_eq!(kept.last().map(String::as_str), Some("last"));
}

#[tokio::test]
async fn what_cannot_be_written_before_the_end_is_reported() {
    let world = World::new(1 << 20);
    world.faults.fail.store(true, Ordering::SeqCst);
    for number in 0..5 {
        world.journal.enqueue(ended(&number.to_string(), "log")).expect("taken");
    }
    assert!(world.journal.close().await.is_err());
    assert_eq!(world.lost.0.load(Ordering::SeqCst), 5);
    let error = world.journal.append_durable(started("late")).await.expect_err("closed");
    assert_eq!(error.kind(), JournalErrorKind::Unavailable);
}

#[tokio::test]
async fn entries_that_wait_for_a_slow_disk_are_written_together() {
    let world = World::new(1 << 20);
    world.faults.slow_ms.store(100, Ordering::SeqCst);
    let appended: Vec<_> = (0..50)
        .map(|number| {
            let journal = Arc::clone(&world.journal);
            tokio::spawn(async move { journal.append_durable(started(&number.to_string())).await.expect("kept") })
        })
        .collect();
    for appended in appended {
        appended.await.expect("ended");
    }
    let commits = world.faults.commits.load(Ordering::SeqCst);
    assert!(commits <= 4, "{commits} commits for 50 entries");
    assert_eq!(world.kept().await.len(), 50);
}

#[tokio::test]
async fn a_clock_that_jumps_back_changes_no_order() {
    let clock = Arc::new(AtomicU64::new(1_000));
    let time = Arc::clone(&clock);
    let world = World::at(1 << 20, move || time.load(Ordering::SeqCst));
    for (number, ms) in [1_000, 5_000, 10, 0, u64::MAX, 3].into_iter().enumerate() {
        clock.store(ms, Ordering::SeqCst);
        world.journal.append_durable(started(&number.to_string())).await.expect("kept");
    }
    let kept = world.kept().await;
    assert_eq!(runs(&kept), ["0", "1", "2", "3", "4", "5"]);
    assert_eq!(kept.iter().map(|stamped| stamped.at_ms).collect::<Vec<_>>(), [1_000, 5_000, 10, 0, u64::MAX, 3]);
}
