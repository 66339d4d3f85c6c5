//! Keys over a store in memory or in a file, and over one that stops to answer.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use exuvia_journal::{
    AccessStoreErrorKind, BudgetOverride, CounterAmount, CounterTake, CounterWindow, Ended, KeyChanges,
    SqliteAccessStore, StoredKey, Taken,
};
use exuvia_tool::BoxFuture;

use super::*;
use crate::{Secret, secret_hash};

const NOW_MS: u64 = 1_764_385_200_000;
const DAY_MS: u64 = 86_400_000;

fn memory() -> Arc<dyn AccessStore> {
    SqliteAccessStore::in_memory().expect("a store")
}

fn issuer(store: &Arc<dyn AccessStore>) -> KeyIssuer<'_> {
    KeyIssuer::new(&**store, NOW_MS)
}

fn new(name: &str) -> NewKey {
    let labels = [("team".to_owned(), "billing".to_owned())].into();
    NewKey { name: name.into(), role: "support".into(), labels, ..NewKey::default() }
}

fn over(budget: &str, until_ms: u64) -> BudgetOverride {
    BudgetOverride { budget: budget.into(), percent: 200, amounts: [].into(), until_ms }
}

const QUICK: Timing = Timing {
    period: Duration::from_millis(10),
    held: Duration::from_secs(60),
    certain: Duration::from_secs(60),
    read_anew: Duration::from_secs(60),
};

async fn open(store: &Arc<dyn AccessStore>) -> (Arc<IssuedKeys>, Arc<AtomicU64>) {
    open_with(store, QUICK).await
}

/// With a clock that the test sets.
async fn open_with(store: &Arc<dyn AccessStore>, timing: Timing) -> (Arc<IssuedKeys>, Arc<AtomicU64>) {
    let clock = Arc::new(AtomicU64::new(NOW_MS));
    let time = Arc::clone(&clock);
    let clock_of = Arc::new(move || time.load(Ordering::Relaxed));
    (IssuedKeys::open_with(Arc::clone(store), clock_of, timing).await.expect("keys"), clock)
}

/// Waits until the table shows it.
async fn until(is_so: impl Fn() -> bool) {
    for _ in 0..500 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the table does not follow the store");
}

#[tokio::test]
async fn a_key_is_found_by_its_secret_and_by_nothing_else() {
    let store = memory();
    let (key, secret) = issuer(&store).create(new("ci")).await.expect("issued");
    assert_eq!(key.hash, secret_hash(secret.expose()));
    let (keys, _) = open(&store).await;
    let standing = keys.find(&secret.hash()).expect("a key");
    assert_eq!((&*standing.name, &*standing.role, standing.expires_ms), ("ci", "support", None));
    assert_eq!(standing.labels["team"], "billing");
    assert_eq!(keys.standing("ci", &secret.hash()), Ok(standing));
    let other = Secret::generate().expect("randomness").hash();
    assert_eq!(keys.find(&other), Err(NoStanding::Unknown));
    assert_eq!(keys.standing("ci", &other), Err(NoStanding::Replaced));
    assert_eq!(keys.standing("cd", &secret.hash()), Err(NoStanding::Unknown));
    // One with the same beginning is another.
    let mut similar = secret.hash();
    similar[31] ^= 1;
    assert_eq!(keys.find(&similar), Err(NoStanding::Unknown));
    assert_eq!((keys.has("ci"), keys.has("cd"), keys.count()), (true, false, 1));
}

#[tokio::test]
async fn what_another_process_changes_holds_at_the_next_look() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("access.db");
    let ours: Arc<dyn AccessStore> = SqliteAccessStore::open(&file).expect("a store");
    let theirs: Arc<dyn AccessStore> = SqliteAccessStore::open(&file).expect("a store");
    let (keys, _) = open(&ours).await;
    let mut changes = keys.changes();
    let (_, secret) = issuer(&theirs).create(new("ci")).await.expect("issued");
    until(|| keys.find(&secret.hash()).is_ok()).await;
    assert!(changes.has_changed().expect("open"));
    changes.mark_unchanged();

    let (_, rotated) = issuer(&theirs).rotate("ci", Rotation::default()).await.expect("rotated");
    until(|| keys.find(&rotated.hash()).is_ok()).await;
    assert_eq!(keys.find(&secret.hash()), Err(NoStanding::Unknown));
    assert_eq!(keys.standing("ci", &secret.hash()), Err(NoStanding::Replaced));

    issuer(&theirs).override_budgets("ci", vec![over("day", NOW_MS + 1)], &[]).await.expect("overridden");
    until(|| keys.find(&rotated.hash()).is_ok_and(|key| key.overrides.len() == 1)).await;

    issuer(&theirs).revoke("ci").await.expect("revoked");
    until(|| keys.find(&rotated.hash()) == Err(NoStanding::Revoked)).await;
    assert_eq!(keys.standing("ci", &rotated.hash()), Err(NoStanding::Revoked));
    assert!(changes.has_changed().expect("open"));
}

