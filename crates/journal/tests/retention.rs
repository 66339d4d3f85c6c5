//! What retention counts, and what it steps over, in each store.

mod made;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use exuvia_journal::{
    Archive as _, Entry, Filter, Journal as _, JournalError, Losses, Object, ObjectKind, OpenOptions, Retention,
    RunStart,
};
use exuvia_tool::Principal;
use made::place::Place;
use made::{NOW_MS, append, ended, of_run, run};
use sha2::{Digest as _, Sha256};

const HOUR_MS: u64 = 60 * 60 * 1_000;

/// What retention can remove, as it is counted and as it is.
const COUNTED: [&str; 2] = ["SELECT value FROM progress WHERE name = 'content_bytes'", "SELECT content_bytes FROM log"];
const THERE: &str = "SELECT (SELECT coalesce(sum(length(body)), 0) FROM records) \
    + (SELECT coalesce(sum(length(zstd)), 0) FROM object_bytes) + (SELECT coalesce(sum(length(sealed)), 0) FROM file_blocks)";

/// How much content there is, which is what is counted.
fn content_bytes(place: &Place) -> u64 {
    let counted = place.sql(COUNTED[usize::from(place.url().is_some())]);
    assert_eq!(counted, place.sql(THERE));
    counted.and_then(|bytes| bytes.parse().ok()).expect("a number")
}

/// Opens the journal at this time, and closes it, which removes what is over.
async fn retain(place: &Place, retention: Retention, at_ms: u64) {
    let options = OpenOptions { retention, ..OpenOptions::new(place.dir(), move || at_ms) };
    place.open_with(&options).await.close().await.expect("closed");
}

/// The runs that are kept, the oldest first.
async fn kept(place: &Place) -> Vec<String> {
    let listed = place.archive().list(&Filter::default()).await.expect("listed");
    let kept = listed.iter().rev().filter(|run| !run.is_erased);
    kept.map(|run| run.origin.run().expect("a run").to_string()).collect()
}

async fn the_public_part_counts_for_no_bound(place: Place) {
    place.fill(40).await;
    let content = content_bytes(&place);
    retain(&place, Retention { max_bytes: content, ..Retention::default() }, NOW_MS).await;
    assert_eq!(kept(&place).await.len(), 40, "the database is larger than all its content");
    let max_bytes = content - 1;
    retain(&place, Retention { max_bytes, ..Retention::default() }, NOW_MS).await;
    let left = kept(&place).await.len();
    assert!((1..40).contains(&left) && content_bytes(&place) <= max_bytes, "{left}");
    retain(&place, Retention { max_bytes, ..Retention::default() }, NOW_MS).await;
    assert_eq!(kept(&place).await.len(), left, "it goes no further");
    retain(&place, Retention { max_bytes: 1, ..Retention::default() }, NOW_MS).await;
    assert_eq!(content_bytes(&place), 0);
    assert!(place.verify().await.is_consistent());
}

/// What is told of the public part.
#[derive(Default)]
struct Told {
    bytes: AtomicU64,
    is_over: AtomicBool,
}

impl Losses for Told {
    fn lost(&self, entry: &Entry, error: &JournalError) {
        panic!("{entry:?}: {error:#}");
    }

    fn public_part(&self, bytes: u64, is_over: bool) {
        self.bytes.store(bytes, Ordering::Relaxed);
        self.is_over.store(is_over, Ordering::Relaxed);
    }
}

async fn how_large_the_public_part_is_is_told(place: Place) {
    place.fill(3).await;
    for (max_bytes, is_over) in [(1 << 30, false), (1_000, true)] {
        let retention = Retention { max_bytes, ..Retention::default() };
        let journal = place.open_with(&OpenOptions { retention, ..OpenOptions::new(place.dir(), || NOW_MS) }).await;
        let told = Arc::new(Told::default());
        journal.tell_losses(Arc::clone(&told) as _);
        journal.close().await.expect("closed");
        assert_eq!(told.is_over.load(Ordering::Relaxed), is_over, "{max_bytes}");
        assert!(told.bytes.load(Ordering::Relaxed) > 39 * 100, "39 heads");
    }
}

/// A process that was killed left it, or another one has it.
async fn a_run_that_goes_on_keeps_no_later_one(place: Place) {
    let text = "tools";
    let sha256: String = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
    let object =
        Arc::new(Object { kind: ObjectKind::Namespace, sha256: sha256.clone(), bytes: text.as_bytes().to_vec() });
    let journal = place.open().await;
    journal.keep(object).await.expect("taken");
    for number in 0..3 {
        append(&journal, &Principal::Operator, &format!("before-{number}"), run(1)).await;
    }
    let start = RunStart { namespace_sha256: sha256.clone(), ..RunStart::default() };
    append(&journal, &Principal::Operator, "open", vec![exuvia_journal::Event::RunStarted(Box::new(start))]).await;
    for number in 0..3 {
        append(&journal, &Principal::Operator, &format!("after-{number}"), run(1)).await;
    }
    journal.close().await.expect("closed");
    drop(journal);
    let retention = Retention { max_age_ms: HOUR_MS, ..Retention::default() };
    retain(&place, retention, NOW_MS + 2 * HOUR_MS).await;
    assert_eq!(kept(&place).await, ["open"]);
    assert!(place.archive().object(&sha256).await.expect("read").is_some(), "it is named by what is kept");
    let report = place.verify().await;
    assert!(report.is_consistent(), "{report:?}");
    assert_eq!((report.expired_runs, report.runs), (6, 7));

    // It ends, and is removed with the next look.
    let journal = place.open().await;
    journal.append_durable(of_run("open", ended("returned", None))).await.expect("kept");
    journal.close().await.expect("closed");
    drop(journal);
    assert_eq!(kept(&place).await, ["open"]);
    retain(&place, retention, NOW_MS + 3 * HOUR_MS).await;
    assert_eq!(kept(&place).await, [""; 0]);
    assert!(place.archive().object(&sha256).await.expect("read").is_none());
    let report = place.verify().await;
    assert!(report.is_consistent(), "{report:?}");
    assert_eq!((report.expired_runs, content_bytes(&place)), (7, 0));
}

async fn a_run_without_an_end_is_over_after_a_day(place: Place) {
    let journal = place.open().await;
    append(&journal, &Principal::Operator, "open", run(1).into_iter().take(3).collect()).await;
    journal.close().await.expect("closed");
    drop(journal);
    let retention = Retention { max_bytes: 1, ..Retention::default() };
    retain(&place, retention, NOW_MS + 23 * HOUR_MS).await;
    assert_eq!(kept(&place).await, ["open"]);
    retain(&place, retention, NOW_MS + 25 * HOUR_MS).await;
    assert_eq!(kept(&place).await, [""; 0]);
    assert!(place.verify().await.is_consistent());
}

for_both_stores! {
    the_public_part_counts_for_no_bound,
    how_large_the_public_part_is_is_told,
    a_run_that_goes_on_keeps_no_later_one,
    a_run_without_an_end_is_over_after_a_day,
}