#[tokio::test]
async fn a_key_expires_to_the_millisecond_and_a_replaced_secret_at_the_end_of_its_overlap() {
    let store = memory();
    let expires_ms = Some(NOW_MS + 1_000);
    let (_, old) = issuer(&store).create(NewKey { expires_ms, ..new("ci") }).await.expect("issued");
    let rotation = Rotation { overlap_until_ms: Some(NOW_MS + 500), expires_ms: None };
    let (_, secret) = issuer(&store).rotate("ci", rotation).await.expect("rotated");
    let (keys, clock) = open(&store).await;
    assert_eq!(keys.find(&old.hash()).expect("it overlaps").expires_ms, Some(NOW_MS + 500));
    assert_eq!(keys.find(&secret.hash()).expect("a key").expires_ms, Some(NOW_MS + 1_000));
    clock.store(NOW_MS + 499, Ordering::Relaxed);
    assert!(keys.standing("ci", &old.hash()).is_ok());
    clock.store(NOW_MS + 500, Ordering::Relaxed);
    assert_eq!(keys.standing("ci", &old.hash()), Err(NoStanding::Replaced));
    assert_eq!(keys.find(&old.hash()), Err(NoStanding::Replaced));
    clock.store(NOW_MS + 999, Ordering::Relaxed);
    assert!(keys.find(&secret.hash()).is_ok());
    clock.store(NOW_MS + 1_000, Ordering::Relaxed);
    assert_eq!(keys.find(&secret.hash()), Err(NoStanding::Expired));
}

#[tokio::test]
async fn a_second_rotation_ends_the_overlap_of_the_first() {
    let store = memory();
    let (_, first) = issuer(&store).create(new("ci")).await.expect("issued");
    let rotation = Rotation { overlap_until_ms: Some(NOW_MS + DAY_MS), expires_ms: None };
    let (_, second) = issuer(&store).rotate("ci", rotation).await.expect("rotated");
    let (_, third) = issuer(&store).rotate("ci", rotation).await.expect("rotated");
    let (keys, _) = open(&store).await;
    assert_eq!(keys.find(&first.hash()), Err(NoStanding::Unknown));
    assert!(keys.find(&second.hash()).is_ok() && keys.find(&third.hash()).is_ok());
}

#[tokio::test]
async fn what_is_over_is_neither_rotated_nor_issued_again() {
    let store = memory();
    let issuer = issuer(&store);
    let kind = |result: Result<(StoredKey, Secret), KeyError>| result.expect_err("refused").kind();
    issuer.create(NewKey { expires_ms: Some(NOW_MS + 1), ..new("old") }).await.expect("issued");
    issuer.create(new("ci")).await.expect("issued");
    assert_eq!(kind(issuer.create(new("ci")).await), KeyErrorKind::Exists);
    assert_eq!(kind(issuer.rotate("none", Rotation::default()).await), KeyErrorKind::NotFound);
    issuer.revoke("ci").await.expect("revoked");
    let later = KeyIssuer::new(&*store, NOW_MS + DAY_MS);
    assert_eq!(later.revoke("ci").await.expect("still").revoked_ms, Some(NOW_MS));
    assert_eq!(kind(issuer.rotate("ci", Rotation::default()).await), KeyErrorKind::Ended);
    assert_eq!(kind(later.create(new("ci")).await), KeyErrorKind::Exists);
    assert_eq!(kind(later.rotate("old", Rotation::default()).await), KeyErrorKind::Ended);
    let renewed = Rotation { expires_ms: Some(NOW_MS + 2 * DAY_MS), ..Rotation::default() };
    later.rotate("old", renewed).await.expect("renewed");
    assert_eq!(kind(later.rotate("ci", renewed).await), KeyErrorKind::Ended);
}

#[tokio::test]
async fn malformed_keys_are_not_issued() {
    let store = memory();
    let label = |key: &str, value: &str| [(key.to_owned(), value.to_owned())].into();
    let many = (0..17).map(|number| (number.to_string(), "x".to_owned())).collect();
    let long = "a".repeat(65);
    for key in [
        new(""),
        new("a b"),
        new("a/b"),
        new("ä"),
        new(&long),
        NewKey { labels: label("", "x"), ..new("a") },
        NewKey { labels: label("x", &long), ..new("a") },
        NewKey { labels: label("x", "a\u{1b}[2J"), ..new("a") },
        NewKey { labels: many, ..new("a") },
        NewKey { expires_ms: Some(NOW_MS), ..new("a") },
        NewKey { overrides: vec![over("day", NOW_MS)], ..new("a") },
        NewKey { overrides: vec![over("", NOW_MS + 1)], ..new("a") },
        NewKey { overrides: (0..17).map(|number| over(&number.to_string(), NOW_MS + 1)).collect(), ..new("a") },
    ] {
        let error = issuer(&store).create(key.clone()).await.expect_err("refused");
        assert_eq!(error.kind(), KeyErrorKind::Malformed, "{key:?}");
    }
    assert!(store.keys_since(0).await.expect("read").keys.is_empty());
}

#[tokio::test]
async fn overrides_replace_those_of_the_same_budget_and_forget_what_has_ended() {
    let store = memory();
    let (day, hour) = (over("day", NOW_MS + 10), over("hour", NOW_MS + DAY_MS));
    issuer(&store).create(NewKey { overrides: vec![day, hour], ..new("ci") }).await.expect("issued");
    let later = KeyIssuer::new(&*store, NOW_MS + 20);
    let more = BudgetOverride { percent: 300, ..over("hour", NOW_MS + DAY_MS) };
    let key = later.override_budgets("ci", vec![more.clone()], &[]).await.expect("overridden");
    assert_eq!(key.overrides, [more]);
    let key = later.override_budgets("ci", vec![], &["hour".into()]).await.expect("removed");
    assert_eq!(key.overrides, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_changes_at_the_same_time_none_is_lost() {
    let store = memory();
    issuer(&store).create(new("ci")).await.expect("issued");
    let change = |number: u64| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let over = over(&number.to_string(), NOW_MS + DAY_MS);
            KeyIssuer::new(&*store, NOW_MS).override_budgets("ci", vec![over], &[]).await.is_ok()
        })
    };
    let changes: Vec<_> = (0..6).map(change).collect();
    issuer(&store).revoke("ci").await.expect("revoked");
    let mut changed = 0;
    for done in changes {
        changed += usize::from(done.await.expect("no panic"));
    }
    let key = store.key("ci").await.expect("read").expect("there");
    assert_eq!((key.revoked_ms, key.overrides.len()), (Some(NOW_MS), changed));
}

/// A store that can stop to answer.
struct Failing {
    store: Arc<dyn AccessStore>,
    is_away: AtomicBool,
}

impl Failing {
    fn answer(&self) -> Result<(), AccessStoreError> {
        match self.is_away.load(Ordering::Relaxed) {
            true => Err(AccessStoreError::new(AccessStoreErrorKind::Unavailable)),
            false => Ok(()),
        }
    }
}

impl AccessStore for Failing {
    fn keys_since(&self, after: u64) -> BoxFuture<'_, Result<KeyChanges, AccessStoreError>> {
        Box::pin(async move {
            self.answer()?;
            self.store.keys_since(after).await
        })
    }

    fn key<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<StoredKey>, AccessStoreError>> {
        self.store.key(name)
    }

    fn put_key<'a>(&'a self, key: &'a StoredKey) -> BoxFuture<'a, Result<u64, AccessStoreError>> {
        self.store.put_key(key)
    }

    fn take<'a>(&'a self, takes: &'a [CounterTake]) -> BoxFuture<'a, Result<Taken, AccessStoreError>> {
        self.store.take(takes)
    }

    fn give_back<'a>(&'a self, amounts: &'a [CounterAmount]) -> BoxFuture<'a, Result<(), AccessStoreError>> {
        self.store.give_back(amounts)
    }

    fn read<'a>(&'a self, windows: &'a [CounterWindow]) -> BoxFuture<'a, Result<Vec<u64>, AccessStoreError>> {
        self.store.read(windows)
    }

    fn names<'a>(
        &'a self,
        prefix: &'a str,
        window_start_ms: u64,
        after: &'a str,
    ) -> BoxFuture<'a, Result<Vec<String>, AccessStoreError>> {
        self.store.names(prefix, window_start_ms, after)
    }

    fn prune(&self, ended: Ended) -> BoxFuture<'_, Result<bool, AccessStoreError>> {
        self.store.prune(ended)
    }
}

#[tokio::test]
async fn without_the_store_known_keys_hold_for_a_while_and_then_nobody_is_let_in() {
    let store = Arc::new(Failing { store: memory(), is_away: AtomicBool::new(false) });
    let as_dyn: Arc<dyn AccessStore> = Arc::clone(&store) as _;
    let (_, secret) = issuer(&as_dyn).create(new("ci")).await.expect("issued");
    let (held, certain) = (Duration::from_millis(600), Duration::from_millis(200));
    let (keys, clock) = open_with(&as_dyn, Timing { held, certain, ..QUICK }).await;
    let unknown = Secret::generate().expect("randomness").hash();
    assert_eq!(keys.find(&unknown), Err(NoStanding::Unknown));
    store.is_away.store(true, Ordering::Relaxed);
    until(|| keys.find(&unknown) == Err(NoStanding::Unavailable)).await;
    assert!(keys.find(&secret.hash()).is_ok() && keys.standing("ci", &secret.hash()).is_ok());
    until(|| keys.find(&secret.hash()) == Err(NoStanding::Unavailable)).await;
    assert_eq!(keys.standing("ci", &secret.hash()), Err(NoStanding::Unavailable));
    // Also what has expired by then is not known to have.
    clock.fetch_add(DAY_MS, Ordering::Relaxed);
    store.is_away.store(false, Ordering::Relaxed);
    until(|| keys.find(&secret.hash()).is_ok()).await;
    assert_eq!(keys.find(&unknown), Err(NoStanding::Unknown));
}

#[tokio::test]
async fn a_key_that_expires_while_the_store_is_away_holds_no_longer() {
    let store = Arc::new(Failing { store: memory(), is_away: AtomicBool::new(false) });
    let as_dyn: Arc<dyn AccessStore> = Arc::clone(&store) as _;
    let expires_ms = Some(NOW_MS + DAY_MS);
    let (_, secret) = issuer(&as_dyn).create(NewKey { expires_ms, ..new("ci") }).await.expect("issued");
    let (keys, clock) = open(&as_dyn).await;
    store.is_away.store(true, Ordering::Relaxed);
    clock.fetch_add(DAY_MS, Ordering::Relaxed);
    assert_eq!(keys.standing("ci", &secret.hash()), Err(NoStanding::Expired));
}

#[tokio::test]
async fn a_store_that_was_restored_from_a_copy_is_followed() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("access.db");
    let store: Arc<dyn AccessStore> = SqliteAccessStore::open(&file).expect("a store");
    let (keys, _) = open(&store).await;
    let (_, secret) = issuer(&store).create(new("lost")).await.expect("issued");
    until(|| keys.find(&secret.hash()).is_ok()).await;
    // As a restored copy that does not have the key: another file, of an earlier version.
    let copy = dir.path().join("copy.db");
    drop(SqliteAccessStore::open(&copy).expect("a store"));
    for suffix in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(dir.path().join(format!("access.db{suffix}")));
    }
    std::fs::rename(copy, &file).expect("restored");
    until(|| keys.find(&secret.hash()) == Err(NoStanding::Unknown)).await;
}

#[tokio::test]
async fn keys_that_were_pruned_are_forgotten() {
    let store = memory();
    let (_, secret) = issuer(&store).create(new("ci")).await.expect("issued");
    issuer(&store).revoke("ci").await.expect("revoked");
    let timing = Timing { read_anew: Duration::from_millis(50), ..QUICK };
    let (keys, clock) = open_with(&store, timing).await;
    assert_eq!(keys.find(&secret.hash()), Err(NoStanding::Revoked));
    clock.fetch_add(91 * DAY_MS, Ordering::Relaxed);
    until(|| keys.find(&secret.hash()) == Err(NoStanding::Unknown)).await;
    issuer(&store).create(new("ci")).await.expect("the name is free again");
}
